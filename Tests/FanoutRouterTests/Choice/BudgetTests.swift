// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import Testing

@testable import FanoutRouter

/// Money: providers', deployments', tags', tenants' and batches'.
@Suite struct BudgetTests {
    /// Each attempt costs 1,000 nano-dollars: 100 tokens of a prompt at 1e-8, and nothing for the answer.
    static let cost: Int64 = 1_000
    static let limit: Int64 = 5_000
    static let window: UInt64 = 60_000

    /// Where the money is kept.
    enum Scope: CaseIterable {
        case provider, deployment, tag, tenant, batch

        var obstacle: RouteObstacle {
            switch self {
            case .provider: .providerBudget
            case .deployment: .deploymentBudget
            case .tag: .tagBudget
            case .tenant: .tenantBudget
            case .batch: .batchBudget
            }
        }

        var isWindowed: Bool { self != .batch }
    }

    static func bench(
        _ scope: Scope,
        lanes: [Int] = [1],
        limit: Int64 = limit,
        _ change: (inout Snapshot) -> Void = { _ in }
    ) -> Bench {
        let budget = Budget(limitNanoUSD: limit, windowMilliseconds: Self.window)
        var terms = RunTerms(tenant: TenantID(0))
        if scope == .tenant { terms.bounds.budget = budget }
        if scope == .batch { terms.maxCostNanoUSD = limit }
        return Bench(
            Bench.snapshot(lanes: lanes) {
                for lane in $0.deployments.indices {
                    $0.deployments[lane].price = Price(promptToken: 1e-8, completionToken: 0)
                }
                if scope == .deployment { $0.deployments[0].budget = budget }
                if scope == .provider { $0.routing.providerBudgets = ["p": budget] }
                if scope == .tag { $0.routing.tagBudgets = ["t": budget] }
                change(&$0)
            },
            terms: terms
        )
    }

    @discardableResult
    static func submit(_ bench: Bench, deadline: UInt64 = 600_000, group: Int = 0) -> UInt32 {
        bench.submit(group: group, deadline: deadline) {
            $0.promptTokens = 100
            $0.extras = TicketExtras(tags: ["t"])
        }
    }

    @Test(arguments: Scope.allCases) func `many at once go over a budget by at most one attempt`(scope: Scope) {
        // Estimates are a fifth too low, a fifth too high, or right; answers come in any order.
        for error in [0.8, 1, 1.2] {
            for seed in 1...4 as ClosedRange<UInt64> {
                let bench = Self.bench(scope, limit: 20 * Self.cost)
                var generator = SplitMix64(seed: seed)
                for _ in 0..<50 { Self.submit(bench, deadline: 30_000) }
                let actual = Int64(Double(Self.cost) * error)
                var spent: Int64 = 0
                var running = bench.starts
                var seen = bench.starts.count
                while !running.isEmpty {
                    let dispatch = running.remove(at: generator.below(running.count))
                    bench.settle(nil, dispatch) { $0.costNanoUSD = actual }
                    spent += actual
                    running += bench.starts[seen...]
                    seen = bench.starts.count
                }
                #expect(spent >= 20 * Self.cost - actual, "\(error): all that may be spent is")
                #expect(spent < 20 * Self.cost + actual, "\(error): \(spent)")
                let refused = bench.ends.keys.compactMap { bench.refusal(of: $0) }
                #expect(bench.ends.count == 50 && refused.allSatisfy { $0.code == .budgetExceeded })
                #expect(refused.allSatisfy { $0.obstacle == scope.obstacle })
            }
        }
    }

    @Test(arguments: Scope.allCases)
    func `an answer without a bound of its own may be as long as those before`(scope: Scope) {
        let bench = Self.bench(scope, limit: 500_000) {
            $0.deployments[0].price = Price(promptToken: 0, completionToken: 1e-8)
        }
        var generator = SplitMix64(seed: 3)
        for _ in 0..<250 { Self.submit(bench, deadline: 30_000) }
        var (spent, largest, most) = (0 as Int64, 0 as Int64, 0)
        var running = bench.starts
        var seen = bench.starts.count
        while !running.isEmpty {
            most = max(most, running.count)
            let dispatch = running.remove(at: generator.below(running.count))
            let tokens = UInt32(50 + generator.below(500))
            bench.settle(nil, dispatch) {
                $0.completionTokens = tokens
                $0.costNanoUSD = Int64(tokens) * 10
            }
            spent += Int64(tokens) * 10
            largest = max(largest, Int64(tokens) * 10)
            running += bench.starts[seen...]
            seen = bench.starts.count
        }
        #expect(spent < 500_000 + largest && spent >= 500_000)
        #expect(most > 10, "the bound doesn't serialize what is far from it")
    }

    @Test(arguments: Scope.allCases.filter(\.isWindowed))
    func `the window begins with the first spend, and what has the time waits for its end`(scope: Scope) {
        let bench = Self.bench(scope)
        bench.pass(10_000)
        for _ in 0..<5 {
            Self.submit(bench)
            bench.pass(1_000)
            bench.settle(nil) { $0.costNanoUSD = Self.cost }
        }
        // The first spend came at 11,000 ms, so the window ends at 71,000; now it is 15,000.
        let patient = Self.submit(bench)
        let hasty = Self.submit(bench, deadline: 55_000)
        #expect(bench.refusal(of: hasty)?.code == .budgetExceeded)
        #expect(bench.refusal(of: hasty)?.obstacle == scope.obstacle)
        #expect(bench.refusal(of: hasty)?.earliestMilliseconds == 56_000)
        bench.pass(55_999)
        #expect(bench.starts.count == 5)
        bench.pass(1)
        #expect(bench.starts.count == 6)
        bench.settle(nil) { $0.costNanoUSD = Self.cost }
        #expect(bench.succeeded(patient))
    }

    @Test(arguments: Scope.allCases) func `who waits when the last of it is spent learns at once`(scope: Scope) {
        let bench = Self.bench(scope, limit: Self.cost)
        Self.submit(bench)
        let hasty = Self.submit(bench, deadline: 50_000)
        let patient = Self.submit(bench)
        #expect(bench.starts.count == 1, "what is under way may take all")
        bench.pass(10)
        bench.settle(nil) { $0.costNanoUSD = 2 * Self.cost }
        #expect(bench.refusal(of: hasty)?.code == .budgetExceeded)
        #expect((bench.refusal(of: patient)?.code == .budgetExceeded) == (scope == .batch))
    }

    @Test(arguments: Scope.allCases) func `an attempt that cost nothing gives its money back`(scope: Scope) {
        let bench = Self.bench(scope, limit: Self.cost)
        for _ in 0..<3 { Self.submit(bench) }
        for count in 1...3 {
            #expect(bench.starts.count == count)
            bench.settle(.invalidRequest)
        }
        #expect(bench.ends.count == 3)
    }

    @Test(arguments: Scope.allCases) func `an unknown price counts nothing`(scope: Scope) {
        let bench = Self.bench(scope, limit: Self.cost) { $0.deployments[0].price = nil }
        for _ in 0..<20 { Self.submit(bench) }
        #expect(bench.starts.count == 20)
    }

    @Test func `another provider's lane takes over while one may not spend`() {
        let bench = Self.bench(.provider, lanes: [2]) { $0.deployments[1].endpoint.provider = "q" }
        for _ in 0..<40 {
            Self.submit(bench)
            bench.settle(nil) { $0.costNanoUSD = Self.cost }
        }
        #expect(bench.lanes.count { $0 == 0 } == 5)
        #expect(bench.ends.keys.allSatisfy { bench.succeeded($0) })
        bench.pass(Self.window)
        for _ in 0..<20 {
            Self.submit(bench)
            bench.settle(nil) { $0.costNanoUSD = Self.cost }
        }
        #expect(bench.lanes.count { $0 == 0 } == 10)
    }

    @Test(arguments: [true, false]) func `what waits for money goes to a fallback that has it`(isQueued: Bool) {
        let bench = Self.bench(.deployment, lanes: [1, 1], limit: Self.cost) {
            $0.groups[0].fallbacks = [GroupID(1)]
        }
        Self.submit(bench)
        // Queued while the money was merely set aside, or submitted when it was spent.
        if isQueued { Self.submit(bench) }
        bench.settle(nil) { $0.costNanoUSD = Self.cost }
        if !isQueued { Self.submit(bench) }
        #expect(bench.lanes == [0, 1])
        #expect(bench.starts.last?.fallback == 1)
    }

    @Test func `a tag's budget holds up nobody else`() {
        let bench = Self.bench(.tag, limit: Self.cost)
        for _ in 0..<5 { Self.submit(bench) }
        #expect(bench.starts.count == 1)
        let other = bench.submit { $0.promptTokens = 100 }
        #expect(bench.starts.count == 2)
        bench.settle(nil)
        #expect(bench.succeeded(other))
    }

    @Test func `a tenant's budget holds up nobody else`() {
        let bench = Self.bench(.tenant, limit: Self.cost)
        for _ in 0..<5 { Self.submit(bench) }
        bench.perform { $0.open(RunID(2), RunTerms(tenant: TenantID(1)), now: $1, into: &$2) }
        bench.submit(run: RunID(2)) { $0.promptTokens = 100 }
        #expect(bench.starts.map(\.item.run) == [RunID(1), RunID(2)])
    }

    @Test func `a batch that has spent its bound ends, but for what runs`() {
        let bench = Self.bench(.batch, limit: 2 * Self.cost)
        let items = (0..<4).map { _ in Self.submit(bench) }
        // 100 tokens are taken to be up to 125, so two fit, not three.
        #expect(bench.starts.count == 2)
        bench.settle(nil, bench.starts[0]) { $0.costNanoUSD = 2 * Self.cost }
        #expect(bench.refusal(of: items[2])?.obstacle == .batchBudget)
        #expect(bench.refusal(of: items[3])?.earliestMilliseconds == 0)
        #expect(bench.ends[items[1]] == nil)
        bench.settle(.providerError, bench.starts[1])
        #expect(bench.refusal(of: items[1]) == nil, "it had no retry left")
        let late = Self.submit(bench)
        #expect(bench.refusal(of: late)?.code == .budgetExceeded)
    }

    @Test func `no retry and no leg of a race starts once a batch has spent its bound`() {
        let bench = Self.bench(.batch, lanes: [1, 1], limit: 3 * Self.cost) {
            $0.routing.retries = 5
            $0.deployments[1].maxConcurrency = 1
        }
        let retried = Self.submit(bench)
        bench.submit(group: 1) { $0.promptTokens = 100 }
        let race = bench.submit {
            $0.promptTokens = 100
            $0.extras = TicketExtras(race: [GroupID(0), GroupID(1)])
        }
        #expect(bench.lanes == [0, 1, 0], "the race's second leg waits")
        bench.settle(nil, bench.starts[1]) { $0.costNanoUSD = 5 * Self.cost }
        bench.settle(.providerError, bench.starts[0])
        #expect(bench.refusal(of: retried)?.code == .budgetExceeded)
        #expect(bench.refusal(of: retried)?.hadAttempt == true)
        #expect(bench.refusal(of: retried)?.causes.map(\.code) == [.providerError])
        bench.settle(.providerError, bench.starts[2])
        #expect(bench.refusal(of: race)?.code == .budgetExceeded)
        #expect(bench.starts.count == 3)
    }

    @Test func `a budget of nothing lets nothing through`() {
        let bench = Self.bench(.provider, limit: 0)
        let item = Self.submit(bench)
        #expect(bench.refusal(of: item)?.code == .budgetExceeded)
        #expect(bench.refusal(of: item)?.earliestMilliseconds == 0)
    }

    @Test(arguments: [Scope.provider, .deployment, .tag])
    func `a reload with more money lets the rest through, and takes nothing back twice`(scope: Scope) {
        let bench = Self.bench(scope, limit: Self.cost)
        for _ in 0..<4 { Self.submit(bench) }
        #expect(bench.starts.count == 1)
        for limit in [100 * Self.cost, Self.cost] {
            let snapshot = Self.bench(scope, limit: limit).core.snapshot
            bench.perform { $0.reload(snapshot, now: $1, into: &$2) }
            #expect(bench.starts.count == 4)
        }
        for dispatch in bench.starts { bench.settle(nil, dispatch) { $0.costNanoUSD = 1 } }
        #expect(bench.ends.count == 4)
    }

    @Test func `a tag that gains a budget while its items run doesn't lose count`() {
        let bench = Self.bench(.deployment)
        for _ in 0..<3 { Self.submit(bench) }
        let snapshot = Self.bench(.tag).core.snapshot
        bench.perform { $0.reload(snapshot, now: $1, into: &$2) }
        for _ in 0..<3 { Self.submit(bench) }
        // The bench recomputes what is reserved with each event.
        for dispatch in bench.starts { bench.settle(nil, dispatch) { $0.costNanoUSD = Self.cost } }
        #expect(bench.ends.count == 6)
    }
}
