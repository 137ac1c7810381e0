// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import FanoutRouter
import Testing

/// What the attempts of one tenant may take together.
@Suite struct TenantTests {
    private static func terms(_ tenant: Int = 0, _ change: (inout TenantBounds) -> Void = { _ in }) -> RunTerms {
        var terms = RunTerms(tenant: TenantID(tenant))
        change(&terms.bounds)
        return terms
    }

    @Test func `a tenant keeps to its own concurrency over all its runs, and no other tenant waits for it`() {
        let bench = Bench(Bench.snapshot(lanes: [1]), terms: Self.terms { $0.maxConcurrency = 2 })
        bench.perform { $0.open(RunID(2), Self.terms { $0.maxConcurrency = 2 }, now: $1, into: &$2) }
        bench.perform { $0.open(RunID(3), Self.terms(1), now: $1, into: &$2) }
        for run in [1, 1, 2, 2, 3, 3, 3] as [UInt64] { bench.submit(run: RunID(run)) }
        #expect(bench.starts.map(\.item.run.number) == [1, 1, 3, 3, 3])
        bench.settle(nil, bench.starts[0])
        #expect(bench.starts.count == 6 && bench.starts.last?.item.run == RunID(2))
    }

    @Test func `requests a minute are spread evenly after two seconds' worth`() {
        let bench = Bench(Bench.snapshot(lanes: [1]), terms: Self.terms { $0.rates.requestsPerMinute = 60 })
        for _ in 0..<5 { bench.submit() }
        #expect(bench.starts.count == 2)
        bench.pass(999)
        #expect(bench.starts.count == 2)
        bench.pass(1)
        #expect(bench.starts.count == 3)
        bench.pass(2_000)
        #expect(bench.starts.count == 5)
    }

    @Test func `a tenant at its rate holds up no other`() {
        let bench = Bench(Bench.snapshot(lanes: [1]), terms: Self.terms { $0.rates.requestsPerMinute = 1 })
        bench.perform { $0.open(RunID(2), Self.terms(1), now: $1, into: &$2) }
        for _ in 0..<10 { bench.submit() }
        for _ in 0..<10 { bench.submit(run: RunID(2)) }
        #expect(bench.starts.count == 11)
    }

    @Test func `an item that is bigger than the rate's store goes, and is made up for`() {
        let bench = Bench(Bench.snapshot(lanes: [1]), terms: Self.terms { $0.rates.tokensPerMinute = 600 })
        let embed: (inout Ticket) -> Void = { ticket in
            ticket.needs = .embedding
            ticket.promptTokens = 100
        }
        bench.submit(embed)
        bench.submit(embed)
        #expect(bench.starts.count == 1)
        // 20 were there, 80 are missing at ten a second, and one more lets the next go.
        bench.pass(8_000)
        #expect(bench.starts.count == 1)
        bench.pass(200)
        #expect(bench.starts.count == 2)
    }

    @Test func `what an attempt didn't take is there again`() {
        let bench = Bench(Bench.snapshot(lanes: [1]), terms: Self.terms { $0.rates.requestsPerMinute = 1 })
        bench.submit()
        bench.submit()
        #expect(bench.starts.count == 1)
        bench.settle(.unreachable) { $0.wasNeverSent = true }
        #expect(bench.starts.count == 2)
    }

    @Test func `an item whose tenant is at its rate until its deadline says so`() {
        let bench = Bench(Bench.snapshot(lanes: [1]), terms: Self.terms { $0.rates.requestsPerMinute = 1 })
        bench.submit()
        let late = bench.submit(deadline: 5_000)
        bench.pass(5_000)
        #expect(bench.refusal(of: late)?.code == .deadlineExceeded)
        #expect(bench.refusal(of: late)?.obstacle == .tenantRates)
        #expect(bench.refusal(of: late)?.earliestMilliseconds == 55_000)
    }

    @Test func `new bounds hold for what waits and runs already`() {
        let bench = Bench(Bench.snapshot(lanes: [1]), terms: Self.terms { $0.rates.requestsPerMinute = 1 })
        for _ in 0..<5 { bench.submit() }
        #expect(bench.starts.count == 1)
        var bounds = TenantBounds()
        bounds.maxConcurrency = 3
        bench.perform { $0.bound(TenantID(0), bounds, now: $1, into: &$2) }
        #expect(bench.starts.count == 3)
        bounds.maxConcurrency = 1
        bench.perform { $0.bound(TenantID(0), bounds, now: $1, into: &$2) }
        bench.settle(nil, bench.starts[0])
        bench.settle(nil, bench.starts[1])
        #expect(bench.starts.count == 3)
        bench.settle(nil, bench.starts[2])
        #expect(bench.starts.count == 4)
    }

    @Test func `a rate that changes while attempts run counts each once`() {
        let bench = Bench(Bench.snapshot(lanes: [1]), terms: Self.terms())
        for _ in 0..<3 { bench.submit() }
        var bounds = TenantBounds()
        bounds.rates.requestsPerMinute = 60
        bench.perform { $0.bound(TenantID(0), bounds, now: $1, into: &$2) }
        for start in bench.starts { bench.settle(.unreachable, start) { $0.wasNeverSent = true } }
        for _ in 0..<4 { bench.submit() }
        #expect(bench.starts.count == 5)
        bounds.rates.requestsPerMinute = nil
        bench.perform { $0.bound(TenantID(0), bounds, now: $1, into: &$2) }
        #expect(bench.starts.count == 7)
    }

    @Test func `batches of a tenant that is paced are told how long they take`() {
        let bench = Bench(Bench.snapshot(lanes: [1]), terms: Self.terms())
        for _ in 0..<20 {
            bench.submit()
            bench.pass(100)
            bench.settle(nil)
        }
        let free = bench.core.forecast(Self.terms(), [ForecastWork(group: GroupID(0), items: 60)], now: bench.now)
        let paced = bench.core.forecast(
            Self.terms { $0.rates.requestsPerMinute = 60 },
            [ForecastWork(group: GroupID(0), items: 60)],
            now: bench.now
        )
        #expect(free.finishMilliseconds < 10_000)
        #expect(paced.finishMilliseconds == 60_000)
    }
}
