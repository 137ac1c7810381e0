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
    /// The breaker is open at least until the first and at most until the second; `nil` = closed.
    var open: (low: Instant, high: Instant)?
    var outageBegan = Instant.zero
    var failuresInARow = 0
    var history: [(instant: Instant, failed: Bool)] = []
    var off: (code: FailureCode, until: Instant)?
    /// Headers of its answers spoke of limits.
    var wasTold = false

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

    mutating func succeeded(_ lease: LeaseID, now: Instant) {
        let isProbe = self.probe == lease
        self.unpause(isProbe)
        if self.open != nil {
            guard isProbe else { return }
            self.open = nil
            self.history = []
        }
        self.failuresInARow = 0
        self.history.append((now, false))
    }

    mutating func failed(_ lease: LeaseID, _ outcome: Outcome, _ code: FailureCode, _ rules: BreakerRules, now: Instant)
    {
        let isProbe = self.probe == lease
        let traits = code.traits
        let hint = outcome.retryAfterMilliseconds ?? 0
        if code == .rateLimited {
            self.limited(isProbe, hint, now: now)
        } else {
            self.unpause(isProbe)
            if hint > 0 && (traits.fault == .capacity || traits.fault == .provider) { self.pause(hint, now: now) }
        }
        if traits.fault == .account { return }
        if traits.countsAgainstLane {
            self.count(isProbe, hint, rules, now: now)
        } else if isProbe && self.open != nil {
            self.open = nil
            self.failuresInARow = 0
            self.history = [(now, false)]
        } else if isProbe {
            self.failuresInARow = 0
            self.history.append((now, false))
        }
    }

    private mutating func unpause(_ isProbe: Bool) {
        if self.needsProbe && !isProbe { return }
        self.needsProbe = false
        self.limitedInARow = 0
    }

    private mutating func pause(_ milliseconds: UInt64, now: Instant) {
        self.pausedUntil = max(self.pausedUntil, now.adding(milliseconds: milliseconds))
        self.needsProbe = true
    }

    private mutating func limited(_ isProbe: Bool, _ hint: UInt64, now: Instant) {
        if self.needsProbe && !isProbe {
            if hint > 0 { self.pause(hint, now: now) }
            return
        }
        self.limitedInARow += 1
        self.needsProbe = true
        var span: UInt64 = 0
        if hint == 0 {
            span = 1_000
            for _ in 1..<max(self.limitedInARow, 1) { span = min(60_000, span * 2) }
        } else {
            var floor: UInt64 = self.limitedInARow == 1 ? 0 : 100
            for _ in 2..<max(self.limitedInARow, 2) { floor = min(1_000, floor * 2) }
            span = max(hint, floor)
        }
        self.pausedUntil = max(self.pausedUntil, now.adding(milliseconds: span))
    }

    private mutating func count(_ isProbe: Bool, _ hint: UInt64, _ rules: BreakerRules, now: Instant) {
        if rules.isDisabled { return }
        if self.open != nil {
            if isProbe { self.openUp(hint, rules, now: now) }
            return
        }
        self.failuresInARow += 1
        self.history.append((now, true))
        // Ten buckets of a tenth of the window each, the present one included.
        let bucket: UInt64 = rules.allowedFails == nil ? 3_000_000_000 : 6_000_000_000
        let first = now.nanoseconds / bucket < 9 ? 0 : now.nanoseconds / bucket - 9
        let recent = self.history.filter { $0.instant.nanoseconds / bucket >= first }
        let failures = recent.count(where: \.failed)
        let trips: Bool
        if let allowed = rules.allowedFails {
            trips = failures > Int(allowed)
        } else {
            trips = self.failuresInARow >= 5 || (recent.count >= 10 && failures * 2 >= recent.count)
        }
        if trips {
            self.outageBegan = now
            self.openUp(hint, rules, now: now)
        }
    }

    private mutating func openUp(_ hint: UInt64, _ rules: BreakerRules, now: Instant) {
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

/// A deployment's breaker settings.
struct BreakerRules {
    var allowedFails: UInt32?
    var cooldownMilliseconds: UInt64?
    var isDisabled: Bool

    init(_ deployment: Deployment, _ routing: RoutingSettings) {
        self.allowedFails = deployment.allowedFails ?? routing.allowedFails
        self.cooldownMilliseconds = deployment.cooldownMilliseconds ?? routing.cooldownMilliseconds
        self.isDisabled = routing.disablesCooldowns
    }
}
