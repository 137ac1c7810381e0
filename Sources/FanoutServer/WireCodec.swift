// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import FanoutWire

/// The decoder and encoder that all connections of a loop share: one arena, one buffer.
final class WireCodec {
    private var decoder: WireDecoder
    private var encoder: WireEncoder

    init(limits: Limits) {
        var caps = WireCaps()
        caps.itemsPerFrame = limits.itemsPerFrame
        self.decoder = WireDecoder(caps: caps)
        self.encoder = WireEncoder(frameBytesMax: max(limits.frameBytes, WireEncoder.frameBytesFloor))
    }

    func decode(_ frame: UnsafeRawBufferPointer) throws(WireError) -> ClientFrame {
        try self.decoder.decodeClient(frame)
    }

    /// Appends a frame; a large result goes behind its parts.
    func encode(_ frame: ServerFrame, into bytes: inout [UInt8]) {
        do {
            try self.encoder.encode(frame, into: &bytes)
        } catch {
            // Deltas are cut by the engine and all else by the encoder, so no frame of the daemon is over the limit.
            preconditionFailure("a frame of the daemon for \(frame.id) can't be encoded: \(error.message)")
        }
    }
}
