// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import FanoutRouter
import Testing

/// Classes: who goes first, what is kept for whom, and who is no longer passed over.
@Suite struct ClassTests {
    @Test func `the more urgent class goes first`() {
        let mill = Mill(FairnessTests.snapshot(width: 1))
        let classes: [PriorityClass] = [.bulk, .standard, .interactive, .system]
        for (index, priorityClass) in classes.enumerated() { mill.open(UInt64(index), tenant: index, priorityClass) }
        mill.submit(0, 1)
        for run in 0..<4 { mill.submit(UInt64(run), 2) }
        while mill.step() {}
        #expect(mill.starts.map(\.run) == [0, 3, 3, 2, 2, 1, 1, 0, 0])
    }

    @Test func `who has waited for its class's promotion time goes first once, and again as long after`() {
        let mill = Mill(
            FairnessTests.snapshot(width: 1) { $0.routing.classes[3].promotionMilliseconds = 10_000 }
        )
        mill.open(1, tenant: 0, .bulk)
        mill.open(2, tenant: 1, .interactive)
        mill.submit(2, 1_000, prompt: 99)
        mill.submit(1, 10, prompt: 99)
        mill.run(until: mill.now.adding(milliseconds: 35_000))
        let bulk = mill.starts.filter { $0.run == 1 }.map { $0.instant.nanoseconds / 1_000_000 }
        // Attempts take 100 ms each, and begin at 1,000 ms.
        #expect(bulk == [11_000, 21_000, 31_000])
    }

    /// It is the daemon that is full, not a lane.
    @Test func `promotion holds where the daemon is what is full`() {
        let snapshot = Bench.snapshot(lanes: [1, 1]) {
            $0.routing.daemonConcurrency = 1
            $0.routing.classes[2].promotionMilliseconds = 3_000
        }
        let mill = Mill(snapshot)
        mill.open(1, tenant: 0, .standard)
        mill.open(2, tenant: 1, .interactive)
        mill.submit(2, 100, prompt: 99)
        mill.submit(1, 10, prompt: 99, group: 1)
        mill.run(until: mill.now.adding(milliseconds: 7_000))
        let late = mill.starts.filter { $0.run == 1 }.map { $0.instant.nanoseconds / 1_000_000 }
        #expect(late == [4_000, 7_000])
    }

    @Test func `an urgent item behind a hundred thousand takes the next free place`() {
        let mill = Mill(FairnessTests.snapshot(lanes: 4, width: 4))
        mill.open(1, tenant: 0, .bulk)
        mill.open(2, tenant: 0, .interactive)
        mill.submit(1, 100_000)
        mill.run(until: mill.now.adding(milliseconds: 500))
        mill.submit(2, 1)
        let count = mill.starts.count
        mill.step()
        #expect(mill.starts.count == count + 1)
        #expect(mill.starts.last?.run == 2)
        // Inside one run a priority does the same.
        mill.submit(1, 1) { $0.priority = -1 }
        mill.step()
        #expect(mill.starts.last?.index == 100_000)
    }

    @Test func `a floor is kept free while its class has traffic, and for a minute after`() {
        let bench = Bench(Self.floored(lane: 10), terms: Self.terms(.bulk))
        bench.perform { $0.open(RunID(2), Self.terms(.interactive), now: $1, into: &$2) }
        for _ in 0..<20 { bench.submit() }
        #expect(bench.starts.count == 10, "nothing is kept for a class without traffic")
        let urgent = bench.submit(run: RunID(2))
        #expect(bench.starts.count == 10)
        bench.settle(nil, bench.starts[0])
        #expect(bench.starts.last?.item.index == urgent)
        bench.settle(nil, bench.starts[1])
        #expect(bench.starts.count == 11, "the second of two places is kept")
        bench.submit(run: RunID(2))
        #expect(bench.starts.count == 12, "an item of the class finds it at once")
        bench.settle(nil, bench.starts[10])
        bench.settle(nil, bench.starts[11])
        #expect(bench.starts.count == 12, "both are kept")
        bench.pass(59_000)
        #expect(bench.starts.count == 12)
        bench.pass(1_000)
        #expect(bench.starts.count == 14, "the class had no traffic for a minute")
    }

    @Test func `a class may use more than its floor, and others use theirs beside it`() {
        let bench = Bench(Self.floored(lane: 10), terms: Self.terms(.interactive))
        bench.perform { $0.open(RunID(2), Self.terms(.bulk), now: $1, into: &$2) }
        for _ in 0..<9 { bench.submit() }
        bench.submit(run: RunID(2))
        #expect(bench.starts.count == 10)
        for _ in 0..<3 { bench.submit(run: RunID(2)) }
        bench.settle(nil, bench.starts[0])
        #expect(bench.starts.count == 11, "its floor is in use, so nothing is kept")
    }

    @Test func `a patient class with a floor gets its share from urgent ones`() {
        let snapshot = Bench.snapshot(lanes: [1]) {
            $0.deployments[0].maxConcurrency = 10
            $0.routing.classes[3].floor = 0.2
            $0.routing.classes[1].floor = 0
        }
        let mill = Mill(snapshot)
        mill.open(1, tenant: 0, .bulk)
        mill.open(2, tenant: 1, .interactive)
        mill.submit(2, 10_000)
        mill.submit(1, 10_000)
        mill.run(until: mill.now.adding(milliseconds: 60_000))
        let share = Double(mill.served[1, default: 0]) / Double(mill.served[2, default: 0])
        #expect(abs(share - 0.25) < 0.02, "\(mill.served)")
    }

    @Test func `the daemon keeps a floor as lanes do`() {
        var snapshot = Bench.snapshot(lanes: [1, 1]) {
            $0.routing.daemonConcurrency = 10
            $0.routing.classes[1].floor = 0.2
        }
        snapshot.routing.laneConcurrency = 10
        let bench = Bench(snapshot, terms: Self.terms(.bulk))
        bench.perform { $0.open(RunID(2), Self.terms(.interactive), now: $1, into: &$2) }
        let urgent = bench.submit(group: 1, run: RunID(2))
        #expect(bench.starts.last?.item.index == urgent)
        for _ in 0..<20 { bench.submit() }
        // Eight on the lane, whose own floor isn't in question here, and one place of the daemon is kept.
        #expect(bench.starts.count == 9)
        bench.submit(group: 1, run: RunID(2))
        #expect(bench.starts.count == 10)
    }

    @Test func `a lane with few places keeps none`() {
        let bench = Bench(Self.floored(lane: 4), terms: Self.terms(.bulk))
        bench.perform { $0.open(RunID(2), Self.terms(.interactive), now: $1, into: &$2) }
        bench.submit(run: RunID(2))
        bench.settle(nil)
        for _ in 0..<5 { bench.submit() }
        #expect(bench.running == 4)
    }

    @Test func `a reload that ends floors frees what was kept`() {
        var snapshot = Self.floored(lane: 10)
        let bench = Bench(snapshot, terms: Self.terms(.bulk))
        bench.perform { $0.open(RunID(2), Self.terms(.interactive), now: $1, into: &$2) }
        bench.submit(run: RunID(2))
        bench.settle(nil)
        for _ in 0..<20 { bench.submit() }
        #expect(bench.running == 8)
        snapshot.routing.classes[1].floor = 0
        bench.perform { $0.reload(snapshot, now: $1, into: &$2) }
        #expect(bench.running == 10)
    }

    private static func floored(lane: UInt32) -> Snapshot {
        Bench.snapshot(lanes: [1]) {
            $0.deployments[0].maxConcurrency = lane
            $0.routing.classes[1].floor = 0.2
        }
    }

    private static func terms(_ priorityClass: PriorityClass) -> RunTerms {
        RunTerms(tenant: TenantID(0), priorityClass: priorityClass)
    }
}
