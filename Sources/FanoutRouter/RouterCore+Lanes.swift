// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// What a lane's change means for those who wait.
extension RouterCore {
    /// Brings the group's sets up to date with a lane, and tells those who wait.
    mutating func refresh(_ id: LaneID, _ effects: inout [Effect]) {
        let old = self.look(at: id)
        self.reviewHold(at: Int(id.index))
        self.update(id)
        self.announce(id, since: old, &effects)
        self.touch(lane: Int(id.index))
        let lookAt = self.lanes[Int(id.index)].lookAt
        guard lookAt != .never else { return }
        if lookAt <= self.now {
            self.lanes[Int(id.index)].lookAt = .never
            self.wake(self.groups[Int(self.lanes[Int(id.index)].group.index)].keptOff)
        } else {
            self.armLane(id)
        }
    }

    /// Brings the group's sets up to date with several lanes, all of them before anybody is told.
    mutating func refreshAll(_ ids: [LaneID], _ effects: inout [Effect]) {
        let affected = ids.map { ($0, self.look(at: $0)) }
        for (id, _) in affected { self.update(id) }
        for (id, old) in affected { self.announce(id, since: old, &effects) }
        for id in ids { self.touch(lane: Int(id.index)) }
    }

    /// What others know of a lane.
    struct LaneLook {
        var state: LaneState
        var isAvailable: Bool
        var keptMask: UInt8
        var readyAt: Instant
    }

    mutating func look(at id: LaneID) -> LaneLook {
        let index = Int(id.index)
        return LaneLook(
            state: self.lanes[index].state,
            isAvailable: self.lanes[index].isAvailable,
            keptMask: self.lanes[index].keptMask,
            readyAt: self.lanes[index].readyAt
        )
    }

    mutating func announce(_ id: LaneID, since old: LaneLook, _ effects: inout [Effect]) {
        let lane = self.look(at: id)
        let group = Int(self.lanes[Int(id.index)].group.index)
        if lane.state != old.state { effects.append(.laneChanged(id)) }
        let gained = lane.isAvailable && (!old.isAvailable || old.keptMask & ~lane.keptMask != 0)
        let lost = old.state == .closed && lane.state != .closed
        if gained || lost { self.wake(group) }
        if lane.readyAt > old.readyAt { self.review(group, &effects) }
    }

    /// Recomputes what the group's sets say of a lane.
    mutating func update(_ id: LaneID) {
        let index = Int(id.index)
        self.fund(index)
        let gate = self.lanes[index].gate(now: self.now)
        let position = self.lanes[index].position
        let group = Int(self.lanes[index].group.index)
        let ready = self.limitsReadyAt(index, .smallest)
        self.lanes[index].limitsReadyAt = ready
        let isAvailable = self.lanes[index].takesMore(gate) && ready <= self.now && self.accountHasPlace(index)
        if isAvailable != self.lanes[index].isAvailable {
            self.lanes[index].isAvailable = isAvailable
            if isAvailable {
                self.groups[group].available.insert(position)
            } else {
                self.groups[group].available.remove(position)
            }
        }
        self.updateKept(id, gate: gate)
        if gate == .closed && self.lanes[index].state == .closed {
            let isPaced = ready > self.now
            self.lanes[index].readyAt = isPaced ? self.promisedAt(index) : .zero
            if isPaced || self.lanes[index].limits.hold != nil { self.armLane(id) }
            return
        }
        self.lanes[index].state = gate
        if gate == .closed {
            self.groups[group].healthy.insert(position)
        } else {
            self.groups[group].healthy.remove(position)
        }
        if gate == .off {
            self.groups[group].recoverable.remove(position)
        } else {
            self.groups[group].recoverable.insert(position)
        }
        switch gate {
        case .closed, .halfOpen:
            self.lanes[index].readyAt = ready > self.now ? self.promisedAt(index) : .zero
        case .open, .paused, .off: self.lanes[index].readyAt = self.lanes[index].recovery(now: self.now) ?? .never
        }
        self.armLane(id)
    }

    /// A lane of a group is free, or fewer of them are healthy: queues that may use one now get their turn.
    mutating func wake(_ group: Int) {
        self.wake(self.groups[group].starved)
        self.wake(self.groups[group].keptOff)
    }

    private mutating func wake(_ ring: Ring) {
        var queue = ring.first
        for _ in 0..<ring.count {
            let next = self.queues[queue].links.next
            if !self.usableLanes(of: queue).isEmpty { self.makeReady(queue) }
            queue = next
        }
    }

    /// A lane of a group comes back later than thought, or not at all: those who waited for it in vain go elsewhere
    /// or end now.
    ///
    /// A queue is looked through only if its earliest deadline says that somebody is affected.
    private mutating func review(_ group: Int, _ effects: inout [Effect]) {
        for queue in self.groups[group].queues {
            let key = self.queues[queue].key
            guard !self.queues[queue].isFree, Int(key.group.index) == group, self.queues[queue].waiting > 0 else {
                continue
            }
            let hopeful = key.permitted.intersection(self.groups[group].recoverable)
            if hopeful.intersects(self.groups[group].healthy), !self.groups[group].hasLimits { continue }
            var earliest = self.recovery(of: hopeful, group: group)
            let hasFallbacks = self.groups[group].reachableFallbacks > 0 || self.queues[queue].hasOwnFallbacks
            if hasFallbacks && self.isUnfunded(hopeful, group: group) {
                // What waits for money may be served by a fallback meanwhile.
                earliest = .never
            } else if earliest <= self.now || earliest < self.queues[queue].deadlineFloor {
                continue
            }
            self.evict(from: queue, before: earliest, &effects)
        }
    }

    /// Finds a new place for the legs of a queue whose deadlines come no later than `earliest`.
    mutating func evict(from queue: Slot, before earliest: Instant, _ effects: inout [Effect]) {
        var victims: [(sequence: UInt64, leg: Slot, stamp: UInt32)] = []
        var floor = Instant.never
        for flow in self.flows.slots() where self.flows[flow].queue == queue {
            for entry in self.flows[flow].line.entries where self.isLive(entry, in: flow) {
                if entry.deadline <= earliest {
                    victims.append((entry.sequence, entry.leg, entry.stamp))
                } else {
                    floor = min(floor, entry.deadline)
                }
            }
        }
        self.queues[queue].deadlineFloor = floor
        victims.sort { ($0.sequence, $0.leg) < ($1.sequence, $1.leg) }
        for victim in victims {
            guard self.legs[victim.leg].stamp == victim.stamp, self.legs[victim.leg].place == .waiting else { continue }
            self.withdraw(victim.leg)
            self.place(victim.leg, &effects)
        }
    }
}
