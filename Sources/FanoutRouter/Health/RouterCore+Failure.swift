// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// What becomes of a leg whose attempt failed: another lane, the same lane later, a fallback group, or its end.
extension RouterCore {
    mutating func fail(
        _ lease: LeaseRecord,
        code: FailureCode,
        _ outcome: Outcome,
        _ effects: inout [Effect]
    ) {
        let leg = lease.leg
        let item = lease.item
        var rule = RetryPolicy.rule(
            after: code,
            policy: self.retryPolicy(of: self.legs[leg].asked),
            shouldRetry: outcome.shouldRetry
        )
        // Another lane of the group may have a larger window.
        if code == .contextWindow { rule.otherLane = true }
        self.note(lease, code: code, sameLane: rule.sameLane)
        let mayGoOn = rule.retries || code.traits.fallsBack || code == .contentPolicy
        let isBroken = outcome.hadContent && self.items[item].ticket.flags.contains(.streamed)
        if isBroken && self.items[item].ticket.flags.contains(.failsOnStreamBreak) {
            self.spend(leg, &effects)
            return
        }
        if mayGoOn && self.now >= self.items[item].deadline {
            self.expire(leg, earliest: 0, &effects)
            return
        }
        if isBroken && mayGoOn { self.restart(item, code, &effects) }
        self.items[item].committed = 0
        if code == .contextWindow { self.outgrow(lease) }
        if rule.retries, self.mayRetry(leg, on: lease.lane, after: code, rule), self.retry(leg, &effects) { return }
        self.leave(leg, after: code, &effects)
    }

    /// A leg leaves its group: for a fallback, or for good.
    private mutating func leave(_ leg: Slot, after code: FailureCode, _ effects: inout [Effect]) {
        if self.moveToFallback(leg, after: code) {
            self.place(leg, &effects)
        } else {
            self.spend(leg, &effects)
        }
    }

    private mutating func retryPolicy(of group: GroupID) -> FailureCounts? {
        guard Int(group.index) < self.snapshot.groups.count else { return nil }
        return self.snapshot.groups[Int(group.index)].retryPolicy ?? self.snapshot.routing.retryPolicy
    }

    /// Writes down that a lane failed a leg.
    private mutating func note(_ lease: LeaseRecord, code: FailureCode, sameLane: Bool) {
        let leg = lease.leg
        // An answer 429 consumed nothing; its lane waits instead.
        if code != .rateLimited { self.items[lease.item].charged += 1 }
        self.legs[leg].last = Verdict.Cause(
            lease: LeaseID(lease.number),
            group: self.legs[leg].asked,
            lane: lease.lane,
            code: code
        )
        let lane = self.lanes[Int(lease.lane.index)]
        // A reload may have moved the lane to another group.
        guard lane.group == self.legs[leg].group else { return }
        self.legs[leg].tried.insert(lane.position)
        self.legs[leg].failed.insert(lane.position)
        if !sameLane { self.legs[leg].barred.insert(lane.position) }
    }

    private func restart(_ item: Slot, _ code: FailureCode, _ effects: inout [Effect]) {
        let run = self.items[item].run
        effects.append(.restart(ItemID(run: self.runs[run].id, index: self.items[item].ticket.index), code))
    }

    private mutating func mayRetry(
        _ leg: Slot,
        on lane: LaneID,
        after code: FailureCode,
        _ rule: RetryPolicy.Rule
    ) -> Bool {
        let item = self.legs[leg].item
        if code == .rateLimited {
            guard let named = rule.named else { return true }
            return Int(self.items[item].limitedRetries) + self.retriesUnderWay(of: item, limited: true) < Int(named)
        }
        guard self.hasAttemptsLeft(item) else { return false }
        // What two lanes have failed in the same way is the item's own fault; a third has nothing to add.
        if self.items[item].ownFault == code && rule.named == nil { return false }
        let ticket = self.items[item].ticket
        let group = Int(self.legs[leg].asked.index)
        var reachable = ticket.extras?.fallbacks?.count ?? Int(self.groups[group].reachableFallbacks)
        if ticket.flags.contains(.noFallbacks) { reachable = 0 }
        let left = min(reachable, max(0, Int(self.snapshot.routing.maxFallbacks) - Int(self.legs[leg].entered)))
        return RetryPolicy.mayRetry(
            attemptsMax: ticket.attemptsMax,
            charged: self.items[item].charged + self.items[item].leases,
            retriesUsed: Int(self.items[item].retriesUsed) + self.retriesUnderWay(of: item, limited: false),
            configured: self.lanes[Int(lane.index)].retries ?? self.groups[group].retries,
            named: rule.named,
            fallbacksLeft: left
        )
    }

    /// A prompt was too long for a lane: of its group only lanes with a window that is known to be larger remain.
    private mutating func outgrow(_ lease: LeaseRecord) {
        let leg = lease.leg
        let deployment = self.snapshot.deployments[Int(lease.lane.index)]
        let window = deployment.contextWindow ?? self.items[lease.item].ticket.promptTokens
        self.legs[leg].windowTooSmall = max(self.legs[leg].windowTooSmall, window)
        let group = Int(self.legs[leg].group.index)
        guard deployment.group == self.legs[leg].group else { return }
        self.groups[group].members.forEach { position in
            let lane = Int(self.groups[group].lanes[position].index)
            if self.snapshot.deployments[lane].contextWindow ?? 0 <= window {
                self.legs[leg].barred.insert(position)
            }
        }
    }

    /// Retries of an item's other legs, after a rate limit or after another failure, that have been granted and not
    /// started.
    private mutating func retriesUnderWay(of item: Slot, limited: Bool) -> Int {
        guard self.items[item].isRace else { return 0 }
        var count = 0
        var leg = self.items[item].firstLeg
        while leg != .none {
            let place = self.legs[leg].place
            if place == .waiting || place == .delayed, let last = self.legs[leg].last,
                (last.code == .rateLimited) == limited
            {
                count += 1
            }
            leg = self.legs[leg].next
        }
        return count
    }

    /// Finds a leg that may be retried its place in its group: on another lane at once, else on a lane that has failed
    /// it, when its time has come.
    ///
    /// `false` = there is nothing to wait for here, or a fallback is well while all of this is ill.
    private mutating func retry(_ leg: Slot, _ effects: inout [Effect]) -> Bool {
        guard let last = self.legs[leg].last else { preconditionFailure("a retry of what hasn't failed") }
        let group = Int(self.legs[leg].group.index)
        let permitted = self.eligible(leg).subtracting(self.legs[leg].barred)
        let hopeful = permitted.intersection(self.groups[group].recoverable)
        guard !hopeful.isEmpty else { return false }
        let hasFallback = self.healthyFallback(of: leg, after: last.code) != nil
        if hasFallback && !hopeful.intersects(self.groups[group].healthy) { return false }
        let isElsewhere = permitted.subtracting(self.legs[leg].failed).intersects(self.groups[group].healthy)
        guard self.payForRetry(on: isElsewhere ? nil : last.lane) else {
            if hasFallback { return false }
            self.legs[leg].awaitsBudget = true
            let wait = self.retryBudgetWait(on: isElsewhere ? nil : last.lane)
            self.hold(leg, until: self.now.adding(nanoseconds: wait), after: last.code, &effects)
            return true
        }
        if isElsewhere {
            self.place(leg, &effects)
            return true
        }
        if permitted.subtracting(self.legs[leg].tried).isEmpty { self.beginRound(leg, after: last.lane, permitted) }
        let delay = self.delay(of: leg, after: last.code)
        if delay == 0 {
            self.place(leg, &effects)
        } else {
            self.hold(leg, until: self.now.adding(nanoseconds: delay), after: last.code, &effects)
        }
        return true
    }

    /// Every lane has failed it: all may have it again, the one that failed just now last.
    private mutating func beginRound(_ leg: Slot, after lane: LaneID, _ permitted: LaneSet) {
        self.legs[leg].tried = LaneSet()
        let position = self.lanes[Int(lane.index)].position
        if permitted.count > 1 && self.lanes[Int(lane.index)].group == self.legs[leg].group {
            self.legs[leg].tried.insert(position)
        }
    }

    /// A leg's time to wait is over.
    mutating func endDelay(_ leg: Slot, _ effects: inout [Effect]) {
        self.delayedLegs -= 1
        self.legs[leg].place = .idle
        guard self.legs[leg].awaitsBudget else {
            self.place(leg, &effects)
            return
        }
        self.legs[leg].awaitsBudget = false
        if !self.retry(leg, &effects) { self.leave(leg, after: self.legs[leg].last?.code ?? .noRoute, &effects) }
    }

    /// How long a leg waits before a lane that has failed it may have it again.
    private mutating func delay(of leg: Slot, after code: FailureCode) -> UInt64 {
        // The lane's own pause is the wait.
        if code == .rateLimited { return 0 }
        let floor = self.snapshot.routing.retryAfterMilliseconds.multipliedReportingOverflow(by: 1_000_000)
        let least = floor.overflow ? UInt64.max : floor.partialValue
        let isFirst = self.legs[leg].sameLaneRetries == 0
        if isFirst && RetryPolicy.retriesAtOnce(after: code) { return least }
        let delay = RetryPolicy.delay(after: self.legs[leg].previousDelay, using: &self.generator)
        self.legs[leg].previousDelay = delay
        return max(least, delay)
    }

    /// A leg waits for a time.
    ///
    /// If its deadline comes first, it goes to a fallback or fails now, honestly.
    private mutating func hold(_ leg: Slot, until: Instant, after code: FailureCode, _ effects: inout [Effect]) {
        let item = self.legs[leg].item
        if until >= self.items[item].deadline {
            if self.moveToFallback(leg, after: code) {
                self.place(leg, &effects)
            } else {
                self.expire(leg, earliest: until.milliseconds(since: self.now), &effects)
            }
            return
        }
        self.legs[leg].place = .delayed
        self.legs[leg].stamp &+= 1
        self.delayedLegs += 1
        self.retries.insert(TimerHeap.Entry(instant: until, slot: leg, stamp: self.legs[leg].stamp))
        self.armDeadline(item)
    }
}
