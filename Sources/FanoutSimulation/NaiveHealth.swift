// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import FanoutRouter

/// A failed attempt, as a naive lane is told of it.
struct NaiveFailure {
    var lease: LeaseID
    var code: FailureCode
    /// The attempt's among those of its lane.
    var turn: Int
    var startedAt: Instant
    /// Retry-After in milliseconds; 0 = none.
    var hint: UInt64
    /// Another lane has failed the same item in the same way.
    var isItems: Bool
    /// The account is at fault, and that isn't let pass.
    var isAccounts: Bool
    /// The most attempts in flight that the lane is configured for.
    var limit: Int
}

/// The way back after an outage: a tenth, a half, all.
struct NaiveRamp {
    var step = 0
    var good = 0
    var bad = 0

    func width(of limit: Int) -> Int { max(1, self.step == 0 ? limit / 10 : limit / 2) }

    mutating func succeeded(limit: Int) -> Bool {
        self.good += 1
        if self.good < min(5, self.width(of: limit)) { return false }
        self = NaiveRamp(step: self.step + 1)
        return self.step == 2
    }

    mutating func failed() -> Bool {
        self.bad += 1
        return self.bad >= 2 && self.bad > self.good
    }
}

/// A deployment's breaker settings.
struct BreakerRules {
    var allowedFails: UInt32?
    var byKind: FailureCounts?
    var cooldownMilliseconds: UInt64?
    var isDisabled: Bool

    init(_ deployment: Deployment, _ routing: RoutingSettings) {
        self.allowedFails = deployment.allowedFails ?? routing.allowedFails
        if let own = deployment.allowedFailsPolicy {
            self.byKind = own
        } else if deployment.allowedFails == nil {
            self.byKind = routing.allowedFailsPolicy
        }
        self.cooldownMilliseconds = deployment.cooldownMilliseconds ?? routing.cooldownMilliseconds
        self.isDisabled = routing.disablesCooldowns
    }

    /// A tenth of the window, in nanoseconds.
    var bucket: UInt64 { self.allowedFails == nil ? 3_000_000_000 : 6_000_000_000 }

    func counts(_ code: FailureCode) -> Bool { code.traits.countsAgainstLane || self.entry(code) != nil }

    /// Whether an item's own fault is none of the lane's.
    func excuses(_ code: FailureCode) -> Bool {
        !self.isDisabled && self.allowedFails == nil && self.entry(code) == nil
    }

    func entry(_ code: FailureCode) -> (kind: FailureCounts.Kind, count: UInt32)? {
        guard let entry = self.byKind?.entry(for: code) else { return nil }
        if entry.kind == .others && !code.traits.countsAgainstLane { return nil }
        return entry
    }
}

/// What a failure leaves open inside a model group.
struct NaiveRetryRule {
    var sameLane: Bool
    var otherLane: Bool
    /// Retries that a key of the policy allows; `nil` = no key.
    var named: Int?

    init(after code: FailureCode, _ policy: FailureCounts?, shouldRetry: Bool?) {
        let traits = code.traits
        self.sameLane = traits.retriesSameLane
        self.otherLane = traits.retriesOtherLane
        if code == .rateLimited {
            self.named = policy?.rateLimit.map(Int.init)
        } else if let entry = policy?.entry(for: code), code != .quotaExhausted {
            if entry.kind != .others || traits.retriesSameLane || traits.retriesOtherLane {
                self.named = Int(entry.count)
            }
        }
        if let named = self.named {
            self.sameLane = named > 0
            self.otherLane = named > 0
        }
        if shouldRetry == true && code != .contentPolicy && traits.fault != .account {
            self.sameLane = true
            self.otherLane = true
        }
        if shouldRetry == false { self.sameLane = false }
    }
}
