// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// Where a leg goes when its group is spent.
///
/// Depth first: a fallback's own fallbacks come before the next of the list it came from. No group is entered twice.
struct FallbackPlan: Sendable {
    /// A group that is still to come.
    struct Entry: Sendable, Hashable {
        var group: GroupID
        /// Where it stands in the request's own list, from 1; 0 = it isn't from there.
        var listed: UInt16 = 0
    }

    private(set) var pending: [Entry] = []
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
                self.pending = own.enumerated().map { Entry(group: $1, listed: UInt16(clamping: $0 + 1)) }
            }
        } else {
            self.pending = next.map { Entry(group: $0) } + self.pending
        }
    }

    /// Drops the groups that were still to come.
    mutating func forgetPending() {
        self.pending = []
    }

    /// The next group that was not entered before.
    ///
    /// A group with stars in its name may come again from the request's own list: for another model.
    mutating func popNext(_ groups: [ModelGroup]) -> Entry? {
        while !self.pending.isEmpty {
            let next = self.pending.removeFirst()
            guard Int(next.group.index) < groups.count else { continue }
            if self.visited.contains(next.group) {
                guard next.listed > 0, groups[Int(next.group.index)].isPattern else { continue }
            } else {
                self.visited.append(next.group)
            }
            return next
        }
        return nil
    }

    /// Enters a group out of turn; those before it stay where they are.
    mutating func enter(_ next: Entry) {
        if let place = self.pending.firstIndex(of: next) { self.pending.remove(at: place) }
        if !self.visited.contains(next.group) { self.visited.append(next.group) }
    }

    /// The groups that can be reached from one, in order; itself isn't among them.
    static func reachable(from start: GroupID, groups: [ModelGroup]) -> [GroupID] {
        var plan = FallbackPlan()
        var result: [GroupID] = []
        plan.leave(start, next: groups[Int(start.index)].fallbacks, own: nil)
        while let next = plan.popNext(groups) {
            result.append(next.group)
            plan.leave(next.group, next: groups[Int(next.group.index)].fallbacks, own: nil)
        }
        return result
    }
}
