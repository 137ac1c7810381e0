// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import FanoutRouter
import FanoutSimulation
import Testing

/// A lane that fails in 5 ms beside one that answers in 500 ms: the pitfall of balancers that only measure latency.
@Suite struct FastFailureTests {
    static let warmUp = 30.0
    static let end = 100.0
    /// Every strategy that looks at what lanes do; a draw by weight and a price don't.
    static let strategies = RoutingStrategy.allCases.filter { $0 != .simpleShuffle && $0 != .costBased }

    @Test(arguments: strategies, [false, true])
    func `fast failures attract no traffic, with a breaker or without`(
        strategy: RoutingStrategy,
        hasBreaker: Bool
    ) {
        for seed in 1...2 as ClosedRange<UInt64> {
            var experiment = Self.experiment(seed: seed, strategy)
            experiment.snapshot.routing.disablesCooldowns = !hasBreaker
            experiment.loads = [Self.closedLoop(32)]
            let report = experiment.run(seconds: Self.end)
            #expect(Self.touching(report) <= 0.02, "seed \(seed)")
            #expect(report.count(nil) > 4_000)
        }
    }

    @Test(arguments: [RoutingStrategy.latencyBased, .predictedCost])
    func `a lane that was best and turned bad is left, and found again when it is mended`(strategy: RoutingStrategy) {
        for seed in 1...2 as ClosedRange<UInt64> {
            var experiment = Experiment(seed: seed)
            experiment.snapshot.routing.strategy = strategy
            experiment.snapshot.routing.disablesCooldowns = true
            var best = Self.provider(LatencyLaw(firstContentMilliseconds: 100))
            best.addOutage(fromMilliseconds: 60_000, toMilliseconds: 180_000)
            let lane = experiment.add(best)
            experiment.add(Self.provider(LatencyLaw(firstContentMilliseconds: 500)))
            experiment.loads = [Self.closedLoop(16)]
            let report = experiment.run(seconds: 400)
            let share = { (from: Double, to: Double) -> Double in
                Double(report.calls(of: lane, fromSecond: from, toSecond: to).count)
                    / Double(report.calls(fromSecond: from, toSecond: to).count)
            }
            #expect(share(30, 60) >= 0.9, "seed \(seed)")
            #expect(share(90, 180) <= 0.02, "seed \(seed)")
            #expect(share(330, 400) >= 0.9, "seed \(seed)")
        }
    }

    @Test func `predicted-cost sends long prompts and long answers where they are quick`() {
        // Lane 0 reads slowly and writes fast, lane 1 the other way round.
        for seed in 1...3 as ClosedRange<UInt64> {
            var experiment = Experiment(seed: seed)
            experiment.snapshot.routing.strategy = .predictedCost
            var writer = LatencyLaw(firstContentMilliseconds: 100, perTokenMilliseconds: 1)
            writer.perThousandPromptTokens = 200
            var reader = LatencyLaw(firstContentMilliseconds: 100, perTokenMilliseconds: 20)
            reader.perThousandPromptTokens = 5
            experiment.add(Self.provider(writer))
            experiment.add(Self.provider(reader))
            var short = Load(.poisson(perSecond: 5))
            short.prompt = .fixed(100)
            short.completion = .fixed(200)
            short.maxTokens = 200
            var long = Load(.poisson(perSecond: 5))
            long.prompt = .fixed(20_000)
            long.completion = .fixed(10)
            long.maxTokens = 10
            experiment.loads = [short, long]
            let report = experiment.run(seconds: 300)
            let late = report.calls(fromSecond: 60)
            for (load, lane) in [(0, 0), (1, 1)] {
                let mine = late.filter { report.items[$0.item].load == load }
                let share = Double(mine.count { Int($0.lane.index) == lane }) / Double(mine.count)
                #expect(share >= 0.9, "seed \(seed), load \(load): \(share)")
            }
        }
    }

    @Test func `predicted-cost spreads over equal lanes, also above those that it scans`() {
        for lanes in [4, 16, 17, 60] {
            var experiment = Experiment(seed: 1)
            experiment.snapshot.routing.strategy = .predictedCost
            for _ in 0..<lanes {
                experiment.add(Self.provider(LatencyLaw(firstContentMilliseconds: 500))) {
                    $0.maxConcurrency = 100
                }
            }
            experiment.loads = [Self.closedLoop(lanes * 10)]
            let report = experiment.run(seconds: 60)
            for second in [20.0, 40, 59] {
                for lane in 0..<lanes {
                    let count = report.inFlight(on: LaneID(lane), atSecond: second)
                    #expect(count <= 22, "\(lanes) lanes: \(count) on one")
                }
            }
        }
    }

    @Test func `predicted-cost weighs price by its exponent`() {
        for (weight, expected) in [(0.0, 0), (2, 1)] {
            var experiment = Experiment(seed: 1)
            experiment.snapshot.routing.strategy = .predictedCost
            experiment.snapshot.routing.strategyArguments.priceWeight = weight
            for (milliseconds, price) in [(300.0, 4e-6), (500, 1e-6)] {
                experiment.add(Self.provider(LatencyLaw(firstContentMilliseconds: milliseconds))) {
                    $0.price = Price(promptToken: price, completionToken: price)
                }
            }
            experiment.loads = [Self.closedLoop(4)]
            let late = experiment.run(seconds: 100).calls(fromSecond: 20)
            let share = Double(late.count { Int($0.lane.index) == expected }) / Double(late.count)
            #expect(share >= 0.9, "weight \(weight): \(share)")
        }
    }

    static func experiment(seed: UInt64, _ strategy: RoutingStrategy) -> Experiment {
        var experiment = Experiment(seed: seed)
        experiment.snapshot.routing.strategy = strategy
        var failing = SimulatedProvider()
        failing.fault = .fails(.providerError, afterMilliseconds: 5)
        experiment.add(failing)
        experiment.add(Self.provider(LatencyLaw(firstContentMilliseconds: 500)))
        return experiment
    }

    static func provider(_ latency: LatencyLaw) -> SimulatedProvider {
        var provider = SimulatedProvider()
        provider.latency = latency
        return provider
    }

    static func closedLoop(_ width: Int) -> Load {
        var load = Load(.backlog(width))
        load.completion = .fixed(1)
        return load
    }

    static func touching(_ report: ExperimentReport) -> Double {
        let items = report.items.count { Double($0.submitted) >= Self.warmUp * 1e9 }
        let touched = Set(report.calls(of: LaneID(0), fromSecond: Self.warmUp).map(\.item)).count
        return Double(touched) / Double(max(1, items))
    }
}
