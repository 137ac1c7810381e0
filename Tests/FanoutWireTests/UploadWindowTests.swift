// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import Testing

@testable import FanoutWire

struct UploadWindowTests {
    @Test func `the connection's bound holds to the byte`() throws {
        var window = UploadWindow(bytesMax: 100, batchBytesMax: 100)
        try window.charge(60, batch: 1, isOpen: false)
        try window.charge(40, batch: 2, isOpen: false)
        let error = #expect(throws: WireError.self) { try window.charge(1, batch: 3, isOpen: false) }
        #expect(error?.code == .windowExceeded)
        #expect(error?.limit == 100)
        #expect(window.bytes == 100)
        #expect(throws: WireError.self) { try window.charge(.max, batch: 3, isOpen: false) }
    }

    @Test func `an open batch may hold its share and no more`() throws {
        var window = UploadWindow(bytesMax: 100, batchBytesMax: 50)
        try window.charge(50, batch: 1, isOpen: true)
        let error = #expect(throws: WireError.self) { try window.charge(1, batch: 1, isOpen: true) }
        #expect(error?.limit == 50)
        // A batch of one frame is bounded by the connection alone, and the last frame of a batch too.
        try window.charge(40, batch: 2, isOpen: false)
        try window.charge(10, batch: 1, isOpen: false)
        #expect(window.violation() == nil)
    }

    @Test func `bytes count as the client's until they are announced`() throws {
        var window = UploadWindow(bytesMax: 100, batchBytesMax: 100)
        try window.charge(100, batch: 1, isOpen: true)
        window.giveBack(30, batch: 1)
        #expect(throws: WireError.self) { try window.charge(1, batch: 1, isOpen: true) }
        #expect(window.announce(batch: 1, atLeast: 31) == 0)
        #expect(window.announce(batch: 1, atLeast: 30) == 30)
        #expect(window.announce(batch: 1, atLeast: 0) == 0)
        try window.charge(30, batch: 1, isOpen: true)
    }

    @Test func `no more comes back than a batch holds`() throws {
        var window = UploadWindow(bytesMax: 100, batchBytesMax: 100)
        try window.charge(20, batch: 1, isOpen: true)
        window.giveBack(15, batch: 1)
        window.giveBack(15, batch: 1)
        window.giveBack(-5, batch: 1)
        window.giveBack(9, batch: 2)
        #expect(window.announce(batch: 1, atLeast: 1) == 20)
        window.giveBackAll(batch: 1)
        #expect(window.announce(batch: 1, atLeast: 1) == 0)
        #expect(window.bytes == 0)
        #expect(window.batchCount == 0)
    }

    @Test func `any order of events keeps the sums`() throws {
        for seed in 0..<200 {
            var generator = Generator(seed: UInt64(seed))
            var window = UploadWindow(bytesMax: 1_000, batchBytesMax: 500)
            // What a client that keeps to the rules believes.
            var client = 0
            for _ in 0..<200 {
                let batch = UInt64(generator.below(4))
                switch generator.below(4) {
                case 0, 1:
                    let count = generator.below(200)
                    if client + count <= 1_000 {
                        try window.charge(count, batch: batch, isOpen: false)
                        client += count
                    }
                case 2: window.giveBack(generator.below(300), batch: batch)
                default: client -= window.announce(batch: batch, atLeast: generator.below(100))
                }
                try #require(window.violation() == nil)
                try #require(window.bytes == client)
            }
        }
    }
}
