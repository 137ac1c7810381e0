// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import FanoutRouter
import FanoutSimulation
import Testing

/// A handful of items over a handful of lanes: nothing that was made for storms may hold them back.
@Suite struct SmallScaleTests {
    /// Two lanes of slow local models with four places each, one that nothing listens behind, and twenty items.
    private static func experiment(seed: UInt64, strategy: RoutingStrategy, isStreamed: Bool) -> Experiment {
        var experiment = Experiment(seed: seed)
        experiment.snapshot.routing = RoutingSettings()
        experiment.snapshot.routing.strategy = strategy
        experiment.snapshot.routing.retries = 4
        for _ in 0..<2 {
            var model = SimulatedProvider()
            model.latency = LatencyLaw(firstContentMilliseconds: 300, perTokenMilliseconds: 40, jitter: 0.3)
            model.latency.comfortableConcurrency = 4
            experiment.add(model) { $0.weight = 1 }
        }
        var broken = SimulatedProvider()
        broken.fault = .fails(.unreachable, afterMilliseconds: 1)
        experiment.add(broken) { $0.weight = 3 }
        var load = Load(.burst(20))
        load.completion = .fixed(32)
        load.maxTokens = 32
        load.maxConcurrency = 0
        load.isStreamed = isStreamed
        experiment.loads = [load]
        return experiment
    }

    @Test(arguments: RoutingStrategy.allCases, [false, true])
    func `twenty items beside a broken lane take little longer than without it`(
        strategy: RoutingStrategy,
        isStreamed: Bool
    ) {
        for seed in 1...10 as ClosedRange<UInt64> {
            let experiment = Self.experiment(seed: seed, strategy: strategy, isStreamed: isStreamed)
            let report = experiment.run(seconds: 120)
            #expect(report.count(nil) == 20)
            let last = Double(report.items.compactMap(\.ended).max() ?? 0) / 1e9
            let slowest = Double(report.calls.filter(\.succeeded).map { ($0.end ?? 0) - $0.start }.max() ?? 0) / 1e9
            // Sixteen run at once, and the others as soon as one of them is done.
            #expect(last < 2.5 * slowest, "seed \(seed): \(last) s, the slowest answer \(slowest) s")
            let waited = report.waitMilliseconds(quantile: 1)
            #expect(waited < 1_000 * slowest + 100, "seed \(seed): \(waited) ms until the last one started")
        }
    }
}
