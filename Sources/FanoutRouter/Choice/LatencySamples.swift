// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// The last few times of one kind, as LiteLLM's latency-based routing keeps them: a list with a bound and an age.
struct LatencySamples: Sendable {
    /// The longest list that is kept, whatever is configured.
    static let countMax = 1_000

    private var samples: [(at: Instant, seconds: Double)] = []
    private var isStale = false
    private var known: Double?
    private var knownPercentile: Double?

    /// Adds a sample; the oldest makes place for it.
    mutating func take(_ seconds: Double, now: Instant, countMax: UInt32) {
        let bound = min(max(1, Int(countMax)), Self.countMax)
        if self.samples.count >= bound { self.samples.removeFirst(self.samples.count - bound + 1) }
        self.samples.append((now, seconds))
        self.isStale = true
    }

    /// Their mean, or a percentile (above 0 up to 1) of them; `nil` = none is young enough.
    ///
    /// O(1) unless a sample came or went since the last time.
    mutating func value(now: Instant, ttlMilliseconds: UInt64, percentile: Double?) -> Double? {
        var expired = 0
        while expired < self.samples.count,
            self.samples[expired].at.adding(milliseconds: ttlMilliseconds) <= now
        {
            expired += 1
        }
        if expired > 0 {
            self.samples.removeFirst(expired)
            self.isStale = true
        }
        if self.isStale || percentile != self.knownPercentile {
            self.isStale = false
            self.knownPercentile = percentile
            self.known = self.compute(percentile)
        }
        return self.known
    }

    private func compute(_ percentile: Double?) -> Double? {
        guard !self.samples.isEmpty else { return nil }
        guard let percentile, percentile > 0, percentile <= 1 else {
            return self.samples.reduce(0) { $0 + $1.seconds } / Double(self.samples.count)
        }
        let sorted = self.samples.map(\.seconds).sorted()
        let rank = (Double(sorted.count) * percentile).rounded(.up)
        return sorted[min(max(0, Int(rank) - 1), sorted.count - 1)]
    }
}
