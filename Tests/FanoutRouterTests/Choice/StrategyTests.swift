// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import Testing

@testable import FanoutRouter

/// Each strategy's rule, in situations in which LiteLLM's Router was observed.
@Suite struct StrategyTests {
    @Test func `37622: eight at once over two idle lanes go four and four`() {
        for seed in 1...20 {
            let bench = Bench(Self.snapshot(2, .leastBusy), seed: UInt64(seed))
            bench.perform { core, now, effects in
                let tickets = (0..<8).map { Ticket(index: $0, group: GroupID(0), needs: .chat, deadline: .never) }
                core.submit(Bench.run, tickets, now: now, into: &effects)
            }
            #expect(bench.lanes.count { $0 == 0 } == 4)
        }
    }

    @Test func `25323, 39322, 40401: whatever was cached before, idle lanes are drawn evenly by the least busy rule`() {
        // A cache hit never reaches the router, so nothing that was counted can drift; ties are broken by chance.
        let bench = Bench(Self.snapshot(2, .leastBusy))
        for _ in 0..<400 {
            bench.submit()
            bench.settle(nil)
        }
        #expect((160...240).contains(bench.lanes.count { $0 == 0 }))
    }

    @Test func `least busy counts a stream until its end`() {
        let bench = Bench(Self.snapshot(2, .leastBusy))
        bench.submit { $0.flags = .streamed }
        let streaming = bench.lanes[0]
        for _ in 0..<10 {
            bench.submit()
            bench.settle(nil)
        }
        #expect(bench.lanes.dropFirst().allSatisfy { $0 != streaming })
    }

    @Test(arguments: [RoutingStrategy.usageBased, .usageBasedV2])
    func `the lane with the fewest tokens this minute is next, those under way included`(strategy: RoutingStrategy) {
        let bench = Bench(Self.snapshot(2, strategy))
        bench.submit { $0.promptTokens = 900 }
        let first = bench.lanes[0]
        bench.submit { $0.promptTokens = 100 }
        bench.submit { $0.promptTokens = 100 }
        #expect(bench.lanes[1] != first && bench.lanes[2] != first)
        bench.settle(nil, bench.starts[0]) { ($0.promptTokens, $0.completionTokens) = (10, 10) }
        bench.submit { $0.promptTokens = 100 }
        #expect(bench.lanes[3] == first, "it used less than was thought")
        for index in 1...3 { bench.settle(nil, bench.starts[index]) }
        bench.pass(60_000)
        var seen: Set<Int> = []
        for _ in 0..<20 {
            bench.submit()
            seen.insert(bench.lanes.last ?? -1)
            bench.settle(nil)
        }
        #expect(seen == [0, 1], "a new minute begins at zero")
    }

    @Test func `33: an explicit price of zero is free, an unknown price is dear, and equals are drawn`() {
        let free = Price(promptToken: 0, completionToken: 0)
        let cheap = Price(promptToken: 1e-6, completionToken: 0)
        #expect(Self.costBased([free, cheap, nil]) == [0])
        #expect(Self.costBased([nil, cheap]) == [1])
        #expect(Self.costBased([free, free, cheap]) == [0, 1])
    }

    private static func costBased(_ prices: [Price?]) -> Set<Int> {
        let bench = Bench(
            Self.snapshot(prices.count, .costBased) {
                for (index, price) in prices.enumerated() { $0.deployments[index].price = price }
            }
        )
        for _ in 0..<30 { bench.submit() }
        return Set(bench.lanes)
    }

    @Test func `31: a lane whose first answer came over a cold connection is measured on, and wins`() {
        for seed in 1...20 {
            for strategy in [RoutingStrategy.latencyBased, .predictedCost] {
                let bench = Bench(Self.snapshot(2, strategy), seed: UInt64(seed))
                var answers = [0, 0]
                for _ in 0..<60 {
                    bench.submit()
                    let lane = bench.lanes.last ?? 0
                    answers[lane] += 1
                    bench.pass(lane == 0 ? 2_000 : answers[1] == 1 ? 2_400 : 100)
                    bench.settle(nil) { $0.completionTokens = 10 }
                }
                let late = bench.lanes.dropFirst(30).count { $0 == 1 }
                #expect(late >= 26, "seed \(seed), \(strategy): \(bench.lanes)")
            }
        }
    }

    @Test func `32: a lane that fails at once doesn't look fast`() {
        for seed in 1...20 {
            for strategy in RoutingStrategy.allCases where strategy != .simpleShuffle && strategy != .costBased {
                let bench = Bench(
                    Self.snapshot(2, strategy) {
                        $0.routing.retries = 2
                        $0.routing.disablesCooldowns = true
                    },
                    seed: UInt64(seed)
                )
                for _ in 0..<12 {
                    bench.submit()
                    while let last = bench.starts.last, bench.ends[last.item.index] == nil {
                        bench.pass(last.lane == LaneID(0) ? 5 : 500)
                        bench.settle(last.lane == LaneID(0) ? .providerError : nil) { $0.completionTokens = 10 }
                    }
                }
                #expect(bench.ends.keys.allSatisfy { bench.succeeded($0) })
                #expect(bench.lanes.count { $0 == 0 } <= 6, "seed \(seed), \(strategy): \(bench.lanes)")
            }
        }
    }

    @Test func `lanes within the buffer of the lowest latency share, others don't`() {
        for (buffer, expected) in [(0.0, [0] as Set), (0.5, [0, 1])] {
            let bench = Bench(
                Self.snapshot(3, .latencyBased) {
                    $0.routing.strategyArguments.lowestLatencyBuffer = buffer
                    $0.routing.strategyArguments.explorationShare = 0
                }
            )
            for index in 0..<200 {
                bench.submit()
                bench.pass([100, 140, 300][bench.lanes.last ?? 0])
                bench.settle(nil)
                if index == 20 { #expect(Set(bench.lanes) == [0, 1, 2]) }
            }
            #expect(Set(bench.lanes.dropFirst(20)) == expected)
        }
    }

    @Test func `streams are compared by their time to first content, mean or percentile`() {
        // Lane 0: first content after 100 ms, but after a second in one of three; lane 1: always after 300 ms.
        for (percentile, expected) in [(nil, 1), (0.5, 0), (1, 1)] as [(Double?, Int)] {
            let bench = Bench(
                Self.snapshot(2, .latencyBased) {
                    $0.routing.strategyArguments.firstContentPercentile = percentile
                    $0.routing.strategyArguments.explorationShare = 0
                }
            )
            var answers = 0
            for _ in 0..<40 {
                bench.submit { $0.flags = .streamed }
                let lane = bench.lanes.last ?? 0
                if lane == 0 { answers += 1 }
                bench.pass(2_000)
                bench.settle(nil) {
                    $0.firstContentMicroseconds = lane == 1 ? 300_000 : answers % 3 == 0 ? 1_000_000 : 100_000
                    $0.completionTokens = 20
                }
            }
            #expect(bench.lanes.last == expected, "\(percentile ?? 0): \(bench.lanes)")
        }
    }

    @Test func `latency samples expire`() {
        let bench = Bench(
            Self.snapshot(2, .latencyBased) {
                $0.routing.strategyArguments.ttlMilliseconds = 10_000
                $0.routing.strategyArguments.explorationShare = 0
            }
        )
        for _ in 0..<20 {
            bench.submit()
            bench.pass(bench.lanes.last == 0 ? 100 : 400)
            bench.settle(nil)
        }
        #expect(bench.lanes.suffix(10).allSatisfy { $0 == 0 })
        // Nothing that either has shown holds any more.
        bench.pass(20_000)
        var seen: Set<Int> = []
        for _ in 0..<20 {
            bench.submit()
            seen.insert(bench.lanes.last ?? 0)
        }
        #expect(seen == [0, 1])
    }

    @Test func `a slow lane that turned fast is found again`() {
        for strategy in [RoutingStrategy.latencyBased, .predictedCost] {
            let bench = Bench(Self.snapshot(2, strategy))
            for index in 0..<2_000 {
                bench.submit()
                let isFast = (bench.lanes.last == 0) == (index < 200)
                bench.pass(isFast ? 50 : 500)
                bench.settle(nil) { $0.completionTokens = 10 }
            }
            #expect(bench.lanes[100..<200].count { $0 == 0 } >= 90)
            #expect(bench.lanes.suffix(500).count { $0 == 1 } >= 475, "\(strategy)")
        }
    }

    @Test func `a group's own strategy replaces the router's`() {
        let bench = Bench(
            Bench.snapshot(lanes: [2, 2]) {
                $0.routing.strategy = .costBased
                $0.groups[1].strategy = .leastBusy
                for lane in 0..<4 {
                    $0.deployments[lane].price = Price(promptToken: Double(lane), completionToken: 0)
                }
            }
        )
        for _ in 0..<8 { bench.submit() }
        #expect(bench.lanes == Array(repeating: 0, count: 8))
        for _ in 0..<8 { bench.submit(group: 1) }
        #expect(bench.lanes.suffix(8).count { $0 == 2 } == 4)
    }

    @Test(arguments: RoutingStrategy.allCases) func `order comes before the strategy`(strategy: RoutingStrategy) {
        let bench = Bench(
            Self.snapshot(2, strategy) {
                $0.deployments[0].order = 2
                $0.deployments[1].order = 1
                $0.deployments[0].price = Price(promptToken: 0, completionToken: 0)
            }
        )
        for _ in 0..<10 { bench.submit() }
        #expect(Set(bench.lanes) == [1])
    }

    @Test(arguments: RoutingStrategy.allCases)
    func `a lane that comes back gets its probe from the next item, whatever its score`(strategy: RoutingStrategy) {
        let bench = Bench(
            Self.snapshot(2, strategy) {
                $0.deployments[0].price = Price(promptToken: 1, completionToken: 1)
                $0.deployments[1].price = Price(promptToken: 0, completionToken: 0)
            }
        )
        // Lane 1 becomes known as quick, cheap and idle; lane 0 is paused.
        while bench.lanes.last != 0 {
            bench.submit()
            if bench.lanes.last == 0 { break }
            if strategy == .costBased { bench.submit { $0.deadline = .never } }
            if strategy == .costBased { break }
            bench.pass(10)
            bench.settle(nil)
        }
        if strategy == .costBased { return }
        bench.settle(.rateLimited, retryAfter: 1_000)
        bench.settle(nil)
        bench.pass(1_000)
        for _ in 0..<(strategy == .simpleShuffle ? 30 : 1) { bench.submit() }
        #expect(bench.lanes.contains(0))
    }

    static func snapshot(
        _ lanes: Int,
        _ strategy: RoutingStrategy,
        _ change: (inout Snapshot) -> Void = { _ in }
    ) -> Snapshot {
        Bench.snapshot(lanes: [lanes]) {
            $0.routing.strategy = strategy
            change(&$0)
        }
    }
}
