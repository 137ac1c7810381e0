// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import FanoutRouter

/// A lane's gates, kept the obvious way: whole histories instead of counters, spans of possible instants instead of
/// random ones.
///
/// Written from the rules, not from the router's code.
struct NaiveLane {
    var active: Set<LeaseID> = []
    var probe: LeaseID?
    var pausedUntil = Instant.zero
    var needsProbe = false
    var limitedInARow = 0
    /// When the last pause for a 429 began.
    var limitedAt = Instant.zero
    /// Something has been let through since.
    var letThrough = false
    /// The breaker is open at least until the first and at most until the second; `nil` = closed.
    var open: (low: Instant, high: Instant)?
    var outageBegan = Instant.zero
    /// Halved by each success.
    var failuresInARow = 0
    /// Turns of failures that no later attempt's success has ended.
    var run: [Int] = []
    /// Attempts that began here.
    var started = 0
    var history: [(instant: Instant, failed: Bool)] = []
    /// Failures whose kind has a key.
    var keyed: [(instant: Instant, kind: FailureCounts.Kind)] = []
    /// Its way back after an outage; `nil` = it is not on one.
    var ramp: NaiveRamp?
    var off: (code: FailureCode, until: Instant)?
    /// Its answers, be it by headers or by refusals, spoke of limits: it may wait for those.
    var isPaced = false
    /// How long its last answers took, in seconds.
    var answers: [Double] = []

    /// What the lane may be at an instant: one state, or two while a random span may or may not be over.
    func states(now: Instant, isServing: Bool) -> [LaneState] {
        if !isServing { return [.off] }
        if let off = self.off, now < off.until { return [.off] }
        if now < self.pausedUntil { return [.paused] }
        if let open = self.open {
            if now < open.low { return [.open] }
            if now < open.high { return [.open, .halfOpen] }
            return [.halfOpen]
        }
        return [self.needsProbe ? .halfOpen : .closed]
    }

    /// The earliest instant at which it may start something; `nil` = not without a reload.
    func earliest(now: Instant, isServing: Bool) -> Instant? {
        if !isServing { return nil }
        if let off = self.off, now < off.until { return nil }
        return max(now, max(self.pausedUntil, self.open?.low ?? .zero))
    }

    /// `limit` is the most attempts in flight that the lane is configured for.
    mutating func succeeded(_ lease: LeaseID, turn: Int, startedAt: Instant, limit: Int, now: Instant) {
        let isProbe = self.probe == lease
        self.unpause(isProbe, startedAt)
        self.vouched(isProbe, turn: turn, limit: limit, now: now)
    }

    private mutating func vouched(_ isProbe: Bool, turn: Int, limit: Int, now: Instant) {
        if self.open != nil {
            guard isProbe else { return }
            self.open = nil
            self.history = []
            self.keyed = []
            self.failuresInARow = 0
            self.run = []
            self.ramp = NaiveRamp()
        }
        if let first = self.run.min(), turn > first { self.run = [] }
        if self.ramp?.succeeded(limit: limit) == true { self.ramp = nil }
        self.failuresInARow /= 2
        self.history.append((now, false))
    }

    /// Whether a fault of the account is let pass.
    mutating func letsPass(_ code: FailureCode, _ rules: BreakerRules, now: Instant) -> Bool {
        guard !rules.isDisabled, code != .quotaExhausted, let entry = rules.entry(code) else { return false }
        return self.countKeyed(entry.kind, now: now) <= Int(entry.count)
    }

    mutating func failed(_ failure: NaiveFailure, _ rules: BreakerRules, now: Instant) {
        let isProbe = self.probe == failure.lease
        let traits = failure.code.traits
        if failure.code == .rateLimited {
            self.limited(isProbe, failure.startedAt, failure.hint, rules, now: now)
        } else {
            self.unpause(isProbe, failure.startedAt)
            if failure.hint > 0 && (traits.fault == .capacity || traits.fault == .provider) {
                self.pause(failure.hint, now: now)
            }
        }
        if failure.isAccounts { return }
        if rules.counts(failure.code) && traits.fault != .account {
            self.count(isProbe, failure, rules, now: now)
        } else if isProbe {
            self.vouched(true, turn: failure.turn, limit: failure.limit, now: now)
        }
    }

    /// A failure of an item here turned out to be its own.
    mutating func excuseLast(_ code: FailureCode, _ rules: BreakerRules, now: Instant) {
        guard self.open == nil, self.failuresInARow > 0, rules.excuses(code) else { return }
        let first = Self.firstBucket(rules, now: now)
        guard
            let last = self.history.lastIndex(where: {
                $0.failed && $0.instant.nanoseconds / rules.bucket >= first
            })
        else { return }
        self.history.remove(at: last)
        self.failuresInARow -= 1
    }

    /// From before the pause, or beside its probe: that says nothing of what is let through now.
    private func isOld(_ isProbe: Bool, _ startedAt: Instant) -> Bool {
        if isProbe { return false }
        return self.needsProbe || (self.limitedInARow > 0 && startedAt <= self.limitedAt)
    }

    private mutating func unpause(_ isProbe: Bool, _ startedAt: Instant) {
        if self.isOld(isProbe, startedAt) { return }
        self.letThrough = true
        self.needsProbe = false
        self.limitedInARow = 0
    }

    private mutating func pause(_ milliseconds: UInt64, now: Instant) {
        self.pausedUntil = max(self.pausedUntil, now.adding(milliseconds: milliseconds))
        self.needsProbe = true
    }

    private mutating func limited(
        _ isProbe: Bool,
        _ startedAt: Instant,
        _ hint: UInt64,
        _ rules: BreakerRules,
        now: Instant
    ) {
        self.isPaced = true
        if hint > 0 { self.pausedUntil = max(self.pausedUntil, now.adding(milliseconds: hint)) }
        if self.isOld(isProbe, startedAt) { return }
        self.limitedInARow += 1
        self.limitedAt = now
        self.needsProbe = !self.letThrough
        self.letThrough = false
        var span: UInt64 = 0
        let asked = hint == 0 ? rules.cooldownMilliseconds : hint
        if asked == nil {
            span = 1_000
            for _ in 1..<max(self.limitedInARow, 1) { span = min(60_000, span * 2) }
        } else {
            var floor: UInt64 = self.limitedInARow == 1 ? 0 : 100
            for _ in 2..<max(self.limitedInARow, 2) { floor = min(1_000, floor * 2) }
            span = max(asked ?? 0, floor)
        }
        self.pausedUntil = max(self.pausedUntil, now.adding(milliseconds: span))
    }

    private mutating func count(_ isProbe: Bool, _ failure: NaiveFailure, _ rules: BreakerRules, now: Instant) {
        if rules.isDisabled { return }
        if self.open != nil {
            if isProbe { self.openUp(failure.hint, rules, now: now) }
            return
        }
        if failure.isItems && rules.excuses(failure.code) {
            self.run.append(failure.turn)
            if self.isOutage { self.begin(failure, rules, now: now) }
            return
        }
        let fellBack = self.ramp?.failed() == true
        if self.trips(failure, rules, now: now) || fellBack { self.begin(failure, rules, now: now) }
    }

    private mutating func begin(_ failure: NaiveFailure, _ rules: BreakerRules, now: Instant) {
        if self.ramp == nil { self.outageBegan = now }
        self.openUp(failure.hint, rules, now: now)
    }

    /// Five that failed among at most ten that began from the first to the last of them, and no success of a later one.
    private var isOutage: Bool {
        let span = (self.run.max() ?? 0) - (self.run.min() ?? 0) + 1
        return self.run.count >= 5 && self.run.count * 2 >= span
    }

    private mutating func trips(_ failure: NaiveFailure, _ rules: BreakerRules, now: Instant) -> Bool {
        if let entry = rules.entry(failure.code) { return self.countKeyed(entry.kind, now: now) > Int(entry.count) }
        self.failuresInARow += 1
        self.history.append((now, true))
        self.run.append(failure.turn)
        let recent = self.recent(rules, now: now)
        let failures = recent.count(where: \.failed)
        if let allowed = rules.allowedFails { return failures > Int(allowed) }
        if self.isOutage { return true }
        return self.failuresInARow >= 5 || (recent.count >= 10 && failures * 2 >= recent.count)
    }

    private mutating func countKeyed(_ kind: FailureCounts.Kind, now: Instant) -> Int {
        self.keyed.append((now, kind))
        let bucket: UInt64 = 6_000_000_000
        let first = now.nanoseconds / bucket < 9 ? 0 : now.nanoseconds / bucket - 9
        return self.keyed.count { $0.kind == kind && $0.instant.nanoseconds / bucket >= first }
    }

    private func recent(_ rules: BreakerRules, now: Instant) -> [(instant: Instant, failed: Bool)] {
        let first = Self.firstBucket(rules, now: now)
        return self.history.filter { $0.instant.nanoseconds / rules.bucket >= first }
    }

    /// Ten buckets of a tenth of the window each, the present one included.
    private static func firstBucket(_ rules: BreakerRules, now: Instant) -> UInt64 {
        now.nanoseconds / rules.bucket < 9 ? 0 : now.nanoseconds / rules.bucket - 9
    }

    private mutating func openUp(_ hint: UInt64, _ rules: BreakerRules, now: Instant) {
        self.ramp = nil
        let asked = now.adding(milliseconds: hint)
        if let cooldown = rules.cooldownMilliseconds {
            let until = max(asked, now.adding(milliseconds: cooldown))
            self.open = (until, until)
            return
        }
        let span = min(120_000_000_000, max(1_000_000_000, now.nanoseconds(since: self.outageBegan) / 20))
        // Shortened by at most a tenth, never lengthened.
        self.open = (
            max(asked, now.adding(nanoseconds: span - span / 10 - 1)), max(asked, now.adding(nanoseconds: span))
        )
    }
}
