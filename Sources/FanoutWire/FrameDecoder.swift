// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import CProtobufC
internal import FanoutModel

/// Cuts a stream of bytes into frames: a 4-byte big-endian length, then so many bytes.
///
/// Pull style: the caller keeps asking for the next frame of a chunk until it gets `nil`, and may change the limit
/// between two frames, which is what Hello does. A frame that lies whole in the chunk is given out in place. One that
/// is spread over chunks is gathered, and memory grows with the bytes received, never with the length announced.
///
/// After an error the decoder is spent: it throws the same error again and takes no bytes.
package struct FrameDecoder: ~Copyable {
    /// The most bytes that a frame may have; read when a frame's length is complete.
    ///
    /// Always under 16 MiB, so that the first byte of a frame is 0 and a stranger's protocol is recognised by it.
    package var frameBytesMax: Int {
        didSet { self.frameBytesMax = min(self.frameBytesMax, Self.frameBytesCeiling) }
    }

    /// No limit is above this.
    package static let frameBytesCeiling = (16 << 20) - 1

    private static let growthBytes = 64 << 10

    private var header: UInt32 = 0
    private var headerCount = 0
    private var length = 0
    private var storage: UnsafeMutableRawPointer?
    private(set) var capacity = 0
    private var received = 0
    private var isDelivered = false
    private var isFirst = true
    private var error: WireError?

    /// Makes a decoder for frames of at most so many bytes.
    package init(frameBytesMax: Int) {
        self.frameBytesMax = min(frameBytesMax, Self.frameBytesCeiling)
    }

    deinit {
        fanout_bytes_free(self.storage)
    }

    /// Whether a frame has begun and not ended: what the frame timer and a premature end of input ask.
    package var isMidFrame: Bool { self.headerCount > 0 }

    /// Bytes of an unfinished frame that are held, its length included.
    package var bufferedBytes: Int { self.headerCount + (self.isDelivered ? 0 : self.received) }

    /// Takes bytes from the front of `chunk` and gives the next frame's body.
    ///
    /// The body is valid until the next call and as long as the chunk is. `nil` = the chunk is used up.
    /// - Throws: BAD_FRAME for a length of 0 or a stranger's protocol, FRAME_TOO_LARGE for a length over the limit;
    ///   both before a byte of the body is kept.
    package mutating func next(_ chunk: inout UnsafeRawBufferPointer) throws(WireError) -> UnsafeRawBufferPointer? {
        if let error = self.error { throw error }
        if self.isDelivered { self.forget() }
        while self.headerCount < 4 {
            guard let byte = chunk.first else { return nil }
            self.header = self.header << 8 | UInt32(byte)
            self.headerCount += 1
            chunk = UnsafeRawBufferPointer(rebasing: chunk.dropFirst())
            if self.headerCount == 4 { try self.begin() }
        }
        if self.received == 0, chunk.count >= self.length {
            let body = UnsafeRawBufferPointer(rebasing: chunk.prefix(self.length))
            chunk = UnsafeRawBufferPointer(rebasing: chunk.dropFirst(self.length))
            self.headerCount = 0
            return body
        }
        return self.gather(&chunk)
    }

    private mutating func begin() throws(WireError) {
        self.length = Int(self.header)
        let wasFirst = self.isFirst
        self.isFirst = false
        if self.length > 0, self.length <= self.frameBytesMax { return }
        let error = self.fault(isFirst: wasFirst)
        self.error = error
        throw error
    }

    private func fault(isFirst: Bool) -> WireError {
        if isFirst, let foreign = Self.foreign(self.header) {
            let name =
                switch foreign {
                case .http1: "HTTP"
                case .http2: "HTTP/2"
                case .tls: "TLS"
                }
            return WireError(
                .badFrame,
                "this is Fanout's socket, not a server of \(name): send frames of a 4-byte length and a ClientFrame",
                foreign: foreign
            )
        }
        if self.length == 0 {
            return WireError(.badFrame, "a frame of length 0 means nothing: leave it out")
        }
        return WireError(
            .frameTooLarge,
            "a frame of \(self.length) bytes is over the limit of \(self.frameBytesMax): "
                + "split the batch by Append, large payloads by Blob",
            limit: UInt64(self.frameBytesMax)
        )
    }

    /// The first four bytes of a request line, of HTTP/2's preface or of a TLS record.
    private static func foreign(_ header: UInt32) -> ForeignProtocol? {
        switch header {
        // "GET ", "POST", "PUT ", "HEAD", "DELE", "OPTI", "PATC", "CONN", "TRAC"
        case 0x4745_5420, 0x504F_5354, 0x5055_5420, 0x4845_4144, 0x4445_4C45, 0x4F50_5449, 0x5041_5443, 0x434F_4E4E,
            0x5452_4143:
            .http1
        // "PRI "
        case 0x5052_4920: .http2
        // Content type 22 (handshake), then major version 3.
        case 0x1603_0000...0x1603_FFFF: .tls
        default: nil
        }
    }

    private mutating func gather(_ chunk: inout UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        let count = min(chunk.count, self.length - self.received)
        guard count > 0, let source = chunk.baseAddress else { return nil }
        let needed = self.received + count
        if needed > self.capacity { self.grow(to: min(self.length, needed + Self.growthBytes)) }
        guard let storage = self.storage else { return nil }
        (storage + self.received).copyMemory(from: source, byteCount: count)
        self.received = needed
        chunk = UnsafeRawBufferPointer(rebasing: chunk.dropFirst(count))
        if needed < self.length { return nil }
        self.headerCount = 0
        self.isDelivered = true
        return UnsafeRawBufferPointer(start: storage, count: needed)
    }

    private mutating func grow(to bytes: Int) {
        guard let storage = fanout_bytes_resize(self.storage, bytes) else {
            preconditionFailure("no memory for \(bytes) bytes of a frame of \(self.length)")
        }
        self.storage = storage
        self.capacity = bytes
    }

    /// Ends the life of the gathered body that was given out; large storage is given back.
    private mutating func forget() {
        self.isDelivered = false
        self.received = 0
        if self.capacity > Self.growthBytes {
            fanout_bytes_free(self.storage)
            self.storage = nil
            self.capacity = 0
        }
    }
}
