// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import FanoutRouter
import Testing

/// Bugs that were reported of LiteLLM's Router, by their numbers there.
///
/// docs/internals/routing-tests.md says where the others have their tests.
@Suite struct KnownBugTests {
    @Test func `20722: each Retry-After of a lane is kept to, also when it grows and shrinks`() {
        let bench = Bench(Bench.snapshot(lanes: [1]))
        let item = bench.submit()
        for (number, wait) in ([1_000, 5_000, 30_000, 2_000] as [UInt64]).enumerated() {
            bench.settle(.rateLimited, retryAfter: wait)
            bench.pass(wait - 1)
            #expect(bench.starts.count == number + 1, "\(wait)")
            bench.pass(1)
            #expect(bench.starts.count == number + 2, "\(wait)")
        }
        bench.settle(nil)
        #expect(bench.succeeded(item))
    }

    @Test func `19077: an item without fallbacks has none, also after content was shown`() {
        for hasFallbacks in [true, false] {
            let bench = Bench(Bench.snapshot(lanes: [1, 1]) { $0.groups[0].fallbacks = [GroupID(1)] })
            let item = bench.submit { $0.flags = hasFallbacks ? .streamed : [.streamed, .noFallbacks] }
            bench.settle(.streamBroken) { $0.hadContent = true }
            #expect(bench.lanes == (hasFallbacks ? [0, 1] : [0]))
            #expect((bench.ends[item] == nil) == hasFallbacks)
        }
    }

    @Test func `10875, 16011, 18116: a streamed attempt has its place until it ends, not until its first content`() {
        let bench = Bench(Bench.snapshot(lanes: [1]) { $0.deployments[0].maxConcurrency = 2 })
        for _ in 0..<5 { bench.submit { $0.flags = .streamed } }
        #expect(bench.starts.count == 2)
        for start in bench.starts {
            bench.perform { #expect($0.firstContent(start.lease, now: $1, into: &$2)) }
        }
        #expect(bench.starts.count == 2)
        bench.settle(nil, bench.starts[0]) { $0.hadContent = true }
        #expect(bench.starts.count == 3)
        bench.settle(.streamBroken, bench.starts[1]) { $0.hadContent = true }
        #expect(bench.starts.count == 4)
    }

    @Test func `35104: failures of a fallback count against its lane like any other's`() {
        let bench = Bench(Bench.snapshot(lanes: [1, 1]) { $0.groups[0].fallbacks = [GroupID(1)] })
        bench.submit()
        bench.settle(.authentication)
        bench.settle(.providerError)
        for _ in 0..<4 {
            bench.submit()
            #expect(bench.lanes.last == 1)
            bench.settle(.providerError)
        }
        #expect(bench.laneStatus.map(\.state) == [.off, .open])
    }

    @Test func `18968, 35071: a deployment's own number of retries and time to cool go before all others`() {
        func attempts(deployment: UInt32?, group: UInt32?) -> Int {
            let bench = Bench(
                Bench.snapshot(lanes: [1], retries: 1) {
                    $0.deployments[0].retries = deployment
                    $0.groups[0].retries = group
                    $0.routing.disablesCooldowns = true
                }
            )
            let item = bench.submit()
            while bench.ends[item] == nil {
                bench.settle(.providerError)
                bench.pass(60_000)
            }
            return bench.starts.count
        }
        #expect(attempts(deployment: nil, group: nil) == 2)
        #expect(attempts(deployment: nil, group: 2) == 3)
        #expect(attempts(deployment: 3, group: 2) == 4)
        #expect(attempts(deployment: 0, group: 2) == 1)

        let bench = Bench(Bench.snapshot(lanes: [1]) { $0.deployments[0].cooldownMilliseconds = 12_000 })
        bench.submit()
        bench.settle(.rateLimited)
        bench.pass(11_999)
        #expect(bench.starts.count == 1)
        bench.pass(1)
        #expect(bench.starts.count == 2)
    }

    @Test func `14864, 40221: five hundred deployments keep what is known of them`() {
        // Without a bench: it would recompute all of them with each event.
        let count = 500
        var core = RouterCore(snapshot: Bench.snapshot(lanes: Array(repeating: 1, count: count)), seed: 1)
        var effects: [Effect] = []
        core.open(Bench.run, RunTerms(tenant: TenantID(0), maxConcurrency: 1_000), now: .zero, into: &effects)
        func starts(_ body: (inout RouterCore, inout [Effect]) -> Void) -> [Dispatch] {
            var effects: [Effect] = []
            body(&core, &effects)
            return effects.compactMap { effect in
                if case .start(let dispatch) = effect { dispatch } else { nil }
            }
        }
        for group in 0..<count {
            let ticket = Ticket(
                index: UInt32(group),
                group: GroupID(group),
                needs: .chat,
                deadline: Instant.zero.adding(milliseconds: 900_000)
            )
            let first = starts { $0.submit(Bench.run, [ticket], now: .zero, into: &$1) }
            #expect(first.map(\.lane) == [LaneID(group)])
            for start in first {
                let limited = Outcome(code: .rateLimited, retryAfterMilliseconds: 600_000)
                #expect(starts { $0.settle(start.lease, limited, now: .zero, into: &$1) }.isEmpty)
            }
        }
        let before = Instant.zero.adding(milliseconds: 599_999)
        #expect(starts { $0.tick(now: before, into: &$1) }.isEmpty)
        let after = starts { $0.tick(now: before.adding(milliseconds: 1), into: &$1) }
        #expect(Set(after.map(\.lane)).count == count, "\(after.count)")
    }

    @Test func `16092: an account without money is left alone for half an hour, with every deployment of its key`() {
        let bench = Bench(
            Bench.snapshot(lanes: [2]) {
                $0.deployments[1].endpoint.credential = $0.deployments[0].endpoint.credential
            }
        )
        bench.submit()
        bench.settle(.quotaExhausted)
        #expect(bench.starts.count == 1)
        for _ in 0..<3 {
            let item = bench.submit()
            #expect(bench.refusal(of: item)?.code == .quotaExhausted)
        }
        bench.pass(1_800_000)
        bench.submit()
        #expect(bench.starts.count == 2)
    }
}
