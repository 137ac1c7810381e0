// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// Which of the lanes that would take an item now gets it.
extension RouterCore {
    /// Above so many lanes `predicted-cost` compares two of them, drawn at random.
    static let fullScanMax = 16

    /// The lane of the lowest order, by the group's strategy; `nil` if there is no candidate.
    ///
    /// A lane that may be probed comes first, whatever its score says: it is how the lane comes back.
    ///
    /// `cost` is what the item is expected to take.
    mutating func pick(among candidates: LaneSet, group: Int, for item: Slot, _ cost: RateCounts) -> Int? {
        let lanes = self.groups[group].hasOrder ? self.lowestOrder(of: candidates, group: group) : candidates
        let strategy = self.groups[group].strategy
        let probes = lanes.subtracting(self.groups[group].healthy)
        if strategy == .simpleShuffle {
            let weights = self.groups[group].weights
            // A lane that weighs nothing beside others isn't wanted, well or not.
            let due = probes.isEmpty ? probes : WeightedShuffle.weighty(probes, among: lanes, weights: weights)
            return WeightedShuffle.pick(from: due.isEmpty ? lanes : due, weights: weights, using: &self.generator)
        }
        guard probes.isEmpty else { return LowestScore.pick(from: probes, using: &self.generator) { _ in 0 } }
        switch strategy {
        case .simpleShuffle, .leastBusy: return self.leastBusy(of: lanes, group: group)
        case .usageBased, .usageBasedV2: return self.leastUsed(of: lanes, group: group, cost)
        case .costBased:
            let prices = self.groups[group].prices
            return LowestScore.pick(from: lanes, using: &self.generator) { prices[$0] }
        case .latencyBased:
            if let trial = self.unmeasured(of: lanes, group: group) { return trial }
            let best = self.quickest(of: lanes, group: group, for: item)
            return self.explore(instead: best, of: lanes, group: group, for: item)
        case .predictedCost:
            if let trial = self.unmeasured(of: lanes, group: group) { return trial }
            let best = self.cheapest(of: lanes, group: group, for: item, cost)
            return self.explore(instead: best, of: lanes, group: group, for: item)
        }
    }

    private mutating func lowestOrder(of candidates: LaneSet, group: Int) -> LaneSet {
        let orders = self.groups[group].orders
        var lowest = Int32.max
        var lanes = candidates
        candidates.forEach { lowest = min(lowest, orders[$0]) }
        candidates.forEach { if orders[$0] != lowest { lanes.remove($0) } }
        return lanes
    }

    /// The fewest attempts in flight, counted when they are given, so that a burst spreads.
    ///
    /// A lane that fails at once never has much in flight; its failures make up for that.
    private mutating func leastBusy(of lanes: LaneSet, group: Int) -> Int? {
        var generator = self.generator
        defer { self.generator = generator }
        return LowestScore.pick(from: lanes, using: &generator) { position in
            let lane = Int(self.groups[group].lanes[position].index)
            return Double(self.lanes[lane].inFlight + 1) * self.paces[lane].attemptsPerAnswer(now: self.now)
        }
    }

    /// The fewest tokens in this minute, the item's own and those under way included.
    private mutating func leastUsed(of lanes: LaneSet, group: Int, _ cost: RateCounts) -> Int? {
        let own = Double(cost.amount(.tokens)) + 1
        var generator = self.generator
        defer { self.generator = generator }
        return LowestScore.pick(from: lanes, using: &generator) { position in
            let lane = Int(self.groups[group].lanes[position].index)
            let used = Double(self.paces[lane].usage.tokens(now: self.now))
            return (used + own) * self.paces[lane].attemptsPerAnswer(now: self.now)
        }
    }

    /// LiteLLM's latency-based routing: the lowest mean (or percentile), and chance among those within the buffer.
    private mutating func quickest(of lanes: LaneSet, group: Int, for item: Slot) -> Int? {
        let arguments = self.groups[group].arguments
        let isStreamed = self.items[item].ticket.flags.contains(.streamed)
        var generator = self.generator
        defer { self.generator = generator }
        return LowestScore.pick(from: lanes, slack: arguments.lowestLatencyBuffer, using: &generator) { position in
            let lane = Int(self.groups[group].lanes[position].index)
            let latency = self.paces[lane].latency(streamed: isStreamed, arguments, now: self.now)
            return (latency ?? .infinity) * self.paces[lane].attemptsPerAnswer(now: self.now)
        }
    }

    /// The lowest product of predicted time, load, attempts that an answer takes, and price.
    private mutating func cheapest(of lanes: LaneSet, group: Int, for item: Slot, _ cost: RateCounts) -> Int? {
        var generator = self.generator
        defer { self.generator = generator }
        var lanes = lanes
        if lanes.count > Self.fullScanMax, let (first, second) = LowestScore.two(from: lanes, using: &generator) {
            lanes = LaneSet()
            lanes.insert(first)
            lanes.insert(second)
        }
        let typical = self.groups[group].pace
        let promptTokens = self.items[item].ticket.promptTokens
        // Several answers at once are written side by side.
        let completion = Double(cost.completion) / Double(max(1, self.items[item].ticket.choices))
        return LowestScore.pick(from: lanes, using: &generator) { position in
            let lane = Int(self.groups[group].lanes[position].index)
            let seconds = self.paces[lane].seconds(
                promptTokens: promptTokens,
                completionTokens: completion,
                typical: typical,
                now: self.now
            )
            let load = 1 + Double(self.lanes[lane].inFlight) / Double(max(1, self.lanes[lane].limit))
            let luck = self.paces[lane].attemptsPerAnswer(now: self.now)
            // Where nothing is known yet, load alone decides.
            return max(seconds, 1e-6) * load * luck * self.groups[group].priceFactors[position]
        }
    }

    /// A lane that hasn't shown yet what it can do, and has nothing in flight that will.
    private mutating func unmeasured(of lanes: LaneSet, group: Int) -> Int? {
        guard lanes.intersects(self.groups[group].unmeasured) else { return nil }
        var idle = LaneSet()
        lanes.intersection(self.groups[group].unmeasured).forEach { position in
            if self.lanes[Int(self.groups[group].lanes[position].index)].inFlight == 0 { idle.insert(position) }
        }
        return LowestScore.pick(from: idle, using: &self.generator) { _ in 0 }
    }

    /// Now and then another lane than the best, so that what is known of it stays true.
    ///
    /// Only items on their first attempt explore, and a lane that failed of late is explored less.
    private mutating func explore(instead best: Int?, of lanes: LaneSet, group: Int, for item: Slot) -> Int? {
        let share = self.groups[group].arguments.explorationShare
        guard let best, share > 0, self.items[item].attempts == 0, self.generator.fraction() < share else {
            return best
        }
        var others = lanes
        others.remove(best)
        guard let other = LowestScore.pick(from: others, using: &self.generator, score: { _ in 0 }) else { return best }
        let streak = self.paces[Int(self.groups[group].lanes[other].index)].failureStreak
        return self.generator.below(1 << Int(streak)) == 0 ? other : best
    }

    // MARK: - Configuration

    /// What a group's strategy needs to know of the snapshot.
    mutating func configureChoice(of index: Int) {
        let group = self.snapshot.groups[index]
        self.groups[index].strategy = group.strategy ?? self.snapshot.routing.strategy
        self.groups[index].arguments = group.strategyArguments ?? self.snapshot.routing.strategyArguments
        switch self.snapshot.groups[index].tagging {
        case nil: self.groups[index].tagFiltering = self.snapshot.routing.tagFiltering
        case .off: self.groups[index].tagFiltering = nil
        case .on(let filtering): self.groups[index].tagFiltering = filtering
        }
        var windows: Set<UInt32> = []
        var unmeasured = LaneSet()
        var priced: [(position: Int, price: Price?)] = []
        self.groups[index].members.forEach { position in
            let lane = Int(self.groups[index].lanes[position].index)
            if let window = self.snapshot.deployments[lane].contextWindow { windows.insert(window) }
            if !self.paces[lane].isMeasured { unmeasured.insert(position) }
            priced.append((position, self.snapshot.deployments[lane].price))
        }
        self.groups[index].windows = windows.sorted()
        self.groups[index].unmeasured = unmeasured
        let weight = self.groups[index].arguments.priceWeight
        let factors = PriceFactor.factors(of: priced.map(\.price), weight: weight)
        for (row, factor) in zip(priced, factors) {
            self.groups[index].prices[row.position] = PriceFactor.sum(of: row.price)
            self.groups[index].priceFactors[row.position] = factor
        }
    }
}
