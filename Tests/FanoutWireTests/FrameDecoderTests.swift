// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import Testing

@testable import FanoutWire

struct FrameDecoderTests {
    private static func frame(_ body: [UInt8]) -> [UInt8] {
        let size = UInt32(body.count)
        return [UInt8(size >> 24), UInt8(size >> 16 & 255), UInt8(size >> 8 & 255), UInt8(size & 255)] + body
    }

    private static func fault(_ bytes: [UInt8], limit: Int = 1 << 20) -> WireError? {
        do throws(WireError) {
            _ = try Codec.frames(bytes, splits: [], limit: limit)
            return nil
        } catch {
            return error
        }
    }

    @Test func `a stream that is split at any two places gives the same frames`() throws {
        let bodies: [[UInt8]] = [[1], [2, 3, 4, 5, 6], [7, 8], [9, 10, 11]]
        let stream = bodies.flatMap(Self.frame)
        for first in 0...stream.count {
            for second in 0...(stream.count - first) {
                #expect(try Codec.frames(stream, splits: [first, second]) == bodies)
            }
        }
        #expect(try Codec.frames(stream, splits: [Int](repeating: 1, count: stream.count)) == bodies)
    }

    @Test func `a thousand frames in one write all come out`() throws {
        let bodies = (0..<1_000).map { [UInt8](repeating: UInt8($0 & 255), count: 1 + $0 % 300) }
        #expect(try Codec.frames(bodies.flatMap(Self.frame), splits: []) == bodies)
        #expect(try Codec.frames(bodies.flatMap(Self.frame), splits: [70_001, 3, 5]) == bodies)
    }

    @Test func `a frame that lies whole in its chunk is not copied`() throws {
        let stream = Self.frame([5, 6, 7])
        stream.withUnsafeBytes { bytes in
            var decoder = FrameDecoder(frameBytesMax: 100)
            var chunk = bytes
            let body = try? decoder.next(&chunk)
            #expect(body?.baseAddress == bytes.baseAddress.map { $0 + 4 })
            #expect(chunk.isEmpty)
            let buffered = decoder.bufferedBytes
            let isMidFrame = decoder.isMidFrame
            #expect(buffered == 0)
            #expect(!isMidFrame)
        }
    }

    @Test func `an unfinished frame is told from the end of one`() throws {
        var decoder = FrameDecoder(frameBytesMax: 100)
        let stream = Self.frame([5, 6, 7]) + [0]
        let states = stream.map { byte -> [Int] in
            withUnsafeBytes(of: byte) { bytes in
                var chunk = bytes
                var frames = 0
                while (try? decoder.next(&chunk)) != nil { frames += 1 }
                return [frames, decoder.isMidFrame ? 1 : 0, decoder.bufferedBytes]
            }
        }
        #expect(
            states == [
                [0, 1, 1], [0, 1, 2], [0, 1, 3], [0, 1, 4], [0, 1, 5], [0, 1, 6], [1, 0, 0], [0, 1, 1],
            ]
        )
    }

    @Test func `the limit is checked on the length alone and named`() {
        #expect(Self.fault([0, 0, 0, 101], limit: 100)?.code == .frameTooLarge)
        #expect(Self.fault([0, 0, 0, 101], limit: 100)?.limit == 100)
        #expect(Self.fault([0, 0, 0, 100], limit: 100) == nil)
        #expect(Self.fault([255, 255, 255, 255])?.code == .frameTooLarge)
        // However it is configured, the first byte of a frame stays 0.
        #expect(Self.fault([1, 0, 0, 0], limit: .max)?.limit == 16_777_215)
    }

    @Test func `a frame of length 0 is refused`() {
        #expect(Self.fault([0, 0, 0, 0])?.code == .badFrame)
    }

    @Test(arguments: [
        ("GET / HTTP/1.1\r\n", ForeignProtocol.http1), ("POST /v1/chat", .http1), ("PUT /x", .http1),
        ("HEAD / ", .http1), ("DELETE /", .http1), ("OPTIONS *", .http1), ("PATCH /", .http1),
        ("CONNECT a:1", .http1), ("TRACE /", .http1), ("PRI * HTTP/2.0", .http2), ("\u{16}\u{3}\u{1}\u{2}", .tls),
    ])
    func `a stranger's protocol is recognised by its first bytes`(words: String, foreign: ForeignProtocol) {
        let error = Self.fault(Array(words.utf8))
        #expect(error?.foreign == foreign)
        #expect(error?.code == .badFrame)
    }

    @Test func `a stranger's protocol is looked for at the start only`() {
        #expect(Self.fault(Self.frame([1]) + Array("GET / HTTP".utf8))?.foreign == nil)
        #expect(Self.fault(Array("HELO ".utf8))?.foreign == nil)
    }

    @Test func `the limit can rise between two frames of one chunk`() throws {
        let stream = Self.frame([1, 2]) + Self.frame([UInt8](repeating: 3, count: 50))
        var sizes: [Int] = []
        var decoder = FrameDecoder(frameBytesMax: 10)
        try Codec.withBytes(stream) { bytes throws(WireError) in
            var chunk = bytes
            while let frame = try decoder.next(&chunk) {
                sizes.append(frame.count)
                decoder.frameBytesMax = 100
            }
        }
        #expect(sizes == [2, 50])
    }

    @Test func `after an error no byte is taken`() throws {
        var decoder = FrameDecoder(frameBytesMax: 10)
        let stream: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 1, 7]
        stream.withUnsafeBytes { bytes in
            var chunk = bytes
            #expect(throws: WireError.self) { try decoder.next(&chunk) }
            let left = chunk.count
            #expect(throws: WireError.self) { try decoder.next(&chunk) }
            #expect(chunk.count == left)
        }
    }

    @Test func `memory grows with the bytes received`() throws {
        var decoder = FrameDecoder(frameBytesMax: 1 << 20)
        let start: [UInt8] = [0, 15, 255, 255] + [UInt8](repeating: 1, count: 10)
        start.withUnsafeBytes { bytes in
            var chunk = bytes
            let isWhole = (try? decoder.next(&chunk)) != nil
            #expect(!isWhole)
        }
        let capacity = decoder.capacity
        #expect(capacity <= (64 << 10) + 10)
    }

    @Test func `large storage is given back after its frame`() throws {
        var decoder = FrameDecoder(frameBytesMax: 1 << 20)
        let stream = Self.frame([UInt8](repeating: 1, count: 500_000)) + [0]
        for part in [stream[..<100], stream[100...]] {
            Array(part).withUnsafeBytes { bytes in
                var chunk = bytes
                while (try? decoder.next(&chunk)) != nil {}
            }
        }
        let capacity = decoder.capacity
        #expect(capacity == 0)
    }
}
