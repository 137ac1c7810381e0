// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// Queues, nodes and flows: who is next.
extension RouterCore {
    /// Puts a leg at its turn in the queue of its lanes.
    mutating func enqueue(_ leg: Slot, preferred: LaneSet, permitted: LaneSet) {
        let item = self.legs[leg].item
        let run = self.items[item].run
        let key = QueueKey(
            priorityClass: self.runs[run].terms.priorityClass,
            group: self.legs[leg].group,
            preferred: preferred,
            permitted: permitted,
            purses: self.tagPurses(of: item)
        )
        let flow = self.flow(of: run, kind: self.kind(of: item, run: run), key: key)
        self.legs[leg].place = .waiting
        self.legs[leg].flow = flow
        self.legs[leg].stamp &+= 1
        self.flows[flow].line.insert(self.entry(of: leg))
        let queue = self.flows[flow].queue
        self.queues[queue].waiting += 1
        if self.items[item].deadline < self.queues[queue].deadlineFloor {
            self.queues[queue].deadlineFloor = self.items[item].deadline
        }
        if self.items[item].ticket.extras?.fallbacks != nil { self.queues[queue].hasOwnFallbacks = true }
        if self.flows[flow].line.live == 1 { self.attach(flow) }
        // Whoever is next now may fit.
        self.endHold(of: queue)
        if self.items[item].attempts > 0 { self.armDeadline(item) }
    }

    private func entry(of leg: Slot) -> WaitingLine.Entry {
        let item = self.legs[leg].item
        return WaitingLine.Entry(
            priority: self.items[item].ticket.priority,
            leg: leg,
            deadline: self.items[item].deadline,
            sequence: self.items[item].sequence,
            stamp: self.legs[leg].stamp
        )
    }

    private func kind(of item: Slot, run: Slot) -> Flow.Kind {
        if self.items[item].leases > 0 { return .started }
        return self.runs[run].isPaused && self.runs[run].head == self.items[item].ticket.index ? .head : .normal
    }

    func isLive(_ entry: WaitingLine.Entry, in flow: Slot) -> Bool {
        WaitingLine.isLive(entry, in: flow, legs: self.legs)
    }

    /// Takes a waiting leg out of turn.
    mutating func withdraw(_ leg: Slot) {
        let flow = self.legs[leg].flow
        let queue = self.flows[flow].queue
        self.legs[leg].place = .idle
        self.legs[leg].flow = .none
        self.queues[queue].waiting -= 1
        self.endHold(of: queue)
        self.flows[flow].line.discardOne(of: flow, legs: self.legs)
        if self.flows[flow].line.live == 0 { self.dissolve(flow) }
    }

    /// Takes the next leg of a flow that has one.
    mutating func popLeg(from flow: Slot) -> Slot? {
        guard let leg = self.flows[flow].line.popFirst(of: flow, legs: self.legs)?.leg else { return nil }
        self.legs[leg].place = .idle
        self.legs[leg].flow = .none
        self.queues[self.flows[flow].queue].waiting -= 1
        return leg
    }

    // MARK: - Flows

    private mutating func flow(of run: Slot, kind: Flow.Kind, key: QueueKey) -> Slot {
        // Nearly always the flow that the run used last.
        let last = self.runs[run].lastFlow
        if last != .none, self.matches(last, run: run, kind: kind, key: key) { return last }
        for flow in self.runs[run].flows where self.matches(flow, run: run, kind: kind, key: key) {
            self.runs[run].lastFlow = flow
            return flow
        }
        let queue = self.queue(for: key)
        let node = self.node(of: self.runs[run].terms.tenant, in: queue)
        let flow = self.flows.take(orAppend: Flow(run: run, node: node, queue: queue, kind: kind))
        self.flows[flow].run = run
        self.flows[flow].node = node
        self.flows[flow].queue = queue
        self.flows[flow].kind = kind
        self.flows[flow].isParked = false
        self.flows[flow].isFree = false
        self.nodes[node].flowCount += 1
        self.runs[run].flows.append(flow)
        self.runs[run].lastFlow = flow
        return flow
    }

    private func matches(_ flow: Slot, run: Slot, kind: Flow.Kind, key: QueueKey) -> Bool {
        let candidate = self.flows[flow].queue
        return !self.flows[flow].isFree && self.flows[flow].run == run && self.flows[flow].kind == kind
            && self.queues[candidate].key == key
    }

    private mutating func queue(for key: QueueKey) -> Slot {
        if let queue = self.queueSlots[key] { return queue }
        let queue = self.queues.insert(WaitQueue(key: key))
        self.queueSlots[key] = queue
        self.groups[Int(key.group.index)].queues.append(queue)
        return queue
    }

    private mutating func node(of tenant: TenantID, in queue: Slot) -> Slot {
        let key = Self.nodeKey(tenant, queue)
        if let node = self.nodeSlots[key] { return node }
        let node = self.nodes.insert(TenantNode(tenant: tenant, queue: queue))
        self.nodeSlots[key] = node
        return node
    }

    static func nodeKey(_ tenant: TenantID, _ queue: Slot) -> UInt64 {
        UInt64(tenant.index) << 32 | UInt64(UInt32(bitPattern: queue))
    }

    /// A flow without a leg is given back, and so are its node and its queue if they are empty too.
    mutating func dissolve(_ flow: Slot) {
        let run = self.flows[flow].run
        self.detach(flow)
        self.flows[flow].isFree = true
        self.flows.release(flow)
        if let index = self.runs[run].flows.firstIndex(of: flow) { self.runs[run].flows.remove(at: index) }
        if self.runs[run].lastFlow == flow { self.runs[run].lastFlow = .none }
        let node = self.flows[flow].node
        self.nodes[node].flowCount -= 1
        guard self.nodes[node].flowCount == 0 else { return }
        let queue = self.nodes[node].queue
        self.nodeSlots[Self.nodeKey(self.nodes[node].tenant, queue)] = nil
        self.nodes.release(node)
        guard self.queues[queue].waiting == 0, self.queues.count > Self.spareQueues else { return }
        let key = self.queues[queue].key
        self.queueSlots[key] = nil
        self.groups[Int(key.group.index)].queues.removeAll { $0 == queue }
        self.queues[queue].isFree = true
        self.queues.release(queue)
    }

    // MARK: - Turns

    /// Whether a run's own stops hold a flow.
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
        self.flows.append(flow, to: &self.nodes[node].flows)
        if self.nodes[node].state == .detached { self.attachNode(node) }
    }

    private mutating func attachNode(_ node: Slot) {
        let queue = self.nodes[node].queue
        self.nodes[node].state = .attached
        self.nodes.append(node, to: &self.queues[queue].nodes)
        if self.queues[queue].state == .idle { self.makeReady(queue) }
    }

    /// Takes a flow out of the ring that it is in.
    private mutating func detach(_ flow: Slot) {
        if self.flows[flow].isParked {
            self.flows[flow].isParked = false
            self.flows.remove(flow, from: &self.runs[self.flows[flow].run].parked)
            return
        }
        let node = self.flows[flow].node
        self.flows.remove(flow, from: &self.nodes[node].flows)
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
        self.nodes.remove(node, from: &self.queues[queue].nodes)
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
        self.nodes.append(node, to: &self.tenants[Int(self.nodes[node].tenant.index)].parked)
    }

    /// A run has a place again, or was resumed: its flows take their turns.
    mutating func unparkFlows(of run: Slot) {
        guard !self.runs[run].parked.isEmpty else { return }
        for flow in self.flows.members(of: self.runs[run].parked) where !self.isHeld(flow) {
            self.detach(flow)
            self.attach(flow)
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

    mutating func makeReady(_ queue: Slot) {
        self.leaveRing(queue)
        self.queues[queue].state = .ready
        self.queues.append(queue, to: &self.ready[Self.index(of: self.queues[queue].key.priorityClass)])
    }

    mutating func makeStarved(_ queue: Slot) {
        self.leaveRing(queue)
        self.queues[queue].state = .starved
        self.queues.append(queue, to: &self.groups[Int(self.queues[queue].key.group.index)].starved)
    }

    private mutating func makeIdle(_ queue: Slot) {
        self.leaveRing(queue)
        self.queues[queue].state = .idle
        self.endHold(of: queue)
    }

    private mutating func leaveRing(_ queue: Slot) {
        switch self.queues[queue].state {
        case .idle: break
        case .ready:
            let index = Self.index(of: self.queues[queue].key.priorityClass)
            self.queues.remove(queue, from: &self.ready[index])
        case .starved:
            let group = Int(self.queues[queue].key.group.index)
            self.queues.remove(queue, from: &self.groups[group].starved)
        }
    }

    static func index(of priorityClass: PriorityClass) -> Int {
        Int(priorityClass.rawValue) - 1
    }
}
