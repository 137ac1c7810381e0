// Fanout
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import FanoutWire

struct ReorderBufferTests {
    @Test func `elements come out in order, whatever the order they came in`() throws {
        for seed in 0..<100 {
            var generator = Generator(seed: UInt64(seed))
            var buffer = ReorderBuffer<UInt32>(countMax: 1_000, bytesMax: 1_000)
            var taken: [UInt32] = []
            for index in (0..<50 as Range<UInt32>).shuffled(using: &generator) {
                #expect(buffer.insert(index, at: index, bytes: 3) == true)
                while let element = buffer.next() { taken.append(element) }
            }
            #expect(taken == Array(0..<50))
            #expect(buffer.bytes == 0)
            #expect(buffer.count == 0)
        }
    }

    @Test func `at the bound of its count it is full`() {
        var buffer = ReorderBuffer<Int>(countMax: 2, bytesMax: 1_000)
        #expect(buffer.insert(1, at: 1, bytes: 1) == true)
        #expect(!buffer.isFull)
        #expect(buffer.insert(2, at: 2, bytes: 1) == true)
        #expect(buffer.isFull)
        // What was under way is never refused.
        #expect(buffer.insert(3, at: 3, bytes: 1) == true)
        let early = buffer.next()
        #expect(early == nil)
        #expect(buffer.insert(0, at: 0, bytes: 1) == true)
        let taken = [buffer.next(), buffer.next(), buffer.next()]
        #expect(taken == [0, 1, 2])
        #expect(!buffer.isFull)
    }

    @Test func `at the bound of its bytes it is full`() {
        var buffer = ReorderBuffer<Int>(countMax: 100, bytesMax: 10)
        #expect(buffer.insert(1, at: 5, bytes: 9) == true)
        #expect(!buffer.isFull)
        #expect(buffer.insert(2, at: 6, bytes: 1) == true)
        #expect(buffer.isFull)
    }

    @Test func `an index is taken once`() {
        var buffer = ReorderBuffer<Int>(countMax: 10, bytesMax: 10)
        #expect(buffer.insert(1, at: 0, bytes: 1) == true)
        #expect(buffer.insert(2, at: 0, bytes: 1) == false)
        let first = buffer.next()
        #expect(first == 1)
        #expect(buffer.insert(3, at: 0, bytes: 1) == false)
        #expect(buffer.bytes == 0)
    }
}
