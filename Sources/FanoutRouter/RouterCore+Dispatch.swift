// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// Taking legs out of queues, lane by lane.
extension RouterCore {
    /// A class that was ready and passed over this often is served once: no class starves another for good.
    static let passedOverMax = 100

    /// Starts whatever can start.
    ///
    /// Every queue that may have something is in a class's ring, so the cost is that of what is started, and of the
    /// queues that turn out to wait for a lane.
    mutating func pump(_ effects: inout [Effect]) {
        // Who can't start in time ends here, and that may end a run before anything more of it starts.
        while self.failedRuns.isEmpty, self.inFlight < self.snapshot.routing.daemonConcurrency,
            let queue = self.nextQueue()
        {
            self.serve(queue, &effects)
        }
    }

    /// The queue whose turn it is: the most urgent class's, unless a lower one was passed over too often.
    private func nextQueue() -> Slot? {
        var choice: Int?
        for index in self.ready.indices where !self.ready[index].isEmpty {
            guard let chosen = choice else {
                choice = index
                continue
            }
            if self.passedOver[index] >= Self.passedOverMax && self.passedOver[chosen] < self.passedOver[index] {
                choice = index
            }
        }
        return choice.map { self.ready[$0].first }
    }

    /// The lanes that would take a leg of a queue now.
    func usableLanes(of queue: Slot) -> LaneSet {
        let group = Int(self.queues[queue].key.group.index)
        if !self.isFunded(self.queues[queue].key.purses) { return LaneSet() }
        // A leg that failed somewhere waits for a healthy lane that hasn't failed it, even if that one is full now.
        if self.queues[queue].key.preferred.intersects(self.groups[group].healthy) {
            return self.queues[queue].key.preferred.intersection(self.groups[group].available)
        }
        return self.queues[queue].key.permitted.intersection(self.groups[group].available)
    }

    /// Whether a tenant has all in flight that it may, or no money for more.
    func isFull(_ tenant: Int) -> Bool {
        self.tenants[tenant].inFlight >= self.snapshot.routing.tenantConcurrency
            || !self.purses[self.tenants[tenant].purse].purse.takesMore(now: self.now)
    }

    /// Starts one leg of a queue, or finds out why none can start.
    private mutating func serve(_ queue: Slot, _ effects: inout [Effect]) {
        let lanes = self.usableLanes(of: queue)
        guard !lanes.isEmpty else {
            self.makeStarved(queue)
            return
        }
        while self.queues[queue].state == .ready {
            let node = self.queues[queue].nodes.first
            let tenant = Int(self.nodes[node].tenant.index)
            if self.isFull(tenant) {
                self.parkNode(node)
                continue
            }
            let flow = self.nodes[node].flows.first
            if self.isHeld(flow) {
                self.park(flow)
                continue
            }
            guard let next = self.flows[flow].line.peekFirst(of: flow, legs: self.legs) else {
                preconditionFailure("a flow in turn has no leg: \(self.flows[flow])")
            }
            let cost = self.cost(of: next)
            let fitting = self.fitting(lanes, cost, queue: queue)
            guard !fitting.isEmpty else {
                self.hold(queue, next, cost, among: lanes, &effects)
                return
            }
            guard let leg = self.popLeg(from: flow) else { preconditionFailure("leg \(next) is gone") }
            self.turn(queue: queue, node: node, flow: flow)
            self.start(leg, among: fitting, cost, queue: queue, &effects)
            return
        }
    }

    /// The served flow, its tenant and its queue go to the end of their rings; the classes below were passed over.
    private mutating func turn(queue: Slot, node: Slot, flow: Slot) {
        let served = Self.index(of: self.queues[queue].key.priorityClass)
        self.passedOver[served] = 0
        for index in self.ready.indices where index > served && !self.ready[index].isEmpty {
            self.passedOver[index] += 1
        }
        self.flows.rotate(&self.nodes[node].flows)
        self.nodes.rotate(&self.queues[queue].nodes)
        self.queues.rotate(&self.ready[served])
        if self.flows[flow].line.live == 0 { self.dissolve(flow) }
    }

    private mutating func start(
        _ leg: Slot,
        among lanes: LaneSet,
        _ cost: RateCounts,
        queue: Slot,
        _ effects: inout [Effect]
    ) {
        let group = self.legs[leg].group
        let item = self.legs[leg].item
        let candidates = self.apart(lanes, from: item, group: group)
        guard let position = self.pick(among: candidates, group: Int(group.index), for: item) else {
            preconditionFailure("no lane to pick among \(lanes) of group \(group.index)")
        }
        let id = self.groups[Int(group.index)].lanes[position]
        let run = self.items[item].run
        if self.items[item].leases == 0 {
            self.runs[run].inFlight += 1
            self.queuedItems -= 1
        }
        self.items[item].leases += 1
        self.items[item].attempts += 1
        self.countStart(of: leg, on: id)
        let isProbe = self.lanes[Int(id.index)].state == .halfOpen
        let lease = self.grant(leg: leg, item: item, lane: id, isProbe: isProbe)
        self.legs[leg].place = .running
        self.legs[leg].lease = lease
        self.legs[leg].stamp &+= 1
        self.inFlight += 1
        self.tenants[Int(self.runs[run].terms.tenant.index)].inFlight += 1
        self.lanes[Int(id.index)].inFlight += 1
        self.paces[Int(id.index)].usage.start(self.usageEstimate(of: item))
        self.reserve(lease, &effects)
        if isProbe { self.lanes[Int(id.index)].probe = self.leases[lease].number }
        effects.append(
            .start(
                Dispatch(
                    item: ItemID(run: self.runs[run].id, index: self.items[item].ticket.index),
                    lease: LeaseID(self.leases[lease].number),
                    lane: id,
                    group: self.legs[leg].asked,
                    attempt: self.items[item].attempts,
                    leg: self.legs[leg].number,
                    fallback: self.legs[leg].entered,
                    listed: self.legs[leg].listed
                )
            )
        )
        let rank = Self.index(of: self.runs[run].terms.priorityClass)
        self.reserveLimits(cost, for: lease, rank: rank, &effects)
        self.refresh(id, &effects)
        self.endHold(of: queue)
        if self.items[item].isRace, !self.hasAttemptsLeft(item) { self.dropUnstartedLegs(of: item) }
        if self.items[item].leases == 1 {
            if self.items[item].isRace { self.moveWaitingLegs(of: item) }
            if self.items[item].sharing == .member { self.lead(item, &effects) }
        }
    }

    private mutating func grant(leg: Slot, item: Slot, lane: LaneID, isProbe: Bool) -> Slot {
        let attempt = self.items[item].attempts
        let slot = self.leases.insert(
            LeaseRecord(
                number: 0,
                leg: leg,
                item: item,
                lane: lane,
                isProbe: isProbe,
                attempt: attempt,
                turn: self.lanes[Int(lane.index)].turns,
                startedAt: self.now
            )
        )
        // The low bits find the record, the rest is never reused; 2^40 leases are years at any rate there is.
        precondition(slot < 1 << 24, "too many leases at once")
        self.leases[slot].number = self.nextLease << 24 | UInt64(slot)
        self.nextLease += 1
        return slot
    }

    /// Legs of one race go to different lanes where they can.
    private func apart(_ lanes: LaneSet, from item: Slot, group: GroupID) -> LaneSet {
        guard self.items[item].leases > 0 else { return lanes }
        var rest = lanes
        var leg = self.items[item].firstLeg
        while leg != .none {
            let lease = self.legs[leg].lease
            if lease != .none {
                let lane = self.lanes[Int(self.leases[lease].lane.index)]
                if lane.group == group { rest.remove(lane.position) }
            }
            leg = self.legs[leg].next
        }
        return rest.isEmpty ? lanes : rest
    }

    /// Puts an item's waiting legs into the flow that its state calls for: an item in flight waits neither for its
    /// run's width nor for its pause.
    mutating func moveWaitingLegs(of item: Slot) {
        var leg = self.items[item].firstLeg
        while leg != .none {
            if self.legs[leg].place == .waiting {
                let key = self.queues[self.flows[self.legs[leg].flow].queue].key
                self.withdraw(leg)
                self.enqueue(leg, preferred: key.preferred, permitted: key.permitted)
            }
            leg = self.legs[leg].next
        }
    }
}
