// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import Testing

@testable import FanoutWire

/// Bytes that no honest client sends.
struct HostileFrameTests {
    private static func fault(_ body: [UInt8]) -> WireError? {
        do throws(WireError) {
            _ = try Codec.decodeClient(body)
            return nil
        } catch {
            return error
        }
    }

    private static func samples() throws -> [[UInt8]] {
        try (0..<12).map { seed in
            var generator = Generator(seed: UInt64(100 + seed))
            return Codec.body(try Codec.encode(generator.clientFrame()))
        }
    }

    @Test func `no truncation of a frame traps`() throws {
        var decoder = WireDecoder()
        for sample in try Self.samples() {
            for length in 0..<min(sample.count, 1_500) {
                try? sample.withUnsafeBytes { bytes in
                    _ = try decoder.decodeClient(UnsafeRawBufferPointer(rebasing: bytes[..<length]))
                }
                try? sample.withUnsafeBytes { bytes in
                    _ = try decoder.decodeServer(UnsafeRawBufferPointer(rebasing: bytes[..<length]))
                }
            }
        }
    }

    @Test func `no change of bytes traps, and none needs more than the budget`() throws {
        var generator = Generator(seed: 7)
        var decoder = WireDecoder()
        var accepted = 0
        for round in 0..<30_000 {
            var seeded = Generator(seed: UInt64(round % 400))
            var sample =
                round % 2 == 0
                ? Codec.body(try Codec.encode(seeded.clientFrame()))
                : Codec.body(try Codec.encode(seeded.serverFrame()))
            for _ in 0...generator.below(4) where !sample.isEmpty {
                let place = generator.below(sample.count)
                switch generator.below(3) {
                case 0: sample[place] = UInt8(truncatingIfNeeded: generator.next())
                case 1: sample[place] ^= 1 << UInt8(generator.below(8))
                default: sample.insert(UInt8(truncatingIfNeeded: generator.next()), at: place)
                }
            }
            let worked: Bool = sample.withUnsafeBytes { bytes in
                let client = try? decoder.decodeClient(bytes)
                let server = try? decoder.decodeServer(bytes)
                return client != nil || server != nil
            }
            if worked { accepted += 1 }
            let held = decoder.heldBytes
            try #require(held <= Arena.keptBytes)
        }
        // Else the changes would be too coarse to reach anything behind the parser.
        #expect(accepted > 3_000)
    }

    @Test func `an arena keeps at most 4 MiB`() {
        let arena = Arena()
        arena.reset(budget: 64 << 20)
        while arena.allocate(1 << 20) != nil {}
        let full = arena.mappedBytes
        let exhausted = arena.isExhausted
        #expect(exhausted)
        #expect(full >= 64 << 20)
        arena.reset(budget: 100)
        let kept = arena.mappedBytes
        #expect(kept <= 4 << 20)
        let first = arena.allocate(90) != nil
        let second = arena.allocate(90) != nil
        #expect(first)
        #expect(!second)
    }

    @Test func `what a large frame needed is given back after it`() throws {
        let bomb = Self.field(3, Self.repeated([3 << 3 | 2, 0], bytes: 1 << 20))
        var decoder = WireDecoder()
        for _ in 0..<3 {
            let isRefused = bomb.withUnsafeBytes { bytes in (try? decoder.decodeClient(bytes)) == nil }
            #expect(isRefused)
            let held = decoder.heldBytes
            #expect(held <= 4 << 20)
        }
        let ping = Self.field(10, [])
        let frame = try ping.withUnsafeBytes { bytes in try decoder.decodeClient(bytes) }
        #expect(frame.body == .ping([]))
    }

    /// Field and wire type, length, content; lengths below 2^28.
    private static func field(_ number: Int, _ content: [UInt8]) -> [UInt8] {
        Self.varint(number << 3 | 2) + Self.varint(content.count) + content
    }

    private static func varint(_ value: Int) -> [UInt8] {
        var rest = value
        var bytes: [UInt8] = []
        while rest > 127 {
            bytes.append(UInt8(rest & 127 | 128))
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }

    private static func repeated(_ piece: [UInt8], bytes: Int) -> [UInt8] {
        var all: [UInt8] = []
        all.reserveCapacity(bytes)
        while all.count + piece.count <= bytes { all += piece }
        return all
    }

    @Test func `a MiB of empty items is refused`() throws {
        let bomb = Self.field(3, Self.repeated([3 << 3 | 2, 0], bytes: 1 << 20))
        let frame = Self.fault(bomb)
        #expect(frame?.code == .frameTooLarge)
        // Few enough for the memory, and still too many for a frame.
        let submit = Self.field(3, Self.repeated([3 << 3 | 2, 0], bytes: 2 * 4_097))
        guard case .refused(let failure) = try Codec.decodeClient([8, 9] + submit).body else {
            Issue.record("not refused")
            return
        }
        #expect(failure.code == .tooLarge)
    }

    @Test func `a singular message that comes again and again is refused in bounded work`() {
        // options of a Submit, each with nothing in it: merged at each repetition. Then defaults with a growing list.
        let chat = Self.field(2, Self.field(1, Self.field(3, [65])))
        let bomb = Self.field(3, Self.repeated(Self.field(2, chat), bytes: 1 << 20))
        let clock = ContinuousClock()
        let start = clock.now
        #expect(Self.fault(bomb)?.code == .frameTooLarge)
        // The unbounded parser needs minutes.
        #expect(clock.now - start < .seconds(5))
    }

    @Test func `unknown fields are few or the frame is refused`() throws {
        let unknown: [UInt8] = Self.varint(999 << 3) + [1]
        let ping = Self.field(10, [])
        #expect(Self.fault(ping + Self.repeated(unknown, bytes: 64 * unknown.count)) == nil)
        #expect(Self.fault(ping + Self.repeated(unknown, bytes: 65 * unknown.count))?.code == .badFrame)
        let nested = Self.field(3, Self.field(3, Self.repeated(unknown, bytes: 65 * unknown.count)))
        #expect(Self.fault(nested)?.code == .badFrame)
        #expect(Self.fault(Self.repeated(unknown, bytes: 1 << 20)) != nil)
    }

    @Test func `a MiB of packed zeros is refused`() throws {
        let bomb = Self.field(6, Self.field(1, [UInt8](repeating: 0, count: 1 << 20)))
        guard case .refused(let failure) = try Codec.decodeClient(bomb).body else {
            Issue.record("not refused")
            return
        }
        #expect(failure.code == .tooLarge)
    }

    @Test(arguments: [[0x1B, 0x1C], [0x0B], [0x0C], [0xFB, 0x3E, 0xFC, 0x3E]] as [[UInt8]])
    func `group wire types are refused`(bytes: [UInt8]) {
        #expect(Self.fault(bytes)?.code == .badFrame)
    }

    @Test func `an unknown field may hold any depth`() throws {
        var deep: [UInt8] = []
        for _ in 0..<2_000 { deep = Self.field(1, deep) }
        let frame = try Codec.decodeClient(Self.field(10, []) + Self.field(900, deep))
        #expect(frame.body == .ping([]))
    }

    @Test func `an unknown body is told from none`() throws {
        #expect(try Codec.decodeClient([8, 5] + Self.field(16, [8, 1])) == ClientFrame(id: 5, body: .unknown))
        #expect(try Codec.decodeServer([8, 5] + Self.field(16, [8, 1])) == ServerFrame(id: 5, body: .unknown))
        #expect(Self.fault([8, 5])?.code == .badFrame)
        #expect(Self.fault([])?.code == .badFrame)
    }

    @Test func `the last of two bodies wins`() throws {
        let frame = try Codec.decodeClient(Self.field(7, [8, 3]) + Self.field(10, Self.field(1, [9])))
        #expect(frame.body == .ping([9]))
    }
}
