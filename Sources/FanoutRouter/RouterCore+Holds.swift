// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// What is too big for the moment: a lane saves up for it.
///
/// A queue whose head fits no lane that has room takes a hold on the lane that can have it first. Until then others
/// pass there only if they don't delay it, or are more urgent; on other lanes everything goes on. A queue has one hold
/// at most, a lane (and its account) serves one at a time, and no hold outlives the instant it waits for.
extension RouterCore {
    /// The lanes, of those that have room, whose limits take a leg's cost now.
    mutating func fitting(_ lanes: LaneSet, _ cost: RateCounts, queue: Slot) -> LaneSet {
        let group = Int(self.queues[queue].key.group.index)
        guard self.groups[group].hasLimits else { return lanes }
        var result = lanes
        lanes.forEach { position in
            let lane = Int(self.groups[group].lanes[position].index)
            if !self.fits(lane, cost, queue: queue) { result.remove(position) }
        }
        return result
    }

    mutating func fits(_ lane: Int, _ cost: RateCounts, queue: Slot) -> Bool {
        let rank = Self.index(of: self.queues[queue].key.priorityClass)
        let headroom = self.headroom(lane, rank: rank)
        let own = self.lanes[lane].limits.admits(cost, headroom: headroom, queue: queue, rank: rank, now: self.now)
        let account = Int(self.lanes[lane].account)
        guard own, account >= 0 else { return own }
        return self.accounts[account].limits
            .admits(cost, headroom: headroom, queue: queue, rank: rank, now: self.now)
    }

    /// The share of a lane's limits that a class leaves to more urgent ones.
    mutating func headroom(_ lane: Int, rank: Int) -> Double {
        let classes = self.snapshot.routing.classes
        let own = self.lanes[lane].limits.headroom(rank: rank, classes: classes, now: self.now)
        let account = Int(self.lanes[lane].account)
        guard account >= 0 else { return own }
        return max(own, self.accounts[account].limits.headroom(rank: rank, classes: classes, now: self.now))
    }

    /// The head of a queue fits none of the lanes that have room: one of them saves up for it.
    mutating func hold(_ queue: Slot, _ leg: Slot, _ cost: RateCounts, among lanes: LaneSet, _ effects: inout [Effect])
    {
        if case .tooLate = self.prospect(of: leg, cost) {
            self.withdraw(leg)
            self.place(leg, &effects)
            return
        }
        let group = Int(self.queues[queue].key.group.index)
        let rank = Self.index(of: self.queues[queue].key.priorityClass)
        let previous = self.queues[queue].heldLane
        self.dropHold(of: queue)
        var best: (lane: Int, at: Instant)?
        var elsewhere = Instant.never
        lanes.forEach { position in
            let lane = Int(self.groups[group].lanes[position].index)
            self.see(rank, at: lane)
            let ready = self.limitsReadyAt(lane, cost, headroom: self.headroom(lane, rank: rank))
            self.lookAgain(at: lane, rank: rank, before: ready)
            guard !self.isHeld(lane, against: rank) else {
                self.lookAgain(at: lane, whenPassing: cost, queue, ready)
                return
            }
            if ready < best?.at ?? .never {
                elsewhere = best?.at ?? .never
                best = (lane, ready)
            } else {
                elsewhere = min(elsewhere, ready)
            }
        }
        // Who was kept off by its hold elsewhere gets a turn.
        if let previous, Int(previous.index) != best?.lane { self.wakeAll(at: Int(previous.index)) }
        self.queues[queue].head = WaitQueue.Head(
            leg: leg,
            stamp: self.legs[leg].stamp,
            tenant: self.runs[self.items[self.legs[leg].item].run].terms.tenant,
            cost: cost
        )
        self.makeKeptOff(queue)
        guard let best else { return }
        self.dropHold(at: best.lane)
        let hold = RateGate.Hold(queue: queue, rank: rank, cost: cost, until: best.at, elsewhere: elsewhere)
        self.lanes[best.lane].limits.hold = hold
        let account = Int(self.lanes[best.lane].account)
        if account >= 0 { self.accounts[account].limits.hold = hold }
        self.queues[queue].heldLane = LaneID(best.lane)
        self.armLane(LaneID(best.lane))
        // Who was kept off by what it takes the place of may pass this one.
        self.touch(lane: best.lane)
        if account >= 0 { self.touchLanes(of: account) }
    }

    private mutating func see(_ rank: Int, at lane: Int) {
        self.lanes[lane].limits.see(rank: rank, now: self.now)
        let account = Int(self.lanes[lane].account)
        if account >= 0 { self.accounts[account].limits.see(rank: rank, now: self.now) }
    }

    /// Whether a lane, or its account, saves up for a queue of as urgent a class already.
    mutating func isHeld(_ lane: Int, against rank: Int) -> Bool {
        if let hold = self.lanes[lane].limits.hold, hold.rank <= rank, self.now < hold.until { return true }
        let account = Int(self.lanes[lane].account)
        guard account >= 0, let hold = self.accounts[account].limits.hold else { return false }
        return hold.rank <= rank && self.now < hold.until
    }

    /// A lane will have what the head of a queue takes at an instant: it goes then if it delays nobody.
    mutating func lookAgain(at lane: Int, whenPassing cost: RateCounts, _ queue: Slot, _ ready: Instant) {
        guard ready > self.now, ready < self.lanes[lane].lookAt else { return }
        let rank = Self.index(of: self.queues[queue].key.priorityClass)
        guard self.lanes[lane].limits.passesHold(cost, queue: queue, rank: rank, now: ready) else { return }
        let account = Int(self.lanes[lane].account)
        if account >= 0 {
            let passes = self.accounts[account].limits.passesHold(cost, queue: queue, rank: rank, now: ready)
            guard passes else { return }
        }
        self.lookAgain(at: lane, when: ready)
    }

    /// A queue that is kept off a lane may have it sooner once less is left for more urgent classes there.
    private mutating func lookAgain(at lane: Int, rank: Int, before ready: Instant) {
        let classes = self.snapshot.routing.classes
        var end = self.lanes[lane].limits.headroomEnds(rank: rank, classes: classes, now: self.now)
        let account = Int(self.lanes[lane].account)
        if account >= 0 {
            end = min(end, self.accounts[account].limits.headroomEnds(rank: rank, classes: classes, now: self.now))
        }
        if end < ready { self.lookAgain(at: lane, when: end) }
    }

    /// The queues that are kept off get a turn then.
    private mutating func lookAgain(at lane: Int, when instant: Instant) {
        guard instant < self.lanes[lane].lookAt else { return }
        self.lanes[lane].lookAt = instant
        self.armLane(LaneID(lane))
    }

    /// Gives up the hold of a queue, if it has one.
    private mutating func dropHold(of queue: Slot) {
        guard let lane = self.queues[queue].heldLane else { return }
        self.queues[queue].heldLane = nil
        let index = Int(lane.index)
        if self.lanes[index].limits.hold?.queue == queue { self.lanes[index].limits.hold = nil }
        for account in self.accounts.indices where self.accounts[account].limits.hold?.queue == queue {
            self.accounts[account].limits.hold = nil
        }
    }

    /// Gives up whatever a lane and its account save up for; less urgent queues look for another lane.
    private mutating func dropHold(at lane: Int) {
        if let hold = self.lanes[lane].limits.hold { self.displace(hold.queue) }
        let account = Int(self.lanes[lane].account)
        if account >= 0, let hold = self.accounts[account].limits.hold { self.displace(hold.queue) }
    }

    private mutating func displace(_ queue: Slot) {
        self.dropHold(of: queue)
        if self.queues[queue].isWaiting { self.makeReady(queue) }
    }

    /// A queue's head has started, or is another one: who was kept off by its hold gets a turn, and it comes last.
    mutating func endHold(of queue: Slot) {
        guard let lane = self.queues[queue].heldLane else { return }
        self.dropHold(of: queue)
        self.wakeAll(at: Int(lane.index))
        if self.queues[queue].state != .idle { self.makeReady(queue) }
    }

    /// A lane's level has changed: what it saves up for may be there sooner or later than thought.
    ///
    /// If it is there, the queue that it is for goes first.
    mutating func reviewHold(at lane: Int) {
        guard var hold = self.lanes[lane].limits.hold else { return }
        let account = Int(self.lanes[lane].account)
        hold.until = self.limitsReadyAt(lane, hold.cost, headroom: self.headroom(lane, rank: hold.rank))
        if hold.until > self.now {
            // Another lane may have it sooner now.
            let isLate = hold.until > hold.elsewhere
            if isLate { hold.elsewhere = .never }
            self.lanes[lane].limits.hold = hold
            if account >= 0 { self.accounts[account].limits.hold = hold }
            if isLate, self.queues[hold.queue].isWaiting { self.makeReady(hold.queue) }
            return
        }
        self.dropHold(of: hold.queue)
        if self.queues[hold.queue].isWaiting { self.makeReady(hold.queue, isFirst: true) }
        self.wakeAll(at: lane)
    }

    /// Wakes the groups whose queues may wait for a lane or for its account.
    private mutating func wakeAll(at lane: Int) {
        self.wake(Int(self.lanes[lane].group.index))
        let account = Int(self.lanes[lane].account)
        guard account >= 0 else { return }
        for other in self.accounts[account].lanes where Int(other.index) != lane {
            self.wake(Int(self.lanes[Int(other.index)].group.index))
        }
    }
}
