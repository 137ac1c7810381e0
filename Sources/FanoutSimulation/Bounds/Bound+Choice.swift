// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import FanoutRouter

/// Which lane an item goes to, and which it never waits for.
extension Bound {
    static var choice: [Bound] {
        RoutingStrategy.allCases.map { self.fastFailures($0) } + [self.mixedEligibility]
    }

    /// A lane that fails in 5 ms beside one that answers in 500 ms.
    private static func fastFailures(_ strategy: RoutingStrategy) -> Bound {
        Bound(
            topic: "5 ms failures beside 500 ms successes",
            name: "fast failures, \(strategy.rawValue)",
            measures: [
                Measure("items that touch the failing lane", .atMost(0.02), .share),
                Measure("items that fail", .shown, .share),
            ]
        ) { seed in
            var experiment = Experiment(seed: seed)
            experiment.snapshot.routing.strategy = strategy
            var failing = SimulatedProvider()
            failing.fault = .fails(.providerError, afterMilliseconds: 5)
            let bad = experiment.add(failing)
            experiment.add(SimulatedProvider(latency: LatencyLaw(firstContentMilliseconds: 500)))
            var load = Load(.poisson(perSecond: 50))
            load.completion = .fixed(1)
            experiment.loads = [load]
            let report = experiment.run(seconds: 330)
            let items = report.items.enumerated().filter { $0.element.submitted >= 30_000_000_000 }
            let touching = Set(report.calls(of: bad, fromSecond: 30).map(\.item))
            return [
                Double(touching.count) / Double(max(1, items.count)),
                Double(items.count { $0.element.code != nil }) / Double(max(1, items.count)),
            ]
        }
    }

    /// Vision, long-context and tagged items among plain ones, with the lane of one kind saturated at a time.
    private static var mixedEligibility: Bound {
        let kinds = ["plain", "vision", "long context", "tagged"]
        return Bound(
            topic: "mixed eligibility, one lane saturated",
            name: "mixed eligibility",
            measures: kinds.map { Measure("longest wait of the others, \($0) saturated", .atMost(0), .milliseconds) }
        ) { seed in
            kinds.indices.map { self.longestWait(seed, saturated: $0) }
        }
    }

    private static func longestWait(_ seed: UInt64, saturated: Int) -> Double {
        var experiment = Experiment(seed: seed)
        experiment.snapshot.routing.checksBeforeCall = true
        let slots = { (kind: Int) -> UInt32 in kind == saturated ? 2 : 1_000 }
        experiment.add(SimulatedProvider()) {
            $0.maxConcurrency = slots(0)
            $0.offers = .chat
            $0.contextWindow = 8_000
        }
        experiment.add(SimulatedProvider()) {
            $0.maxConcurrency = slots(1)
            $0.offers = [.chat, .vision]
            $0.contextWindow = 8_000
        }
        experiment.add(SimulatedProvider()) {
            $0.maxConcurrency = slots(2)
            $0.offers = .chat
            $0.contextWindow = 200_000
        }
        experiment.add(SimulatedProvider()) {
            $0.maxConcurrency = slots(3)
            $0.offers = .chat
            $0.contextWindow = 8_000
            $0.tags = ["blue"]
        }
        for kind in 0..<4 {
            var load = Load(kind == saturated ? .backlog(200) : .poisson(perSecond: 20))
            // A backlog of plain items would fill every lane: that isn't one lane saturated.
            if kind == 0 { load.arrival = .poisson(perSecond: 20) }
            load.completion = .fixed(100)
            if kind == 1 { load.ticket.needs = [.chat, .vision] }
            if kind == 2 { load.prompt = .fixed(50_000) }
            if kind == 3 { load.ticket.extras = TicketExtras(tags: ["blue"]) }
            experiment.loads.append(load)
        }
        let report = experiment.run(seconds: 120)
        let waits = report.items.filter { $0.load != saturated || saturated == 0 }.map {
            Double(($0.started ?? report.end) - $0.submitted) / 1e6
        }
        return waits.max() ?? 0
    }
}

extension SimulatedProvider {
    init(latency: LatencyLaw) {
        self.init()
        self.latency = latency
    }
}
