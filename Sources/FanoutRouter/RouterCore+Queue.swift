// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// Queues, nodes and flows: where legs wait.
extension RouterCore {
    /// Puts a leg at its turn in the queue of its lanes.
    mutating func enqueue(_ leg: Slot, preferred: LaneSet, permitted: LaneSet, _ cost: RateCounts) {
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
        self.legs[leg].cost = cost.turnCost
        self.flows[flow].line.insert(self.entry(of: leg))
        self.count(leg, in: flow, by: 1)
        let queue = self.flows[flow].queue
        if self.items[item].deadline < self.queues[queue].deadlineFloor {
            self.queues[queue].deadlineFloor = self.items[item].deadline
        }
        if self.items[item].ticket.extras?.fallbacks != nil { self.queues[queue].hasOwnFallbacks = true }
        self.noteTraffic(in: Self.band(of: key))
        if self.flows[flow].line.live == 1 { self.attach(flow) }
        // Whoever is next now may fit.
        self.headMayChange(of: queue)
        if self.items[item].attempts > 0 { self.armDeadline(item) }
    }

    @inline(__always)
    func entry(of leg: Slot) -> WaitingLine.Entry {
        let item = self.legs[leg].item
        return WaitingLine.Entry(
            priority: self.items[item].ticket.priority,
            leg: leg,
            deadline: self.items[item].deadline,
            sequence: self.items[item].sequence,
            stamp: self.legs[leg].stamp
        )
    }

    @inline(__always)
    private func kind(of item: Slot, run: Slot) -> Flow.Kind {
        if self.items[item].leases > 0 { return .started }
        return self.runs[run].isPaused && self.runs[run].head == self.items[item].ticket.index ? .head : .normal
    }

    mutating func isLive(_ entry: WaitingLine.Entry, in flow: Slot) -> Bool {
        WaitingLine.isLive(entry, in: flow, legs: self.legs)
    }

    /// Takes a waiting leg out of turn.
    mutating func withdraw(_ leg: Slot) {
        let flow = self.legs[leg].flow
        let queue = self.flows[flow].queue
        self.count(leg, in: flow, by: -1)
        self.legs[leg].place = .idle
        self.legs[leg].flow = .none
        self.headMayChange(of: queue)
        self.flows[flow].line.discardOne(of: flow, legs: self.legs)
        if self.flows[flow].line.live == 0 { self.dissolve(flow) }
    }

    /// Takes the next leg of a flow that has one.
    mutating func popLeg(from flow: Slot) -> Slot? {
        guard let leg = self.flows[flow].line.popFirst(of: flow, legs: self.legs)?.leg else { return nil }
        self.count(leg, in: flow, by: -1)
        self.legs[leg].place = .idle
        self.legs[leg].flow = .none
        return leg
    }

    /// Counts a leg that comes (1) or goes (-1) into what waits.
    private mutating func count(_ leg: Slot, in flow: Slot, by sign: Int) {
        let cost = Int64(self.legs[leg].cost) * Int64(sign)
        let queue = self.flows[flow].queue
        self.queues[queue].waiting += sign
        self.queues[queue].cost += cost
        self.nodes[self.flows[flow].node].cost += cost
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
        self.flows[flow].stamp &+= 1
        self.flows[flow].isParked = false
        self.flows[flow].isFree = false
        self.flows[flow].served = self.servedBefore(run, by: node)
        if self.nodes[node].flowCount == 0 { self.nodes.remove(node, from: &self.idleNodes) }
        self.nodes[node].flowCount += 1
        self.runs[run].flows.append(flow)
        self.runs[run].lastFlow = flow
        return flow
    }

    @inline(__always)
    private func servedBefore(_ run: Slot, by node: Slot) -> Int64 {
        let before = self.runs[run].servedBefore
        return before.node == node && before.nodeStamp == self.nodes[node].stamp ? before.served : 0
    }

    @inline(__always)
    private func matches(_ flow: Slot, run: Slot, kind: Flow.Kind, key: QueueKey) -> Bool {
        let candidate = self.flows[flow].queue
        return !self.flows[flow].isFree && self.flows[flow].run == run && self.flows[flow].kind == kind
            && self.queues[candidate].key == key
    }

    private mutating func queue(for key: QueueKey) -> Slot {
        if let queue = self.queueSlots[key] { return queue }
        let queue = self.queues.take(orAppend: WaitQueue(key: key))
        let stamp = self.queues[queue].stamp &+ 1
        self.queues[queue] = WaitQueue(key: key)
        self.queues[queue].stamp = stamp
        self.queueSlots[key] = queue
        self.groups[Int(key.group.index)].queues.append(queue)
        return queue
    }

    /// The node of a tenant in a queue; in the ring of idle ones if it has no flow.
    private mutating func node(of tenant: TenantID, in queue: Slot) -> Slot {
        let key = Self.nodeKey(tenant, queue)
        let stamp = self.queues[queue].stamp
        if let node = self.nodeSlots[key] {
            if self.nodes[node].queueStamp != stamp { self.resetNode(node, tenant, queue) }
            return node
        }
        let node = self.nodes.take(orAppend: TenantNode(tenant: tenant, queue: queue, queueStamp: stamp))
        self.resetNode(node, tenant, queue)
        self.nodeSlots[key] = node
        self.nodes.append(node, to: &self.idleNodes)
        return node
    }

    private mutating func resetNode(_ node: Slot, _ tenant: TenantID, _ queue: Slot) {
        self.nodes[node].tenant = tenant
        self.nodes[node].queue = queue
        self.nodes[node].queueStamp = self.queues[queue].stamp
        self.nodes[node].stamp &+= 1
        self.nodes[node].served = 0
        self.nodes[node].flows.reset()
    }

    static func nodeKey(_ tenant: TenantID, _ queue: Slot) -> UInt64 {
        UInt64(tenant.index) << 32 | UInt64(UInt32(bitPattern: queue))
    }

    /// A flow without a leg is given back, and so are idle nodes and empty queues beyond the spare ones.
    mutating func dissolve(_ flow: Slot) {
        let run = self.flows[flow].run
        let node = self.flows[flow].node
        let queue = self.flows[flow].queue
        self.detach(flow)
        self.flows[flow].isFree = true
        self.flows.release(flow)
        if let index = self.runs[run].flows.firstIndex(of: flow) { self.runs[run].flows.remove(at: index) }
        if self.runs[run].lastFlow == flow { self.runs[run].lastFlow = .none }
        self.runs[run].servedBefore = ServedBefore(
            node: node,
            nodeStamp: self.nodes[node].stamp,
            served: self.flows[flow].served
        )
        self.nodes[node].flowCount -= 1
        if self.nodes[node].flowCount == 0 { self.retireNode(node) }
        guard self.queues[queue].waiting == 0, self.queues.count > Self.spareQueues else { return }
        let key = self.queues[queue].key
        self.queueSlots[key] = nil
        self.groups[Int(key.group.index)].queues.removeAll { $0 == queue }
        self.queues[queue].isFree = true
        self.queues.release(queue)
    }

    /// A node without flows keeps its counter; the one that has been idle longest makes room.
    private mutating func retireNode(_ node: Slot) {
        self.nodes.append(node, to: &self.idleNodes)
        guard self.idleNodes.count > Self.spareNodes else { return }
        let oldest = self.idleNodes.first
        self.nodes.remove(oldest, from: &self.idleNodes)
        self.nodeSlots[Self.nodeKey(self.nodes[oldest].tenant, self.nodes[oldest].queue)] = nil
        self.nodes[oldest].stamp &+= 1
        self.nodes[oldest].flows.reset()
        self.nodes.release(oldest)
    }
}
