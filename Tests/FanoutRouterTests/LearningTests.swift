// Fanout
// SPDX-License-Identifier: Apache-2.0

@testable import FanoutRouter
import FanoutModel
import FanoutSimulation
import Testing

/// What refusals teach: of requests, of tokens, of concurrency.
@Suite struct LearningTests {
    @Test func `a refusal that names tokens teaches a rate of tokens`() {
        var gate = RateGate()
        Self.refuse(&gate, .tokens)
        #expect(gate.learned?.kind == .tokens)
        let large = RateCounts(requests: 1, prompt: 100_000)
        let small = RateCounts(requests: 1, prompt: 10)
        let now = Instant.zero.adding(milliseconds: 11_000)
        #expect(gate.readyAt(small, now: now) == now)
        #expect(gate.readyAt(large, now: now) > now)
    }

    @Test(arguments: [ExceededLimit.unknown, .requests])
    func `a refusal that names requests, or nothing, teaches a rate of requests`(named: ExceededLimit) {
        var gate = RateGate()
        Self.refuse(&gate, named)
        #expect(gate.learned?.kind == .requests)
    }

    /// Ten requests of 100 tokens in ten seconds, the last of which is refused.
    private static func refuse(_ gate: inout RateGate, _ named: ExceededLimit) {
        let cost = RateCounts(requests: 1, prompt: 100)
        for lease in 1...10 as ClosedRange<UInt64> {
            let now = Instant.zero.adding(milliseconds: 1_000 * lease)
            let room = gate.reserve(cost, pausedUntil: .zero, now: now)
            let used = lease == 10 ? RateCounts.none : cost
            gate.settle(cost, used: used, lease: lease, room: room, startedAt: now, now: now)
        }
        let now = Instant.zero.adding(milliseconds: 10_000)
        gate.refuse(named, cost, lease: 10, nextLease: 11, now: now)
    }

    @Test func `rates that go with the sizes of requests are not what is limited`() {
        var evidence = RateEvidence()
        for measure in 0..<6 {
            #expect(measure >= 4 || evidence.kind == nil, "four measures say something")
            evidence.take(requests: measure % 2 == 0 ? 10 : 2, tokens: 1_000 + Double(measure))
        }
        #expect(evidence.kind == .tokens)
        for measure in 0..<40 { evidence.take(requests: 10, tokens: measure % 2 == 0 ? 1_000 : 200) }
        #expect(evidence.kind == .requests)
        var alike = RateEvidence()
        for _ in 0..<10 { alike.take(requests: 10, tokens: 1_000) }
        #expect(alike.kind == nil)
    }

    @Test(
        .enabled(if: Build.isOptimized, "scripts/test bounds runs this row with a release build"),
        arguments: Bound.named("quota d: hidden tokens, sizes")
    )
    func `a hidden limit of tokens is found although sizes change`(bound: Bound) {
        // In the fifth a refusal comes soon after another when the sizes have just changed.
        for seed: UInt64 in [1, 5] {
            for (measure, value) in zip(bound.measures, bound.run(seed)) {
                #expect(measure.isMet(by: value), "\(bound.name), \(measure.name), seed \(seed): \(value)")
            }
        }
    }

    @Test func `what was taken in a short time between two refusals is no measure`() {
        var bracket = RateBracket(since: .zero, mark: .none, isExact: true)
        #expect(!bracket.measures(now: Instant.zero.adding(milliseconds: 9_999)))
        #expect(bracket.measures(now: Instant.zero.adding(milliseconds: 10_000)))
        bracket.isExact = false
        #expect(!bracket.measures(now: Instant.zero.adding(milliseconds: 60_000)))
    }

    // MARK: - Concurrency

    private static func lane() -> Snapshot {
        Bench.snapshot(lanes: [1]) { $0.deployments[0].maxConcurrency = nil }
    }

    @Test func `a 429 that names concurrency makes its lane take fewer, and doesn't pause it`() {
        let bench = Bench(Self.lane())
        let items = (0..<20).map { _ in bench.submit() }
        #expect(bench.starts.count == 8)
        bench.pass(100)
        bench.settle(.rateLimited) { $0.exceeded = .concurrency }
        let status = bench.laneStatus[0]
        #expect(status.state == .closed && status.limit < 8)
        #expect(bench.starts.count == 8, "the one that was refused waits for a place")
        for start in bench.starts.prefix(7) { bench.settle(nil, start) }
        #expect(bench.starts.count > 8)
        #expect(items.allSatisfy { bench.refusal(of: $0) == nil })
    }

    @Test func `a 429 that names concurrency pauses a lane that has nothing else in flight`() {
        let bench = Bench(Self.lane())
        bench.submit()
        bench.pass(100)
        bench.settle(.rateLimited) { $0.exceeded = .concurrency }
        #expect(bench.laneStatus[0].state == .paused)
        #expect(bench.starts.count == 1)
    }

    @Test func `a 429 that names concurrency still pauses a lane whose concurrency is configured`() {
        let bench = Bench(Bench.snapshot(lanes: [1]))
        for _ in 0..<4 { bench.submit() }
        bench.pass(100)
        bench.settle(.rateLimited) { $0.exceeded = .concurrency }
        #expect(bench.laneStatus[0].state == .paused)
    }

    // MARK: - Estimates

    @Test func `several answers at once count as several`() {
        func starts(choices: UInt16) -> Int {
            let bench = Bench(Bench.snapshot(lanes: [1]) { $0.deployments[0].tokensPerMinute = 60_000 })
            for _ in 0..<30 {
                bench.submit {
                    $0.completionTokens = 100
                    $0.choices = choices
                }
            }
            return bench.starts.count
        }
        #expect(starts(choices: 1) == 20, "two seconds' worth of tokens")
        #expect(starts(choices: 5) == 4)
    }

    @Test func `the length of one of several answers is what is learned`() {
        let bench = Bench(Bench.snapshot(lanes: [1]))
        for _ in 0..<64 {
            bench.submit { $0.choices = 4 }
            bench.settle(nil) { $0.completionTokens = 400 }
        }
        bench.submit()
        let expected = bench.core.groups[0].completions.expected(else: 0)
        #expect(expected > 90 && expected <= 100)
    }

    // MARK: - Probes

    @Test(arguments: RoutingStrategy.allCases)
    func `a lane that is due its probe gets the next item, whatever the strategy`(strategy: RoutingStrategy) {
        for seed in 1...8 as ClosedRange<UInt64> {
            let snapshot = Bench.snapshot(lanes: [4]) {
                $0.routing.strategy = strategy
                for lane in 0..<4 { $0.deployments[lane].maxConcurrency = 1 }
            }
            let bench = Bench(snapshot, seed: seed)
            // As many items as places: each lane has one, whatever it is thought of.
            for _ in 0..<5 {
                let first = bench.starts.count
                for _ in 0..<4 { bench.submit() }
                for start in bench.starts[first...] { bench.settle(start.lane.index == 0 ? .unreachable : nil, start) }
            }
            #expect(bench.laneStatus[0].state == .open)
            bench.pass(1_000)
            bench.submit()
            #expect(bench.lanes.last == 0)
        }
    }

    @Test func `a lane of weight 0 isn't probed before weighted ones`() {
        let snapshot = Bench.snapshot(lanes: [2]) {
            $0.deployments[0].weight = 0
            $0.deployments[1].weight = 1
        }
        let bench = Bench(snapshot)
        bench.perform { core, _, effects in
            core.lanes[0].pause.demandProbe()
            core.refresh(LaneID(0), &effects)
        }
        bench.submit()
        #expect(bench.lanes == [1])
    }
}
