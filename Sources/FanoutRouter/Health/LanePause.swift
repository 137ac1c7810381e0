// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// The pause of a lane whose provider said "not now".
///
/// A Retry-After pauses the lane for everybody; a later one extends a pause and never shortens it. An answer 429
/// without one pauses for the configured cooldown, else for a second, doubling to a minute. After a pause one attempt
/// goes alone, as a probe: the provider has said when to ask again, not how much it will take then. But where a 429 is
/// the first since something was let through, it is a matter of pace, which the lane's limits know: it goes on at that.
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
    /// When the last pause began: attempts from before it say nothing new.
    private var began = Instant.zero
    /// An attempt from after the last pause was answered otherwise than 429: what follows is pacing, not a closed door.
    private var wasAnswered = false

    /// An answer 429.
    ///
    /// Those of attempts that began before the pause say nothing new, but for their hint; 0 = none. The cooldown is the
    /// configured one; `nil` = ours.
    mutating func limited(
        isProbe: Bool,
        startedAt: Instant,
        hintMilliseconds: UInt64,
        cooldownMilliseconds: UInt64?,
        now: Instant
    ) {
        if hintMilliseconds > 0 { self.wait(milliseconds: hintMilliseconds, now: now) }
        if self.isOld(isProbe: isProbe, startedAt: startedAt) { return }
        let doublings = min(self.streak, 20)
        self.streak &+= 1
        self.began = now
        self.needsProbe = !self.wasAnswered
        self.wasAnswered = false
        if hintMilliseconds > 0 || cooldownMilliseconds != nil {
            let floor = min(Self.hintedFloorNanoseconds << UInt64(doublings), Self.firstNanoseconds)
            self.until = max(self.until, now.adding(nanoseconds: doublings == 0 ? 0 : floor))
            if let cooldownMilliseconds, hintMilliseconds == 0 {
                self.wait(milliseconds: cooldownMilliseconds, now: now)
            }
        } else {
            let span = min(Self.firstNanoseconds << UInt64(doublings), Self.longestNanoseconds)
            self.until = max(self.until, now.adding(nanoseconds: span))
        }
    }

    /// A Retry-After; 0 = none.
    mutating func extend(byMilliseconds hint: UInt64, now: Instant) {
        guard hint > 0 else { return }
        self.wait(milliseconds: hint, now: now)
        self.needsProbe = true
    }

    private mutating func wait(milliseconds: UInt64, now: Instant) {
        self.until = max(self.until, now.adding(milliseconds: min(milliseconds, Self.hintMax)))
    }

    /// Whether an attempt began before the present pause, or beside its probe.
    private func isOld(isProbe: Bool, startedAt: Instant) -> Bool {
        !isProbe && (self.needsProbe || (self.streak > 0 && startedAt <= self.began))
    }

    /// The next attempt goes alone, whenever the lane is used again.
    mutating func demandProbe() {
        self.needsProbe = true
    }

    /// An attempt was answered otherwise than 429.
    mutating func answered(isProbe: Bool, startedAt: Instant) {
        if self.isOld(isProbe: isProbe, startedAt: startedAt) { return }
        self.wasAnswered = true
        self.needsProbe = false
        self.streak = 0
    }
}
