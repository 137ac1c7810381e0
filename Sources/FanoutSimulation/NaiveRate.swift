// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// A limit of requests, kept as a list of what started.
///
/// No span of time may have seen more starts than the rate allows and one burst; an answer 429 took nothing.
struct NaiveRate {
    private var perMinute: Double?
    private var starts: [(lease: UInt64, instant: Instant)] = []

    /// Another limit makes another history.
    mutating func configure(_ perMinute: Double?) {
        guard perMinute != self.perMinute else { return }
        self.perMinute = perMinute
        self.starts = []
    }

    mutating func started(_ lease: UInt64, now: Instant) {
        if self.perMinute != nil { self.starts.append((lease, now)) }
    }

    mutating func givenBack(_ lease: UInt64) {
        self.starts.removeAll { $0.lease == lease }
    }

    /// Whether more has started in some span that ends now than the limit allows.
    func isExceeded(now: Instant) -> Bool {
        guard let perMinute else { return false }
        let burst = max(1, perMinute / 30)
        for (index, first) in self.starts.enumerated() {
            let seconds = Double(now.nanoseconds(since: first.instant)) / 1e9
            if Double(self.starts.count - index) > perMinute / 60 * seconds + burst + 0.001 { return true }
        }
        return false
    }
}
