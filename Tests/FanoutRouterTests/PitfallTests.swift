// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import FanoutRouter
import FanoutSimulation
import Testing

/// Pitfalls that other routers fell into.
///
/// docs/internals/routing-tests.md says where the others have their tests.
@Suite struct PitfallTests {
    /// Where an item of a group of two lanes, 0 and 1, with a fallback, 2, goes while each attempt fails so.
    static let ways: [(code: FailureCode, lanes: [Int])] =
        [
            .unsupportedParameter, .authentication, .permission, .notFound, .quotaExhausted, .rateLimited, .overloaded,
            .providerError, .unreachable, .timeout, .streamBroken, .invalidResponse, .schemaMismatch,
        ].map { ($0, [0, 1, 2]) } + [.invalidRequest, .tooLarge, .contextWindow].map { ($0, [0, 2]) }
        + [(.contentPolicy, [0]), (.internal, [0])]

    @Test(arguments: ways)
    func `after each kind of failure the next attempt is at once, where the table says`(
        code: FailureCode,
        lanes: [Int]
    ) {
        let bench = Bench(
            Bench.snapshot(lanes: [2, 1], retries: 1) {
                $0.groups[0].fallbacks = [GroupID(1)]
                $0.deployments[0].order = 1
            }
        )
        let item = bench.submit()
        for _ in lanes { bench.settle(code, retryAfter: code == .rateLimited ? 60_000 : nil) }
        #expect(Array(bench.lanes.prefix(lanes.count)) == lanes)
        if lanes.count == 1 { #expect(bench.ends[item] != nil && bench.starts.count == 1) }
    }

    @Test func `an item whose only lane names a wait goes to the fallback at once, not after it`() {
        let bench = Bench(Bench.snapshot(lanes: [1, 1]) { $0.groups[0].fallbacks = [GroupID(1)] })
        let item = bench.submit()
        bench.settle(.rateLimited, retryAfter: 30_000)
        #expect(bench.lanes == [0, 1])
        bench.settle(nil)
        #expect(bench.succeeded(item))
        bench.pass(29_999)
        #expect(bench.starts.count == 2)
    }

    @Test(arguments: [nil, 60_000] as [UInt64?])
    func `a 429 inside a stream is waited out without an attempt or a busy loop`(wait: UInt64?) {
        let bench = Bench(Bench.snapshot(lanes: [1], retries: 2))
        let item = bench.submit { $0.flags = .streamed }
        bench.settle(.rateLimited, retryAfter: wait) { $0.hadContent = true }
        #expect(bench.starts.count == 1)
        var ticks = 0
        while bench.starts.count == 1, ticks < 100, bench.wakeUp < .never {
            bench.pass(max(1, bench.wakeUp.milliseconds(since: bench.now)))
            ticks += 1
        }
        #expect(bench.starts.count == 2 && ticks <= 3, "\(ticks) ticks")
        #expect(bench.now.milliseconds(since: .zero) >= wait ?? 500)
        bench.settle(nil)
        #expect(bench.succeeded(item))
    }

    @Test(arguments: [FailureCode.streamBroken, .timeout, .invalidResponse])
    func `streams that are cut after content count against their lane`(code: FailureCode) {
        let bench = Bench(Bench.snapshot(lanes: [1]))
        for number in 0..<5 {
            #expect(bench.laneStatus.map(\.state) == [.closed], "\(number)")
            bench.submit { $0.flags = .streamed }
            bench.settle(code) { $0.hadContent = true }
        }
        #expect(bench.laneStatus.map(\.state) == [.open])
    }

    @Test func `each failed attempt of one item counts against its lane`() {
        let bench = Bench(Bench.snapshot(lanes: [1], retries: 9))
        bench.submit()
        for number in 1...4 {
            bench.settle(.providerError)
            #expect(bench.laneStatus.map(\.state) == [.closed], "\(number)")
            while bench.starts.count == number { bench.pass(100) }
        }
        bench.settle(.providerError)
        #expect(bench.laneStatus.map(\.state) == [.open])
    }

    @Test func `a lane that answers 429 for four hours has a probe a pause, and the other lane has all items`() {
        let bench = Bench(Bench.snapshot(lanes: [2], retries: 2) { $0.deployments[0].order = 1 })
        for _ in 0..<480 {
            let item = bench.submit()
            if bench.lanes.last == 0 { bench.settle(.rateLimited) }
            bench.settle(nil)
            #expect(bench.succeeded(item))
            bench.pass(30_000)
        }
        // Pauses double up to a minute: so many at most, and most of them.
        let probes = bench.lanes.count { $0 == 0 }
        #expect(probes <= 4 * 60 + 8 && probes >= 200, "\(probes)")
    }

    @Test func `after an outage one of a hundred goes ahead, and the others follow in growing numbers`() {
        let bench = Bench(Bench.snapshot(lanes: [1]))
        for _ in 0..<5 {
            bench.submit()
            bench.settle(.unreachable)
        }
        for _ in 0..<100 { bench.submit() }
        #expect(bench.starts.count == 5)
        bench.pass(1_000)
        #expect(bench.starts.count == 6)
        bench.pass(30_000)
        #expect(bench.starts.count == 6, "one probe, however long it takes")
        bench.settle(nil)
        #expect((2...20).contains(bench.starts.count - 6), "\(bench.starts.count - 6) follow the probe")
    }

    @Test func `room for a slow model is made by its time: 500 items a second of ten seconds each don't wait`() {
        var experiment = Experiment(seed: 1)
        var provider = SimulatedProvider()
        provider.latency = LatencyLaw(firstContentMilliseconds: 10_000)
        experiment.add(provider)
        var load = Load(.steady(perSecond: 500))
        load.completion = .fixed(1)
        experiment.loads = [load]
        experiment.snapshot.deployments[0].maxConcurrency = 10_000
        let report = experiment.run(seconds: 11)
        #expect(report.inFlight(on: LaneID(0), atSecond: 10) >= 4_500)
        #expect(report.waitMilliseconds(quantile: 1) == 0)
        #expect(report.items.allSatisfy { $0.code == nil })
    }

    @Test func `an item that has spent its attempts ends, and costs no call more`() {
        let bench = Bench(
            Bench.snapshot(lanes: [1, 1], retries: 2) {
                $0.groups[0].fallbacks = [GroupID(1)]
                $0.routing.disablesCooldowns = true
            }
        )
        let item = bench.submit()
        while bench.ends[item] == nil, bench.starts.count < 20 {
            bench.settle(bench.starts.count % 2 == 0 ? .providerError : .timeout)
            bench.pass(30_000)
        }
        #expect(bench.starts.count == 4, "one, two retries, one for the fallback")
        bench.pass(600_000)
        #expect(bench.starts.count == 4)
    }
}
