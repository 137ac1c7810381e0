// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import FanoutRouter
import FanoutSimulation
import Testing

/// How often a failed item is tried again, and who says so.
@Suite struct RetryTests {
    private static func bench(
        lanes: [Int] = [1],
        retries: UInt32 = 0,
        policy: FailureCounts? = nil,
        group: FailureCounts? = nil
    ) -> Bench {
        Bench(
            Bench.snapshot(lanes: lanes, retries: retries) {
                $0.routing.retryPolicy = policy
                $0.groups[0].retryPolicy = group
            }
        )
    }

    private static func policy(_ change: (inout FailureCounts) -> Void) -> FailureCounts {
        var policy = FailureCounts()
        change(&policy)
        return policy
    }

    /// The attempts of one item whose every attempt fails so.
    private static func attempts(_ code: FailureCode, _ bench: Bench) -> Int {
        let bench = bench
        let item = bench.submit()
        while bench.ends[item] == nil, bench.starts.count < 20 {
            bench.settle(code)
            bench.pass(60_000)
        }
        return bench.starts.count
    }

    @Test func `7: a policy's two retries of a bad request are made within a second`() {
        let bench = Self.bench(policy: Self.policy { $0.badRequest = 2 })
        let item = bench.submit()
        bench.settle(.invalidRequest)
        #expect(bench.starts.count == 2, "the second goes at once")
        bench.settle(.invalidRequest)
        bench.pass(999)
        #expect(bench.starts.count == 3)
        bench.settle(.invalidRequest)
        #expect(bench.ends[item] == .failure(bench.starts[2].lease, causes: []))
        #expect(bench.now.milliseconds(since: .zero) < 1_000)
    }

    @Test func `the second retry on a lane waits, also where the first was to go elsewhere`() {
        let bench = Bench(
            Bench.snapshot(lanes: [2], retries: 3) {
                $0.deployments[0].order = 2
                $0.deployments[1].order = 1
                $0.deployments[1].maxConcurrency = 1
            }
        )
        let other = bench.submit()
        let item = bench.submit()
        bench.settle(.providerError)
        #expect(bench.starts.count == 2, "it waits for the lane that hasn't failed it")
        bench.settle(.notFound, bench.starts[0])
        let again = bench.starts.filter { $0.item.index == item }
        #expect(again.map(\.lane) == [LaneID(0), LaneID(0)], "which is off now")
        #expect(other != item)
        bench.settle(.providerError, again.last)
        bench.pass(249)
        #expect(bench.starts.count { $0.item.index == item } == 2)
        bench.pass(501)
        #expect(bench.starts.count { $0.item.index == item } == 3)
    }

    @Test func `a policy's key goes before the number of retries, for its own kind alone`() {
        let policy = Self.policy { $0.internalServer = 3 }
        #expect(Self.attempts(.providerError, Self.bench(retries: 1, policy: policy)) == 4)
        #expect(Self.attempts(.overloaded, Self.bench(retries: 1, policy: policy)) == 4, "of the same family")
        #expect(Self.attempts(.timeout, Self.bench(retries: 1, policy: policy)) == 2)
        #expect(
            Self.attempts(.providerError, Self.bench(retries: 1, policy: Self.policy { $0.internalServer = 0 })) == 1
        )
        #expect(Self.attempts(.timeout, Self.bench(retries: 1, policy: Self.policy { $0.others = 2 })) == 3)
        #expect(Self.attempts(.invalidRequest, Self.bench(retries: 1, policy: Self.policy { $0.others = 2 })) == 1)
    }

    @Test func `a group's policy replaces the router's whole`() {
        let router = Self.policy { $0.timeout = 4 }
        let group = Self.policy { $0.internalServer = 2 }
        #expect(Self.attempts(.providerError, Self.bench(retries: 1, policy: router, group: group)) == 3)
        #expect(Self.attempts(.timeout, Self.bench(retries: 1, policy: router, group: group)) == 2)
    }

    @Test func `a policy's key for rate limits bounds the answers 429, which otherwise cost nothing`() {
        #expect(Self.attempts(.rateLimited, Self.bench(policy: Self.policy { $0.rateLimit = 1 })) == 2)
        #expect(Self.attempts(.rateLimited, Self.bench()) > 4)
        #expect(Self.attempts(.quotaExhausted, Self.bench(policy: Self.policy { $0.rateLimit = 5 })) == 1)
    }

    @Test func `the provider's word on retrying counts for its own lane`() {
        func lanes(_ code: FailureCode, _ should: Bool?) -> [Int] {
            let bench = Bench(Bench.snapshot(lanes: [2], retries: 3) { $0.deployments[0].order = 1 })
            bench.submit()
            for _ in 0..<3 {
                bench.settle(code) { $0.shouldRetry = should }
                bench.pass(500)
            }
            return Array(bench.lanes.prefix(3))
        }
        #expect(lanes(.invalidRequest, nil) == [0])
        #expect(lanes(.invalidRequest, true).count > 1)
        #expect(lanes(.providerError, false) == [0, 1], "each lane once")
        #expect(lanes(.contentPolicy, true) == [0], "no way round a content policy")
        #expect(Set(lanes(.authentication, true)) == [0, 1], "a key isn't better for being tried again")
    }

    @Test func `retries of all items are a fifth of the attempts and one a second, however many each may have`() {
        for perSecond in [5.0, 20] {
            var experiment = Experiment(seed: 1)
            var provider = SimulatedProvider()
            provider.fault = .fails(.providerError, afterMilliseconds: 5)
            experiment.add(provider) { $0.maxConcurrency = 10 }
            experiment.snapshot.routing.disablesCooldowns = true
            experiment.snapshot.routing.retries = 10
            experiment.loads = [Load(.steady(perSecond: perSecond))]
            experiment.loads[0].deadlineMilliseconds = 20_000
            let report = experiment.run(seconds: 60)
            let items = Double(report.items.count)
            let retries = Double(report.calls.count) - items
            // What an idle lane saves up is ten.
            #expect(retries <= 0.2 * Double(report.calls.count) + 60 + 10, "\(retries) retries of \(items) items")
            #expect(retries >= 0.2 * items)
        }
    }
}
