// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import FanoutRouter

/// Questions that the referee answers from what it was told.
extension Referee {
    func isServing(_ lane: LaneID) -> Bool {
        let deployment = self.snapshot.deployments[Int(lane.index)]
        let limit = deployment.maxConcurrency ?? self.snapshot.routing.laneConcurrency
        guard deployment.isActive, limit > 0, self.snapshot.groups[Int(deployment.group.index)].isActive else {
            return false
        }
        return !self.snapshot.routing.enforcesRates || deployment.requestsPerMinute != 0
    }

    /// As configured, or what the router says that it has learned below that.
    func limit(of lane: LaneID) -> Int {
        let deployment = self.snapshot.deployments[Int(lane.index)]
        let configured = Int(deployment.maxConcurrency ?? self.snapshot.routing.laneConcurrency)
        return deployment.maxConcurrency == nil ? min(configured, self.limitsInForce[lane] ?? configured) : configured
    }

    /// What the router says of its limits now.
    mutating func observe(limits: [UInt32]) {
        for (index, limit) in limits.enumerated() {
            self.limitsInForce[LaneID(index)] = Int(limit)
            if limit == 0 && self.isServing(LaneID(index)) { self.blame("lane \(index) has a limit of nothing") }
        }
    }

    func state(of lane: LaneID) -> [LaneState] {
        let states = self.lanes[Int(lane.index)].states(now: self.now, isServing: self.isServing(lane))
        guard states != [.off], let until = self.unfundedUntil(lane), self.now < until else { return states }
        return [.paused]
    }

    func hasRoom(_ lane: LaneID) -> Bool {
        let naive = self.lanes[Int(lane.index)]
        let limit = self.limit(of: lane)
        let ramp = self.state(of: lane) == [.closed] ? naive.ramp?.width(of: limit) : nil
        guard naive.active.count < ramp ?? limit else { return false }
        guard let account = self.account(of: lane), let most = account.maxConcurrency else { return true }
        return self.running.count { self.leases[$0]?.account == account.name } < Int(most)
    }

    /// Whether a lane would take one more for certain.
    func isFree(_ lane: LaneID, for priorityClass: PriorityClass) -> Bool {
        guard self.hasRoom(lane), self.isFunded(lane), !self.isPaced(lane) else { return false }
        if self.mayBeKept(lane, from: priorityClass) { return false }
        let states = self.state(of: lane)
        if states == [.closed] { return true }
        return states == [.halfOpen] && self.lanes[Int(lane.index)].probe == nil
    }

    func width(of run: Run) -> Int {
        let width = run.terms.maxConcurrency == 0 ? self.snapshot.routing.batchConcurrency : run.terms.maxConcurrency
        return max(1, Int(width))
    }

    func itemsInFlight(of run: RunID) -> Int {
        Set(self.running.compactMap { self.leases[$0]?.item }.filter { $0.run == run }).count
    }

    func leasesInFlight(of tenant: TenantID) -> Int {
        self.running.count { lease in
            guard let item = self.leases[lease]?.item, let run = self.runs[item.run] else { return false }
            return run.terms.tenant == tenant
        }
    }

    func isHeldByPause(_ id: ItemID) -> Bool {
        guard let run = self.runs[id.run] else { return true }
        return run.isPaused && run.head != id.index
    }

    /// Whether a run, its tenant and the daemon would let an item with no attempt under way start.
    func hasPlace(in id: RunID) -> Bool {
        guard let run = self.runs[id] else { return false }
        if self.itemsInFlight(of: id) >= self.width(of: run) { return false }
        if self.leasesInFlight(of: run.terms.tenant) >= Int(self.snapshot.routing.tenantConcurrency) { return false }
        if self.mayDaemonBeKept(from: run.terms.priorityClass) { return false }
        return self.running.count < Int(self.snapshot.routing.daemonConcurrency)
    }

    func retries(of lane: LaneID, in group: GroupID) -> Int {
        let deployment = self.snapshot.deployments[Int(lane.index)]
        return Int(
            deployment.retries ?? self.snapshot.groups[Int(group.index)].retries ?? self.snapshot.routing.retries
        )
    }

    /// The fallbacks that a failure opens in a group, in order.
    func fallbacks(of item: Item, leg: Leg, after code: FailureCode) -> [GroupID] {
        if item.ticket.flags.contains(.noFallbacks) { return [] }
        if item.ticket.attemptsMax > 0 && item.charged + item.active.count >= Int(item.ticket.attemptsMax) {
            return []
        }
        if Int(leg.fallback) >= Int(self.snapshot.routing.maxFallbacks) { return [] }
        let group = self.snapshot.groups[Int(leg.group.index)]
        let own = item.ticket.extras?.fallbacks
        switch code {
        case .contentPolicy: return group.contentPolicyFallbacks ?? []
        case .contextWindow: return own ?? group.contextWindowFallbacks ?? group.fallbacks
        default: return code.traits.fallsBack ? own ?? group.fallbacks : []
        }
    }

    /// The groups that a content policy may lead to, through groups that can't take the item.
    func contentPolicyFallbacks(of group: GroupID) -> Set<GroupID> {
        var found: Set<GroupID> = []
        var left = self.snapshot.groups[Int(group.index)].contentPolicyFallbacks ?? []
        while let next = left.popLast() {
            guard found.insert(next).inserted else { continue }
            left += self.snapshot.groups[Int(next.index)].contentPolicyFallbacks ?? []
        }
        return found
    }

    /// Whether an item that has never been tried waits for nothing but a lane.
    func isFresh(_ item: Item) -> Bool {
        !item.isFinal && item.attempts == 0 && item.leader == nil && item.legs.count == 1 && item.cancelled == nil
    }

    /// Whether an item that was never started may wait for a fallback instead of its own group.
    func mayHaveMoved(_ item: Item) -> Bool {
        guard let leg = item.legs.first else { return true }
        return item.mayHaveMoved || self.hasFallback(item, leg)
    }

    /// Whether an item that nobody in its group could take may wait for a fallback.
    func hasFallback(_ item: Item, _ leg: Leg) -> Bool {
        [FailureCode.noRoute, .contextWindow].contains { !self.fallbacks(of: item, leg: leg, after: $0).isEmpty }
    }

    /// Whether a leg may wait in a fallback group that it hasn't been started in.
    func mayWait(_ item: Item, _ leg: Leg, in group: GroupID) -> Bool {
        if item.ticket.flags.contains(.noFallbacks) { return false }
        if item.sawReload || item.mayHaveMoved { return true }
        var found: Set<GroupID> = []
        var left = [leg.group]
        while let next = left.popLast() {
            guard found.insert(next).inserted else { continue }
            let lists = self.snapshot.groups[Int(next.index)]
            left += item.ticket.extras?.fallbacks ?? lists.fallbacks
            left += (lists.contextWindowFallbacks ?? []) + (lists.contentPolicyFallbacks ?? [])
        }
        return found.contains(group)
    }

    /// Whether an item may have stopped following: its leader is being cancelled, or waits in a paused run.
    func mayHaveLost(_ leader: ItemID) -> Bool {
        guard let item = self.items[leader], let run = self.runs[leader.run] else { return true }
        return item.cancelled != nil || (item.active.isEmpty && run.wasPaused)
    }
}
