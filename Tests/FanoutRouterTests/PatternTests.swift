// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import FanoutRouter
import Testing

/// Groups with stars in their names, and those that such a group serves.
@Suite struct PatternTests {
    /// Group 0 has a lane of its own and falls back to group 1, which the pattern, group 2, serves with two lanes.
    private static func snapshot(retries: UInt32 = 0) -> Snapshot {
        Bench.snapshot(lanes: [1, 0, 2], retries: retries) { snapshot in
            snapshot.groups[0].fallbacks = [GroupID(1)]
            snapshot.groups[1].servedBy = GroupID(2)
            snapshot.groups[1].captures = ["model"]
            snapshot.groups[2].isPattern = true
            for lane in [1, 2] { snapshot.deployments[lane].endpoint.model = "*" }
        }
    }

    @Test func `a group without lanes of its own is served by the pattern's, under its own name`() {
        let bench = Bench(Self.snapshot())
        let item = bench.submit(group: 1)
        #expect([1, 2].contains(bench.lanes[0]))
        #expect(bench.starts[0].group == GroupID(1))
        bench.settle(nil)
        #expect(bench.succeeded(item))
    }

    @Test func `a fallback may lead to it, and a model named by the pattern shares its lanes`() {
        let bench = Bench(Self.snapshot())
        bench.submit()
        bench.settle(.invalidRequest)
        #expect(bench.starts[1].group == GroupID(1))
        #expect(bench.starts[1].fallback == 1)
        #expect(bench.starts[1].listed == 0)
        // A lane that has failed one of them has failed the other: it is one deployment.
        for lane in [1, 2] {
            bench.submit(group: 2)
            if bench.lanes.last == lane { bench.settle(.rateLimited, retryAfter: 60_000) }
        }
        #expect(Set(bench.lanes.dropFirst()).isSubset(of: [1, 2]))
    }

    @Test func `an item's own list leads to several models of one pattern`() {
        let bench = Bench(Self.snapshot())
        bench.submit(group: 2) { $0.extras = TicketExtras(fallbacks: [GroupID(2), GroupID(2)]) }
        bench.settle(.invalidRequest)
        bench.settle(.invalidRequest)
        #expect(bench.starts.map(\.group) == [GroupID(2), GroupID(2), GroupID(2)])
        #expect(bench.starts.map(\.listed) == [0, 1, 2])
        bench.settle(.invalidRequest)
        #expect(bench.starts.count == 3)
    }

    @Test func `two wildcard lanes that answer 429 pause like any other`() {
        let bench = Bench(Bench.snapshot(lanes: [2]) { $0.groups[0].isPattern = true })
        bench.submit()
        bench.settle(.rateLimited, retryAfter: 5_000)
        bench.settle(.rateLimited, retryAfter: 5_000)
        #expect(bench.starts.count == 2)
        bench.submit()
        bench.pass(4_999)
        #expect(bench.starts.count == 2, "both wait")
        bench.pass(1_000)
        #expect(bench.starts.count > 2)
    }

    @Test func `a model that doesn't exist is no fault of a deployment for any model`() {
        let bench = Bench(
            Bench.snapshot(lanes: [1]) { snapshot in
                snapshot.groups[0].isPattern = true
                snapshot.deployments[0].endpoint.model = "ft:*"
            }
        )
        let item = bench.submit()
        bench.settle(.notFound)
        #expect(bench.ends[item] == .failure(bench.starts[0].lease, causes: []))
        bench.submit()
        #expect(bench.starts.count == 2, "the lane serves the next one")
        bench.settle(.authentication)
        bench.submit()
        #expect(bench.starts.count == 2, "a key that doesn't work is off as ever")
    }

    @Test func `a reload that gives a served group lanes of its own moves what waits there`() {
        var snapshot = Self.snapshot()
        for lane in [1, 2] { snapshot.deployments[lane].maxConcurrency = 1 }
        let bench = Bench(snapshot)
        for _ in 0..<3 { bench.submit(group: 1) }
        #expect(bench.starts.count == 2)
        snapshot.groups[1].servedBy = nil
        snapshot.groups[1].captures = []
        var deployment = snapshot.deployments[0]
        deployment.group = GroupID(1)
        snapshot.deployments.append(deployment)
        snapshot.groups[1].lanes = [LaneID(3)]
        bench.perform { $0.reload(snapshot, now: $1, into: &$2) }
        #expect(bench.lanes.last == 3)
        #expect(bench.starts.count == 3)
    }
}
