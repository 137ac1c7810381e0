// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// Deadlines, retries and lanes that come back.
extension RouterCore {
    var nextTimer: Instant {
        @inline(__always)
        get {
            let ofItems = min(self.deadlines.next, self.retries.next)
            let ofShares = min(min(self.purseTimers.next, self.tenantTimers.next), self.floorTimers.next)
            return min(ofItems, min(self.laneTimers.next, ofShares))
        }
    }

    /// Lanes first: what they free may save an item whose deadline is now.
    ///
    /// Only what the clock has reached.
    mutating func runTimers(_ effects: inout [Effect]) {
        while let entry = self.laneTimers.popDue(now: self.now) {
            let id = LaneID(Int(entry.slot))
            guard self.lanes[Int(entry.slot)].armed == entry.instant else { continue }
            self.lanes[Int(entry.slot)].armed = .never
            // What an account has comes back for all its lanes at once.
            let account = self.lanes[Int(entry.slot)].account
            if account >= 0 { self.refreshLanes(of: Int(account), &effects) }
            self.refresh(id, &effects)
        }
        self.runPurseTimers(&effects)
        self.runTenantTimers()
        while let entry = self.floorTimers.popDue(now: self.now) { self.reviewFloor(of: entry.slot) }
        while let entry = self.deadlines.popDue(now: self.now) {
            guard self.items[entry.slot].stamp == entry.stamp, self.items[entry.slot].isDeadlineArmed else { continue }
            self.items[entry.slot].isDeadlineArmed = false
            self.armedDeadlines -= 1
            self.expireItem(entry.slot, &effects)
        }
        while let entry = self.retries.popDue(now: self.now) {
            let leg = entry.slot
            guard self.legs[leg].stamp == entry.stamp, self.legs[leg].place == .delayed else { continue }
            self.endDelay(leg, &effects)
        }
    }

    /// An item's deadline has come.
    ///
    /// What runs is ended by its own timer; what waits doesn't start any more.
    private mutating func expireItem(_ item: Slot, _ effects: inout [Effect]) {
        guard self.items[item].fate == .live else { return }
        let stamp = self.items[item].stamp
        var leg = self.items[item].firstLeg
        while leg != .none, self.items[item].stamp == stamp {
            let next = self.legs[leg].next
            if self.legs[leg].place == .held { self.legs[leg].place = .spent }
            leg = next
        }
        leg = self.items[item].firstLeg
        while leg != .none, self.items[item].stamp == stamp, self.items[item].fate == .live {
            let next = self.legs[leg].next
            switch self.legs[leg].place {
            case .waiting:
                self.withdraw(leg)
                self.expire(leg, earliest: self.earliest(for: leg), &effects)
            case .delayed:
                self.delayedLegs -= 1
                self.legs[leg].stamp &+= 1
                self.expire(leg, earliest: 0, &effects)
            case .following: self.expire(leg, earliest: 0, &effects)
            case .idle, .running, .held, .spent: break
            }
            leg = next
        }
    }

    private mutating func earliest(for leg: Slot) -> UInt64 {
        let group = Int(self.legs[leg].group.index)
        let lanes = self.eligible(leg).subtracting(self.legs[leg].barred)
        let instant = self.recovery(of: lanes, group: group)
        return instant == .never ? 0 : instant.milliseconds(since: self.now)
    }

    /// An item that waits is to be woken at its deadline.
    mutating func armDeadline(_ item: Slot) {
        guard !self.items[item].isDeadlineArmed, self.items[item].deadline != .never else { return }
        self.items[item].isDeadlineArmed = true
        self.armedDeadlines += 1
        self.deadlines.insert(
            TimerHeap.Entry(instant: self.items[item].deadline, slot: item, stamp: self.items[item].stamp)
        )
        self.sweepDeadlines()
    }

    /// Drops timers without a reason when they are the greater part.
    mutating func sweepTimers() {
        self.sweepDeadlines()
        self.sweepRetries()
    }

    private mutating func sweepDeadlines() {
        guard self.deadlines.needsSweep(alive: self.armedDeadlines) else { return }
        var heap = TimerHeap()
        swap(&heap, &self.deadlines)
        heap.sweep { self.items[$0.slot].stamp == $0.stamp && self.items[$0.slot].isDeadlineArmed }
        swap(&heap, &self.deadlines)
    }

    private mutating func sweepRetries() {
        guard self.retries.needsSweep(alive: self.delayedLegs) else { return }
        var heap = TimerHeap()
        swap(&heap, &self.retries)
        heap.sweep { self.legs[$0.slot].stamp == $0.stamp && self.legs[$0.slot].place == .delayed }
        swap(&heap, &self.retries)
    }

    /// When a lane may take more by itself: its gate changes, a level is there, or what it saved up for.
    mutating func changeAt(_ id: LaneID) -> Instant? {
        let index = Int(id.index)
        var instant = self.lanes[index].changeAt(now: self.now)
        let ready = self.lanes[index].limitsReadyAt
        if ready > self.now, self.lanes[index].state != .off { instant = min(instant ?? .never, ready) }
        if let hold = self.lanes[index].limits.hold { instant = min(instant ?? .never, hold.until) }
        let lookAt = self.lanes[index].lookAt
        if lookAt != .never { instant = min(instant ?? .never, lookAt) }
        return instant
    }

    /// A lane is to be looked at when that has come.
    mutating func armLane(_ id: LaneID) {
        let index = Int(id.index)
        guard let instant = self.changeAt(id), instant < self.lanes[index].armed else { return }
        self.lanes[index].armed = instant
        self.laneTimers.insert(TimerHeap.Entry(instant: instant, slot: Slot(id.index), stamp: 0))
    }
}
