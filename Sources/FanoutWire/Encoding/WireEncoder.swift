// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import CFanoutProto
internal import CProtobufC
package import FanoutModel

/// Turns values into frames, length included, at the end of an array.
///
/// Owns the memory that one frame's C structures live in; meant to be shared by the connections of a thread.
///
/// No frame is over the limit. The daemon's texts and lists are cut where they are for people (a provider's words at
/// 16 KiB, a status at 256 KiB of lanes, a trail at 64 attempts), and a large response goes out in parts. What can't
/// be cut, a client's batch or a delta that nobody split, is refused.
package struct WireEncoder: ~Copyable {
    /// The most bytes that a frame may have, its length not included.
    ///
    /// At least ``frameBytesFloor``; a client takes it from Welcome.
    package var frameBytesMax: Int

    /// No limit is below this, so that every frame of the daemon fits.
    package static let frameBytesFloor = 512 << 10

    private let builder = Builder()

    /// Makes an encoder for frames of at most so many bytes.
    package init(frameBytesMax: Int = 1 << 20) {
        self.frameBytesMax = frameBytesMax
    }

    /// Appends what a client sends.
    /// - Throws: FRAME_TOO_LARGE if it is over the limit, BAD_FRAME for a body that is only ever received; nothing
    ///   is appended then.
    package mutating func encode(_ frame: ClientFrame, into bytes: inout [UInt8]) throws(WireError) {
        self.builder.reset()
        defer { self.builder.trim() }
        guard let message = self.builder.frame(frame) else {
            throw WireError(.badFrame, "an unknown or refused body can't be sent")
        }
        let size = fanout__v1__client_frame__get_packed_size(message)
        try self.check(size)
        Self.append(size, to: &bytes) { fanout__v1__client_frame__pack(message, $0) }
    }

    /// Appends what the daemon sends; a result whose response is over 256 KiB becomes several frames.
    /// - Throws: FRAME_TOO_LARGE for a delta or a part that is over the limit, BAD_FRAME for an unknown body;
    ///   nothing is appended then.
    package mutating func encode(_ frame: ServerFrame, into bytes: inout [UInt8]) throws(WireError) {
        self.builder.reset()
        defer { self.builder.trim() }
        guard let message = self.builder.frame(frame) else {
            throw WireError(.badFrame, "an unknown body can't be sent")
        }
        let size = fanout__v1__server_frame__get_packed_size(message)
        if size > SendCaps.partBytes, case .result(let result) = frame.body, case .success = result.outcome,
            let response = message.pointee.result.pointee.response
        {
            let responseSize = fanout__v1__response__get_packed_size(response)
            if responseSize > SendCaps.partBytes {
                Self.appendParts(self.builder, frame.id, result, response, responseSize, to: &bytes)
                return
            }
        }
        try self.check(size)
        Self.append(size, to: &bytes) { fanout__v1__server_frame__pack(message, $0) }
    }

    /// Bytes of an item in a Submit or Append: what a client adds up to fill frames.
    package mutating func byteCount(of item: Item) -> Int {
        self.builder.reset()
        defer { self.builder.trim() }
        let append = self.builder.append(ClientFrame.Append(items: [.item(item)], isLast: false))
        return fanout__v1__append__get_packed_size(append)
    }

    private func check(_ size: Int) throws(WireError) {
        if size > self.frameBytesMax {
            throw WireError(
                .frameTooLarge,
                "a frame of \(size) bytes is over the limit of \(self.frameBytesMax): "
                    + "split the batch by Append, large payloads by Blob",
                limit: UInt64(self.frameBytesMax)
            )
        }
    }

    private static func appendParts(
        _ builder: Builder,
        _ id: UInt64,
        _ result: ItemResult,
        _ response: UnsafeMutablePointer<Proto.Response>,
        _ size: Int,
        to bytes: inout [UInt8]
    ) {
        let frame = builder.make(fanout__v1__server_frame__init)
        frame.pointee.id = id
        frame.pointee.body_case = FANOUT__V1__SERVER_FRAME__BODY_RESULT_PART
        let packed = builder.packed(response, size)
        for start in stride(from: 0, to: size, by: SendCaps.partBytes) {
            let count = min(SendCaps.partBytes, size - start)
            let piece = Proto.Bytes(len: count, data: packed + start)
            frame.pointee.result_part = builder.resultPart(result.index, piece)
            let frameSize = fanout__v1__server_frame__get_packed_size(frame)
            Self.append(frameSize, to: &bytes) { fanout__v1__server_frame__pack(frame, $0) }
        }
        frame.pointee.body_case = FANOUT__V1__SERVER_FRAME__BODY_RESULT
        frame.pointee.result = builder.resultOfParts(result.index, result.id, UInt64(size), result.trail)
        let frameSize = fanout__v1__server_frame__get_packed_size(frame)
        Self.append(frameSize, to: &bytes) { fanout__v1__server_frame__pack(frame, $0) }
    }

    private static func append(
        _ size: Int,
        to bytes: inout [UInt8],
        _ pack: (UnsafeMutablePointer<UInt8>) -> Int
    ) {
        let start = bytes.count
        bytes.append(contentsOf: repeatElement(0, count: size + 4))
        bytes.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            let frame = base + start
            frame[0] = UInt8(truncatingIfNeeded: size >> 24)
            frame[1] = UInt8(truncatingIfNeeded: size >> 16)
            frame[2] = UInt8(truncatingIfNeeded: size >> 8)
            frame[3] = UInt8(truncatingIfNeeded: size)
            let written = pack(frame + 4)
            precondition(written == size, "\(written) bytes were packed where \(size) were announced")
        }
    }
}
