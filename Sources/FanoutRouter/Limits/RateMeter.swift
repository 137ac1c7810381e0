// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// One limit: how much of one kind in a minute, by configuration, by the provider's headers, or both.
///
/// The stricter of the two holds.
struct RateMeter: Sendable {
    private(set) var bucket: TokenBucket
    /// A minute; `nil` = none.
    private var configured: Double?
    /// What the provider's headers say; `nil` = nothing.
    private var told: Told?
    /// Leases from this number on are charged to it.
    private(set) var firstLease: UInt64
    /// The lease of the newest header that was heeded: an older one changes no limit.
    private var newestLease: UInt64 = 0
    /// Nothing before this: a window of the provider's is used up.
    private var shutUntil = Instant.zero
    private var margin = 0.0
    /// The provider tells what is left.
    private var hasRemaining = false
    /// When the margin changed last.
    private var marginSince = Instant.zero

    private struct Told: Sendable {
        var limit: Double
        /// Seconds.
        var period: Double
    }

    /// One header, and what has happened since its attempt began.
    struct Said {
        var meter: RateReport.Meter
        var kind: RateKind
        var lease: UInt64
        var startedAt: Instant
        /// Taken by attempts that began after its own.
        var spentSince: Double
    }

    /// Answers that take longer say little of the present: what was taken since then counts only so far as the rate
    /// hasn't made up for it.
    static let freshNanoseconds: UInt64 = 10_000_000_000
    /// A bucket that takes longer than this to fill, in seconds, holds more than a minute's worth.
    static let minuteMax = 600.0
    /// The distance that is kept from what the provider says is left, once it has refused beside a level that was
    /// there: from a hundredth of the limit, doubling up to a tenth, halved by each minute without a refusal.
    static let marginShares = 0.01...0.1
    static let marginSpan: UInt64 = 60_000_000_000

    init(configured limit: Double, kind: RateKind, firstLease: UInt64, now: Instant) {
        self.bucket = TokenBucket(perSecond: limit / 60, least: Self.least(kind), now: now)
        self.configured = limit
        self.firstLease = firstLease
    }

    /// A limit that only headers tell; `nil` = they tell none.
    init?(_ said: Said, now: Instant) {
        guard let limit = said.meter.limit, limit > 0 else { return nil }
        self.bucket = TokenBucket(perSecond: Double(limit) / 60, least: Self.least(said.kind), now: now)
        // Those that began after it are in what was spent since.
        self.firstLease = said.lease + 1
        self.bucket.take(said.spentSince, now: now)
        self.reconcile(said, now: now)
    }

    private static func least(_ kind: RateKind) -> Double { kind == .requests ? 1 : 0 }

    /// Takes a configured limit, or none.
    ///
    /// `false` = nothing is known any more.
    mutating func configure(_ limit: Double?, kind: RateKind, now: Instant) -> Bool {
        guard limit != nil || self.told != nil else { return false }
        if limit != self.configured {
            self.configured = limit
            self.tune(kind, now: now)
        }
        return true
    }

    // MARK: - Questions

    func holds(_ amount: Double, headroom: Double, now: Instant) -> Bool {
        now >= self.shutUntil && self.bucket.holds(amount, reserve: self.reserve(headroom), now: now)
    }

    func readyAt(_ amount: Double, headroom: Double = 0, extra: Double = 0, now: Instant) -> Instant {
        let ready = self.bucket.readyAt(amount, reserve: self.reserve(headroom), extra: extra, now: now)
        return max(ready, self.shutUntil)
    }

    /// Whether taking `amount` now would keep `cost` from being there at an instant.
    func delays(_ cost: Double, at instant: Instant, by amount: Double, now: Instant) -> Bool {
        var bucket = self.bucket
        bucket.take(amount, now: now)
        return amount > 0 && !bucket.holds(cost, now: instant)
    }

    /// A share of a minute, but never more than half of what can be saved up: the rest must be able to go.
    private func reserve(_ headroom: Double) -> Double {
        headroom == 0 ? 0 : min(headroom * 60 * self.bucket.rate, self.bucket.burst / 2)
    }

    mutating func take(_ amount: Double, now: Instant) {
        self.bucket.take(amount, now: now)
    }

    /// The provider refused although there seemed to be something left.
    ///
    /// Returns whether a greater distance from what it tells may help.
    mutating func refuse(now: Instant) -> Bool {
        self.bucket.lower(to: 0, now: now)
        guard let told = self.told, self.hasRemaining else { return false }
        let (least, most) = (told.limit * Self.marginShares.lowerBound, told.limit * Self.marginShares.upperBound)
        let isWide = self.margin >= most
        self.margin = max(least, min(most, self.margin * 2))
        self.marginSince = now
        return !isWide
    }

    /// One request, or half a second's tokens, after a pause.
    mutating func rest(seconds: Double, kind: RateKind, now: Instant) {
        let level = kind == .requests ? 1 : self.bucket.burst / 4
        self.bucket.lower(to: level - self.bucket.rate * seconds, now: now)
    }

    // MARK: - Headers

    /// Brings limit and level in line with a header.
    ///
    /// The level is the lower of our own count and what the provider says is left, less what it can't have known of:
    /// so the order in which headers come doesn't matter, and a late one never raises it.
    mutating func reconcile(_ said: Said, now: Instant) {
        if said.lease >= self.newestLease {
            self.newestLease = said.lease
            self.learn(said, now: now)
        }
        guard let remaining = said.meter.remaining else { return }
        self.hasRemaining = true
        let age = now.nanoseconds(since: said.startedAt)
        let refilled = age > Self.freshNanoseconds ? Double(age - Self.freshNanoseconds) / 1e9 * self.bucket.rate : 0
        let left = Double(remaining) - max(0, said.spentSince - refilled)
        if self.margin > 0, now.nanoseconds(since: self.marginSince) > Self.marginSpan {
            self.margin = self.margin < 1 ? 0 : self.margin / 2
            self.marginSince = now
        }
        self.bucket.lower(to: left - self.margin, now: now)
        guard left < 1, let reset = said.meter.resetMilliseconds, let limit = said.meter.limit else { return }
        // A bucket is full again when what is missing has come back; where it is full much sooner, a window ends.
        let missing = (Double(limit) - Double(remaining)) / self.bucket.rate * 1e3
        if Double(reset) < 0.8 * missing {
            self.shutUntil = max(self.shutUntil, now.adding(milliseconds: min(reset, LanePause.hintMax)))
        }
    }

    private mutating func learn(_ said: Said, now: Instant) {
        guard let limit = said.meter.limit.map({ Double($0) }), limit > 0 else { return }
        var period = self.told?.limit == limit ? self.told?.period ?? 60 : 60
        if let reset = said.meter.resetMilliseconds, let remaining = said.meter.remaining {
            let seconds = Double(reset) / 1e3
            let used = limit - Double(remaining)
            // A bucket that takes longer than a minute for what is missing has a limit by the hour or by the day.
            // But one that is far below zero takes longer than a minute, too.
            let whole = used > 0 ? seconds * limit / used : 0
            if whole > Self.minuteMax { period = whole > 14_400 ? 86_400 : 3_600 }
        }
        guard self.told?.limit != limit || self.told?.period != period else { return }
        self.told = Told(limit: limit, period: period)
        self.tune(said.kind, now: now)
    }

    private mutating func tune(_ kind: RateKind, now: Instant) {
        let own = self.configured.map { $0 / 60 }
        if let told = self.told, told.period > 60 {
            // What a day allows isn't to be spread over the day: it is merely counted. Beside a configured pace the
            // provider's own count of it is enough.
            if own == nil {
                self.bucket = TokenBucket(perSecond: told.limit / told.period, burst: told.limit, now: now)
                return
            }
            self.told = nil
        }
        let rate = min(own ?? .infinity, self.told.map { $0.limit / $0.period } ?? .infinity)
        let burst = max(Self.least(kind), rate * TokenBucket.burstSeconds)
        self.bucket.change(perSecond: rate, burst: burst, now: now)
    }
}
