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
/// What turns out to be the fault of an item that failed elsewhere in the same way isn't held against the lane, unless
/// so many fail one after another that it can't be the items.
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
    /// Failures that began one after another, whatever older attempts say meanwhile; items' own faults too.
    private var run = FailureRun()
    private var outageBegan = Instant.zero
    private var window = OutcomeWindow()
    /// Failures whose kind has a key of its own; empty without one.
    private var byKind: [(kind: FailureCounts.Kind, window: OutcomeWindow)] = []

    /// One failure, as the breaker sees it.
    struct Fault {
        var code: FailureCode
        var isProbe: Bool
        /// The attempt's turn among those of its lane.
        var turn: UInt64
        /// What the provider asked for; 0 = nothing.
        var retryAfterMilliseconds: UInt64 = 0
        /// From 0 up to 1: by how much of a tenth the open time is shortened.
        var jitter = 0.0
    }

    @inline(__always)
    func isOpen(now: Instant) -> Bool {
        guard let until = self.openUntil else { return false }
        return now < until
    }

    @inline(__always)
    func isHalfOpen(now: Instant) -> Bool {
        guard let until = self.openUntil else { return false }
        return now >= until
    }

    /// The most attempts in flight on a lane of this limit, unless it is open.
    @inline(__always)
    func width(of limit: UInt32) -> UInt32 {
        self.ramp?.width(of: limit) ?? limit
    }

    /// An attempt succeeded, or was answered in a way that speaks for the lane's health.
    ///
    /// `turn` is the attempt's among those of its lane, `limit` the lane's.
    mutating func succeeded(isProbe: Bool, turn: UInt64, policy: BreakerPolicy, limit: UInt32, now: Instant) {
        if self.openUntil != nil {
            guard isProbe else { return }
            self.openUntil = nil
            self.ramp = Ramp()
            self.streak = 0
            self.run = FailureRun()
            self.window = OutcomeWindow()
            self.byKind = []
        }
        self.run.succeeded(turn)
        if self.ramp?.succeeded(limit: limit) == true { self.ramp = nil }
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
        guard self.count(fault, policy, now: now) || isOver else { return }
        // Who falls back on the ramp was never well.
        if self.ramp == nil { self.outageBegan = now }
        self.open(fault, policy, now: now)
    }

    /// An attempt failed by what its item asks for.
    mutating func failedByItem(_ fault: Fault, policy: BreakerPolicy, now: Instant) {
        guard self.openUntil == nil, self.excuses(fault.code, policy) else {
            return self.failed(fault, policy: policy, now: now)
        }
        self.run.failed(fault.turn)
        guard self.run.isOutage else { return }
        if self.ramp == nil { self.outageBegan = now }
        self.open(fault, policy, now: now)
    }

    /// A failure that was counted turns out to be its item's own.
    ///
    /// Changes nothing once the breaker is open: then its probe decides.
    mutating func takeBack(_ code: FailureCode, policy: BreakerPolicy, now: Instant) {
        guard self.openUntil == nil, self.streak > 0, self.excuses(code, policy) else { return }
        if self.window.takeBackFailure(span: policy.span, now: now) { self.streak -= 1 }
    }

    /// Where a number of failures is configured, it means all of them.
    private func excuses(_ code: FailureCode, _ policy: BreakerPolicy) -> Bool {
        !policy.isDisabled && policy.allowedFails == nil && policy.entry(for: code) == nil
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
    }

    /// Counts a failure; returns whether that trips the breaker.
    private mutating func count(_ fault: Fault, _ policy: BreakerPolicy, now: Instant) -> Bool {
        if let entry = policy.entry(for: fault.code) {
            return self.count(entry.kind, now: now) > entry.count
        }
        self.streak += 1
        self.run.failed(fault.turn)
        self.window.count(failed: true, span: policy.span, now: now)
        let counts = self.window.counts(span: policy.span, now: now)
        if let allowed = policy.allowedFails { return counts.failures > allowed }
        if self.streak >= Self.streakMax || self.run.isOutage { return true }
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
