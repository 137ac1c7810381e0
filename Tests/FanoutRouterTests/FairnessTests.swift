// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import FanoutRouter
import Testing

/// Who is served how much of what there is.
@Suite struct FairnessTests {
    static let width = 8

    /// Both always have something waiting; what they ask for differs a hundredfold.
    @Test(arguments: [true, false])
    func `two backlogged tenants get the same tokens, however large their items`(isKnown: Bool) {
        let mill = Mill(Self.snapshot())
        mill.open(1, tenant: 0)
        mill.open(2, tenant: 1)
        mill.answers = [1: 20, 2: 2_000]
        mill.submit(1, 60_000, prompt: 80) { $0.completionTokens = isKnown ? 20 : 0 }
        mill.submit(2, 1_000, prompt: 8_000) { $0.completionTokens = isKnown ? 2_000 : 0 }
        let end = mill.now.adding(milliseconds: 600_000)
        let bound = 2 * 10_000 * Self.width
        var largest = 0
        while mill.now < end, mill.step() {
            largest = max(largest, abs(mill.served[1, default: 0] - mill.served[2, default: 0]))
        }
        #expect(largest <= bound)
        let total = mill.served[1, default: 0] + mill.served[2, default: 0]
        let gap = abs(mill.served[1, default: 0] - mill.served[2, default: 0])
        #expect(gap * 100 <= 2 * total, "\(mill.served)")
        #expect(total > 4_000_000)
        #expect(mill.core.queued > 0)
        #expect(mill.core.invariants().isEmpty)
    }

    @Test func `tokens that answers turn out to have count, not those that were expected`() {
        let mill = Mill(Self.snapshot())
        mill.open(1, tenant: 0)
        mill.open(2, tenant: 1)
        // Both say nothing of their answers; one gets long ones.
        mill.answers = [1: 0, 2: 2_000]
        mill.submit(1, 40_000)
        mill.submit(2, 3_000)
        let end = mill.now.adding(milliseconds: 400_000)
        while mill.now < end, mill.step() {}
        // A completion token counts as four.
        let costs = (Double(mill.served[1, default: 0]), Double(mill.served[2, default: 0]) / 2_100 * 8_100)
        #expect(abs(costs.0 - costs.1) < 0.03 * (costs.0 + costs.1), "\(costs)")
    }

    @Test func `a tenant's share doesn't grow with its batches, and they share it`() {
        let mill = Mill(Self.snapshot())
        for run in 1...9 as ClosedRange<UInt64> {
            mill.open(run, tenant: 0)
            mill.submit(run, 2_000, prompt: run == 9 ? 1_000 : 100) { $0.completionTokens = 1 }
        }
        mill.open(10, tenant: 1)
        mill.submit(10, 8_000) { $0.completionTokens = 1 }
        let end = mill.now.adding(milliseconds: 180_000)
        while mill.now < end, mill.step() {}
        let others = (1...9 as ClosedRange<UInt64>).map { mill.served[$0, default: 0] }
        let sum = others.reduce(0, +)
        #expect(abs(sum - mill.served[10, default: 0]) * 50 <= sum, "\(mill.served)")
        // The batch of large items among them as well, within one item for each place.
        for other in others { #expect(abs(other * 9 - sum) <= 9 * 1_000 * Self.width, "\(others)") }
    }

    @Test func `nobody saves up turns while it has nothing to do, or pays for having been alone`() {
        let mill = Mill(Self.snapshot())
        mill.open(1, tenant: 0)
        mill.open(2, tenant: 1)
        mill.submit(2, 8)
        mill.submit(1, 20_000)
        mill.run(until: mill.now.adding(milliseconds: 60_000))
        let before = mill.served
        mill.submit(2, 20_000)
        mill.run(until: mill.now.adding(milliseconds: 60_000))
        let gains = (
            mill.served[1, default: 0] - before[1, default: 0], mill.served[2, default: 0] - before[2, default: 0]
        )
        #expect(abs(gains.0 - gains.1) * 50 <= gains.0, "\(gains)")
    }

    /// It has one item in line at a time, so that its flow comes and goes.
    @Test func `a debt isn't forgotten by having nothing in line for a moment`() {
        let mill = Mill(Self.snapshot(width: 1))
        mill.open(1, tenant: 0)
        mill.open(2, tenant: 1)
        mill.submit(1, 20_000)
        mill.submit(2, 1, prompt: 10_000)
        let end = mill.now.adding(milliseconds: 600_000)
        var seen = 0
        while mill.now < end, mill.step() {
            let started = mill.starts.count { $0.run == 2 }
            if started > seen {
                seen = started
                mill.submit(2, 1, prompt: 10_000)
            }
        }
        let gap = abs(mill.served[1, default: 0] - mill.served[2, default: 0])
        #expect(gap <= 20_000, "\(mill.served)")
    }

    /// One may use both lanes, the other only the second.
    @Test func `who may use more lanes doesn't crowd out who may use fewer`() {
        let snapshot = Self.snapshot(lanes: 2, width: 4) { $0.deployments[0].offers = .chat }
        let mill = Mill(snapshot)
        mill.open(1, tenant: 0)
        mill.open(2, tenant: 1)
        mill.submit(1, 20_000, prompt: 5_000)
        mill.submit(2, 20_000) { $0.needs = [.chat, .vision] }
        let end = mill.now.adding(milliseconds: 300_000)
        while mill.now < end, mill.step() {}
        let total = mill.served[1, default: 0] + mill.served[2, default: 0]
        // The second lane alone is half of all; one of two must not get less than most of it.
        #expect(mill.served[2, default: 0] * 100 >= 45 * total, "\(mill.served)")
    }

    @Test func `priorities five, one and two for one place that is taken go one, two, five`() {
        let mill = Mill(Self.snapshot(width: 1))
        mill.open(1, tenant: 0)
        mill.submit(1, 1)
        for priority in [5, 1, 2, 0, 1] as [Int32] { mill.submit(1, 1) { $0.priority = priority } }
        while mill.step() {}
        #expect(mill.starts.map(\.index) == [0, 4, 2, 5, 3, 1])
    }

    @Test func `inside a run the earliest deadline goes first, then the longest wait`() {
        let mill = Mill(Self.snapshot(width: 1))
        mill.open(1, tenant: 0)
        mill.submit(1, 1)
        for seconds in [0, 90, 30, 60, 30] as [UInt64] {
            let deadline = seconds == 0 ? Instant.never : mill.now.adding(milliseconds: seconds * 1_000)
            mill.submit(1, 1) { $0.deadline = deadline }
        }
        while mill.step() {}
        #expect(mill.starts.map(\.index) == [0, 3, 5, 4, 2, 1])
    }

    static func snapshot(
        lanes: Int = 1,
        width: Int = FairnessTests.width,
        _ change: (inout Snapshot) -> Void = { _ in }
    ) -> Snapshot {
        Bench.snapshot(lanes: [lanes]) {
            for lane in $0.deployments.indices { $0.deployments[lane].maxConcurrency = UInt32(width) }
            change(&$0)
        }
    }
}
