// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// What the headers of one lane's answers say of its requests, kept as the list of what was said.
///
/// Since the attempt that was answered with "so many are left" no more may have started than that, and what the rate
/// has brought back since it was said.
struct NaiveTold {
    /// Starts less what came back.
    private(set) var taken = 0
    private var notes: [Note] = []
    /// What the rate has let through so far, as far as it is known.
    private var flow = 0.0
    private var at = Instant.zero
    private var configured: Double?
    /// The limit that the newest answer's headers told, in a minute or longer; `nil` = none is in force.
    private var limit: Double?
    /// It is one by the hour or by the day.
    private var isLong = false
    private var newest: UInt64 = 0

    private struct Note {
        /// `taken` may come up to this and what has flowed in.
        var most: Double
        var flow: Double
    }

    /// An answer that takes longer says little of the present: what has come back before counts from here on.
    private static let freshNanoseconds: UInt64 = 10_000_000_000

    private var perSecond: Double? {
        guard let least = [self.configured, self.limit].compactMap({ $0 }).min() else { return nil }
        return least / 60
    }

    private mutating func pass(to now: Instant) {
        self.flow += (self.perSecond ?? 0) * Double(now.nanoseconds(since: self.at)) / 1e9
        self.at = now
    }

    mutating func configure(_ perMinute: Double?, now: Instant) {
        self.pass(to: now)
        self.configured = perMinute.flatMap { $0 > 0 ? $0 : nil }
        // A configured pace takes the place of a limit by the hour.
        if self.configured != nil && self.isLong { self.limit = nil }
        if self.perSecond == nil { self.notes = [] }
    }

    mutating func started() { self.taken += 1 }

    mutating func givenBack() { self.taken -= 1 }

    /// An answer to an attempt that began at `start`, when `taken` had been taken with itself.
    mutating func heard(_ meter: RateReport.Meter, lease: UInt64, taken: Int, start: Instant, now: Instant) {
        self.pass(to: now)
        if lease >= self.newest, !meter.isEmpty {
            self.newest = lease
            self.learn(meter)
        }
        guard let left = meter.remaining, let perSecond = self.perSecond else { return }
        let age = now.nanoseconds(since: start)
        let back = age > Self.freshNanoseconds ? Double(age - Self.freshNanoseconds) / 1e9 * perSecond : 0
        self.notes.append(Note(most: Double(taken) + Double(left) + back, flow: self.flow))
    }

    private mutating func learn(_ meter: RateReport.Meter) {
        guard let limit = meter.limit.map({ Double($0) }), limit > 0 else { return }
        if self.limit != limit { self.isLong = false }
        if let left = meter.remaining, let reset = meter.resetMilliseconds, limit > Double(left) {
            // What takes so long to come back isn't counted by the minute, and begins anew.
            let whole = Double(reset) / 1e3 * limit / (limit - Double(left))
            if whole > 600 {
                self.isLong = true
                self.notes = []
            }
        }
        self.limit = self.isLong && self.configured != nil ? nil : limit
    }

    /// Whether more has started than some answer leaves.
    mutating func isExceeded(now: Instant) -> Bool {
        self.pass(to: now)
        return self.notes.contains { Double(self.taken) > $0.most + self.flow - $0.flow + 0.01 }
    }
}
