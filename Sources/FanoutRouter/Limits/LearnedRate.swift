// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// A rate of requests, or of tokens, that refusals have shown: no limit is known, or less is let through than that.
///
/// What was taken in between two refusals, over the time between them, is what the provider lets through, whatever its
/// law: its store was empty at both. So a refusal doesn't only cut the rate, it measures it. From a little below the
/// measure the rate comes back along a cubic (CUBIC, RFC 9438): quickly first, slowly near the level that was refused,
/// then on by a tenth each time: a store of a minute hides for long that a rate is too high. Each of these takes a
/// hundred requests at least, so that one in two hundred is refused.
struct LearnedRate: Sendable {
    /// How far below the measured rate it goes on.
    static let step = 0.05
    /// Back at the refused level after so many requests and so many seconds, whatever is later: news of too much comes
    /// only with an answer.
    static let requestsMin = 100.0
    static let secondsMin = 10.0
    /// A cut goes no deeper than this unless it is measured.
    static let deepest = 0.7
    /// The slowest, in requests a second.
    static let slowest = 1.0 / 120
    /// The weight of one request in what is usual.
    static let usualWeight = 1.0 / 32

    /// What is counted: requests, or tokens of prompt and answer.
    let kind: RateKind
    private(set) var bucket: TokenBucket
    /// The level that was refused, a second.
    private var refused: Double
    /// Taken since.
    private var taken = 0.0
    private var since: Instant
    /// What a request takes: 1, or its tokens.
    private(set) var usual: Double
    /// Leases from this number on are charged to it.
    private let firstLease: UInt64

    /// Learns from a first refusal that a rate of so many a second was too much.
    init(_ kind: RateKind, measured rate: Double, usual: Double, firstLease: UInt64, now: Instant) {
        self.kind = kind
        self.usual = max(1, usual)
        self.firstLease = firstLease
        self.refused = max(Self.slowest * self.usual, rate)
        let least = kind == .requests ? 1.0 : 0
        self.bucket = TokenBucket(perSecond: self.refused, least: least, now: now)
        self.since = now
        self.restart(now: now)
    }

    /// What is allowed now, a second.
    var rate: Double { self.bucket.rate }

    /// The same in requests.
    var requests: Double { self.rate / self.usual }

    /// When a cost may be taken, if nothing else is before; `back` is added to the level in thought.
    func readyAt(_ cost: RateCounts, back: RateCounts = .none, now: Instant) -> Instant {
        self.bucket.readyAt(Double(cost.amount(self.kind)), extra: Double(back.amount(self.kind)), now: now)
    }

    /// Whether taking `amount` now would keep `cost` from being there at an instant; requests are all alike.
    func delays(_ cost: RateCounts, at instant: Instant, by amount: RateCounts, now: Instant) -> Bool {
        guard self.kind != .requests else { return false }
        var bucket = self.bucket
        bucket.take(Double(amount.amount(self.kind)), now: now)
        return !bucket.holds(Double(cost.amount(self.kind)), now: instant)
    }

    func holds(_ cost: RateCounts, now: Instant) -> Bool {
        self.bucket.holds(Double(cost.amount(self.kind)), now: now)
    }

    /// Too much again; `isExact` = what was measured is what is let through, not just no more than that.
    mutating func cut(measured: Double, isExact: Bool, now: Instant) {
        let slowest = Self.slowest * self.usual
        let least = isExact ? slowest : self.rate * Self.deepest
        self.refused = max(slowest, max(least, min(measured, self.rate)))
        self.restart(now: now)
    }

    private mutating func restart(now: Instant) {
        self.taken = 0
        self.since = now
        self.tune(now: now)
        self.bucket.lower(to: 0, now: now)
    }

    /// A request starts.
    mutating func take(_ cost: RateCounts, now: Instant) {
        let amount = Double(cost.amount(self.kind))
        if self.kind != .requests { self.usual += (max(1, amount) - self.usual) * Self.usualWeight }
        // What isn't used says nothing of how much might be.
        if self.bucket.level(at: now) < self.bucket.burst / 2 + self.usual / 2 {
            self.taken += amount
            self.tune(now: now)
        }
        self.bucket.take(amount, now: now)
    }

    /// A request has ended, and took more than was reserved, or less: one that was refused or never sent took nothing.
    mutating func settle(_ difference: RateCounts, lease: UInt64, now: Instant) {
        if self.kind == .requests {
            if difference.requests < 0 { self.bucket.take(-1, now: now) }
        } else if lease >= self.firstLease {
            self.bucket.take(Double(difference.amount(self.kind)), now: now)
        }
    }

    /// One request after a pause.
    mutating func rest(seconds: Double, now: Instant) {
        self.bucket.lower(to: self.usual - self.rate * seconds, now: now)
        self.since = max(self.since, now.adding(nanoseconds: UInt64(seconds * 1e9)))
    }

    private mutating func tune(now: Instant) {
        let span = max(Self.secondsMin, Self.requestsMin * self.usual / self.refused)
        let elapsed = Double(now.nanoseconds(since: self.since)) / 1e9
        let way = min(elapsed, self.taken / self.refused) / span - 1
        // Spans after the refusal: 0.95, 1, 1.05, then 1.16, 1.27, 1.40, 1.55 …
        let curve = min(way, 1)
        let beyond = max(0, way - 1)
        let rate = self.refused * (1 + Self.step * curve * curve * curve) * (1 + beyond / 10 + beyond * beyond / 200)
        let least = self.kind == .requests ? 1.0 : 0
        self.bucket.change(perSecond: rate, burst: max(least, rate * TokenBucket.burstSeconds), now: now)
    }
}

/// What was taken since a refusal, or since a pause in the traffic.
struct RateBracket: Sendable {
    /// A shorter one doesn't measure.
    static let nanosecondsMin: UInt64 = 10_000_000_000

    var since = Instant.zero
    /// What had been spent by then.
    var mark = RateCounts.none
    /// It began with a refusal and there was always something to send since.
    var isExact = false
    var lastStart = Instant.zero

    /// A request starts.
    ///
    /// After a longer gap than `span` nanoseconds there was nothing to send; before `pausedUntil` nothing was allowed.
    mutating func note(spent: RateCounts, span: UInt64, pausedUntil: Instant, now: Instant) {
        if now.nanoseconds(since: max(self.lastStart, pausedUntil)) > span {
            self = RateBracket(since: now, mark: spent)
        }
        self.lastStart = now
    }

    /// Whether its rate is what is let through, and not just no more than that.
    ///
    /// In a short one much of what was charged had begun before it.
    func measures(now: Instant) -> Bool {
        self.isExact && now.nanoseconds(since: self.since) >= Self.nanosecondsMin
    }

    /// Requests, or tokens, a second since it began.
    ///
    /// The one that was refused (`refused`) is counted as well: the store may have been nearly there.
    func rate(_ kind: RateKind, spent: RateCounts, refused: RateCounts, now: Instant) -> Double {
        let seconds = max(0.1, Double(now.nanoseconds(since: self.since)) / 1e9)
        return Double(max(0, spent.amount(kind) - self.mark.amount(kind)) + refused.amount(kind)) / seconds
    }
}
