// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// One lane's breaker.
///
/// Closed -> open when it trips -> half-open when its time is over: exactly one probe goes -> on a ramp if the probe is
/// answered, else open again -> closed at the ramp's end, or open again on its way. Only failures that are the lane's
/// come here. Answers to attempts that began before it tripped change nothing once it is open, and neither do those of
/// attempts that were let through although it is open: only probes speak.
///
/// What turns out to be the fault of an item that failed elsewhere in the same way is set aside: the next success
/// forgets it, but if another item fails before that, it was the lane after all, and it counts.
struct Breaker: Sendable {
    static let streakMax: UInt32 = 5
    static let windowSpan: UInt64 = 30_000_000_000
    static let allowedFailsSpan: UInt64 = 60_000_000_000
    static let samplesMin: UInt32 = 10
    static let openMin: UInt64 = 1_000_000_000
    static let openMax: UInt64 = 120_000_000_000

    /// When it may be probed; `nil` = closed, or on the ramp.
    private(set) var openUntil: Instant?
    /// Its way back; `nil` = closed or open.
    private(set) var ramp: Ramp?
    /// Failures in a row, halved by each success.
    private(set) var streak: UInt32 = 0
    /// Failures that were an item's own fault, unless another item fails before the next success.
    private var setAside: UInt32 = 0
    private var outageBegan = Instant.zero
    private var window = OutcomeWindow()
    /// Failures whose kind has a key of its own; empty without one.
    private var byKind: [(kind: FailureCounts.Kind, window: OutcomeWindow)] = []

    /// One failure, as the breaker sees it.
    struct Fault {
        var code: FailureCode
        var isProbe: Bool
        /// What the provider asked for; 0 = nothing.
        var retryAfterMilliseconds: UInt64 = 0
        /// From 0 up to 1: by how much of a tenth the open time is shortened.
        var jitter = 0.0
    }

    func isOpen(now: Instant) -> Bool {
        guard let until = self.openUntil else { return false }
        return now < until
    }

    func isHalfOpen(now: Instant) -> Bool {
        guard let until = self.openUntil else { return false }
        return now >= until
    }

    /// The most attempts in flight on a lane of this limit, unless it is open.
    func width(of limit: UInt32) -> UInt32 {
        self.ramp?.width(of: limit) ?? limit
    }

    /// An attempt succeeded, or was answered in a way that speaks for the lane's health.
    ///
    /// `limit` is the lane's.
    mutating func succeeded(isProbe: Bool, policy: BreakerPolicy, limit: UInt32, now: Instant) {
        if self.openUntil != nil {
            guard isProbe else { return }
            self.openUntil = nil
            self.ramp = Ramp()
            self.streak = 0
            self.window = OutcomeWindow()
            self.byKind = []
        }
        if self.ramp?.succeeded(limit: limit) == true { self.ramp = nil }
        self.setAside = 0
        self.streak /= 2
        self.window.count(failed: false, span: policy.span, now: now)
    }

    /// An attempt failed by the lane's fault.
    mutating func failed(_ fault: Fault, policy: BreakerPolicy, now: Instant) {
        if policy.isDisabled { return }
        guard self.openUntil == nil else {
            if fault.isProbe { self.open(fault, policy, now: now) }
            return
        }
        let isOver = self.ramp?.failed() == true
        guard self.count(fault.code, policy, now: now) || isOver else { return }
        // Who falls back on the ramp was never well.
        if self.ramp == nil { self.outageBegan = now }
        self.open(fault, policy, now: now)
    }

    /// An attempt failed by what its item asks for.
    ///
    /// So many in a row that they would trip it aren't all their items' fault. Kinds with a key count whatever the
    /// reason.
    mutating func failedByItem(_ fault: Fault, policy: BreakerPolicy, now: Instant) {
        guard self.openUntil == nil, !policy.isDisabled, policy.entry(for: fault.code) == nil else {
            return self.failed(fault, policy: policy, now: now)
        }
        let counted =
            policy.allowedFails == nil ? self.streak : self.window.counts(span: policy.span, now: now).failures
        let allowed = policy.allowedFails ?? Self.streakMax - 1
        if counted + self.setAside >= allowed { return self.failed(fault, policy: policy, now: now) }
        self.setAside += 1
    }

    /// A failure that was counted turns out to be its item's own.
    ///
    /// Changes nothing once the breaker is open: then its probe decides.
    mutating func takeBack(_ code: FailureCode, policy: BreakerPolicy, now: Instant) {
        guard self.openUntil == nil, self.streak > 0, policy.entry(for: code) == nil else { return }
        guard self.window.takeBackFailure(span: policy.span, now: now) else { return }
        self.streak -= 1
        self.setAside += 1
    }

    /// Whether a fault of the account is let pass, since a key names its kind: so many a minute.
    ///
    /// An account that has run dry is never.
    mutating func letsPass(_ code: FailureCode, policy: BreakerPolicy, now: Instant) -> Bool {
        guard !policy.isDisabled, code != .quotaExhausted, let entry = policy.entry(for: code) else { return false }
        return self.count(entry.kind, now: now) <= entry.count
    }

    /// Goes on under another policy.
    ///
    /// One without breakers closes it; a window of another length starts anew.
    mutating func adopt(_ policy: BreakerPolicy, insteadOf old: BreakerPolicy) {
        if policy.isDisabled {
            self = Breaker()
            return
        }
        if policy.span != old.span { self.window = OutcomeWindow() }
        if policy.allowedFailsByKind != old.allowedFailsByKind { self.byKind = [] }
    }

    private mutating func open(_ fault: Fault, _ policy: BreakerPolicy, now: Instant) {
        var span: UInt64
        if let cooldown = policy.cooldownMilliseconds {
            span = min(cooldown, LanePause.hintMax) * 1_000_000
        } else {
            let outage = now.nanoseconds(since: self.outageBegan)
            let grown = min(Self.openMax, max(Self.openMin, outage / 20))
            // Shortened only, so that the first success after an outage is never later than the rule promises.
            span = grown - UInt64(Double(grown) * 0.1 * fault.jitter)
        }
        span = max(span, min(fault.retryAfterMilliseconds, LanePause.hintMax) * 1_000_000)
        self.openUntil = max(self.openUntil ?? .zero, now.adding(nanoseconds: span))
        self.ramp = nil
        self.setAside = 0
    }

    /// Counts a failure; returns whether that trips the breaker.
    private mutating func count(_ code: FailureCode, _ policy: BreakerPolicy, now: Instant) -> Bool {
        if let entry = policy.entry(for: code) {
            return self.count(entry.kind, now: now) > entry.count
        }
        let failures = 1 + self.setAside
        self.setAside = 0
        self.streak += failures
        self.window.count(failures, failed: true, span: policy.span, now: now)
        let counts = self.window.counts(span: policy.span, now: now)
        if let allowed = policy.allowedFails { return counts.failures > allowed }
        if self.streak >= Self.streakMax { return true }
        return counts.total >= Self.samplesMin && counts.failures * 2 >= counts.total
    }

    /// Counts a failure whose kind has a key; returns how many there were within a minute.
    private mutating func count(_ kind: FailureCounts.Kind, now: Instant) -> UInt32 {
        let place = self.byKind.firstIndex { $0.kind == kind } ?? self.byKind.count
        if place == self.byKind.count { self.byKind.append((kind, OutcomeWindow())) }
        self.byKind[place].window.count(failed: true, span: Self.allowedFailsSpan, now: now)
        return self.byKind[place].window.counts(span: Self.allowedFailsSpan, now: now).failures
    }
}
