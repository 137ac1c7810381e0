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
        let traits = code.traits
        self.note(lease, code: code, sameLane: traits.retriesSameLane && outcome.shouldRetry != false)
        let mayGoOn = traits.retriesSameLane || traits.retriesOtherLane || traits.fallsBack || code == .contentPolicy
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
        let mayStay = traits.retriesSameLane || traits.retriesOtherLane || code == .contextWindow
        if mayStay, self.mayRetry(leg, on: lease.lane, after: code) {
            let group = Int(self.legs[leg].group.index)
            let permitted = self.eligible(leg).subtracting(self.legs[leg].barred)
            let hopeful = permitted.intersection(self.groups[group].recoverable)
            let mustWait = !hopeful.intersects(self.groups[group].healthy)
            if !hopeful.isEmpty && !(mustWait && self.hasHealthyFallback(leg, after: code)) {
                self.retry(leg, on: lease.lane, among: permitted, after: code, &effects)
                return
            }
        }
        if self.moveToFallback(leg, after: code) {
            self.place(leg, &effects)
        } else {
            self.spend(leg, &effects)
        }
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

    private func mayRetry(_ leg: Slot, on lane: LaneID, after code: FailureCode) -> Bool {
        let item = self.legs[leg].item
        if code == .rateLimited { return true }
        let ticket = self.items[item].ticket
        let group = Int(self.legs[leg].asked.index)
        var reachable = ticket.extras?.fallbacks?.count ?? Int(self.groups[group].reachableFallbacks)
        if ticket.flags.contains(.noFallbacks) { reachable = 0 }
        let left = min(reachable, max(0, Int(self.snapshot.routing.maxFallbacks) - Int(self.legs[leg].entered)))
        return RetryPolicy.mayRetry(
            attemptsMax: ticket.attemptsMax,
            charged: self.items[item].charged + self.items[item].leases,
            retriesUsed: self.legs[leg].retriesUsed,
            configured: self.lanes[Int(lane.index)].retries ?? self.groups[group].retries,
            fallbacksLeft: left
        )
    }

    /// Whether the next fallback group could serve at once, so that there is no point in waiting here.
    mutating func hasHealthyFallback(_ leg: Slot, after code: FailureCode) -> Bool {
        guard let next = self.nextFallback(of: leg, after: code, commits: false) else { return false }
        return self.eligible(leg, in: next.group).intersects(self.groups[Int(self.host(of: next.group).index)].healthy)
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

    private mutating func retry(
        _ leg: Slot,
        on lane: LaneID,
        among permitted: LaneSet,
        after code: FailureCode,
        _ effects: inout [Effect]
    ) {
        let group = Int(self.legs[leg].group.index)
        if permitted.subtracting(self.legs[leg].failed).intersects(self.groups[group].healthy) {
            self.place(leg, &effects)
            return
        }
        if permitted.subtracting(self.legs[leg].tried).isEmpty {
            // A new round. The lane that failed just now comes last again.
            self.legs[leg].tried = LaneSet()
            let position = self.lanes[Int(lane.index)].position
            if permitted.count > 1 && self.lanes[Int(lane.index)].group == self.legs[leg].group {
                self.legs[leg].tried.insert(position)
            }
        }
        let delay = self.delay(of: leg, after: code)
        if delay == 0 {
            self.place(leg, &effects)
        } else {
            self.hold(leg, until: self.now.adding(nanoseconds: delay), after: code, &effects)
        }
    }

    /// How long a leg waits before a lane that has failed it may have it again.
    private mutating func delay(of leg: Slot, after code: FailureCode) -> UInt64 {
        // The lane's own pause is the wait.
        if code == .rateLimited { return 0 }
        let floor = self.snapshot.routing.retryAfterMilliseconds.multipliedReportingOverflow(by: 1_000_000)
        let least = floor.overflow ? UInt64.max : floor.partialValue
        let isFirst = self.legs[leg].sameLaneRetries == 0
        self.legs[leg].sameLaneRetries &+= 1
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
