// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import FanoutRouter
import Testing

/// The scenarios in which LiteLLM's Router was observed, with what ought to happen.
@Suite struct ScenarioTests {
    @Test func `one lane that always fails gets three attempts under a second`() {
        let bench = Bench(Bench.snapshot(lanes: [1], retries: 2))
        let item = bench.submit()
        bench.settle(.providerError)
        #expect(bench.starts.count == 2, "the second goes at once")
        bench.settle(.providerError)
        #expect(bench.starts.count == 2, "the third waits")
        bench.pass(999)
        #expect(bench.starts.count == 3)
        bench.settle(.providerError)
        #expect(bench.ends[item] == .failure(bench.starts[2].lease, causes: []))
        #expect(bench.starts.map(\.attempt) == [1, 2, 3])
    }

    @Test func `a bad key ends its lane until a reload, and later items fail at once`() {
        let snapshot = Bench.snapshot(lanes: [1], retries: 2)
        let bench = Bench(snapshot)
        bench.submit()
        bench.settle(.authentication)
        #expect(bench.starts.count == 1)
        let next = bench.submit()
        #expect(bench.refusal(of: next)?.code == .authentication)
        #expect(bench.refusal(of: next)?.lane == LaneID(0))
        #expect(bench.starts.count == 1)
        bench.perform { $0.reload(snapshot, now: $1, into: &$2) }
        bench.submit()
        #expect(bench.starts.count == 2)
    }

    @Test func `a bad key leaves the other lane and comes back after half an hour`() {
        let bench = Bench(Bench.snapshot(lanes: [2], retries: 2) { $0.deployments[0].order = 1 })
        bench.submit()
        bench.settle(.authentication)
        bench.settle(nil)
        for _ in 0..<5 {
            bench.submit()
            bench.settle(nil)
        }
        #expect(bench.lanes == [0, 1, 1, 1, 1, 1, 1])
        bench.pass(1_800_000)
        bench.submit()
        #expect(bench.lanes.last == 0)
    }

    @Test func `a 429 costs no attempt: the other lane at once, the first one after its time`() {
        let bench = Bench(Bench.snapshot(lanes: [2]) { $0.deployments[0].order = 1 })
        let item = bench.submit()
        bench.settle(.rateLimited, retryAfter: 5_000)
        #expect(bench.lanes == [0, 1])
        bench.settle(nil)
        #expect(bench.succeeded(item))
        bench.pass(4_999)
        bench.submit()
        #expect(bench.lanes.last == 1)
        bench.pass(1)
        bench.submit()
        #expect(bench.lanes.last == 0)
    }

    @Test func `two limited lanes are waited for, one probe each`() {
        let bench = Bench(Bench.snapshot(lanes: [2], retries: 3))
        bench.submit()
        bench.settle(.rateLimited, retryAfter: 2_000)
        bench.settle(.rateLimited, retryAfter: 3_000)
        #expect(bench.starts.count == 2)
        bench.submit()
        bench.pass(1_999)
        #expect(bench.starts.count == 2)
        bench.pass(1)
        #expect(bench.starts.count == 3, "one probe of the sooner lane")
        let late = bench.submit(deadline: 5)
        #expect(bench.refusal(of: late) == nil, "a probe is out, and may be answered in time")
    }

    @Test func `5: this item and the next wait for the sooner of two limited lanes, a deadline before it doesn't`() {
        let bench = Bench(Bench.snapshot(lanes: [2], retries: 3) { $0.deployments[0].order = 1 })
        let item = bench.submit()
        bench.settle(.rateLimited, retryAfter: 3_000)
        bench.settle(.rateLimited, retryAfter: 2_000)
        let next = bench.submit()
        let late = bench.submit(deadline: 1_999)
        #expect(bench.refusal(of: late)?.code == .deadlineExceeded)
        #expect(bench.refusal(of: late)?.earliestMilliseconds == 2_000)
        bench.pass(2_000)
        #expect(bench.lanes == [0, 1, 1], "one probe of the sooner lane")
        bench.settle(nil)
        #expect(bench.succeeded(item) && bench.lanes == [0, 1, 1, 1])
        bench.settle(nil)
        #expect(bench.succeeded(next))
    }

    @Test func `8: the one lane of a group is tried again after a 500`() {
        let bench = Bench(Bench.snapshot(lanes: [1], retries: 1))
        let item = bench.submit()
        bench.settle(.providerError)
        bench.settle(nil)
        #expect(bench.succeeded(item) && bench.lanes == [0, 0])
    }

    @Test func `14: when the fallback fails too, its failure is the item's, with the first one as its cause`() {
        let bench = Bench(Bench.snapshot(lanes: [1, 1]) { $0.groups[0].fallbacks = [GroupID(1)] })
        let item = bench.submit()
        bench.settle(.providerError)
        bench.settle(.providerError)
        guard case .failure(let lease, let causes)? = bench.ends[item] else {
            Issue.record("no failure")
            return
        }
        #expect(lease == bench.starts[1].lease && causes.map(\.lease) == [bench.starts[0].lease])
    }

    @Test func `a deadline before the soonest lane fails at once with the earliest time`() {
        let bench = Bench(Bench.snapshot(lanes: [2], retries: 3))
        bench.submit()
        bench.settle(.rateLimited, retryAfter: 30_000)
        bench.settle(.rateLimited, retryAfter: 20_000)
        let late = bench.submit(deadline: 10_000)
        #expect(bench.refusal(of: late)?.code == .deadlineExceeded)
        #expect(bench.refusal(of: late)?.earliestMilliseconds == 20_000)
    }

    @Test(arguments: 1...30) func `a lane isn't repeated while another is untried`(seed: Int) {
        let bench = Bench(Bench.snapshot(lanes: [2], retries: 2), seed: UInt64(seed))
        bench.submit()
        bench.settle(.providerError)
        #expect(Set(bench.lanes) == [0, 1])
    }

    @Test(arguments: [1_000, 1_500, 2_000] as [UInt64]) func `nothing goes before Retry-After`(wait: UInt64) {
        let bench = Bench(Bench.snapshot(lanes: [1]))
        let item = bench.submit()
        bench.settle(.rateLimited, retryAfter: wait)
        bench.pass(wait - 1)
        #expect(bench.starts.count == 1)
        bench.pass(1)
        #expect(bench.starts.count == 2)
        bench.settle(nil)
        #expect(bench.succeeded(item))
    }

    @Test func `attempts are one and the retries and one for each fallback entered`() {
        let bench = Bench(
            Bench.snapshot(lanes: [1, 1, 1, 1]) {
                $0.routing.maxFallbacks = 2
                $0.groups[0].fallbacks = [GroupID(1), GroupID(2), GroupID(3)]
            }
        )
        let item = bench.submit()
        for _ in 0..<3 { bench.settle(.providerError) }
        #expect(bench.lanes == [0, 1, 2])
        #expect(bench.starts.map(\.fallback) == [0, 1, 2])
        guard case .failure(let lease, let causes)? = bench.ends[item] else {
            Issue.record("no failure")
            return
        }
        #expect(lease == bench.starts[2].lease)
        #expect(causes.map(\.lease) == [bench.starts[0].lease, bench.starts[1].lease])
    }

    @Test func `a fallback's own fallback is reached`() {
        let bench = Bench(
            Bench.snapshot(lanes: [1, 1, 1]) {
                $0.groups[0].fallbacks = [GroupID(1)]
                $0.groups[1].fallbacks = [GroupID(2), GroupID(0)]
            }
        )
        let item = bench.submit()
        bench.settle(.providerError)
        bench.settle(.providerError)
        bench.settle(nil)
        #expect(bench.succeeded(item))
        #expect(bench.starts.map(\.fallback) == [0, 1, 2])
    }

    @Test func `a refused request goes to a fallback, not to another lane`() {
        let bench = Bench(Bench.snapshot(lanes: [2, 1], retries: 2) { $0.groups[0].fallbacks = [GroupID(1)] })
        let item = bench.submit()
        bench.settle(.invalidRequest)
        #expect(bench.lanes.last == 2)
        bench.settle(nil)
        #expect(bench.succeeded(item))
    }

    @Test func `a limited fallback is waited for, until the deadline, with both causes`() {
        let bench = Bench(Bench.snapshot(lanes: [1, 1]) { $0.groups[0].fallbacks = [GroupID(1)] })
        let item = bench.submit(deadline: 10_000)
        bench.settle(.providerError)
        bench.settle(.rateLimited, retryAfter: 1_000)
        #expect(bench.ends[item] == nil)
        bench.pass(1_000)
        bench.settle(.rateLimited, retryAfter: 20_000)
        #expect(bench.refusal(of: item)?.code == .deadlineExceeded)
        #expect(bench.refusal(of: item)?.causes.map(\.code) == [.providerError, .rateLimited])
    }

    @Test func `levels of order are lanes of one group`() {
        let bench = Bench(
            Bench.snapshot(lanes: [2], retries: 1) {
                $0.deployments[0].order = 1
                $0.deployments[1].order = 2
            }
        )
        bench.submit()
        bench.settle(.providerError)
        #expect(bench.lanes == [0, 1])
    }

    @Test func `a lane without an order comes after one that has it`() {
        let bench = Bench(Bench.snapshot(lanes: [2]) { $0.deployments[1].order = 3 })
        for _ in 0..<10 { bench.submit() }
        #expect(Set(bench.lanes) == [1])
    }

    @Test func `a full lane is waited for, in order of arrival`() {
        let bench = Bench(Bench.snapshot(lanes: [1]) { $0.deployments[0].maxConcurrency = 1 })
        let items = (0..<3).map { _ in bench.submit() }
        for index in 0..<3 {
            #expect(bench.starts.count == index + 1)
            #expect(bench.starts[index].item.index == items[index])
            bench.settle(nil)
        }
        #expect(items.allSatisfy { bench.succeeded($0) })
    }

    @Test(arguments: [FailureCode.streamBroken, .timeout])
    func `a stream that breaks after content begins anew elsewhere`(code: FailureCode) {
        let bench = Bench(Bench.snapshot(lanes: [2], retries: 1))
        let item = bench.submit { $0.flags = .streamed }
        bench.settle(code) { $0.hadContent = true }
        #expect(bench.last.contains(.restart(ItemID(run: Bench.run, index: item), code)))
        #expect(Set(bench.lanes) == [0, 1])
        bench.settle(nil)
        #expect(bench.succeeded(item))
    }

    @Test func `a stream that breaks fails where that was asked for`() {
        let bench = Bench(Bench.snapshot(lanes: [2], retries: 1))
        let item = bench.submit { $0.flags = [.streamed, .failsOnStreamBreak] }
        bench.settle(.streamBroken) { $0.hadContent = true }
        #expect(bench.ends[item] == .failure(bench.starts[0].lease, causes: []))
    }

    @Test func `an unweighted lane serves only when the weighted one can't`() {
        let bench = Bench(
            Bench.snapshot(lanes: [2]) {
                $0.deployments[0].weight = 0
                $0.deployments[1].weight = 1
            }
        )
        for _ in 0..<20 { bench.submit() }
        #expect(Set(bench.lanes) == [1])
        bench.settle(.rateLimited)
        #expect(bench.lanes.last == 0)
    }

    @Test func `the longer of two pauses holds, whichever came last`() {
        for waits in [[1_000, 30_000], [30_000, 1_000]] as [[UInt64]] {
            let bench = Bench(Bench.snapshot(lanes: [1]))
            bench.submit()
            bench.submit()
            bench.settle(.rateLimited, bench.starts[0], retryAfter: waits[0])
            bench.settle(.rateLimited, bench.starts[1], retryAfter: waits[1])
            bench.pass(29_999)
            #expect(bench.starts.count == 2)
            bench.pass(1)
            #expect(bench.starts.count == 3)
        }
    }

    @Test func `a lower priority number goes first`() {
        let bench = Bench(Bench.snapshot(lanes: [1]) { $0.deployments[0].maxConcurrency = 1 })
        bench.submit()
        let items = [5, 1, 2].map { priority in bench.submit { $0.priority = priority } }
        for _ in 0..<4 { bench.settle(nil) }
        #expect(bench.starts.dropFirst().map(\.item.index) == [items[1], items[2], items[0]])
    }

    @Test func `a content policy is routed around only where that is configured`() {
        for list in [nil, [GroupID(1)]] as [[GroupID]?] {
            let bench = Bench(
                Bench.snapshot(lanes: [1, 1]) {
                    $0.groups[0].fallbacks = [GroupID(1)]
                    $0.groups[0].contentPolicyFallbacks = list
                }
            )
            bench.submit()
            bench.settle(.contentPolicy)
            #expect(bench.lanes == (list == nil ? [0] : [0, 1]))
        }
    }

    @Test func `a group without a lane that could ever serve has no route`() {
        var bench = Bench(Bench.snapshot(lanes: [1]) { $0.deployments[0].maxConcurrency = 0 })
        let first = bench.submit()
        #expect(bench.refusal(of: first)?.code == .noRoute)
        bench = Bench(Bench.snapshot(lanes: [1]) { $0.deployments[0].offers = .chat })
        let second = bench.submit { $0.needs = [.chat, .vision] }
        #expect(bench.refusal(of: second)?.code == .noRoute)
    }

    @Test func `num_retries_per_request bounds the attempts over retries and fallbacks`() {
        func starts(_ most: UInt32) -> Int {
            let bench = Bench(
                Bench.snapshot(lanes: [1, 1, 1], retries: 2) { snapshot in
                    snapshot.groups[0].fallbacks = [GroupID(1), GroupID(2)]
                    snapshot.routing.attemptsMax = most
                    snapshot.routing.disablesCooldowns = true
                }
            )
            bench.submit()
            for _ in 0..<20 {
                bench.settle(.providerError)
                bench.pass(30_000)
            }
            return bench.starts.count
        }
        #expect(starts(0) == 5)
        #expect([1, 2, 3, 4].map(starts) == [1, 2, 3, 4])
        #expect(starts(9) == 5)
    }
}
