// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// Where a leg waits, and where it goes when it has nothing to wait for.
extension RouterCore {
    /// What a group can do for a leg.
    enum Prospect {
        /// It may wait there for these lanes.
        case lanes(LaneSet)
        /// The earliest start is after its deadline.
        case tooLate(Instant)
        /// Its lanes wait for nothing but money, until then.
        case unfunded(LaneSet, Instant, RouteObstacle)
        /// Its lanes are off; the lane named says why.
        case off(FailureCode, LaneID)
        /// No lane could ever serve it; this left none.
        case none(RouteObstacle)
    }

    /// The lanes of a leg's group that could ever serve it, failures apart.
    mutating func eligible(_ leg: Slot) -> LaneSet {
        self.eligible(leg, in: self.legs[leg].group)
    }

    /// The lanes of a group that could ever serve a leg.
    mutating func eligible(_ leg: Slot, in group: GroupID) -> LaneSet {
        let host = Int(self.host(of: group).index)
        guard host < self.groups.count else { return LaneSet() }
        let required = self.requirement(of: leg)
        return self.groups[host].eligible(required, deployments: self.snapshot.deployments)
    }

    private mutating func requirement(of leg: Slot) -> Requirement {
        let item = self.legs[leg].item
        var required = Requirement(needs: self.items[item].ticket.needs)
        let tooSmall = self.legs[leg].windowTooSmall
        if tooSmall > 0 { required.window = tooSmall == .max ? .max : tooSmall + 1 }
        if self.snapshot.routing.checksBeforeCall {
            required.window = max(required.window, self.items[item].ticket.promptTokens)
        }
        if let extras = self.items[item].ticket.extras {
            required.tags = extras.tags
            required.region = extras.region
        }
        return required
    }

    mutating func prospect(of leg: Slot, _ cost: RateCounts) -> Prospect {
        let group = Int(self.legs[leg].group.index)
        let eligible = self.eligible(leg)
        guard !eligible.isEmpty else {
            guard group < self.groups.count else { return .none(.none) }
            let required = self.requirement(of: leg)
            return .none(self.groups[group].obstacle(required, deployments: self.snapshot.deployments))
        }
        let permitted = eligible.subtracting(self.legs[leg].barred)
        let hopeful = permitted.intersection(self.groups[group].recoverable)
        guard !hopeful.isEmpty else { return self.whyOff(eligible, group: group) }
        if hopeful.intersects(self.groups[group].healthy), !self.groups[group].hasLimits { return .lanes(permitted) }
        let earliest = self.recovery(of: hopeful, group: group, for: cost)
        if self.isUnfunded(hopeful, group: group) {
            return .unfunded(permitted, earliest, self.obstacle(of: hopeful, group: group))
        }
        if earliest > self.now && earliest >= self.items[self.legs[leg].item].deadline { return .tooLate(earliest) }
        return .lanes(permitted)
    }

    /// The earliest instant at which one of some lanes could start an attempt.
    ///
    /// Slots, and tokens reserved for answers, may come back at any moment; requests and prompts don't.
    mutating func recovery(of lanes: LaneSet, group: Int, for cost: RateCounts = .smallest) -> Instant {
        var earliest = Instant.never
        _ = lanes.contains { position in
            let index = Int(self.groups[group].lanes[position].index)
            guard let instant = self.lanes[index].recovery(now: self.now) else { return false }
            earliest = min(earliest, max(instant, self.earliestByLimits(index, cost)))
            return earliest <= self.now
        }
        return earliest
    }

    private mutating func whyOff(_ eligible: LaneSet, group: Int) -> Prospect {
        var answer = Prospect.none(.none)
        eligible.forEach { position in
            let id = self.groups[group].lanes[position]
            guard case .none = answer, let off = self.lanes[Int(id.index)].off, self.now < off.until else { return }
            answer = .off(off.code, id)
        }
        return answer
    }

    /// Puts a leg into the queue of its group, or of the next fallback that gives it hope, or ends it.
    mutating func place(_ leg: Slot, _ effects: inout [Effect]) {
        let item = self.legs[leg].item
        if self.now >= self.items[item].deadline {
            self.expire(leg, earliest: 0, &effects)
            return
        }
        if let hold = self.budgetHold(of: item), hold.until >= self.items[item].deadline {
            self.spend(leg, refusal: self.overBudget(hold.until, hold.obstacle), &effects)
            return
        }
        var end = DeadEnd()
        while true {
            let isGroup = Int(self.legs[leg].group.index) < self.groups.count
            let cost = isGroup ? self.cost(of: leg) : .smallest
            switch self.prospect(of: leg, cost) {
            case .lanes(let permitted):
                guard let late = self.lateness(of: leg, among: permitted, cost) else {
                    self.enqueue(leg, among: permitted, cost)
                    return
                }
                if late.end < end.late?.end ?? .never { end.late = late }
            case .unfunded(let permitted, let until, let obstacle):
                if until < self.items[item].deadline && self.healthyFallback(of: leg, after: .budgetExceeded) == nil {
                    self.enqueue(leg, among: permitted, cost)
                    return
                }
                if until <= end.funded?.until ?? .never { end.funded = (until, obstacle) }
            case .tooLate(let instant): end.earliest = min(end.earliest, instant)
            case .off(let code, let lane): end.off = end.off ?? (code, lane)
            case .none(let obstacle): if end.obstacle == .none { end.obstacle = obstacle }
            }
            // A fallback that was never tried doesn't count as entered.
            if self.legs[leg].last == nil && self.legs[leg].entered > 0 { self.legs[leg].entered -= 1 }
            // General fallbacks: nothing was refused here, there is merely nobody who could serve.
            let idle: FailureCode = end.obstacle == .contextWindow ? .contextWindow : .noRoute
            let code = self.legs[leg].last?.code ?? self.legs[leg].cameAfter ?? idle
            if !self.moveToFallback(leg, after: code) { break }
        }
        self.finish(leg, at: end, &effects)
    }

    /// Why none of a leg's groups could take it.
    private struct DeadEnd {
        var earliest = Instant.never
        /// It might be answered then, as things are.
        var late: Lateness?
        var funded: (until: Instant, obstacle: RouteObstacle)?
        var off: (code: FailureCode, lane: LaneID)?
        var obstacle = RouteObstacle.none
    }

    private func overBudget(_ until: Instant, _ obstacle: RouteObstacle) -> Refusal {
        let earliest = until == .never ? 0 : until.milliseconds(since: self.now)
        return Refusal(code: .budgetExceeded, obstacle: obstacle, earliestMilliseconds: earliest)
    }

    private mutating func finish(_ leg: Slot, at end: DeadEnd, _ effects: inout [Effect]) {
        if let funded = end.funded, funded.until <= end.earliest {
            self.spend(leg, refusal: self.overBudget(funded.until, funded.obstacle), &effects)
        } else if let late = end.late, late.end <= end.earliest {
            let milliseconds = late.end.milliseconds(since: self.now)
            self.expire(leg, earliest: milliseconds, late: late, &effects)
        } else if end.earliest != .never {
            self.expire(leg, earliest: end.earliest.milliseconds(since: self.now), &effects)
        } else if self.legs[leg].last != nil || !self.items[self.legs[leg].item].causes.isEmpty {
            self.spend(leg, &effects)
        } else {
            let code: FailureCode = end.obstacle == .contextWindow ? .contextWindow : .noRoute
            let refusal = Refusal(code: end.off?.code ?? code, obstacle: end.obstacle, lane: end.off?.lane)
            self.spend(leg, refusal: refusal, &effects)
        }
    }

    private mutating func enqueue(_ leg: Slot, among permitted: LaneSet, _ cost: RateCounts) {
        let untried = permitted.subtracting(self.legs[leg].tried)
        self.enqueue(leg, preferred: untried.isEmpty ? permitted : untried, permitted: permitted, cost)
    }

    /// The group whose lanes serve a group: itself, unless a pattern serves it.
    mutating func host(of group: GroupID) -> GroupID {
        guard Int(group.index) < self.snapshot.groups.count else { return group }
        return self.snapshot.groups[Int(group.index)].servedBy ?? group
    }

    /// Whether an item's own bound, and the one for all, leave an attempt beside those that are under way.
    mutating func hasAttemptsLeft(_ item: Slot) -> Bool {
        let used = self.items[item].charged + self.items[item].leases
        let own = self.items[item].ticket.attemptsMax
        let all = self.snapshot.routing.attemptsMax
        return (own == 0 || used < own) && (all == 0 || UInt32(used) < all)
    }
}
