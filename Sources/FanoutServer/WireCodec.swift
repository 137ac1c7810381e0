// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import FanoutWire

/// The decoder and encoder that all connections of a loop share: one arena, one buffer.
final class WireCodec {
    private var decoder: WireDecoder
    private var encoder: WireEncoder

    init(limits: Limits) {
        self.decoder = WireDecoder()
        self.encoder = WireEncoder()
    }

    func decode(_ frame: UnsafeRawBufferPointer) throws(WireError) -> ClientFrame {
        try self.decoder.decodeClient(frame)
    }

    func encode(_ frame: ServerFrame, into bytes: inout [UInt8]) {
        self.encoder.encode(frame, into: &bytes)
    }

    /// A result, behind its parts if it is large.
    func encode(_ result: ItemResult, batch: UInt64, into bytes: inout [UInt8]) {
        self.encoder.encode(result, batch: batch, into: &bytes)
    }
}
