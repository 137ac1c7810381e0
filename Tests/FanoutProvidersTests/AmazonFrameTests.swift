// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import FanoutProviders
import Testing

/// Frames of an Amazon event stream, made bit by bit.
enum AmazonFrame {
    /// CRC-32 by its definition, one bit after the other.
    static func sum(_ bytes: [UInt8]) -> UInt32 {
        var sum: UInt32 = 0xFFFF_FFFF
        for byte in bytes {
            sum ^= UInt32(byte)
            for _ in 0..<8 { sum = sum & 1 == 1 ? 0xEDB8_8320 ^ (sum >> 1) : sum >> 1 }
        }
        return ~sum
    }

    static func bytes(_ value: UInt32) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
    }

    static func header(_ name: String, _ value: String) -> [UInt8] {
        let text = Array(value.utf8)
        return [UInt8(name.utf8.count)] + Array(name.utf8)
            + [7, UInt8(truncatingIfNeeded: text.count >> 8), UInt8(truncatingIfNeeded: text.count)] + text
    }

    static func frame(headers: [UInt8], payload: [UInt8]) -> [UInt8] {
        let prelude = self.bytes(UInt32(16 + headers.count + payload.count)) + self.bytes(UInt32(headers.count))
        let whole = prelude + self.bytes(self.sum(prelude)) + headers + payload
        return whole + self.bytes(self.sum(whole))
    }

    static func event(_ type: String, _ json: String) -> [UInt8] {
        self.frame(
            headers: self.header(":event-type", type) + self.header(":content-type", "application/json")
                + self.header(":message-type", "event"),
            payload: Array(json.utf8)
        )
    }

    static func exception(_ type: String, _ json: String) -> [UInt8] {
        self.frame(
            headers: self.header(":exception-type", type) + self.header(":message-type", "exception"),
            payload: Array(json.utf8)
        )
    }
}

@Suite struct AmazonFrameTests {
    static func frames(_ pieces: [[UInt8]], frameBytesMax: Int = 24 << 20) throws(Failure) -> [String] {
        var parser = AmazonFrameParser(frameBytesMax: frameBytesMax)
        var frames: [String] = []
        for piece in pieces {
            piece.withUnsafeBufferPointer { parser.append($0) }
            while try parser.next() {
                let data = try parser.withData { String(decoding: $0, as: UTF8.self) }
                frames.append("\(parser.kind) \(parser.name) \(data)")
            }
        }
        return parser.hasRest ? frames + ["rest"] : frames
    }

    @Test func `the same bytes give the same frames at any cut`() throws {
        let bytes =
            AmazonFrame.event("messageStart", #"{"role":"assistant"}"#) + AmazonFrame.event("empty", "")
            + AmazonFrame.exception("throttlingException", #"{"message":"slow"}"#)
        let expected = [
            #"event messageStart {"role":"assistant"}"#, "event empty ",
            #"exception throttlingException {"message":"slow"}"#,
        ]
        #expect(try Self.frames([bytes]) == expected)
        #expect(try Self.frames(bytes.map { [$0] }) == expected)
        for cut in 0...bytes.count {
            #expect(try Self.frames([Array(bytes[..<cut]), Array(bytes[cut...])]) == expected, "cut at \(cut)")
        }
    }

    @Test func `every single bit that is wrong is noticed`() {
        let bytes = AmazonFrame.event("messageStop", #"{"stopReason":"end_turn"}"#)
        for place in 0..<(bytes.count * 8) {
            var wrong = bytes
            wrong[place / 8] ^= 1 << UInt8(place % 8)
            #expect(throws: Failure.self, "bit \(place)") { try Self.frames([wrong]) }
        }
    }

    @Test func `a frame that is cut short is none yet`() throws {
        let bytes = AmazonFrame.event("messageStop", "{}")
        for cut in 1..<bytes.count {
            #expect(try Self.frames([Array(bytes[..<cut])]) == ["rest"], "cut at \(cut)")
        }
    }

    @Test func `an error without a payload has its words in headers`() throws {
        let headers =
            AmazonFrame.header(":message-type", "error") + AmazonFrame.header(":error-code", "InternalFailure")
            + AmazonFrame.header(":error-message", "it \"broke\"")
        let frame = AmazonFrame.frame(headers: headers, payload: [])
        #expect(try Self.frames([frame]) == [#"error InternalFailure {"message":"it \"broke\""}"#])
    }

    @Test func `headers of every type are passed over`() throws {
        let name = [UInt8(1), UInt8(ascii: "x")]
        var headers: [UInt8] = []
        for (type, count) in [(0, 0), (1, 0), (2, 1), (3, 2), (4, 4), (5, 8), (8, 8), (9, 16)] {
            headers += name + [UInt8(type)] + [UInt8](repeating: 9, count: count)
        }
        headers += name + [6, 0, 2, 1, 1] + AmazonFrame.header(":event-type", "e")
        #expect(try Self.frames([AmazonFrame.frame(headers: headers, payload: [])]) == ["event e "])
    }

    @Test(arguments: [
        [UInt8(0), 7, 0, 0], [5, 65], [1, 65], [1, 65, 7, 0], [1, 65, 7, 0, 9, 1], [1, 65, 10], [1, 65, 5, 0],
    ])
    func `headers that aren't any are refused`(headers: [UInt8]) {
        #expect(throws: Failure.self) { try Self.frames([AmazonFrame.frame(headers: headers, payload: [])]) }
    }

    @Test func `a length beyond the bounds is refused before its bytes are awaited`() {
        for (total, headers) in [(UInt32(25 << 20), UInt32(0)), (15, 0), (64, 49), (1 << 20, 129 << 10), (.max, .max)] {
            let prelude = AmazonFrame.bytes(total) + AmazonFrame.bytes(headers)
            let bytes = prelude + AmazonFrame.bytes(AmazonFrame.sum(prelude))
            #expect(throws: Failure.self, "\(total)") { try Self.frames([bytes]) }
        }
        #expect(throws: Failure.self) { try Self.frames([AmazonFrame.event("e", "{}")], frameBytesMax: 40) }
    }
}
