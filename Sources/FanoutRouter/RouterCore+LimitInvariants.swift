// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// What ought to hold of limits, recomputed from the leases alone.
extension RouterCore {
    mutating func checkLimits() -> [String] {
        var faults: [String] = []
        var byLane = [RateCounts](repeating: .none, count: self.lanes.count)
        var byAccount = [RateCounts](repeating: .none, count: self.accounts.count)
        var byTenant = [RateCounts](repeating: .none, count: self.tenants.count)
        for slot in self.leases.slots() {
            let lease = self.leases[slot]
            byLane[Int(lease.lane.index)] = byLane[Int(lease.lane.index)] + lease.cost
            let tenant = Int(self.runs[self.items[lease.item].run].terms.tenant.index)
            byTenant[tenant] = byTenant[tenant] + lease.cost
            guard lease.account >= 0 else { continue }
            byAccount[Int(lease.account)] = byAccount[Int(lease.account)] + lease.cost
        }
        for (index, lane) in self.lanes.copy.enumerated() {
            faults += self.check(lane.limits, reserved: byLane[index], name: "lane \(index)")
            // Two lanes of one account may have been told of the same instant with another rounding.
            let ready = self.limitsReadyAt(index, .smallest)
            let (low, high) = (min(ready, lane.limitsReadyAt), max(ready, lane.limitsReadyAt))
            if lane.state != .off && low <= self.now && high > self.now.adding(nanoseconds: 2_000_000) {
                faults.append("lane \(index) says that it is ready at \(lane.limitsReadyAt), and is at \(ready)")
            }
            if let hold = lane.limits.hold, self.queues[hold.queue].heldLane != LaneID(index) {
                faults.append("lane \(index) saves up for queue \(hold.queue), which knows nothing of it")
            }
        }
        for (index, account) in self.accounts.copy.enumerated() {
            faults += self.check(account.limits, reserved: byAccount[index], name: "account \(account.name)")
            if account.limits.maxConcurrency.map({ account.limits.inFlight > $0 }) == true && account.isOpen {
                faults.append("account \(account.name) is over its concurrency and takes more")
            }
        }
        for (index, tenant) in self.tenants.copy.enumerated() {
            faults += self.check(tenant.limits, reserved: byTenant[index], name: "tenant \(index)")
            guard !tenant.parked.isEmpty, let instant = self.pacedUntil(index) else { continue }
            if tenant.armed > instant || self.tenantTimers.next > instant { faults.append("tenant \(index) sleeps on") }
        }
        for slot in self.queues.slots() {
            guard let lane = self.queues[slot].heldLane else { continue }
            if self.lanes[Int(lane.index)].limits.hold?.queue != slot { faults.append("queue \(slot) lost its hold") }
            if self.queues[slot].state == .idle { faults.append("queue \(slot) holds a lane for nobody") }
        }
        return faults
    }

    private mutating func check(_ rates: RateGate, reserved: RateCounts, name: String) -> [String] {
        var faults: [String] = []
        if rates.reserved != reserved { faults.append("\(name) counts \(rates.reserved) reserved, has \(reserved)") }
        if Int64(rates.inFlight) != reserved.requests { faults.append("\(name) counts \(rates.inFlight) in flight") }
        if let hold = rates.hold, hold.until < self.now { faults.append("\(name) saves up for what is past") }
        for kind in RateKind.all {
            guard let meter = rates.meters[kind.rawValue] else { continue }
            if meter.bucket.level(at: self.now) > meter.bucket.burst { faults.append("\(name): \(kind) overflows") }
        }
        return faults
    }

    /// Whether a queue that waits beside a lane with room has a reason: its head is too big for the moment.
    mutating func waitsForLevel(_ queue: Slot) -> Bool {
        if let lane = self.queues[queue].heldLane, let hold = self.lanes[Int(lane.index)].limits.hold {
            return hold.queue == queue && hold.until > self.now
        }
        let group = Int(self.queues[queue].key.group.index)
        let rank = Self.index(of: self.queues[queue].key.priorityClass)
        var isHeldOff = true
        self.usableLanes(of: queue).forEach { position in
            let lane = Int(self.groups[group].lanes[position].index)
            if !self.isHeld(lane, against: rank) { isHeldOff = false }
        }
        return isHeldOff
    }
}
