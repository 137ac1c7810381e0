// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// A rate with a small store: what isn't used is kept, up to the burst.
///
/// The generic cell rate algorithm (ITU-T I.371) in its bucket form. Something bigger than the burst goes when the
/// bucket is full and takes it below zero, so whatever the sizes, no span of time sees more than the rate allows and
/// one burst (or one big item). Refilled in thought only: reading takes no time step, and a level is exact whenever it
/// is read.
struct TokenBucket: Sendable {
    /// Two seconds of the rate are kept at most: pacing, where a provider may hold "60 a minute" as one a second.
    static let burstSeconds = 2.0
    /// What rounding may lack.
    private static let crumb = 1e-6

    /// Units a second.
    private(set) var rate: Double
    private(set) var burst: Double
    private var level: Double
    private var at: Instant

    /// Makes a full bucket.
    ///
    /// `least` is the least burst there is: 1 for requests, since nobody sends half a one.
    init(perSecond rate: Double, least: Double, now: Instant) {
        self.init(perSecond: rate, burst: max(least, rate * Self.burstSeconds), now: now)
    }

    init(perSecond rate: Double, burst: Double, now: Instant) {
        self.rate = rate
        self.burst = burst
        self.level = burst
        self.at = now
    }

    /// What could be taken at an instant; below zero after something big, or a settlement.
    func level(at now: Instant) -> Double {
        min(self.burst, self.level + self.rate * Double(now.nanoseconds(since: self.at)) / 1e9)
    }

    /// What it has room for until it is full.
    func room(at now: Instant) -> Double {
        self.burst - self.level(at: now)
    }

    /// Whether an amount may be taken, with `reserve` left over for others.
    func holds(_ amount: Double, reserve: Double = 0, now: Instant) -> Bool {
        self.level(at: now) + Self.crumb >= self.need(amount, reserve: reserve)
    }

    /// When an amount may be taken, if nothing else is taken before.
    ///
    /// `extra` is added to the level in thought.
    func readyAt(_ amount: Double, reserve: Double = 0, extra: Double = 0, now: Instant) -> Instant {
        let missing = self.need(amount, reserve: reserve) - self.level(at: now) - extra
        guard missing > Self.crumb else { return now }
        // Less a thousandth, so that the last bit of a fraction doesn't cost a nanosecond.
        let nanoseconds = missing / self.rate * 1e9 - 0.001
        return nanoseconds < 9e18 ? now.adding(nanoseconds: UInt64(max(1, nanoseconds.rounded(.up)))) : .never
    }

    /// Takes an amount, or with a negative one gives back.
    mutating func take(_ amount: Double, now: Instant) {
        self.level = min(self.burst, self.level(at: now) - amount)
        self.at = max(self.at, now)
    }

    /// Lowers the level to what is known to be there; never raises it.
    mutating func lower(to level: Double, now: Instant) {
        self.level = min(level, self.level(at: now))
        self.at = max(self.at, now)
    }

    /// Goes on at another rate.
    mutating func change(perSecond rate: Double, burst: Double, now: Instant) {
        self.level = min(burst, self.level(at: now))
        self.at = max(self.at, now)
        self.rate = rate
        self.burst = burst
    }

    private func need(_ amount: Double, reserve: Double) -> Double {
        min(amount + reserve, self.burst)
    }
}
