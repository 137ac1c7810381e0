// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import FanoutRouter
import FanoutSimulation
import Testing

/// Who is refused at once since it would be late, and what a batch is told of its end.
@Suite struct AdmissionTests {
    /// One lane with two places, whose answers take a second, as it has shown; a second group stands by.
    private static func bench(_ change: (inout Snapshot) -> Void = { _ in }) -> Bench {
        let bench = Bench(
            Bench.snapshot(lanes: [1, 1]) {
                $0.deployments[0].maxConcurrency = 2
                change(&$0)
            }
        )
        for _ in 0..<8 {
            bench.submit()
            bench.pass(1_000)
            bench.settle(nil)
        }
        return bench
    }

    private static func refusals(_ items: [UInt32], _ bench: Bench) -> [Refusal] {
        items.compactMap { bench.refusal(of: $0) }
    }

    @Test func `items that can't have their turn in time are refused at once, with the time that it would take`() {
        let bench = Self.bench()
        let items = (0..<100).map { _ in bench.submit(deadline: 10_000) }
        let refusals = Self.refusals(items, bench)
        // Two run; two places turn over in half the time for ten seconds, forty times; and once before that.
        #expect(refusals.count == 100 - 2 - 42)
        #expect(refusals.allSatisfy { $0.code == .deadlineExceeded && $0.isForeseen && !$0.hadAttempt })
        #expect(refusals.allSatisfy { $0.earliestMilliseconds >= 10_000 && $0.retryMilliseconds > 0 })
        #expect(bench.refusal(of: items[43]) == nil && bench.refusal(of: items[44]) != nil)
    }

    @Test func `an item with more time is let in behind those that were`() {
        let bench = Self.bench()
        for _ in 0..<60 { bench.submit(deadline: 10_000) }
        let patient = bench.submit(deadline: 60_000)
        #expect(bench.refusal(of: patient) == nil)
    }

    @Test func `what waits goes before what comes only if its deadline does`() {
        let bench = Self.bench()
        for _ in 0..<100 { bench.submit(deadline: 600_000) }
        let urgent = bench.submit(deadline: 3_000)
        #expect(bench.refusal(of: urgent) == nil)
    }

    @Test func `in a batch of two models nobody is refused for what waits for the other one`() {
        let bench = Self.bench { $0.deployments[1].maxConcurrency = 2 }
        for _ in 0..<8 {
            bench.submit(group: 1)
            bench.pass(1_000)
            bench.settle(nil)
        }
        for _ in 0..<3 { bench.submit(group: 1) }
        for _ in 0..<60 { bench.submit(deadline: 10_000) }
        let late = bench.submit(deadline: 10_000)
        let other = bench.submit(group: 1, deadline: 10_000)
        let latest = bench.submit(deadline: 10_000)
        #expect(bench.refusal(of: late) != nil)
        #expect(bench.refusal(of: other) == nil)
        #expect(bench.refusal(of: latest) != nil, "after an item of the other model too")
    }

    @Test func `an answer that has always taken a second isn't waited for in less than half of one`() {
        let bench = Self.bench()
        let late = bench.submit(deadline: 300)
        #expect(bench.refusal(of: late)?.earliestMilliseconds == 500)
        #expect(bench.refusal(of: late)?.retryMilliseconds == 0, "waiting doesn't make answers quicker")
        #expect(bench.refusal(of: bench.submit(deadline: 700)) == nil)
    }

    @Test func `nobody is refused by lanes that nothing is known of`() {
        let bench = Bench(Bench.snapshot(lanes: [1]) { $0.deployments[0].maxConcurrency = 2 })
        let items = (0..<100).map { _ in bench.submit(deadline: 1_000) }
        #expect(Self.refusals(items, bench).isEmpty)
    }

    @Test func `a known rate refuses what it can't let through in time`() {
        let bench = Bench(Bench.snapshot(lanes: [1]) { $0.deployments[0].requestsPerMinute = 60 })
        let items = (0..<100).map { _ in bench.submit(deadline: 30_000) }
        // Two at once, one a second, and the one that may be on its way.
        #expect(Self.refusals(items, bench).count == 100 - 2 - 31)
    }

    @Test func `who would be late goes to a fallback that has room`() {
        let bench = Self.bench { $0.groups[0].fallbacks = [GroupID(1)] }
        let items = (0..<90).map { _ in bench.submit(deadline: 10_000) }
        #expect(Self.refusals(items, bench).isEmpty)
        #expect(bench.lanes.contains(1))
    }

    @Test func `the items of a batch share what another caller's backlog leaves`() {
        let bench = Self.bench()
        let other = RunID(2)
        bench.perform { $0.open(other, RunTerms(tenant: TenantID(1)), now: $1, into: &$2) }
        for _ in 0..<200 { bench.submit(run: other) }
        let items = (0..<60).map { _ in bench.submit(deadline: 10_000) }
        // The two places are taken; half of forty-two turns is another's.
        #expect(Self.refusals(items, bench).count == 60 - 21)
    }

    // MARK: - Batches

    @Test func `a batch is told when it will be done`() {
        let bench = Self.bench()
        let terms = RunTerms(tenant: TenantID(0))
        let forecast = bench.core.forecast(terms, [ForecastWork(group: GroupID(0), items: 20)], now: bench.now)
        #expect(forecast.finishMilliseconds == 10_000)
        #expect(forecast.tooLateMilliseconds == 0)
        let unknown = bench.core.forecast(terms, [ForecastWork(group: GroupID(1), items: 20)], now: bench.now)
        #expect(unknown == Forecast())
    }

    @Test func `what waits before a batch, and its own width, are in its forecast`() {
        let bench = Self.bench()
        for _ in 0..<12 { bench.submit() }
        var terms = RunTerms(tenant: TenantID(0))
        let behind = bench.core.forecast(terms, [ForecastWork(group: GroupID(0), items: 20)], now: bench.now)
        #expect(behind.finishMilliseconds == 15_000)
        terms.maxConcurrency = 1
        let narrow = bench.core.forecast(terms, [ForecastWork(group: GroupID(0), items: 20)], now: bench.now)
        #expect(narrow.finishMilliseconds == 20_000)
    }

    @Test func `a batch of which nothing can be answered in time is too late as a whole`() {
        let bench = Self.bench()
        let work = [ForecastWork(group: GroupID(0), items: 20)]
        var terms = RunTerms(tenant: TenantID(0))
        terms.deadline = bench.now.adding(milliseconds: 300)
        let hasty = bench.core.forecast(terms, work, now: bench.now)
        #expect(hasty.tooLateMilliseconds == 500 && hasty.retryMilliseconds == 0)
        terms.deadline = bench.now.adding(milliseconds: 10_000)
        #expect(bench.core.forecast(terms, work, now: bench.now).tooLateMilliseconds == 0)
        bench.submit()
        bench.settle(.overloaded, retryAfter: 60_000)
        let closed = bench.core.forecast(terms, work, now: bench.now)
        #expect(closed.tooLateMilliseconds == 60_500)
        #expect(closed.retryMilliseconds == 50_500)
    }

    // MARK: - In the long run

    @Test(arguments: Bound.named("admission"))
    func `hardly anybody is refused who would have made it`(bound: Bound) {
        let values = bound.run(1)
        for (measure, value) in zip(bound.measures, values) {
            #expect(measure.isMet(by: value), "\(bound.name), \(measure.name): \(value)")
        }
        #expect(values[0] > 0.1, "somebody is refused at all")
        #expect(values[4] >= values[3] - 0.02, "and no fewer make it")
    }
}
