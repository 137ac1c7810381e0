// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import FanoutRouter

/// What decides between lanes, and closes them for want of money.
extension World {
    /// From a generator of its own, so that seeds keep what else they mean.
    func chooseClasses(_ routing: inout RoutingSettings) {
        var generator = self.generator
        guard generator.below(3) == 0 else { return }
        for index in routing.classes.indices {
            routing.classes[index].floor = [0, 0, 0.1, 0.2, 0.25][generator.below(5)]
            routing.classes[index].promotionMilliseconds = [0, 100, 2_000, 20_000][generator.below(4)]
        }
    }

    /// In some worlds every lane is short of tokens: levels are saved up for large requests, and small ones go beside
    /// them.
    ///
    /// From a generator of its own, too.
    mutating func chooseLimits() {
        var generator = self.generator
        guard generator.below(6) == 0 else { return }
        self.snapshot.routing.enforcesRates = true
        for index in self.snapshot.deployments.indices {
            self.snapshot.deployments[index].tokensPerMinute = [6_000, 20_000, 60_000][generator.below(3)]
            self.snapshot.deployments[index].maxConcurrency = [1, 2, 8][generator.below(3)]
        }
    }

    static let providers = 2
    static let tagLists: [[String]] = [["blue"], ["red"], ["blue", "red"], ["default"], ["blue", "default"]]
    static let askedTags: [[String]] = [
        ["blue"], ["red", "blue"], ["green"], ["!blue"], ["&red", "blue"], ["to-red"],
    ]

    mutating func chooseStrategy(_ routing: inout RoutingSettings) {
        routing.strategy = self.pick(RoutingStrategy.allCases)
        if self.chance(30) { routing.strategyArguments.lowestLatencyBuffer = Double(self.below(10)) / 10 }
        if self.chance(20) { routing.strategyArguments.explorationShare = Double(self.below(5)) / 10 }
        if self.chance(20) { routing.strategyArguments.priceWeight = Double(self.below(3)) }
        routing.checksBeforeCall = self.chance(20)
        if self.chance(25) {
            var filtering = TagFiltering()
            filtering.matchesAny = self.chance(50)
            if self.chance(30) { filtering.prefix = "to-" }
            routing.tagFiltering = filtering
        }
        for provider in 0..<Self.providers where self.chance(4) {
            routing.providerBudgets["provider-\(provider)"] = self.budget()
        }
        for tag in ["blue", "green"] where self.chance(5) { routing.tagBudgets[tag] = self.budget() }
    }

    /// Small enough to be spent, with a window that ends, most of the time.
    mutating func budget() -> Budget {
        Budget(
            limitNanoUSD: Int64(self.pick([0, 1, 1_000_000, 20_000_000])),
            windowMilliseconds: UInt64(self.pick([0, 500, 3_000, 20_000]))
        )
    }

    mutating func mark(_ lane: inout Deployment) {
        lane.tags = self.chance(30) ? self.pick(Self.tagLists) : []
        lane.region = self.chance(30) ? self.pick(["eu", "us"]) : nil
        lane.contextWindow = self.chance(25) ? UInt32(self.pick([300, 1_000, 6_000])) : nil
        lane.budget = self.chance(5) ? self.budget() : nil
        lane.price = nil
        if self.chance(60) {
            lane.price = Price(promptToken: Double(self.below(4)) * 1e-6, completionToken: Double(self.below(4)) * 5e-6)
        }
    }

    mutating func ask() -> (tags: [String], region: String?) {
        (
            self.chance(15) ? self.pick(Self.askedTags) : [],
            self.chance(5) ? self.pick(["eu", "eu", "us", "us", "mars"]) : nil
        )
    }

    /// What an answer used and took; never more than the request allows and its estimate lets expect.
    mutating func fill(_ outcome: inout Outcome, for ticket: Ticket, on lane: LaneID, milliseconds: UInt64) {
        let wasWritten = outcome.code == nil || outcome.code == .streamBroken
        guard wasWritten, self.chance(85) else { return }
        let bound = ticket.completionTokens == 0 ? 1_000 : Int(ticket.completionTokens)
        outcome.promptTokens = UInt32(Double(ticket.promptTokens) * (0.8 + Double(self.below(5)) / 10))
        outcome.completionTokens = UInt32(self.below(bound + 1))
        if ticket.flags.contains(.streamed) {
            outcome.firstContentMicroseconds = UInt32(1 + self.below(Int(milliseconds) * 1_000))
        }
        guard let price = self.snapshot.deployments[Int(lane.index)].price else { return }
        let dollars =
            price.promptToken * Double(outcome.promptTokens) + price.completionToken * Double(outcome.completionTokens)
        outcome.costNanoUSD = Int64(dollars * 1e9)
    }
}
