// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// Where a leg goes when its group is spent.
///
/// Depth first: a fallback's own fallbacks come before the next of the list it came from. No group is entered twice.
struct FallbackPlan: Sendable {
    private(set) var pending: [GroupID] = []
    private var visited: [GroupID] = []
    private var hasRequestList = false

    /// Leaves a group whose list is `next`.
    ///
    /// A request's own list (`own`) replaces what the groups say, at every step.
    mutating func leave(_ group: GroupID, next: [GroupID], own: [GroupID]?) {
        if !self.visited.contains(group) { self.visited.append(group) }
        if let own {
            if !self.hasRequestList {
                self.hasRequestList = true
                self.pending = own
            }
        } else {
            self.pending = next + self.pending
        }
    }

    /// Drops the groups that were still to come.
    mutating func forgetPending() {
        self.pending = []
    }

    /// The next group that was not entered before.
    mutating func popNext() -> GroupID? {
        while !self.pending.isEmpty {
            let group = self.pending.removeFirst()
            if self.visited.contains(group) { continue }
            self.visited.append(group)
            return group
        }
        return nil
    }

    /// Groups that were not entered before, in order.
    var candidates: [GroupID] { self.pending.filter { !self.visited.contains($0) } }

    /// How many groups can be reached from one, itself not counted.
    static func reachable(from start: GroupID, groups: [ModelGroup]) -> Int {
        var plan = FallbackPlan()
        var count = 0
        plan.leave(start, next: groups[Int(start.index)].fallbacks, own: nil)
        while let group = plan.popNext() {
            guard Int(group.index) < groups.count else { continue }
            count += 1
            plan.leave(group, next: groups[Int(group.index)].fallbacks, own: nil)
        }
        return count
    }
}
