// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// What ought to hold of queues, turns and floors.
extension RouterCore {
    mutating func checkQueues() -> [String] {
        var faults: [String] = []
        var waiting: [Slot: (count: Int, cost: Int64)] = [:]
        for leg in self.legs.slots() where self.legs[leg].place == .waiting {
            let queue = self.flows[self.legs[leg].flow].queue
            let row = waiting[queue] ?? (0, 0)
            waiting[queue] = (row.count + 1, row.cost + Int64(self.legs[leg].cost))
        }
        for slot in self.queues.slots() {
            let queue = self.queues[slot]
            let row = waiting[slot] ?? (0, 0)
            if queue.waiting != row.count { faults.append("queue \(slot) counts \(queue.waiting) waiting") }
            if queue.cost != row.cost { faults.append("queue \(slot) counts a cost of \(queue.cost), has \(row.cost)") }
            if (queue.state == .idle) != queue.nodes.isEmpty { faults.append("queue \(slot) is \(queue.state)") }
            if (queue.state == .ready) != (queue.place >= 0) { faults.append("queue \(slot) is at \(queue.place)") }
            let rank = Self.index(of: queue.key.priorityClass)
            let isThere =
                switch queue.state {
                case .idle: true
                case .ready: self.bands[Self.band(of: queue.key)].ready.members.contains(slot)
                case .promoted: self.queues.members(of: self.promoted[rank]).contains(slot)
                case .starved:
                    self.queues.members(of: self.groups[Int(queue.key.group.index)].starved).contains(slot)
                case .keptOff:
                    self.queues.members(of: self.groups[Int(queue.key.group.index)].keptOff).contains(slot)
                }
            if !isThere { faults.append("queue \(slot) is \(queue.state) elsewhere") }
            if self.queueSlots[queue.key] != slot { faults.append("queue \(slot) has lost its name") }
            faults += self.nodes.faults(of: queue.nodes)
        }
        faults += self.checkKeptOff()
        for slot in self.bands.slots() {
            let band = self.bands[slot]
            let rank = Self.index(of: band.priorityClass)
            faults += self.queues.faults(of: band.ready)
            if self.bands.members(of: self.ready[rank]).contains(slot) == band.ready.isEmpty {
                faults.append("band \(slot) is in the wrong place")
            }
            if slot != Slot(4 * Int(band.group.index) + rank) { faults.append("band \(slot) isn't where it belongs") }
        }
        return faults
    }

    private mutating func checkKeptOff() -> [String] {
        var faults: [String] = []
        let keptOff = self.queues.slots().filter { self.queues[$0].state == .keptOff }
        if keptOff.count != self.keptOffQueues { faults.append("counts \(self.keptOffQueues) queues kept off") }
        for (index, tenant) in self.tenants.copy.enumerated() {
            let count = keptOff.count { Int(self.queues[$0].head.tenant.index) == index }
            if tenant.keptOff != count { faults.append("tenant \(index) counts \(tenant.keptOff) of \(count) heads") }
        }
        if !self.touchedGroups.isEmpty { faults.append("groups \(self.touchedGroups) were not looked at") }
        return faults
    }

    mutating func checkNodes() -> [String] {
        var faults: [String] = []
        var flowCounts: [Slot: Int] = [:]
        var costs: [Slot: Int64] = [:]
        for flow in self.flows.slots() { flowCounts[self.flows[flow].node, default: 0] += 1 }
        for leg in self.legs.slots() where self.legs[leg].place == .waiting {
            costs[self.flows[self.legs[leg].flow].node, default: 0] += Int64(self.legs[leg].cost)
        }
        let idle = self.nodes.members(of: self.idleNodes)
        for slot in self.nodes.slots() {
            let node = self.nodes[slot]
            if node.flowCount != flowCounts[slot] ?? 0 { faults.append("node \(slot) counts \(node.flowCount) flows") }
            if node.cost != costs[slot] ?? 0 { faults.append("node \(slot) counts a cost of \(node.cost)") }
            if (node.state == .detached) != node.flows.isEmpty { faults.append("node \(slot) is \(node.state)") }
            if (node.state == .attached) != (node.place >= 0) { faults.append("node \(slot) is at \(node.place)") }
            if idle.contains(slot) != (node.flowCount == 0) { faults.append("node \(slot) is idle in half") }
            if self.nodeSlots[Self.nodeKey(node.tenant, node.queue)] != slot { faults.append("node \(slot) is lost") }
            if node.state == .parked && !self.isFull(Int(node.tenant.index)) {
                faults.append("node \(slot) is parked for nothing")
            }
            if node.state == .attached, !self.queues[node.queue].nodes.members.contains(slot) {
                faults.append("node \(slot) isn't in its queue")
            }
            faults += self.flows.faults(of: node.flows)
        }
        if idle.count > Self.spareNodes { faults.append("\(idle.count) idle nodes") }
        return faults
    }

    mutating func checkFlows() -> [String] {
        var faults: [String] = []
        for slot in self.flows.slots() {
            let flow = self.flows[slot]
            if flow.line.live == 0 { faults.append("flow \(slot) is empty") }
            if flow.line.entries.count(where: { self.isLive($0, in: slot) }) != flow.line.live {
                faults.append("flow \(slot) miscounts")
            }
            if flow.line.stored > 2 * flow.line.live + 33 { faults.append("flow \(slot) keeps the dead") }
            if flow.isParked && !self.isHeld(slot) { faults.append("flow \(slot) is parked for nothing") }
            let isThere =
                flow.isParked
                ? self.flows.members(of: self.runs[flow.run].parked).contains(slot)
                : self.nodes[flow.node].flows.members.contains(slot)
            if !isThere { faults.append("flow \(slot) is in no line") }
            if !self.runs[flow.run].flows.contains(slot) { faults.append("flow \(slot) isn't its run's") }
            if self.nodes[flow.node].queue != flow.queue { faults.append("flow \(slot) is in two queues") }
        }
        return faults
    }

    mutating func checkFloors() -> [String] {
        var faults: [String] = []
        var byClass = SIMD4<UInt32>()
        var byLane = [SIMD4<UInt32>](repeating: SIMD4(), count: self.lanes.count)
        for slot in self.leases.slots() {
            let lease = self.leases[slot]
            let rank = Self.index(of: self.runs[self.items[lease.item].run].terms.priorityClass)
            byClass[rank] += 1
            byLane[Int(lease.lane.index)][rank] += 1
        }
        if byClass != self.inFlightByClass { faults.append("counts \(self.inFlightByClass) in flight, has \(byClass)") }
        for (index, lane) in self.lanes.copy.enumerated() {
            if lane.inFlightByClass != byLane[index] { faults.append("lane \(index) miscounts its classes") }
            let mask = lane.state == .closed ? self.keptMask(of: index) : 0
            if lane.keptMask != mask { faults.append("lane \(index) keeps \(lane.keptMask) in place of \(mask)") }
            let group = self.groups[Int(lane.group.index)]
            for rank in group.kept.indices
            where group.kept[rank].contains(lane.position) != (mask & (1 << UInt8(rank)) != 0) {
                faults.append("lane \(index) is kept in half")
            }
        }
        var withFloor = [Int](repeating: 0, count: self.bandsWithFloor.count)
        for slot in self.bands.slots() where self.bands[slot].keepsFloor {
            let rank = Self.index(of: self.bands[slot].priorityClass)
            withFloor[rank] += 1
            if self.groups[Int(self.bands[slot].group.index)].floors & (1 << UInt8(rank)) == 0 {
                faults.append("band \(slot) keeps its floor in half")
            }
        }
        if withFloor != self.bandsWithFloor || withFloor.reduce(0, +) != self.floorTimers.count {
            faults.append("\(withFloor) floors, \(self.floorTimers.count) timers")
        }
        return faults
    }

    /// Work is conserved: nothing that could start is left waiting.
    package mutating func checkIdleness() -> [String] {
        var faults: [String] = []
        for slot in self.queues.slots() {
            switch self.queues[slot].state {
            case .idle: break
            case .ready, .promoted:
                if self.fullMask & (1 << UInt8(Self.index(of: self.queues[slot].key.priorityClass))) == 0 {
                    faults.append("queue \(slot) was not served")
                }
            case .starved:
                if !self.usableLanes(of: slot).isEmpty { faults.append("queue \(slot) starves beside a lane") }
            case .keptOff:
                let head = self.head(of: slot)
                if self.queues[slot].heldLane != nil, head != self.queues[slot].head.leg {
                    faults.append("queue \(slot) saves up for who isn't next")
                }
                let lanes = self.usableLanes(of: slot)
                guard !lanes.isEmpty, let head else { continue }
                if !self.waitsForLevel(slot) { faults.append("queue \(slot) is kept off by nothing") }
                let fitting = self.fitting(lanes, self.cost(of: head), queue: slot)
                if self.isForgotten(by: fitting, of: self.queues[slot].key.group) {
                    faults.append("queue \(slot) is kept off, and its head fits \(fitting)")
                }
            }
        }
        return faults
    }

    /// Whether one of some lanes that would take a leg now isn't about to be looked at: instants are rounded up.
    private mutating func isForgotten(by lanes: LaneSet, of group: GroupID) -> Bool {
        lanes.contains { position in
            let lane = Int(self.groups[Int(group.index)].lanes[position].index)
            return self.lanes[lane].armed > self.now.adding(nanoseconds: 1_000)
        }
    }

    /// The leg of a queue that is next, of those that could start if there were a lane; `nil` = none.
    private mutating func head(of queue: Slot) -> Slot? {
        for node in self.queues[queue].nodes.turns where !self.isFull(Int(self.nodes[node].tenant.index)) {
            guard let flow = self.nodes[node].flows.turns.first(where: { !self.isHeld($0) }) else { continue }
            return self.flows[flow].line.entries.filter { self.isLive($0, in: flow) }.min()?.leg
        }
        return nil
    }
}
