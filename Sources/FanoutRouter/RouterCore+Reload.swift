// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutModel

extension RouterCore {
    /// Puts a new configuration in force.
    ///
    /// Attempts under way go on; what waits is placed anew, oldest first; lanes keep what was learned of them, except
    /// that none is off any more. Takes time in proportion to what waits.
    package mutating func reload(_ snapshot: Snapshot, now: Instant, into effects: inout [Effect]) {
        self.begin(now, &effects)
        var waiting: [(sequence: UInt64, leg: Slot)] = []
        for leg in self.legs.slots() where self.legs[leg].place == .waiting {
            waiting.append((self.items[self.legs[leg].item].sequence, leg))
        }
        waiting.sort { ($0.sequence, $0.leg) < ($1.sequence, $1.leg) }
        for (_, leg) in waiting { self.withdraw(leg) }
        let stamps = waiting.map { self.legs[$0.leg].stamp }

        let states = self.lanes.indices.map { self.lanes[$0].state }
        self.snapshot = snapshot
        for index in self.lanes.indices { self.lanes[index].off = nil }
        self.configure()
        for (index, state) in states.enumerated() where self.lanes[index].state != state {
            effects.append(.laneChanged(LaneID(index)))
        }
        for run in self.runs.slots() {
            self.runs[run].limit = self.width(of: self.runs[run].terms)
        }
        for leg in self.legs.slots() where self.legs[leg].place != .spent { self.follow(leg) }
        for (place, stamp) in zip(waiting, stamps) {
            // The end of one leg may have ended its item and with it the others.
            guard self.legs[place.leg].stamp == stamp, self.legs[place.leg].place == .idle else { continue }
            self.place(place.leg, &effects)
        }
        self.finish(&effects)
    }

    /// A group that had lanes of its own may be served by a pattern's now, or the other way round.
    private mutating func follow(_ leg: Slot) {
        let host = self.host(of: self.legs[leg].asked)
        guard host != self.legs[leg].group else { return }
        self.legs[leg].group = host
        self.legs[leg].tried = LaneSet()
        self.legs[leg].failed = LaneSet()
        self.legs[leg].barred = LaneSet()
    }

    /// Makes lanes and groups agree with the snapshot.
    mutating func configure() {
        while self.groups.count < self.snapshot.groups.count { self.addGroup() }
        self.configureAccounts()
        for (index, group) in self.snapshot.groups.enumerated() { self.configure(group, at: index) }
        for (index, deployment) in self.snapshot.deployments.enumerated() {
            let group = Int(deployment.group.index)
            let position = self.position(of: LaneID(index), in: group)
            if index == self.lanes.count {
                self.lanes.append(Lane(group: deployment.group, position: position))
                self.paces.append(LanePace())
            }
            self.configure(deployment, at: index, position: position)
        }
        for group in self.snapshot.groups.indices { self.configureChoice(of: group) }
        self.configurePurses()
        var credentials: [AccountKey: Int32] = [:]
        for (index, deployment) in self.snapshot.deployments.enumerated() {
            // Without a key each lane is an account of its own.
            var key = Int32(-1 - index)
            if deployment.endpoint.credential != .none {
                let account = AccountKey(
                    provider: deployment.endpoint.provider,
                    credential: deployment.endpoint.credential
                )
                key = credentials[account] ?? Int32(index)
                credentials[account] = key
            }
            self.lanes[index].credential = key
            self.lanes[index].state = .off
            self.lanes[index].isAvailable = false
            self.lanes[index].keptMask = 0
            self.update(LaneID(index))
        }
    }

    private mutating func addGroup() {
        let id = GroupID(self.groups.count)
        self.groups.append(LaneGroup())
        for priorityClass in PriorityClass.allCases {
            _ = self.bands.insert(Band(group: id, priorityClass: priorityClass))
        }
    }

    private mutating func configure(_ group: ModelGroup, at index: Int) {
        self.groups[index].members = LaneSet()
        self.groups[index].available = LaneSet()
        for rank in self.groups[index].kept.indices { self.groups[index].kept[rank] = LaneSet() }
        self.groups[index].healthy = LaneSet()
        self.groups[index].recoverable = LaneSet()
        self.groups[index].forgetMasks()
        self.groups[index].hasOrder = false
        self.groups[index].hasLimits = false
        self.groups[index].retries = group.retries ?? self.snapshot.routing.retries
        let reachable = FallbackPlan.reachable(from: GroupID(index), groups: self.snapshot.groups)
        self.groups[index].reachableFallbacks = min(reachable.count, Int(self.snapshot.routing.maxFallbacks))
        guard group.isActive else { return }
        for lane in group.lanes where Int(lane.index) < self.snapshot.deployments.count {
            let deployment = self.snapshot.deployments[Int(lane.index)]
            guard deployment.isActive, Int(deployment.group.index) == index else { continue }
            if self.isShut(deployment) { continue }
            let position = self.position(of: lane, in: index)
            self.groups[index].members.insert(position)
            if deployment.order != nil { self.groups[index].hasOrder = true }
        }
    }

    private mutating func configure(_ deployment: Deployment, at index: Int, position: Int) {
        let isMember = self.groups[Int(deployment.group.index)].members.contains(position)
        self.lanes[index].group = deployment.group
        self.lanes[index].position = position
        self.lanes[index].isActive = isMember
        self.lanes[index].retries = deployment.retries
        self.lanes[index].rates = Self.rates(of: deployment.price)
        self.configureLimits(deployment, at: index)
        let group = Int(deployment.group.index)
        self.groups[group].orders[position] = deployment.order ?? .max
        self.groups[group].weights[position] = WeightedShuffle.Weights(
            weight: deployment.weight,
            requestsPerMinute: deployment.requestsPerMinute,
            tokensPerMinute: deployment.tokensPerMinute
        )
        let policy = BreakerPolicy(deployment, self.snapshot.routing)
        self.lanes[index].breaker.adopt(policy, insteadOf: self.lanes[index].breakerPolicy)
        self.lanes[index].breakerPolicy = policy
    }

    private mutating func position(of lane: LaneID, in group: Int) -> Int {
        if let position = self.groups[group].lanes.firstIndex(of: lane) { return position }
        self.groups[group].lanes.append(lane)
        self.groups[group].orders.append(.max)
        self.groups[group].weights.append(WeightedShuffle.Weights())
        self.groups[group].prices.append(0)
        self.groups[group].priceFactors.append(1)
        return self.groups[group].lanes.count - 1
    }
}

/// Who pays: lanes with the same one are off together.
private struct AccountKey: Hashable {
    var provider: String
    var credential: Credential
}
