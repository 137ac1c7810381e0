// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// When a breaker trips and how long it stays open.
struct BreakerPolicy: Sendable, Hashable {
    /// Trips when more failures than this come within a minute; `nil` = by streak and share.
    var allowedFails: UInt32?
    /// Stays open this long; `nil` = growing with the outage.
    var cooldownMilliseconds: UInt64?
    /// Never trips.
    var isDisabled = false
}

/// One lane's breaker.
///
/// Closed -> open when it trips -> half-open when its time is over: exactly one probe goes -> closed if the probe is
/// answered, else open again. Only failures that are the provider's or the network's fault come here; answers to
/// attempts that began before it tripped change nothing once it is open.
struct Breaker: Sendable {
    static let streakMax: UInt32 = 5
    static let windowSpan: UInt64 = 30_000_000_000
    static let allowedFailsSpan: UInt64 = 60_000_000_000
    static let samplesMin: UInt32 = 10
    static let openMin: UInt64 = 1_000_000_000
    static let openMax: UInt64 = 120_000_000_000

    /// When it may be probed; `nil` = closed.
    private(set) var openUntil: Instant?
    private var streak: UInt32 = 0
    private var outageBegan = Instant.zero
    private var window = OutcomeWindow()

    func isOpen(now: Instant) -> Bool {
        guard let until = self.openUntil else { return false }
        return now < until
    }

    func isHalfOpen(now: Instant) -> Bool {
        guard let until = self.openUntil else { return false }
        return now >= until
    }

    /// An attempt succeeded, or was answered in a way that speaks for the lane's health.
    mutating func succeeded(isProbe: Bool, policy: BreakerPolicy, now: Instant) {
        if self.openUntil != nil {
            guard isProbe else { return }
            // A ramp would begin here instead of full traffic at once.
            self.openUntil = nil
            self.window = OutcomeWindow()
        }
        self.streak = 0
        self.window.count(failure: false, span: Self.span(policy), now: now)
    }

    /// An attempt failed by the lane's fault.
    ///
    /// `jitter` is from 0 up to 1.
    mutating func failed(
        isProbe: Bool,
        retryAfterMilliseconds: UInt64,
        policy: BreakerPolicy,
        jitter: Double,
        now: Instant
    ) {
        if policy.isDisabled { return }
        if self.openUntil != nil {
            if isProbe { self.open(retryAfterMilliseconds, policy, jitter, now: now) }
            return
        }
        self.streak += 1
        self.window.count(failure: true, span: Self.span(policy), now: now)
        guard self.mustTrip(policy, now: now) else { return }
        self.outageBegan = now
        self.open(retryAfterMilliseconds, policy, jitter, now: now)
    }

    /// Goes on under another policy.
    ///
    /// One without breakers closes it; a window of another length starts anew.
    mutating func adopt(_ policy: BreakerPolicy, insteadOf old: BreakerPolicy) {
        if policy.isDisabled {
            self = Breaker()
        } else if Self.span(policy) != Self.span(old) {
            self.window = OutcomeWindow()
        }
    }

    private mutating func open(_ retryAfter: UInt64, _ policy: BreakerPolicy, _ jitter: Double, now: Instant) {
        var span: UInt64
        if let cooldown = policy.cooldownMilliseconds {
            span = min(cooldown, LanePause.hintMax) * 1_000_000
        } else {
            let outage = now.nanoseconds(since: self.outageBegan)
            let grown = min(Self.openMax, max(Self.openMin, outage / 20))
            // Shortened only, so that the first success after an outage is never later than the rule promises.
            span = grown - UInt64(Double(grown) * 0.1 * jitter)
        }
        span = max(span, min(retryAfter, LanePause.hintMax) * 1_000_000)
        self.openUntil = now.adding(nanoseconds: span)
    }

    private mutating func mustTrip(_ policy: BreakerPolicy, now: Instant) -> Bool {
        let counts = self.window.counts(span: Self.span(policy), now: now)
        if let allowed = policy.allowedFails { return counts.failures > allowed }
        if self.streak >= Self.streakMax { return true }
        return counts.total >= Self.samplesMin && counts.failures * 2 >= counts.total
    }

    private static func span(_ policy: BreakerPolicy) -> UInt64 {
        policy.allowedFails == nil ? Self.windowSpan : Self.allowedFailsSpan
    }
}

/// Successes and failures of a span of time, in ten buckets.
struct OutcomeWindow: Sendable {
    private struct Bucket {
        var number: UInt64 = .max
        var total: UInt32 = 0
        var failures: UInt32 = 0
    }

    private var buckets: [Bucket] = []

    mutating func count(failure: Bool, span: UInt64, now: Instant) {
        if self.buckets.isEmpty { self.buckets = Array(repeating: Bucket(), count: 10) }
        let number = now.nanoseconds / (span / 10)
        let index = Int(number % 10)
        if self.buckets[index].number != number { self.buckets[index] = Bucket(number: number) }
        self.buckets[index].total &+= 1
        if failure { self.buckets[index].failures &+= 1 }
    }

    func counts(span: UInt64, now: Instant) -> (total: UInt32, failures: UInt32) {
        let number = now.nanoseconds / (span / 10)
        var total: UInt32 = 0
        var failures: UInt32 = 0
        for bucket in self.buckets where bucket.number <= number && number - bucket.number < 10 {
            total &+= bucket.total
            failures &+= bucket.failures
        }
        return (total, failures)
    }
}
