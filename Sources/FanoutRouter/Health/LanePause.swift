// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// The pause of a lane whose provider said "not now".
///
/// A Retry-After pauses the lane for everybody; a later one extends a pause and never shortens it. An answer 429
/// without one pauses for the configured cooldown, else for a second, doubling to a minute. After any pause one attempt
/// goes alone, as a probe: the provider has said when to ask again, not how much it will take then.
struct LanePause: Sendable {
    /// The longest Retry-After that is believed, in milliseconds: a day.
    static let hintMax: UInt64 = 86_400_000
    static let firstNanoseconds: UInt64 = 1_000_000_000
    static let longestNanoseconds: UInt64 = 60_000_000_000
    /// Where hints are honoured and the answer is 429 all the same, the pause is at least this, doubling to a second.
    static let hintedFloorNanoseconds: UInt64 = 50_000_000

    /// No attempt before this.
    private(set) var until = Instant.zero
    /// The next attempt goes alone.
    private(set) var needsProbe = false
    /// Pauses in a row that began with a 429.
    private(set) var streak: UInt32 = 0

    /// An answer 429.
    ///
    /// Those of attempts that began before the pause say nothing new, but for their hint; 0 = none. The cooldown is the
    /// configured one; `nil` = ours.
    mutating func limited(isProbe: Bool, hintMilliseconds: UInt64, cooldownMilliseconds: UInt64?, now: Instant) {
        if self.needsProbe && !isProbe {
            self.extend(byMilliseconds: hintMilliseconds, now: now)
            return
        }
        let doublings = min(self.streak, 20)
        self.streak &+= 1
        self.needsProbe = true
        let asked = hintMilliseconds > 0 ? hintMilliseconds : cooldownMilliseconds
        if let asked {
            let floor = min(Self.hintedFloorNanoseconds << UInt64(doublings), Self.firstNanoseconds)
            self.until = max(self.until, now.adding(nanoseconds: doublings == 0 ? 0 : floor))
            self.extend(byMilliseconds: asked, now: now)
        } else {
            let span = min(Self.firstNanoseconds << UInt64(doublings), Self.longestNanoseconds)
            self.until = max(self.until, now.adding(nanoseconds: span))
        }
    }

    /// A Retry-After; 0 = none.
    mutating func extend(byMilliseconds hint: UInt64, now: Instant) {
        guard hint > 0 else { return }
        self.until = max(self.until, now.adding(milliseconds: min(hint, Self.hintMax)))
        self.needsProbe = true
    }

    /// The next attempt goes alone, whenever the lane is used again.
    mutating func demandProbe() {
        self.needsProbe = true
    }

    /// An attempt was answered otherwise than 429.
    mutating func answered(isProbe: Bool) {
        if self.needsProbe && !isProbe { return }
        self.needsProbe = false
        self.streak = 0
    }
}
