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
        /// Its lanes are off; the lane named says why.
        case off(FailureCode, LaneID)
        /// No lane could ever serve it.
        case none
    }

    /// The lanes of a leg's group that could ever serve it, failures apart.
    mutating func eligible(_ leg: Slot) -> LaneSet {
        let item = self.legs[leg].item
        let group = Int(self.legs[leg].group.index)
        guard group < self.groups.count else { return LaneSet() }
        return self.groups[group].eligible(
            needs: self.items[item].ticket.needs,
            tags: self.items[item].ticket.extras?.tags ?? [],
            deployments: self.snapshot.deployments
        )
    }

    mutating func prospect(of leg: Slot) -> Prospect {
        let group = Int(self.legs[leg].group.index)
        let eligible = self.eligible(leg)
        guard !eligible.isEmpty else { return .none }
        let permitted = eligible.subtracting(self.legs[leg].barred)
        let hopeful = permitted.intersection(self.groups[group].recoverable)
        guard !hopeful.isEmpty else { return self.whyOff(eligible, group: group) }
        if hopeful.intersects(self.groups[group].healthy) { return .lanes(permitted) }
        let earliest = self.recovery(of: hopeful, group: group)
        if earliest > self.now && earliest >= self.items[self.legs[leg].item].deadline { return .tooLate(earliest) }
        return .lanes(permitted)
    }

    /// The earliest instant at which one of some lanes could start an attempt.
    func recovery(of lanes: LaneSet, group: Int) -> Instant {
        var earliest = Instant.never
        lanes.forEach { position in
            let lane = self.lanes[Int(self.groups[group].lanes[position].index)]
            if let instant = lane.recovery(now: self.now) { earliest = min(earliest, instant) }
        }
        return earliest
    }

    private func whyOff(_ eligible: LaneSet, group: Int) -> Prospect {
        var answer = Prospect.none
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
        var earliest = Instant.never
        var off: (code: FailureCode, lane: LaneID)?
        while true {
            switch self.prospect(of: leg) {
            case .lanes(let permitted):
                let untried = permitted.subtracting(self.legs[leg].tried)
                self.enqueue(leg, preferred: untried.isEmpty ? permitted : untried, permitted: permitted)
                return
            case .tooLate(let instant): earliest = min(earliest, instant)
            case .off(let code, let lane): off = off ?? (code, lane)
            case .none: break
            }
            // A fallback that was never tried doesn't count as entered.
            if self.legs[leg].last == nil && self.legs[leg].entered > 0 { self.legs[leg].entered -= 1 }
            // General fallbacks: nothing was refused here, there is merely nobody who could serve.
            let code = self.legs[leg].last?.code ?? self.legs[leg].cameAfter ?? .noRoute
            if !self.moveToFallback(leg, after: code) { break }
        }
        if earliest != .never {
            self.expire(leg, earliest: earliest.milliseconds(since: self.now), &effects)
        } else if self.legs[leg].last != nil || !self.items[item].causes.isEmpty {
            self.spend(leg, &effects)
        } else {
            let refusal = Refusal(
                code: off?.code ?? .noRoute,
                lane: off?.lane,
                hadAttempt: self.items[item].attempts > 0
            )
            self.spend(leg, refusal: refusal, &effects)
        }
    }

    /// Enters the next fallback group.
    ///
    /// Its code decides which list; `false` = there is none.
    mutating func moveToFallback(_ leg: Slot, after code: FailureCode) -> Bool {
        guard let next = self.nextFallback(of: leg, after: code, commits: true) else { return false }
        self.enter(next, leg)
        self.legs[leg].cameAfter = code
        return true
    }

    private mutating func enter(_ group: GroupID, _ leg: Slot) {
        let item = self.legs[leg].item
        if let last = self.legs[leg].last {
            self.items[item].causes.append(last)
            self.legs[leg].last = nil
        }
        self.legs[leg].group = group
        self.legs[leg].entered += 1
        self.legs[leg].tried = LaneSet()
        self.legs[leg].failed = LaneSet()
        self.legs[leg].barred = LaneSet()
        self.legs[leg].sameLaneRetries = 0
        self.legs[leg].previousDelay = 0
    }

    /// The fallback that a leg would enter after a failure.
    ///
    /// Groups that could never serve it are passed over and not counted.
    mutating func nextFallback(of leg: Slot, after code: FailureCode, commits: Bool) -> GroupID? {
        let item = self.legs[leg].item
        let ticket = self.items[item].ticket
        guard !ticket.flags.contains(.noFallbacks), self.hasAttemptsLeft(item) else { return nil }
        guard UInt32(self.legs[leg].entered) < self.snapshot.routing.maxFallbacks else { return nil }
        let group = self.legs[leg].group
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
        while let next = plan.popNext() {
            guard Int(next.index) < self.groups.count else { continue }
            let tags = ticket.extras?.tags ?? []
            let lanes = self.groups[Int(next.index)].eligible(
                needs: ticket.needs,
                tags: tags,
                deployments: self.snapshot.deployments
            )
            guard !lanes.isEmpty else { continue }
            if commits { self.legs[leg].plan = plan }
            return next
        }
        return nil
    }

    /// Whether an item's own bound leaves an attempt beside those that are under way.
    func hasAttemptsLeft(_ item: Slot) -> Bool {
        let max = self.items[item].ticket.attemptsMax
        return max == 0 || self.items[item].charged + self.items[item].leases < max
    }
}
