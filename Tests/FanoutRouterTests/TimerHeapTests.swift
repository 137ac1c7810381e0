// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import Testing

@testable import FanoutRouter

@Suite struct TimerHeapTests {
    @Test(arguments: 1...40 as ClosedRange<UInt64>)
    func `what is due comes earliest first, whatever was put in, taken out or swept`(seed: UInt64) {
        var generator = SplitMix64(seed: seed)
        var heap = TimerHeap()
        var expected: [TimerHeap.Entry] = []
        var now = Instant.zero
        for stamp in 0..<UInt32(800) {
            // Few instants, so that many are alike; later ones as time goes on, as deadlines are.
            let instant = now.adding(nanoseconds: generator.next() % 50)
            let entry = TimerHeap.Entry(instant: instant, slot: Slot(generator.next() % 20), stamp: stamp)
            heap.insert(entry)
            expected.append(entry)
            if generator.next() % 8 == 0 {
                now = now.adding(nanoseconds: generator.next() % 40)
                expected.sort()
                while let due = heap.popDue(now: now) {
                    #expect(expected.first == due && due.instant <= now)
                    expected.removeFirst()
                }
                #expect(expected.first.map { $0.instant > now } ?? true)
            }
            if generator.next() % 60 == 0 {
                heap.sweep { $0.slot % 3 != 0 }
                expected.removeAll { $0.slot % 3 == 0 }
            }
            #expect(heap.count == expected.count)
            #expect(heap.next == expected.min()?.instant ?? .never)
        }
    }

    @Test func `a sweep pays once the dead are the greater part, and not for few`() {
        var heap = TimerHeap()
        for number in 0..<1_025 {
            #expect(!heap.needsSweep(alive: 0))
            heap.insert(TimerHeap.Entry(instant: .zero, slot: Slot(number), stamp: 0))
        }
        #expect(heap.needsSweep(alive: 0) && !heap.needsSweep(alive: 1))
        heap.sweep { _ in false }
        #expect(heap.count == 0 && heap.next == .never && heap.popDue(now: .never) == nil)
    }
}
