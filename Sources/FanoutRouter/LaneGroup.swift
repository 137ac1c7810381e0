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
    /// What a prompt token and a completion token cost on each position, in US dollars.
    var prices: [Double] = []
    /// What each position's price is worth under `predicted-cost`.
    var priceFactors: [Double] = []
    /// Positions that are in the configuration in force.
    var members = LaneSet()
    /// Lanes that would start an attempt now.
    var available = LaneSet()
    /// Lanes whose gate is closed, full or not.
    var healthy = LaneSet()
    /// Lanes that can come back without a reload.
    var recoverable = LaneSet()
    /// Lanes that haven't answered often enough to be compared.
    var unmeasured = LaneSet()
    /// How a lane is picked.
    var strategy = RoutingStrategy.simpleShuffle
    var arguments = StrategyArguments()
    /// What is typical of its lanes.
    var pace = GroupPace()
    /// Lanes whose free places are kept for others, by class; see ``RouterCore/keptMask(of:)``.
    var kept = [LaneSet](repeating: LaneSet(), count: PriorityClass.allCases.count)
    /// The classes whose floors are kept here, a bit for each; the most urgent is the lowest.
    var floors: UInt8 = 0
    /// Whether any lane names an order.
    var hasOrder = false
    /// Fallback groups that can be reached from here.
    var reachableFallbacks = 0
    /// Retries of an item after its first attempt.
    var retries: UInt32 = 0
    /// Whether any lane has limits: without one, nothing is asked of them.
    var hasLimits = false
    /// What its answers have shown.
    var completions = CompletionEstimate()
    /// Queues with this group's lanes.
    var queues: [Slot] = []
    /// Queues whose legs wait for a lane.
    var starved = Ring()
    /// Queues whose lanes have room, but not for who is next there.
    var keptOff = Ring()
    /// Lanes whose level, or what they save up for, has changed since those were looked at.
    var changed = LaneSet()
    /// They are to be looked at before the event ends.
    var isTouched = false
    /// The context windows of its lanes, smallest first.
    var windows: [UInt32] = []
    var tagFiltering: TagFiltering?
    /// Lanes by requirement, most recent last; at most ``masksMax``.
    private var masks: [Mask] = []

    static let masksMax = 16

    /// The lanes that meet a requirement; windows that no lane lies between are alike.
    private struct Mask {
        var needs: Needs
        var windowRank: Int
        var tags: [String]
        var region: String?
        var lanes: LaneSet
    }

    var masksKept: Int { self.masks.count }

    mutating func forgetMasks() {
        self.masks.removeAll()
    }

    /// The lanes that could ever serve what is required.
    mutating func eligible(_ required: Requirement, deployments: [Deployment]) -> LaneSet {
        let rank = self.windowRank(of: required.window)
        for mask in self.masks
        where mask.needs == required.needs && mask.windowRank == rank && mask.region == required.region
            && mask.tags == required.tags
        {
            return mask.lanes
        }
        let lanes = self.sift(required, deployments: deployments).lanes
        if self.masks.count >= Self.masksMax { self.masks.removeFirst() }
        self.masks.append(
            Mask(
                needs: required.needs,
                windowRank: rank,
                tags: required.tags,
                region: required.region,
                lanes: lanes
            )
        )
        return lanes
    }

    /// The filter that leaves no lane; `none` if some lane is left, or there was none to begin with.
    func obstacle(_ required: Requirement, deployments: [Deployment]) -> RouteObstacle {
        self.sift(required, deployments: deployments).obstacle
    }

    /// LiteLLM's order: the checks before a call, then the tags.
    private func sift(
        _ required: Requirement,
        deployments: [Deployment]
    ) -> (lanes: LaneSet, obstacle: RouteObstacle) {
        let deployment = { (position: Int) in deployments[Int(self.lanes[position].index)] }
        var lanes = self.members
        if lanes.isEmpty { return (lanes, .none) }
        lanes = TagRule.filter(lanes) { deployment($0).offers.isSuperset(of: required.needs) }
        if lanes.isEmpty { return (lanes, .needs) }
        if let region = required.region {
            lanes = TagRule.filter(lanes) { Region.serves(region, in: deployment($0).region) }
            if lanes.isEmpty { return (lanes, .region) }
        }
        lanes = TagRule.filter(lanes) { deployment($0).contextWindow.map { $0 >= required.window } ?? true }
        if lanes.isEmpty { return (lanes, .contextWindow) }
        if let filtering = self.tagFiltering {
            let rule = TagRule(required.tags, filtering)
            lanes = rule.lanes(of: lanes, members: self.members) { deployment($0).tags }
        } else {
            lanes = TagRule.plain(required.tags, of: lanes, members: self.members) { deployment($0).tags }
        }
        return (lanes, lanes.isEmpty ? .tags : .none)
    }

    private func windowRank(of window: UInt32) -> Int {
        var rank = 0
        while rank < self.windows.count && self.windows[rank] < window { rank += 1 }
        return rank
    }
}
