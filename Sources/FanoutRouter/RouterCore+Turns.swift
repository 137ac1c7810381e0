// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// Who takes part in the turns, and who is next.
///
/// Nothing here walks items: what can't be served now is out of the heaps, with whom it waits for.
extension RouterCore {
    /// Whether a run's own stops hold a flow.
    @inline(__always)
    func isHeld(_ flow: Slot) -> Bool {
        let run = self.flows[flow].run
        if !self.runs[run].purse.takesMore(now: self.now) { return true }
        switch self.flows[flow].kind {
        case .started: return false
        case .head: return self.runs[run].inFlight >= self.runs[run].limit
        case .normal: return self.runs[run].isPaused || self.runs[run].inFlight >= self.runs[run].limit
        }
    }

    /// A flow that has a leg takes its turn among its tenant's, unless its run holds it.
    mutating func attach(_ flow: Slot) {
        if self.isHeld(flow) {
            self.flows[flow].isParked = true
            self.flows.append(flow, to: &self.runs[self.flows[flow].run].parked)
            return
        }
        let node = self.flows[flow].node
        self.flows.enter(flow, &self.nodes[node].flows, from: self.nodes[node].flows.start)
        if self.nodes[node].state == .detached {
            self.attachNode(node)
        } else {
            self.touch(headOf: self.nodes[node].queue)
        }
    }

    private mutating func attachNode(_ node: Slot) {
        let queue = self.nodes[node].queue
        self.nodes[node].state = .attached
        self.nodes.enter(node, &self.queues[queue].nodes, from: self.queues[queue].nodes.start)
        if self.queues[queue].state == .idle {
            self.queues[queue].hungrySince = self.now
            self.makeReady(queue)
        } else {
            self.touch(headOf: queue)
        }
    }

    /// Takes a flow out of the heap or ring that it is in.
    mutating func detach(_ flow: Slot) {
        if self.flows[flow].isParked {
            self.flows[flow].isParked = false
            self.flows.remove(flow, from: &self.runs[self.flows[flow].run].parked)
            return
        }
        let node = self.flows[flow].node
        self.touch(headOf: self.nodes[node].queue)
        self.flows.leave(flow, &self.nodes[node].flows)
        guard self.nodes[node].flows.isEmpty else { return }
        switch self.nodes[node].state {
        case .detached: break
        case .parked: self.nodes.remove(node, from: &self.tenants[Int(self.nodes[node].tenant.index)].parked)
        case .attached: self.removeFromQueue(node)
        }
        self.nodes[node].state = .detached
    }

    private mutating func removeFromQueue(_ node: Slot) {
        let queue = self.nodes[node].queue
        self.nodes.leave(node, &self.queues[queue].nodes)
        if self.queues[queue].nodes.isEmpty { self.makeIdle(queue) }
    }

    /// A flow that its run holds waits with the run.
    mutating func park(_ flow: Slot) {
        self.detach(flow)
        self.flows[flow].isParked = true
        self.flows.append(flow, to: &self.runs[self.flows[flow].run].parked)
    }

    /// A node whose tenant is at its limit waits with the tenant.
    mutating func parkNode(_ node: Slot) {
        self.removeFromQueue(node)
        self.nodes[node].state = .parked
        let tenant = Int(self.nodes[node].tenant.index)
        self.nodes.append(node, to: &self.tenants[tenant].parked)
        self.armTenant(tenant)
    }

    /// A run has a place again, or was resumed: its flows take their turns.
    mutating func unparkFlows(of run: Slot) {
        guard !self.runs[run].parked.isEmpty else { return }
        var flow = self.runs[run].parked.first
        for _ in 0..<self.runs[run].parked.count {
            let next = self.flows[flow].links.next
            if !self.isHeld(flow) {
                self.detach(flow)
                self.attach(flow)
            }
            flow = next
        }
    }

    /// A tenant has a place again.
    mutating func unparkNodes(of tenant: Int) {
        while !self.tenants[tenant].parked.isEmpty {
            let node = self.tenants[tenant].parked.first
            self.nodes.remove(node, from: &self.tenants[tenant].parked)
            self.nodes[node].state = .detached
            self.attachNode(node)
        }
    }

    // MARK: - Queues

    /// A lane may be free for a queue: it takes its turn in its band.
    ///
    /// It goes before the others of its class if a lane has saved up for it, or if it has waited too long for a turn.
    mutating func makeReady(_ queue: Slot, isFirst: Bool = false) {
        let key = self.queues[queue].key
        let rank = Self.index(of: key.priorityClass)
        // Who waited for its lanes keeps what it is owed: others may have been served by lanes that it can't use.
        let start = self.queues[queue].state == .idle ? self.start(inBandOf: queue) : 0
        let since = self.queues[queue].hungrySince
        let isPromoted = isFirst || self.queues[queue].state == .promoted || self.isOverdue(since, rank: rank)
        self.leaveTurns(queue)
        if self.ready[rank].isEmpty && self.promoted[rank].isEmpty { self.hungrySince[rank] = self.now }
        if isPromoted {
            self.queues[queue].state = .promoted
            self.queues.append(queue, to: &self.promoted[rank])
            return
        }
        self.queues[queue].state = .ready
        let band = Self.band(of: key)
        if self.bands[band].ready.isEmpty { self.bands.append(band, to: &self.ready[rank]) }
        self.queues.enter(queue, &self.bands[band].ready, from: start)
    }

    /// Where a queue that had nothing starts: with the one of its band that was served least and has something.
    @inline(__always)
    private func start(inBandOf queue: Slot) -> Int64 {
        let priorityClass = self.queues[queue].key.priorityClass
        let group = Int(self.queues[queue].key.group.index)
        var least = Int64.max
        for other in self.groups[group].queues
        where other != queue && self.queues[other].state != .idle
            && self.queues[other].key.priorityClass == priorityClass
        {
            least = min(least, self.queues[other].served)
        }
        return least == .max ? self.bands[Self.band(of: self.queues[queue].key)].ready.level : least
    }

    mutating func makeStarved(_ queue: Slot) {
        self.leaveTurns(queue)
        self.queues[queue].state = .starved
        self.queues.append(queue, to: &self.groups[Int(self.queues[queue].key.group.index)].starved)
    }

    /// Lanes have room for a queue, but not for its head.
    mutating func makeKeptOff(_ queue: Slot) {
        self.leaveTurns(queue)
        self.queues[queue].state = .keptOff
        self.queues.append(queue, to: &self.groups[Int(self.queues[queue].key.group.index)].keptOff)
        self.keptOffQueues += 1
        self.tenants[Int(self.queues[queue].head.tenant.index)].keptOff += 1
    }

    private mutating func makeIdle(_ queue: Slot) {
        self.leaveTurns(queue)
        self.queues[queue].state = .idle
        self.endHold(of: queue)
    }

    private mutating func leaveTurns(_ queue: Slot) {
        let key = self.queues[queue].key
        let rank = Self.index(of: key.priorityClass)
        switch self.queues[queue].state {
        case .idle: break
        case .ready:
            let band = Self.band(of: key)
            self.queues.leave(queue, &self.bands[band].ready)
            if self.bands[band].ready.isEmpty { self.bands.remove(band, from: &self.ready[rank]) }
        case .promoted: self.queues.remove(queue, from: &self.promoted[rank])
        case .starved: self.queues.remove(queue, from: &self.groups[Int(key.group.index)].starved)
        case .keptOff:
            self.queues.remove(queue, from: &self.groups[Int(key.group.index)].keptOff)
            self.keptOffQueues -= 1
            self.tenants[Int(self.queues[queue].head.tenant.index)].keptOff -= 1
        }
    }

    /// A promoted queue has had its turn.
    private mutating func endPromotion(of queue: Slot, rank: Int) {
        self.queues.remove(queue, from: &self.promoted[rank])
        self.queues[queue].state = .ready
        let band = Self.band(of: self.queues[queue].key)
        if self.bands[band].ready.isEmpty { self.bands.append(band, to: &self.ready[rank]) }
        self.queues.enter(queue, &self.bands[band].ready, from: 0)
    }

    // MARK: - Turns

    /// The queue whose turn it is; `nil` = none, or the daemon has no place for those that there are.
    ///
    /// The most urgent class's, unless a queue of a lower one, or all of it, had no turn for its promotion time. In a
    /// class the promoted go first, then group by group.
    @inline(__always)
    func nextQueue() -> Slot? {
        var choice: Int?
        var full: UInt8?
        for rank in self.ready.indices {
            let first = self.promoted[rank].first
            guard first != .none || !self.ready[rank].isEmpty else { continue }
            let mask = full ?? self.fullMask
            full = mask
            guard mask & (1 << UInt8(rank)) == 0 else { continue }
            var since = self.hungrySince[rank]
            if first != .none { since = min(since, self.queues[first].hungrySince) }
            if choice == nil || self.isOverdue(since, rank: rank) { choice = rank }
        }
        guard let choice else { return nil }
        if !self.promoted[choice].isEmpty { return self.promoted[choice].first }
        return self.bands[self.ready[choice].first].ready.first
    }

    /// Whether who has been hungry since then goes before more urgent classes.
    @inline(__always)
    private func isOverdue(_ since: Instant, rank: Int) -> Bool {
        let classes = self.snapshot.routing.classes
        guard rank > 0, rank < classes.count, classes[rank].promotionMilliseconds > 0 else { return false }
        return since.adding(milliseconds: classes[rank].promotionMilliseconds) <= self.now
    }

    /// A leg of a flow has had its turn: all that it is counted for are charged.
    ///
    /// A tenant's weight, once there are weights, divides the cost at its node.
    mutating func turn(queue: Slot, node: Slot, flow: Slot, cost: UInt32) -> Charge {
        let cost = Int64(cost)
        let key = self.queues[queue].key
        let rank = Self.index(of: key.priorityClass)
        let band = Self.band(of: key)
        let tenants = Int64(max(1, self.queues[queue].nodes.count))
        self.flows.serve(flow, cost: cost, &self.nodes[node].flows)
        self.nodes.serve(node, cost: cost, &self.queues[queue].nodes)
        // A queue stands for its tenants: the more wait in it, the larger its share.
        self.queues.serve(queue, cost: max(1, cost / tenants), &self.bands[band].ready)
        self.queues[queue].hungrySince = self.now
        self.hungrySince[rank] = self.now
        self.bands[band].lastTraffic = self.now
        if self.queues[queue].state == .promoted {
            self.endPromotion(of: queue, rank: rank)
        } else {
            self.bands.rotate(&self.ready[rank])
        }
        let charge = Charge(
            cost: UInt32(cost),
            node: node,
            nodeStamp: self.nodes[node].stamp,
            flow: flow,
            flowStamp: self.flows[flow].stamp
        )
        if self.flows[flow].line.live == 0 { self.dissolve(flow) }
        return charge
    }

    /// What an attempt took in the end is charged to its tenant and its run in place of what was expected.
    ///
    /// Queues keep to what was expected: it is a share of lanes that they compete for, and only while both wait.
    mutating func correct(_ outcome: Outcome, of lease: LeaseRecord) {
        let charge = lease.charge
        let node = charge.node
        let difference = Int64(Self.used(outcome, cost: lease.cost).turnCost) - Int64(charge.cost)
        guard difference != 0, self.nodes[node].stamp == charge.nodeStamp else { return }
        self.nodes.correct(node, by: difference, &self.queues[self.nodes[node].queue].nodes)
        self.touch(headOf: self.nodes[node].queue)
        let run = self.items[lease.item].run
        if self.flows[charge.flow].stamp == charge.flowStamp && !self.flows[charge.flow].isFree {
            self.flows.correct(charge.flow, by: difference, &self.nodes[node].flows)
            return
        }
        // The flow has gone; the run may have another one there.
        for flow in self.runs[run].flows where self.flows[flow].node == node {
            self.flows.correct(flow, by: difference, &self.nodes[node].flows)
            return
        }
        guard self.runs[run].servedBefore.node == node, self.runs[run].servedBefore.nodeStamp == charge.nodeStamp else {
            return
        }
        self.runs[run].servedBefore.served += difference
    }

    static func index(of priorityClass: PriorityClass) -> Int {
        Int(priorityClass.rawValue) - 1
    }

    /// The band of a key's queue: four to a group, in the order of the groups.
    static func band(of key: QueueKey) -> Slot {
        Slot(4 * Int(key.group.index) + Self.index(of: key.priorityClass))
    }
}
