// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import FanoutRouter
import Testing

/// Limits of requests and tokens: what is kept, what waits, what comes back.
@Suite struct RateTests {
    // MARK: - LiteLLM's scenarios and bugs

    @Test func `the second of two waits for the one slot, and both are served`() {
        let bench = Bench(Bench.snapshot(lanes: [1]) { $0.deployments[0].maxConcurrency = 1 })
        let items = (0..<2).map { _ in bench.submit() }
        #expect(bench.starts.count == 1)
        bench.settle(nil)
        bench.settle(nil)
        #expect(items.allSatisfy { bench.succeeded($0) })
        #expect(bench.starts.count == 2)
    }

    @Test func `three with one slot are served first come, first served, in three calls`() {
        let bench = Bench(Bench.snapshot(lanes: [1], retries: 2) { $0.deployments[0].maxConcurrency = 1 })
        let items = (0..<3).map { _ in bench.submit() }
        for _ in 0..<3 {
            bench.pass(500)
            bench.settle(nil)
        }
        #expect(bench.starts.map(\.item.index) == items)
        #expect(bench.now == Instant.zero.adding(milliseconds: 1_500))
    }

    @Test func `one request a minute is enforced under every strategy, unless rates are weights`() {
        for strategy in RoutingStrategy.allCases {
            for enforces in [true, false] {
                let bench = Bench(
                    Bench.snapshot(lanes: [1]) {
                        $0.routing.strategy = strategy
                        $0.routing.enforcesRates = enforces
                        $0.deployments[0].requestsPerMinute = 1
                    }
                )
                for _ in 0..<3 { bench.submit() }
                #expect(bench.starts.count == (enforces ? 1 : 3))
                bench.pass(59_999)
                #expect(bench.starts.count == (enforces ? 1 : 3))
                bench.pass(1)
                #expect(bench.starts.count == (enforces ? 2 : 3))
            }
        }
    }

    @Test func `what can't start before its deadline fails at once with the earliest time, and costs no attempt`() {
        let bench = Bench(Bench.snapshot(lanes: [1]) { $0.deployments[0].requestsPerMinute = 1 })
        bench.submit()
        bench.pass(15_000)
        let late = bench.submit(deadline: 30_000)
        #expect(bench.refusal(of: late)?.code == .deadlineExceeded)
        #expect(bench.refusal(of: late)?.earliestMilliseconds == 45_000)
        #expect(bench.refusal(of: late)?.hadAttempt == false)
        #expect(bench.starts.count == 1)
    }

    @Test func `what waited in time fails as soon as another has taken its chance`() {
        let bench = Bench(
            Bench.snapshot(lanes: [1]) {
                $0.deployments[0].requestsPerMinute = 1
                $0.deployments[0].maxConcurrency = 1
            }
        )
        bench.submit()
        bench.pass(50_000)
        bench.submit(deadline: 15_000)
        let second = bench.submit(deadline: 50_000)
        #expect(bench.refusal(of: second) == nil)
        bench.settle(nil)
        bench.pass(10_000)
        #expect(bench.starts.count == 2)
        #expect(bench.refusal(of: second)?.code == .deadlineExceeded)
    }

    @Test func `two a minute are two in each minute, evenly`() {
        let bench = Bench(Bench.snapshot(lanes: [1]) { $0.deployments[0].requestsPerMinute = 2 })
        for _ in 0..<20 { bench.submit() }
        #expect(Self.starts(bench, seconds: 180) == [0, 30, 60, 90, 120, 150, 180])
    }

    @Test func `two deployments with three a minute serve six in each minute`() {
        let bench = Bench(
            Bench.snapshot(lanes: [2]) {
                $0.deployments[0].requestsPerMinute = 3
                $0.deployments[1].requestsPerMinute = 3
            }
        )
        for _ in 0..<30 { bench.submit() }
        #expect(Self.starts(bench, seconds: 119) == [0, 0, 20, 20, 40, 40, 60, 60, 80, 80, 100, 100])
    }

    @Test func `never more tokens are promised in a minute than it has`() {
        let bench = Bench(Bench.snapshot(lanes: [1]) { $0.deployments[0].tokensPerMinute = 20 })
        for _ in 0..<8 {
            bench.submit {
                $0.promptTokens = 4
                $0.completionTokens = 6
            }
        }
        #expect(Self.starts(bench, seconds: 119) { $0 = (4, 6) } == [0, 30, 60, 90])
    }

    @Test(arguments: 1...4)
    func `a burst of many at once never promises more than the limit and two seconds of it`(seed: Int) {
        let bench = Bench(
            Bench.snapshot(lanes: [1]) {
                $0.deployments[0].requestsPerMinute = 600
                $0.deployments[0].tokensPerMinute = 60_000
                $0.deployments[0].maxConcurrency = 1_000
            },
            seed: UInt64(seed)
        )
        var generator = SplitMix64(seed: UInt64(seed))
        var promised: [UInt32: Double] = [:]
        for _ in 0..<300 {
            let prompt = UInt32(generator.below(400))
            let completion = UInt32(1 + generator.below(200))
            let item = bench.submit(deadline: 3_600_000) {
                $0.promptTokens = prompt
                $0.completionTokens = completion
            }
            promised[item] = Double(prompt + completion)
        }
        var sum = 0.0
        var count = 0
        for second in 0..<30 {
            while count < bench.starts.count {
                sum += promised[bench.starts[count].item.index] ?? 0
                count += 1
            }
            #expect(sum <= 1_000 * Double(second + 2) + 1, "nothing here is bigger than what two seconds save")
            #expect(count <= 10 * (second + 2))
            bench.pass(1_000)
        }
        #expect(sum > 28_000)
    }

    @Test func `an item over the limit waits for the bucket: no attempt is spent and nothing cools`() {
        let bench = Bench(Bench.snapshot(lanes: [1]) { $0.deployments[0].requestsPerMinute = 60 })
        for _ in 0..<3 { bench.submit { $0.attemptsMax = 1 } }
        #expect(bench.starts.count == 2)
        #expect(bench.laneStatus.map(\.state) == [.closed])
        bench.pass(1_000)
        #expect(bench.starts.map(\.attempt) == [1, 1, 1])
    }

    // MARK: - Ends of reservations

    @Test(arguments: [FailureCode.rateLimited, .unreachable, .cancelled, .invalidRequest, .timeout, nil])
    func `a reservation ends with its attempt, however that ends`(code: FailureCode?) {
        for wasNeverSent in [true, false] {
            let bench = Bench(Bench.snapshot(lanes: [1]) { $0.deployments[0].tokensPerMinute = 60_000 })
            bench.submit { $0.promptTokens = 2_000 }
            bench.submit { $0.promptTokens = 2_000 }
            #expect(bench.starts.count == 1, "the first has used up the two seconds that were saved")
            if code == .cancelled {
                bench.perform { $0.cancel(Bench.run, items: [0], reason: .client, now: $1, into: &$2) }
            }
            // The bench recomputes what is reserved from the leases after each event.
            bench.settle(code, bench.starts[0]) { $0.wasNeverSent = wasNeverSent }
            let isBack = wasNeverSent || code == .unreachable || code == .invalidRequest
            if code != .rateLimited { #expect(bench.starts.count == (isBack ? 2 : 1)) }
        }
    }

    @Test func `what an answer didn't use comes back, and what it used beyond its promise is paid off`() {
        for used in [100, 1_000, 4_000] as [UInt32] {
            let bench = Bench(Bench.snapshot(lanes: [1]) { $0.deployments[0].tokensPerMinute = 60_000 })
            bench.submit {
                $0.promptTokens = 1_000
                $0.completionTokens = 1_000
            }
            bench.submit { $0.promptTokens = 1_800 }
            bench.settle(nil) {
                $0.promptTokens = 1_000
                $0.completionTokens = used
            }
            let begin = bench.now
            while bench.starts.count < 2 { bench.pass(1) }
            let waited = bench.now.milliseconds(since: begin)
            // The second needs all of the two seconds that can be saved.
            #expect(waited == UInt64(used) + 1_000)
        }
    }

    @Test func `an answer's expected length is its batch's, at most what it allows`() {
        let bench = Bench(Bench.snapshot(lanes: [1]) { $0.deployments[0].completionTokensPerMinute = 60_000 })
        for _ in 0..<40 {
            bench.submit()
            bench.settle(nil) { $0.completionTokens = 50 }
            bench.pass(1_000)
        }
        let before = bench.starts.count
        for _ in 0..<100 { bench.submit() }
        // Two seconds' worth, at about fifty tokens each.
        #expect((33...41).contains(bench.starts.count - before))
    }

    // MARK: - Several limits

    @Test func `an account's limit holds for all deployments that name it, in turn`() {
        let bench = Bench(
            Bench.snapshot(lanes: [1, 1, 1]) {
                $0.accounts = [AccountLimits(name: "key")]
                $0.accounts[0].rates.requestsPerMinute = 6
                $0.deployments[0].account = 0
                $0.deployments[1].account = 0
            }
        )
        for group in 0..<3 { for _ in 0..<10 { bench.submit(group: group) } }
        #expect(bench.lanes.count { $0 == 2 } == 10, "who doesn't share it isn't held up")
        let starts = Self.starts(bench, seconds: 59).count
        #expect(starts == 16)
        #expect(bench.lanes.count { $0 == 0 } == 3 && bench.lanes.count { $0 == 1 } == 3)
    }

    @Test func `what took nothing gives an account's limit no more than it would hold without it`() {
        let bench = Bench(
            Bench.snapshot(lanes: [1, 1]) {
                $0.accounts = [AccountLimits(name: "key")]
                $0.accounts[0].rates.requestsPerMinute = 60
                for lane in $0.deployments.indices { $0.deployments[lane].account = 0 }
            }
        )
        for _ in 0..<2 { bench.submit() }
        bench.pass(1_000)
        bench.submit(group: 1)
        for index in 0..<2 { bench.settle(.unreachable, bench.starts[index]) { $0.wasNeverSent = true } }
        for _ in 0..<2 { bench.submit(group: 1) }
        #expect(bench.starts.count == 4, "of two that are saved up at most, the third had one")
        bench.pass(999)
        #expect(bench.starts.count == 4)
        bench.pass(1)
        #expect(bench.starts.count == 5)
    }

    @Test func `what took nothing comes back whole where the limit was in use all the time`() {
        let bench = Bench(Bench.snapshot(lanes: [1]) { $0.deployments[0].requestsPerMinute = 60 })
        for _ in 0..<5 { bench.submit() }
        bench.pass(1_000)
        #expect(bench.starts.count == 3)
        bench.settle(.unreachable, bench.starts[2]) { $0.wasNeverSent = true }
        #expect(bench.starts.count == 4)
    }

    @Test func `an account's concurrency holds for all deployments that name it`() {
        let bench = Bench(
            Bench.snapshot(lanes: [1, 1]) {
                $0.accounts = [AccountLimits(name: "key")]
                $0.accounts[0].maxConcurrency = 3
                $0.deployments[0].account = 0
                $0.deployments[1].account = 0
            }
        )
        for group in 0..<2 { for _ in 0..<4 { bench.submit(group: group) } }
        #expect(bench.starts.count == 3)
        for index in 0..<5 { bench.settle(nil, bench.starts[index]) }
        #expect(bench.starts.count == 8)
    }

    @Test func `a limit of nothing is a lane that takes nothing`() {
        let bench = Bench(
            Bench.snapshot(lanes: [2]) {
                $0.deployments[0].requestsPerMinute = 0
                $0.deployments[1].maxConcurrency = 1
            }
        )
        for _ in 0..<3 { bench.submit() }
        #expect(bench.lanes == [1])
    }

    @Test func `a reload changes a limit and keeps what was used of it`() {
        var snapshot = Bench.snapshot(lanes: [1]) { $0.deployments[0].requestsPerMinute = 1 }
        let bench = Bench(snapshot)
        for _ in 0..<3 { bench.submit() }
        bench.pass(10_000)
        snapshot.deployments[0].requestsPerMinute = 6
        bench.perform { $0.reload(snapshot, now: $1, into: &$2) }
        #expect(bench.starts.count == 1, "ten seconds at one a minute have brought a sixth of a request")
        bench.pass(8_400)
        #expect(bench.starts.count == 2)
    }

    /// The seconds at which attempts start, each being answered at once.
    private static func starts(
        _ bench: Bench,
        seconds: Int,
        _ usage: (inout (UInt32, UInt32)) -> Void = { _ in }
    ) -> [Int] {
        var tokens: (UInt32, UInt32) = (0, 0)
        usage(&tokens)
        var result: [Int] = []
        for second in 0...seconds {
            if second > 0 { bench.pass(1_000) }
            while result.count < bench.starts.count {
                let dispatch = bench.starts[result.count]
                result.append(second)
                bench.settle(nil, dispatch) { ($0.promptTokens, $0.completionTokens) = tokens }
            }
        }
        return result
    }
}
