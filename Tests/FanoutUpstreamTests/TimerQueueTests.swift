// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import Testing

@testable import FanoutUpstream

@Suite struct TimerQueueTests {
    @Test func `a deadline fires once, when it has come`() {
        var queue = TimerQueue()
        let slot = queue.open()
        queue.set(slot, Instant(nanoseconds: 10))
        #expect(queue.earliest == Instant(nanoseconds: 10))
        let early = queue.next(now: Instant(nanoseconds: 9))
        let due = queue.next(now: Instant(nanoseconds: 10))
        let again = queue.next(now: Instant(nanoseconds: 11))
        #expect(early == nil)
        #expect(due == slot)
        #expect(again == nil)
        #expect(queue.earliest == .never)
    }

    @Test func `a deadline that moved later does not fire at the old one`() {
        var queue = TimerQueue()
        let slot = queue.open()
        queue.set(slot, Instant(nanoseconds: 10))
        queue.set(slot, Instant(nanoseconds: 20))
        let old = queue.next(now: Instant(nanoseconds: 10))
        #expect(old == nil)
        #expect(queue.earliest == Instant(nanoseconds: 20))
        let new = queue.next(now: Instant(nanoseconds: 20))
        #expect(new == slot)
    }

    @Test func `a recycled slot fires at its own deadline, not at its predecessor's`() {
        var queue = TimerQueue()
        let first = queue.open()
        queue.set(first, Instant(nanoseconds: 10))
        queue.close(first)
        let second = queue.open()
        #expect(second == first)
        queue.set(second, Instant(nanoseconds: 30))
        let early = queue.next(now: Instant(nanoseconds: 15))
        let due = queue.next(now: Instant(nanoseconds: 30))
        #expect(early == nil)
        #expect(due == second)
    }

    @Test func `attempts with the same timeouts that end in time leave the heap alone`() {
        var queue = TimerQueue()
        for start in 0..<10_000 as Range<UInt64> {
            let slot = queue.open()
            queue.set(slot, Instant(nanoseconds: start + 1_000_000))
            queue.close(slot)
        }
        #expect(queue.entryCount == 1)
    }

    @Test(arguments: 0..<20 as Range<UInt64>)
    func `it agrees with a naive list of deadlines`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var queue = TimerQueue()
        var naive: [Int32: Instant] = [:]
        var now = Instant(nanoseconds: 0)
        for _ in 0..<500 {
            switch random.next() % 8 {
            case 0, 1:
                let slot = queue.open()
                #expect(naive[slot] == nil)
                naive[slot] = .never
            case 2:
                guard let slot = naive.keys.min() else { continue }
                queue.close(slot)
                naive[slot] = nil
            case 3, 4, 5, 6:
                let slots = naive.keys.sorted()
                guard !slots.isEmpty else { continue }
                let slot = slots[Int(random.next() % UInt64(slots.count))]
                let deadline = random.next() % 10 == 0 ? .never : now.adding(nanoseconds: random.next() % 100)
                queue.set(slot, deadline)
                naive[slot] = deadline
            default:
                now = now.adding(nanoseconds: random.next() % 40)
                var fired: Set<Int32> = []
                while let slot = queue.next(now: now) {
                    #expect(fired.insert(slot).inserted)
                }
                let due = Set(naive.filter { $0.value <= now }.keys)
                #expect(fired == due)
                for slot in due { naive[slot] = .never }
            }
            let live = naive.values.min() ?? .never
            #expect(queue.earliest <= live)
            #expect(queue.entryCount <= 4 * max(naive.count, 512) + 64)
        }
    }
}

/// splitmix64, for repeatable tests.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        self.state = seed
    }

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var value = self.state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
