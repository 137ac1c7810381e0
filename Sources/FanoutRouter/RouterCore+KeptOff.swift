// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// Queues that are kept off: their lanes have room, but not for who is next.
///
/// Such a queue is out of the turns until who is next there may go, or could go sooner: it is another one, or it is
/// expected to take less; a lane's level or hold has changed. Whatever may have changed that notes the group, and once
/// nobody else can be served, its kept-off queues are looked at: who is next, and the lanes that have changed.
extension RouterCore {
    /// A lane's level, or what it saves up for, has changed.
    @inline(__always)
    mutating func touch(lane: Int) {
        let group = Int(self.lanes[lane].group.index)
        guard !self.groups[group].keptOff.isEmpty else { return }
        self.groups[group].changed.insert(self.lanes[lane].position)
        self.touch(group: group)
    }

    mutating func touchLanes(of account: Int) {
        guard self.keptOffQueues > 0 else { return }
        for lane in self.accounts[account].lanes { self.touch(lane: Int(lane.index)) }
    }

    private mutating func touch(group: Int) {
        guard !self.groups[group].keptOff.isEmpty, !self.groups[group].isTouched else { return }
        self.groups[group].isTouched = true
        self.touchedGroups.append(group)
    }

    /// Somebody else may be next in a queue.
    @inline(__always)
    mutating func touch(headOf queue: Slot) {
        if self.queues[queue].state == .keptOff { self.touch(group: Int(self.queues[queue].key.group.index)) }
    }

    /// A run may be held, or its legs be expected to take less.
    @inline(__always)
    mutating func touch(headsOf run: Slot) {
        guard self.keptOffQueues > 0 else { return }
        for flow in self.runs[run].flows { self.touch(headOf: self.flows[flow].queue) }
    }

    /// A tenant may have all that it may: then whoever is behind it is next.
    @inline(__always)
    mutating func touch(headsOfTenant tenant: Int) {
        guard self.tenants[tenant].keptOff > 0, self.isFull(tenant) else { return }
        for group in self.groups.indices { self.touch(group: group) }
    }

    /// A leg has come to a queue or left it.
    @inline(__always)
    mutating func headMayChange(of queue: Slot) {
        if self.queues[queue].state == .keptOff {
            self.touch(headOf: queue)
        } else {
            self.endHold(of: queue)
        }
    }

    /// Looks at the kept-off queues of groups where something has changed; `true` = some queue has its turn again.
    mutating func reviewKeptOff() -> Bool {
        while let group = self.touchedGroups.popLast() {
            self.groups[group].isTouched = false
            let lanes = self.groups[group].changed
            self.groups[group].changed = LaneSet()
            var isReady = false
            var queue = self.groups[group].keptOff.first
            for _ in 0..<self.groups[group].keptOff.count {
                let next = self.queues[queue].links.next
                if !self.isHeadUnchanged(of: queue) {
                    if self.queues[queue].heldLane != nil {
                        // That wakes others of the ring, too: those that are left are looked at afterwards.
                        self.groups[group].changed = lanes
                        self.touch(group: group)
                        self.endHold(of: queue)
                        return true
                    }
                    self.makeReady(queue)
                    isReady = true
                } else if self.mayGoSooner(queue, lanes) {
                    self.makeReady(queue)
                    isReady = true
                }
                queue = next
            }
            if isReady { return true }
        }
        return false
    }

    /// Whether who is next in a queue is who was when it was kept off, may go, and is expected to take no less.
    private mutating func isHeadUnchanged(of queue: Slot) -> Bool {
        let node = self.queues[queue].nodes.first
        if self.isFull(Int(self.nodes[node].tenant.index)) { return false }
        let flow = self.nodes[node].flows.first
        if self.isHeld(flow) { return false }
        let head = self.queues[queue].head
        guard self.flows[flow].line.peekFirst(of: flow, legs: self.legs) == head.leg else { return false }
        return self.legs[head.leg].stamp == head.stamp
    }

    /// Whether the head of a queue fits one of some lanes, or could have it sooner than the one that saves up for it.
    private mutating func mayGoSooner(_ queue: Slot, _ lanes: LaneSet) -> Bool {
        var usable = self.usableLanes(of: queue)
        if usable.isEmpty { return false }
        let cost = self.cost(of: self.queues[queue].head.leg)
        if cost.isLess(than: self.queues[queue].head.cost) { return true }
        usable = usable.intersection(lanes)
        let group = Int(self.queues[queue].key.group.index)
        let rank = Self.index(of: self.queues[queue].key.priorityClass)
        let held = self.queues[queue].heldLane
        let until = held.flatMap { self.lanes[Int($0.index)].limits.hold?.until } ?? .never
        return usable.contains { position in
            let id = self.groups[group].lanes[position]
            let lane = Int(id.index)
            if self.fits(lane, cost, queue: queue) { return true }
            if id == held { return false }
            let ready = self.limitsReadyAt(lane, cost, headroom: self.headroom(lane, rank: rank))
            if !self.isHeld(lane, against: rank) { return ready < until }
            self.lookAgain(at: lane, whenPassing: cost, queue, ready)
            return false
        }
    }
}

extension RateCounts {
    /// Whether it is less of anything.
    fileprivate func isLess(than other: RateCounts) -> Bool {
        self.prompt < other.prompt || self.completion < other.completion
    }
}
