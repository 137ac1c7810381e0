// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import FanoutRouter
import Testing

/// Runs, races, sharing and stops.
@Suite struct LimitTests {
    @Test func `a run keeps to its width, and one at its width doesn't hold up another`() {
        let bench = Bench(Bench.snapshot(lanes: [1]), terms: Self.terms(width: 2))
        for _ in 0..<5 { bench.submit() }
        #expect(bench.starts.count == 2)
        bench.perform { $0.open(RunID(2), Self.terms(), now: $1, into: &$2) }
        bench.submit(run: RunID(2))
        #expect(bench.starts.last?.item.run == RunID(2))
        bench.settle(nil, bench.starts[0])
        #expect(bench.starts.count == 4)
    }

    @Test func `a saturated lane doesn't hold up what another can serve`() {
        let bench = Bench(
            Bench.snapshot(lanes: [2]) {
                $0.deployments[0].maxConcurrency = 1
                $0.deployments[1].maxConcurrency = 1
                $0.deployments[1].offers = .chat
            }
        )
        for _ in 0..<4 { bench.submit { $0.needs = [.chat, .vision] } }
        #expect(bench.lanes == [0])
        bench.submit()
        #expect(bench.lanes == [0, 1])
    }

    @Test func `runs of one tenant, and tenants, take turns`() {
        let bench = Bench(Bench.snapshot(lanes: [1]) { $0.deployments[0].maxConcurrency = 1 })
        bench.perform { $0.open(RunID(2), Self.terms(), now: $1, into: &$2) }
        bench.perform { $0.open(RunID(3), Self.terms(tenant: 1), now: $1, into: &$2) }
        for run in [1, 1, 1, 1, 2, 2, 3, 3] as [UInt64] { bench.submit(run: RunID(run)) }
        for _ in 0..<8 { bench.settle(nil) }
        #expect(bench.starts.map(\.item.run.number) == [1, 1, 3, 2, 3, 1, 2, 1])
    }

    @Test func `the first failed item ends a fail-fast run`() {
        var terms = Self.terms(width: 2)
        terms.failFast = true
        let bench = Bench(Bench.snapshot(lanes: [1]), terms: terms)
        let items = (0..<4).map { _ in bench.submit() }
        bench.settle(.invalidRequest, bench.starts[0])
        #expect(bench.last.contains(.stop(bench.starts[1].lease, .failFast)))
        #expect(bench.refusal(of: items[2])?.code == .notStarted)
        #expect(bench.refusal(of: items[3])?.reason == .failFast)
        #expect(bench.ends[items[1]] == nil)
        bench.settle(.cancelled, bench.starts[1])
        #expect(bench.refusal(of: items[1])?.code == .cancelled)
        let late = bench.submit()
        #expect(bench.refusal(of: late)?.reason == .failFast)
    }

    @Test func `a pause spares the head, and the head may move`() {
        let bench = Bench(Bench.snapshot(lanes: [1]) { $0.deployments[0].maxConcurrency = 1 })
        for _ in 0..<4 { bench.submit() }
        bench.perform { $0.pause(Bench.run, except: 2, now: $1, into: &$2) }
        bench.settle(nil)
        #expect(bench.starts.last?.item.index == 2)
        bench.settle(nil)
        #expect(bench.starts.count == 2)
        bench.perform { $0.pause(Bench.run, except: 3, now: $1, into: &$2) }
        #expect(bench.starts.last?.item.index == 3)
        bench.perform { $0.resume(Bench.run, now: $1, into: &$2) }
        bench.settle(nil)
        #expect(bench.starts.last?.item.index == 1)
    }

    @Test func `the first leg to succeed wins a race, and late settles only give back capacity`() {
        let bench = Bench(Bench.snapshot(lanes: [1, 1]))
        let item = bench.submit { $0.extras = TicketExtras(race: [GroupID(0), GroupID(1)]) }
        #expect(bench.starts.map(\.leg) == [0, 1])
        bench.settle(nil, bench.starts[1])
        #expect(bench.succeeded(item))
        #expect(bench.last.first == .stop(bench.starts[0].lease, .race))
        bench.settle(.cancelled, bench.starts[0])
        #expect(bench.counts == (0, 0))
    }

    @Test func `a race fails when every leg is spent, with one cause a leg`() {
        let bench = Bench(Bench.snapshot(lanes: [1, 1, 1]))
        let item = bench.submit {
            $0.extras = TicketExtras(race: [GroupID(0), GroupID(1), GroupID(2)])
            $0.raceWidth = 2
        }
        #expect(bench.starts.count == 2)
        bench.settle(.providerError, bench.starts[0])
        #expect(bench.starts.count == 3)
        bench.settle(.providerError, bench.starts[2])
        bench.settle(.unreachable, bench.starts[1])
        guard case .failure(let lease, let causes)? = bench.ends[item] else {
            Issue.record("no failure")
            return
        }
        #expect(lease == bench.starts[1].lease && causes.count == 2)
    }

    @Test func `a streamed race belongs to the first content`() {
        let bench = Bench(Bench.snapshot(lanes: [1, 1]))
        let item = bench.submit {
            $0.flags = .streamed
            $0.extras = TicketExtras(race: [GroupID(0), GroupID(1)])
        }
        let (first, second) = (bench.starts[0].lease, bench.starts[1].lease)
        var answers: [Bool] = []
        bench.perform { answers.append($0.firstContent(second, now: $1, into: &$2)) }
        #expect(bench.last == [.stop(first, .race)])
        bench.perform { answers.append($0.firstContent(first, now: $1, into: &$2)) }
        #expect(answers == [true, false])
        bench.settle(nil, bench.starts[0])
        #expect(bench.ends[item] == nil)
        bench.settle(nil, bench.starts[1])
        #expect(bench.ends[item] == .success(second))
    }

    @Test func `a hundred identical items make one call, and two if the leader is cancelled`() {
        for isKilled in [false, true] {
            let bench = Bench(Bench.snapshot(lanes: [1]))
            for _ in 0..<100 { bench.submit { $0.digest = RequestDigest(high: 1, low: 2) } }
            #expect(bench.starts.count == 1)
            if isKilled {
                bench.perform { $0.cancel(Bench.run, items: [0], reason: .client, now: $1, into: &$2) }
                bench.settle(.cancelled, bench.starts[0])
            }
            bench.settle(nil)
            #expect(bench.starts.count == (isKilled ? 2 : 1))
            #expect(
                bench.ends.values.count { $0 == .success(bench.starts[isKilled ? 1 : 0].lease) }
                    == (isKilled ? 99 : 100)
            )
        }
    }

    @Test func `an item takes no answer from where it may not go itself`() {
        let bench = Bench(Bench.snapshot(lanes: [2]) { $0.deployments[1].region = "eu" })
        let digest = RequestDigest(high: 1, low: 2)
        for _ in 0..<2 { bench.submit { $0.digest = digest } }
        bench.submit { ($0.digest, $0.extras) = (digest, TicketExtras(region: "eu")) }
        bench.submit { ($0.digest, $0.flags) = (digest, .noFallbacks) }
        #expect(bench.starts.map(\.item.index) == [0, 2, 3])
        #expect(bench.lanes[1] == 1)
    }

    @Test func `a caller's fault goes to all followers, a provider's to nobody`() {
        for code in [FailureCode.invalidRequest, .providerError] {
            let bench = Bench(Bench.snapshot(lanes: [1]))
            for _ in 0..<3 { bench.submit { $0.digest = RequestDigest(high: 1, low: 2) } }
            bench.settle(code)
            #expect(bench.ends.count == (code == .invalidRequest ? 3 : 1))
            #expect(bench.starts.count == (code == .invalidRequest ? 1 : 3))
        }
    }

    @Test func `cancelling twice, or what is unknown, changes nothing`() {
        let bench = Bench(Bench.snapshot(lanes: [1]))
        let item = bench.submit()
        bench.perform { $0.cancel(RunID(9), items: nil, reason: .client, now: $1, into: &$2) }
        #expect(bench.last.isEmpty)
        bench.perform { $0.cancel(Bench.run, items: [item, 77], reason: .client, now: $1, into: &$2) }
        #expect(bench.last == [.stop(bench.starts[0].lease, .client)])
        bench.perform { $0.cancel(Bench.run, items: [item], reason: .disconnect, now: $1, into: &$2) }
        #expect(bench.last.isEmpty)
        bench.settle(nil)
        #expect(bench.refusal(of: item)?.reason == .client)
        bench.settle(nil, bench.starts[0])
        #expect(bench.last.isEmpty, "a settled lease settles once")
    }

    @Test func `a drain refuses what was never started`() {
        let bench = Bench(Bench.snapshot(lanes: [1]) { $0.deployments[0].maxConcurrency = 1 })
        let items = (0..<2).map { _ in bench.submit() }
        bench.perform { $0.drain(now: $1, into: &$2) }
        #expect(bench.refusal(of: items[1])?.reason == .drain)
        let late = bench.submit()
        #expect(bench.refusal(of: late)?.code == .notStarted)
        bench.settle(nil)
        #expect(bench.succeeded(items[0]))
    }

    @Test func `a closed run is forgotten when nothing of it is left`() {
        let bench = Bench(Bench.snapshot(lanes: [1]))
        bench.submit()
        bench.perform { $0.close(Bench.run, now: $1, into: &$2) }
        #expect(!bench.isIdle)
        bench.settle(nil)
        #expect(bench.isIdle)
    }

    @Test func `timers of finished items don't pile up`() {
        let bench = Bench(Bench.snapshot(lanes: [1]) { $0.deployments[0].maxConcurrency = 1 })
        bench.submit()
        // `invariants` bounds the heap by what is alive, and the bench checks them with each event.
        for _ in 0..<3_000 {
            bench.submit()
            bench.settle(nil)
        }
        #expect(bench.counts == (0, 1))
    }

    private static func terms(
        _ priorityClass: PriorityClass = .standard,
        tenant: Int = 0,
        width: UInt32 = 0
    ) -> RunTerms {
        RunTerms(tenant: TenantID(tenant), priorityClass: priorityClass, maxConcurrency: width)
    }
}
