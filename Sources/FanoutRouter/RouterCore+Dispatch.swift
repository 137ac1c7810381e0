// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// Taking legs out of queues, lane by lane.
extension RouterCore {
    /// Starts whatever can start.
    ///
    /// Every queue that may have something is in a class's ring, so the cost is that of what is started, and of the
    /// queues that turn out to wait for a lane.
    mutating func pump(_ effects: inout [Effect]) {
        // Who can't start in time ends here, and that may end a run before anything more of it starts.
        repeat {
            while self.failedRuns.isEmpty, self.inFlight < self.snapshot.routing.daemonConcurrency,
                let queue = self.nextQueue()
            {
                self.serve(queue, &effects)
            }
        } while self.failedRuns.isEmpty && self.reviewKeptOff()
    }

    /// The lanes that would take a leg of a queue now.
    @inline(__always)
    mutating func usableLanes(of queue: Slot) -> LaneSet {
        let group = Int(self.queues[queue].key.group.index)
        if !self.isFunded(self.queues[queue].key.purses) { return LaneSet() }
        let free = self.openLanes(of: group, for: self.queues[queue].key.priorityClass)
        // A leg that failed somewhere waits for a healthy lane that hasn't failed it, even if that one is full now.
        if self.queues[queue].key.preferred.intersects(self.groups[group].healthy) {
            return self.queues[queue].key.preferred.intersection(free)
        }
        return self.queues[queue].key.permitted.intersection(free)
    }

    /// Starts one leg of a queue, or finds out why none can start.
    private mutating func serve(_ queue: Slot, _ effects: inout [Effect]) {
        let lanes = self.usableLanes(of: queue)
        guard !lanes.isEmpty else {
            if self.queues[queue].heldLane == nil {
                self.makeStarved(queue)
            } else {
                self.makeKeptOff(queue)
                self.touch(headOf: queue)
            }
            return
        }
        while !self.queues[queue].nodes.isEmpty {
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
            let charge = self.turn(queue: queue, node: node, flow: flow, cost: cost.turnCost)
            self.start(leg, among: fitting, cost, charge, queue: queue, &effects)
            return
        }
    }

    private mutating func start(
        _ leg: Slot,
        among lanes: LaneSet,
        _ cost: RateCounts,
        _ charge: Charge,
        queue: Slot,
        _ effects: inout [Effect]
    ) {
        let group = self.legs[leg].group
        let item = self.legs[leg].item
        let candidates = self.apart(lanes, from: item, group: group)
        guard let position = self.pick(among: candidates, group: Int(group.index), for: item, cost) else {
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
        self.leases[lease].charge = charge
        self.legs[leg].place = .running
        self.legs[leg].lease = lease
        self.legs[leg].stamp &+= 1
        self.countInFlight(of: run, lane: id, starts: true)
        self.tenants[Int(self.runs[run].terms.tenant.index)].inFlight += 1
        self.paces[Int(id.index)].usage.start(UInt64(cost.amount(.tokens)))
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
        self.touch(headsOf: run)
        self.touch(headsOfTenant: Int(self.runs[run].terms.tenant.index))
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
    @inline(__always)
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
                self.enqueue(leg, preferred: key.preferred, permitted: key.permitted, self.cost(of: leg))
            }
            leg = self.legs[leg].next
        }
    }
}
