// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// The live state of a model group: its lanes by position, and which of them can take what.
struct LaneGroup {
    /// Lanes by position.
    ///
    /// Positions are never given anew, so that a set that waits somewhere keeps its meaning.
    var lanes: [LaneID] = []
    /// What each position weighs in a draw.
    var weights: [WeightedShuffle.Weights] = []
    /// Each position's order; those that name none come last.
    var orders: [Int32] = []
    /// Positions that are in the configuration in force.
    var members = LaneSet()
    /// Lanes that would start an attempt now.
    var available = LaneSet()
    /// Lanes whose gate is closed, full or not.
    var healthy = LaneSet()
    /// Lanes that can come back without a reload.
    var recoverable = LaneSet()
    /// Whether any lane names an order.
    var hasOrder = false
    /// Whether any lane has tags: without one, a request's tags filter nothing.
    var hasTags = false
    /// Fallback groups that can be reached from here.
    var reachableFallbacks = 0
    /// Retries of an item after its first attempt.
    var retries: UInt32 = 0
    /// Queues with this group's lanes.
    var queues: [Slot] = []
    /// Queues whose legs wait for a lane.
    var starved = Ring()
    /// Lanes by need, most recent last; at most ``masksMax``.
    private var masks: [(needs: Needs, lanes: LaneSet)] = []

    static let masksMax = 16

    mutating func forgetMasks() {
        self.masks.removeAll()
    }

    /// The lanes that could ever serve a ticket.
    mutating func eligible(needs: Needs, tags: [String], deployments: [Deployment]) -> LaneSet {
        if !tags.isEmpty && self.hasTags { return self.compute(needs: needs, tags: tags, deployments: deployments) }
        for row in self.masks where row.needs == needs { return row.lanes }
        let lanes = self.compute(needs: needs, tags: [], deployments: deployments)
        if self.masks.count >= Self.masksMax { self.masks.removeFirst() }
        self.masks.append((needs, lanes))
        return lanes
    }

    private func compute(needs: Needs, tags: [String], deployments: [Deployment]) -> LaneSet {
        var result = LaneSet()
        self.members.forEach { position in
            let deployment = deployments[Int(self.lanes[position].index)]
            guard deployment.offers.isSuperset(of: needs) else { return }
            guard tags.isEmpty || deployment.tags.contains(where: { tags.contains($0) }) else { return }
            result.insert(position)
        }
        return result
    }
}
