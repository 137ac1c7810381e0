// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel

@testable import FanoutWire

/// Both halves of the codec, for whole arrays.
enum Codec {
    static func encode(_ frame: ClientFrame) throws -> [UInt8] {
        var encoder = WireEncoder()
        var bytes: [UInt8] = []
        try encoder.encode(frame, into: &bytes)
        return bytes
    }

    static func encode(_ frame: ServerFrame) throws -> [UInt8] {
        var encoder = WireEncoder()
        var bytes: [UInt8] = []
        try encoder.encode(frame, into: &bytes)
        return bytes
    }

    /// The body of the one frame that the bytes are.
    static func body(_ frame: [UInt8]) -> [UInt8] { Array(frame.dropFirst(4)) }

    static func decodeClient(_ body: [UInt8]) throws(WireError) -> ClientFrame {
        var decoder = WireDecoder()
        return try Self.withBytes(body) { bytes throws(WireError) in try decoder.decodeClient(bytes) }
    }

    static func decodeServer(_ body: [UInt8]) throws(WireError) -> ServerFrame {
        var decoder = WireDecoder()
        return try Self.withBytes(body) { bytes throws(WireError) in try decoder.decodeServer(bytes) }
    }

    static func withBytes<Value>(
        _ bytes: [UInt8],
        _ use: (UnsafeRawBufferPointer) throws(WireError) -> Value
    ) throws(WireError) -> Value {
        let result = bytes.withUnsafeBytes { buffer in
            Result { () throws(WireError) in try use(buffer) }
        }
        return try result.get()
    }

    /// All frames of a stream that comes in pieces of these sizes, the last one taking the rest.
    static func frames(_ stream: [UInt8], splits: [Int], limit: Int = 1 << 20) throws(WireError) -> [[UInt8]] {
        var decoder = FrameDecoder(frameBytesMax: limit)
        var frames: [[UInt8]] = []
        var rest = stream[...]
        for size in splits + [stream.count] {
            let piece = Array(rest.prefix(size))
            rest = rest.dropFirst(size)
            try Self.withBytes(piece) { bytes throws(WireError) in
                var chunk = bytes
                while let frame = try decoder.next(&chunk) { frames.append([UInt8](frame)) }
            }
        }
        return frames
    }
}
