// Fanout
// SPDX-License-Identifier: Apache-2.0

@testable import FanoutRouter
import FanoutModel
import Testing

/// The small parts of the router, each by itself.
@Suite struct PartsTests {
    @Test(arguments: [[0, 5, 63], [0, 64, 200], []]) func `a set of lanes holds what was put in`(positions: [Int]) {
        var set = LaneSet()
        for position in positions { set.insert(position) }
        var seen: [Int] = []
        set.forEach { seen.append($0) }
        #expect(seen == positions)
        #expect(set.count == positions.count && set.first == positions.first)
        for position in positions { set.remove(position) }
        #expect(set == LaneSet() && set.isEmpty)
    }

    @Test func `sets of lanes are equal whatever they once held`() {
        var left = LaneSet()
        left.insert(3)
        left.insert(130)
        var right = LaneSet()
        right.insert(130)
        #expect(left.intersection(right) == right)
        #expect(left.subtracting(right).count == 1)
        #expect(left.intersects(right) && !left.subtracting(right).intersects(right))
        left.remove(130)
        #expect(left.subtracting(right) == left)
        left.insert(64)
        let before = left
        left.insert(200)
        left.remove(200)
        #expect(left == before && left.hashValue == before.hashValue && left.count == 2)
        left.remove(64)
        #expect(left.hashValue == left.subtracting(right).hashValue && left.first == 3)
    }

    @Test func `a table of indexes keeps what is in it, whatever leaves`() {
        var table = IndexTable()
        var generator = SplitMix64(seed: 5)
        var expected: [UInt32: Slot] = [:]
        for step in 0..<5_000 {
            let index = UInt32(generator.below(300))
            if expected[index] == nil {
                table.insert(index, Slot(step))
                expected[index] = Slot(step)
            } else {
                table.remove(index)
                expected[index] = nil
            }
            #expect(table.count == expected.count && table[index] == expected[index])
        }
        #expect(table.sorted.map(\.index) == expected.keys.sorted())
        #expect(table.sorted.allSatisfy { expected[$0.index] == $0.slot })
        for index in expected.keys.sorted() { table.remove(index) }
        table.remove(1)
        #expect(table.count == 0 && table[1] == nil && table.sorted.isEmpty)
    }

    @Test func `a ring turns, and loses members from anywhere`() {
        struct Member: RingMember { var links = Links() }
        var slab = Slab<Member>()
        var ring = Ring()
        let slots = (0..<4).map { _ in slab.insert(Member()) }
        for slot in slots { slab.append(slot, to: &ring) }
        slab.rotate(&ring)
        #expect(slab.members(of: ring) == [slots[1], slots[2], slots[3], slots[0]])
        slab.remove(slots[1], from: &ring)
        slab.remove(slots[3], from: &ring)
        #expect(slab.members(of: ring) == [slots[2], slots[0]])
        slab.remove(slots[2], from: &ring)
        slab.remove(slots[0], from: &ring)
        #expect(ring.isEmpty && slab.members(of: ring).isEmpty)
    }

    @Test func `a weighted draw keeps to the first scale that says anything`() {
        var generator = SplitMix64(seed: 7)
        var all = LaneSet()
        for position in 0..<3 { all.insert(position) }
        let rows: [[WeightedShuffle.Weights]] = [
            [Self.row(0, 9, 9), Self.row(3, 0, 0), Self.row(1, 9, 9)],
            [Self.row(0, 0, 9), Self.row(0, 3, 0), Self.row(0, 1, 9)],
            [Self.row(0, 0, 0), Self.row(0, 0, 3), Self.row(nil, -1, 1)],
        ]
        for weights in rows {
            var counts = [0, 0, 0]
            for _ in 0..<4_000 {
                counts[WeightedShuffle.pick(from: all, weights: weights, using: &generator) ?? 0] += 1
            }
            #expect(counts[0] == 0)
            #expect((2_850...3_150).contains(counts[1]))
        }
        #expect(WeightedShuffle.pick(from: LaneSet(), weights: [], using: &generator) == nil)
    }

    @Test func `jitter stays between its base and three times the delay before, under its cap`() {
        var generator = SplitMix64(seed: 3)
        var previous: UInt64 = 0
        for _ in 0..<500 {
            let delay = RetryPolicy.delay(after: previous, using: &generator)
            #expect(delay >= 250_000_000 && delay <= min(20_000_000_000, max(previous, 250_000_000) * 3))
            previous = delay
        }
    }

    @Test func `fallbacks go depth first and enter no group twice`() {
        let groups = (0..<4).map { ModelGroup(name: "group-\($0)") }
        var plan = FallbackPlan()
        plan.leave(GroupID(0), next: [GroupID(1), GroupID(2)], own: nil)
        #expect(plan.popNext(groups)?.group == GroupID(1))
        plan.leave(GroupID(1), next: [GroupID(3), GroupID(0)], own: nil)
        #expect(plan.popNext(groups)?.group == GroupID(3))
        #expect(plan.popNext(groups)?.group == GroupID(2))
        #expect(plan.popNext(groups) == nil)
    }

    @Test func `a request's own list may name several models of one pattern, and each place is told`() {
        var groups = (0..<3).map { ModelGroup(name: "group-\($0)") }
        groups[1].isPattern = true
        var plan = FallbackPlan()
        plan.leave(GroupID(0), next: [GroupID(2)], own: [GroupID(0), GroupID(1), GroupID(1), GroupID(9)])
        #expect(plan.popNext(groups) == FallbackPlan.Entry(group: GroupID(1), listed: 2))
        plan.leave(GroupID(1), next: [], own: [GroupID(1)])
        #expect(plan.popNext(groups) == FallbackPlan.Entry(group: GroupID(1), listed: 3))
        #expect(plan.popNext(groups) == nil)
    }

    private static func row(_ weight: Double?, _ rpm: Double, _ tpm: Double) -> WeightedShuffle.Weights {
        WeightedShuffle.Weights(weight: weight, requestsPerMinute: rpm, tokensPerMinute: tpm)
    }
}
