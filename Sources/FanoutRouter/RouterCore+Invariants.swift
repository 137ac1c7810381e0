// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

extension RouterCore {
    /// What ought to hold and doesn't, recomputed from the records alone; empty = all is well.
    ///
    /// For tests.
    package mutating func invariants() -> [String] {
        self.checkCounts() + self.checkItems() + self.checkQueues() + self.checkNodes() + self.checkFlows()
            + self.checkLanes() + self.checkFloors() + self.checkIdleness() + self.checkPurses() + self.checkLimits()
    }

    private mutating func checkPurses() -> [String] {
        var faults: [String] = []
        var byPurse = [Int64](repeating: 0, count: self.purses.count)
        var byRun: [Slot: Int64] = [:]
        for slot in self.leases.slots() {
            let lease = self.leases[slot]
            let lane = self.lanes[Int(lease.lane.index)]
            let run = self.items[lease.item].run
            byRun[run, default: 0] += lease.reserved
            let tenant = self.tenants[Int(self.runs[run].terms.tenant.index)].purse
            var purses = [lane.providerPurse, lane.purse, tenant]
            self.tagPurses(of: lease.item).forEach { purses.append($0) }
            for purse in purses where lease.number >> 24 >= self.purses[purse].firstLease {
                byPurse[purse] += lease.reserved
            }
        }
        for (index, shared) in self.purses.copy.enumerated() {
            if shared.purse.reserved != byPurse[index] { faults.append("purse \(index) miscounts what is reserved") }
            if shared.isOpen != shared.purse.takesMore(now: self.now) { faults.append("purse \(index) is stale") }
            let next = shared.purse.nextWindow(now: self.now)
            if !shared.isOpen && next != .never && (shared.armed > next || self.purseTimers.next > next) {
                faults.append("purse \(index) has no timer")
            }
        }
        for slot in self.runs.slots() where self.runs[slot].purse.reserved != byRun[slot] ?? 0 {
            faults.append("run \(self.runs[slot].id.number) miscounts its money")
        }
        for (index, lane) in self.lanes.copy.enumerated() {
            let open = self.purses[lane.providerPurse].isOpen && self.purses[lane.purse].isOpen
            if lane.isFunded != open { faults.append("lane \(index) is funded: \(lane.isFunded)") }
        }
        return faults
    }

    private mutating func checkCounts() -> [String] {
        var faults: [String] = []
        var byLane = [UInt32](repeating: 0, count: self.lanes.count)
        var byTenant = [UInt32](repeating: 0, count: self.tenants.count)
        var byItem: [Slot: UInt16] = [:]
        for slot in self.leases.slots() {
            let lease = self.leases[slot]
            byLane[Int(lease.lane.index)] += 1
            byItem[lease.item, default: 0] += 1
            byTenant[Int(self.runs[self.items[lease.item].run].terms.tenant.index)] += 1
            if self.legs[lease.leg].lease != slot { faults.append("lease \(lease.number) isn't its leg's") }
            if lease.number & 0xFF_FFFF != UInt64(slot) { faults.append("lease \(lease.number) is in slot \(slot)") }
        }
        for (index, lane) in self.lanes.copy.enumerated() where lane.inFlight != byLane[index] {
            faults.append("lane \(index) counts \(lane.inFlight) in flight, has \(byLane[index])")
        }
        for (index, tenant) in self.tenants.copy.enumerated() where tenant.inFlight != byTenant[index] {
            faults.append("tenant \(index) counts \(tenant.inFlight) in flight, has \(byTenant[index])")
        }
        if Int(self.inFlight) != self.leases.count { faults.append("\(self.inFlight) in flight") }
        var byRun: [Slot: (records: Int, inFlight: UInt32, undelivered: Int, leading: Int)] = [:]
        var queued = 0
        for slot in self.items.slots() {
            let item = self.items[slot]
            if item.leases != byItem[slot] ?? 0 { faults.append("item \(slot) counts \(item.leases) leases") }
            var row = byRun[item.run] ?? (0, 0, 0, 0)
            row.records += 1
            if item.leases > 0 { row.inFlight += 1 }
            if item.fate != .delivered { row.undelivered += 1 }
            if item.sharing == .leader { row.leading += 1 }
            if item.fate != .delivered && item.leases == 0 { queued += 1 }
            byRun[item.run] = row
        }
        if queued != self.queuedItems { faults.append("counts \(self.queuedItems) queued items, has \(queued)") }
        for slot in self.runs.slots() {
            let run = self.runs[slot]
            let row = byRun[slot] ?? (0, 0, 0, 0)
            if run.records != row.records || run.inFlight != row.inFlight || run.items.count != row.undelivered
                || run.leading != row.leading
            {
                faults.append("run \(run.id.number) miscounts: \(run.records), \(run.inFlight), \(run.items.count)")
            }
            if run.isClosed && run.records == 0 { faults.append("run \(run.id.number) was not forgotten") }
        }
        if self.runSlots.count != self.runs.count { faults.append("runs and their names differ") }
        return faults
    }

    private mutating func checkItems() -> [String] {
        var faults: [String] = []
        var delayed = 0
        var armed = 0
        var legCount = 0
        for slot in self.items.slots() {
            let item = self.items[slot]
            if item.isDeadlineArmed { armed += 1 }
            if item.fate == .delivered && item.leases == 0 { faults.append("item \(slot) was not freed") }
            var leg = item.firstLeg
            var alive = 0
            while leg != .none {
                legCount += 1
                let record = self.legs[leg]
                if record.item != slot { faults.append("leg \(leg) isn't its item's") }
                if record.place == .delayed { delayed += 1 }
                if record.place != .spent { alive += 1 }
                if record.place == .idle { faults.append("leg \(leg) is nowhere") }
                if record.place == .running && record.lease == .none { faults.append("leg \(leg) runs nothing") }
                if (record.place == .following) != (item.sharing == .follower) {
                    faults.append("item \(slot) follows in half")
                }
                leg = record.next
            }
            if item.fate == .live && alive == 0 { faults.append("item \(slot) has no leg left") }
            let waits = item.fate == .live && item.leases == 0
            if waits && item.deadline != .never && !item.isDeadlineArmed { faults.append("item \(slot) has no timer") }
            if waits && item.deadline <= self.now { faults.append("item \(slot) is past its deadline") }
        }
        if delayed != self.delayedLegs { faults.append("counts \(self.delayedLegs) delayed legs, has \(delayed)") }
        if armed != self.armedDeadlines { faults.append("counts \(self.armedDeadlines) deadlines, has \(armed)") }
        if legCount != self.legs.count { faults.append("\(self.legs.count) legs, \(legCount) belong to items") }
        if self.deadlines.count > 2 * armed + 1_025 { faults.append("\(self.deadlines.count) deadlines for \(armed)") }
        if self.retries.count > 2 * delayed + 1_025 { faults.append("\(self.retries.count) retries for \(delayed)") }
        for (_, chain) in self.chains {
            let members = self.items.members(of: chain.members)
            if members.isEmpty { faults.append("an empty chain") }
            if chain.leader != .none && !members.contains(chain.leader) { faults.append("a leader left its chain") }
            if chain.leader == .none && members.contains(where: { self.items[$0].sharing == .follower }) {
                faults.append("followers without a leader")
            }
        }
        return faults
    }

    private mutating func checkLanes() -> [String] {
        var faults: [String] = []
        for (index, lane) in self.lanes.copy.enumerated() {
            let group = self.groups[Int(lane.group.index)]
            let gate = lane.gate(now: self.now)
            if lane.state != gate { faults.append("lane \(index) is \(gate), said to be \(lane.state)") }
            let isReady = lane.limitsReadyAt <= self.now
            let isAvailable = lane.takesMore(gate) && isReady && self.accountHasPlace(index)
            if lane.isAvailable != isAvailable || group.available.contains(lane.position) != isAvailable {
                faults.append("lane \(index) availability")
            }
            if group.healthy.contains(lane.position) != (gate == .closed) { faults.append("lane \(index) health") }
            if group.recoverable.contains(lane.position) != (gate != .off) { faults.append("lane \(index) hope") }
            if let instant = self.changeAt(LaneID(index)), lane.armed > instant || self.laneTimers.next > instant {
                faults.append("lane \(index) has no timer")
            }
            let probes = self.leases.slots().count { self.leases[$0].number == lane.probe }
            if lane.probe != 0 && probes != 1 { faults.append("lane \(index) lost its probe") }
        }
        return faults
    }
}
