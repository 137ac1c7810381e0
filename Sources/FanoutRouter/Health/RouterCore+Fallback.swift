// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// Ways out of a model group.
///
/// Depth first: a fallback's own fallbacks come before the next of the list that it came from. Groups that could never
/// serve the item are passed over and not counted. One that is well goes before one that is ill, which stays to be
/// tried later.
extension RouterCore {
    /// Enters the next fallback group.
    ///
    /// The code decides which list; `false` = there is none.
    mutating func moveToFallback(_ leg: Slot, after code: FailureCode) -> Bool {
        if let next = self.healthyFallback(of: leg, after: code) {
            self.enter(next, leg, after: code)
            return true
        }
        guard var plan = self.fallbackPlan(of: leg, after: code) else { return false }
        while let next = plan.popNext(self.snapshot.groups) {
            // Windows that can't fit the prompt are passed over like lanes that lack a need.
            guard !self.eligible(leg, in: next.group).isEmpty else { continue }
            self.enter(next, leg, after: code)
            return true
        }
        return false
    }

    /// The first fallback group with a lane that is well; `nil` = there is none.
    ///
    /// Looks through groups that are ill at their own fallbacks.
    mutating func healthyFallback(of leg: Slot, after code: FailureCode) -> FallbackPlan.Entry? {
        guard var plan = self.fallbackPlan(of: leg, after: code) else { return nil }
        let own = self.items[self.legs[leg].item].ticket.extras?.fallbacks
        while let next = plan.popNext(self.snapshot.groups) {
            let lanes = self.eligible(leg, in: next.group)
            if lanes.intersects(self.groups[Int(self.host(of: next.group).index)].healthy) { return next }
            if code == .contentPolicy { continue }
            plan.leave(next.group, next: self.snapshot.groups[Int(next.group.index)].fallbacks, own: own)
        }
        return nil
    }

    private mutating func enter(_ next: FallbackPlan.Entry, _ leg: Slot, after code: FailureCode) {
        let item = self.legs[leg].item
        self.legs[leg].plan = self.fallbackPlan(of: leg, after: code) ?? FallbackPlan()
        self.legs[leg].plan.enter(next)
        self.legs[leg].cameAfter = code
        if let last = self.legs[leg].last {
            self.items[item].causes.append(last)
            self.legs[leg].last = nil
        }
        self.legs[leg].group = self.host(of: next.group)
        self.legs[leg].asked = next.group
        self.legs[leg].listed = next.listed
        self.legs[leg].entered += 1
        self.legs[leg].tried = LaneSet()
        self.legs[leg].failed = LaneSet()
        self.legs[leg].barred = LaneSet()
        self.legs[leg].sameLaneRetries = 0
        self.legs[leg].previousDelay = 0
    }

    /// What a leg may enter after a failure; `nil` = nothing.
    private mutating func fallbackPlan(of leg: Slot, after code: FailureCode) -> FallbackPlan? {
        let item = self.legs[leg].item
        let ticket = self.items[item].ticket
        guard !ticket.flags.contains(.noFallbacks), self.hasAttemptsLeft(item) else { return nil }
        guard UInt32(self.legs[leg].entered) < self.snapshot.routing.maxFallbacks else { return nil }
        let group = self.legs[leg].asked
        guard Int(group.index) < self.snapshot.groups.count else { return nil }
        let configured = self.snapshot.groups[Int(group.index)]
        var plan = self.legs[leg].plan
        switch code {
        case .contentPolicy:
            // Only what was configured for this: other groups that were pending are no way round a policy.
            if self.legs[leg].cameAfter != .contentPolicy {
                guard configured.contentPolicyFallbacks != nil else { return nil }
                plan.forgetPending()
            }
            plan.leave(group, next: configured.contentPolicyFallbacks ?? [], own: nil)
        case .contextWindow:
            let list = configured.contextWindowFallbacks ?? configured.fallbacks
            plan.leave(group, next: list, own: ticket.extras?.fallbacks)
        default:
            guard code.traits.fallsBack else { return nil }
            plan.leave(group, next: configured.fallbacks, own: ticket.extras?.fallbacks)
        }
        return plan
    }
}
