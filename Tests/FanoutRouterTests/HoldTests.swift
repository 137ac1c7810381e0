// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import FanoutRouter
import Testing

/// Items that are too big for what a lane has left: whom they keep off, until when, and whom they don't.
struct HoldTests {
    /// Two groups whose lanes share a hundred completion tokens a second; an item of the first group that takes two
    /// seconds' worth has started, and another one waits for as much.
    private static func held() -> Bench {
        let bench = Bench(
            Bench.snapshot(lanes: [1, 1]) {
                $0.accounts = [AccountLimits(name: "key")]
                $0.accounts[0].rates.completionTokensPerMinute = 6_000
                $0.accounts[0].rates.promptTokensPerMinute = 6_000
                for lane in $0.deployments.indices { $0.deployments[lane].account = 0 }
            }
        )
        for _ in 0..<2 { bench.submit { $0.completionTokens = 200 } }
        return bench
    }

    /// What takes no completion tokens delays nobody who waits for them.
    private static func passes(_ ticket: inout Ticket) {
        ticket.needs = .embedding
        ticket.promptTokens = 1
    }

    @Test func `what comes to the head of a queue that is kept off goes at once if it delays nobody`() {
        let bench = Self.held()
        bench.submit(group: 1) { $0.completionTokens = 100 }
        #expect(bench.starts.count == 1)
        let first = bench.submit(group: 1) {
            Self.passes(&$0)
            $0.priority = -1
        }
        #expect(bench.starts.map(\.item.index) == [0, first])
    }

    @Test func `when the head of a queue that is kept off is cancelled the next goes at once`() {
        let bench = Self.held()
        let head = bench.submit(group: 1) { $0.completionTokens = 100 }
        let next = bench.submit(group: 1) { Self.passes(&$0) }
        #expect(bench.starts.count == 1)
        bench.perform { $0.cancel(Bench.run, items: [head], reason: .client, now: $1, into: &$2) }
        #expect(bench.starts.map(\.item.index) == [0, next])
    }

    @Test func `when the run of a head that is kept off is paused another run's goes at once`() {
        let bench = Self.held()
        let other = RunID(2)
        bench.perform { $0.open(other, RunTerms(tenant: TenantID(0)), now: $1, into: &$2) }
        bench.submit(group: 1, run: other) { $0.completionTokens = 100 }
        let next = bench.submit(group: 1) { Self.passes(&$0) }
        #expect(bench.starts.count == 1)
        bench.perform { $0.pause(other, except: nil, now: $1, into: &$2) }
        #expect(bench.starts.map(\.item.index) == [0, next])
    }

    @Test func `an item whose run is paused keeps nobody off`() {
        let bench = Self.held()
        let other = RunID(2)
        bench.perform { $0.open(other, RunTerms(tenant: TenantID(0)), now: $1, into: &$2) }
        let next = bench.submit(group: 1, run: other) { $0.completionTokens = 100 }
        bench.perform { $0.pause(Bench.run, except: nil, now: $1, into: &$2) }
        bench.pass(999)
        #expect(bench.starts.count == 1)
        bench.pass(1)
        #expect(bench.starts.map(\.item.index) == [0, next])
    }

    @Test func `who may pass a hold goes when the level is there, before the hold ends`() {
        let bench = Self.held()
        let before = bench.submit(group: 1) {
            Self.passes(&$0)
            $0.promptTokens = 200
        }
        let next = bench.submit(group: 1) {
            Self.passes(&$0)
            $0.promptTokens = 50
        }
        #expect(bench.starts.map(\.item.index) == [0, before])
        bench.pass(499)
        #expect(bench.starts.count == 2)
        bench.pass(1)
        #expect(bench.starts.map(\.item.index) == [0, before, next])
    }

    @Test func `what comes behind an item that a lane saves up for doesn't cost it its turn`() {
        let bench = Self.held()
        bench.submit(group: 1) { $0.completionTokens = 50 }
        bench.pass(1_000)
        bench.submit { $0.completionTokens = 200 }
        bench.pass(999)
        #expect(bench.starts.count == 1)
        bench.pass(1)
        #expect(bench.starts.map(\.item.index) == [0, 1])
    }

    // MARK: - Another lane

    /// Two lanes with a hundred completion tokens a second each, both used up, and an item that waits for two seconds.
    private static func waitingForOne() -> Bench {
        let bench = Bench(
            Bench.snapshot(lanes: [2]) {
                for lane in $0.deployments.indices { $0.deployments[lane].completionTokensPerMinute = 6_000 }
            }
        )
        for _ in 0..<3 { bench.submit { $0.completionTokens = 200 } }
        return bench
    }

    @Test(arguments: 0...1)
    func `who waits for one lane takes another that has it now`(index: Int) {
        let bench = Self.waitingForOne()
        bench.pass(500)
        #expect(bench.starts.count == 2)
        bench.settle(.unreachable, bench.starts[index]) { $0.wasNeverSent = true }
        #expect(bench.starts.count == 3)
        #expect(bench.lanes.last == bench.lanes[index])
    }

    @Test(arguments: 0...1)
    func `who waits for one lane waits for another that will have it sooner`(index: Int) {
        let bench = Self.waitingForOne()
        bench.pass(500)
        bench.settle(nil, bench.starts[index]) { ($0.promptTokens, $0.completionTokens) = (1, 100) }
        bench.pass(499)
        #expect(bench.starts.count == 2)
        bench.pass(1)
        #expect(bench.starts.count == 3)
        #expect(bench.lanes.last == bench.lanes[index])
    }
}
