// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
package import FanoutModel

/// Takes a stream of `application/vnd.amazon.eventstream` apart, cut into pieces anyhow.
///
/// Source: smithy.io, "Amazon Event Stream specification". A frame is its length and that of its headers (4 bytes each,
/// big-endian), the CRC-32 of those eight, the headers, the payload, and the CRC-32 of all that. Both sums are checked;
/// a length is believed only once its sum is right and it is within the bounds. The same bytes give the same frames at
/// any cut.
package struct AmazonFrameParser: Sendable {
    /// What a frame says of itself in `:message-type`.
    package enum Kind: Sendable, Equatable {
        case event
        /// A failure that the service's model names.
        case exception
        /// A failure beside the model: its words are in headers, not in the payload.
        case error
    }

    /// The most bytes of one frame: what the format allows, 24 MiB in all.
    package let frameBytesMax: Int
    /// What the frame that was found last is.
    package private(set) var kind = Kind.event
    /// Where its `:event-type`, `:exception-type` or `:error-code` lies; empty = not said.
    private var nameRange = 0..<0
    /// What isn't consumed yet begins at `start`.
    private var buffer: [UInt8] = []
    private var start = 0
    private var payload = 0..<0
    /// The words of a frame that is an error, as a payload would have them.
    private var words: [UInt8] = []

    /// Lengths and their sum.
    static let preludeBytes = 12
    /// A frame without headers and payload.
    static let frameBytesMin = 16
    /// The most bytes of a frame's headers.
    static let headerBytesMax = 128 << 10
    /// The most bytes of a header's text that is kept.
    static let textBytesMax = 4 << 10

    package init(frameBytesMax: Int = 24 << 20) {
        self.frameBytesMax = frameBytesMax
    }

    /// Its `:event-type`, `:exception-type` or `:error-code`; empty = not said.
    package var name: String { self.text(self.nameRange) }

    /// Takes the next bytes of the stream.
    package mutating func append(_ bytes: UnsafeBufferPointer<UInt8>) {
        if self.start == self.buffer.count {
            self.buffer.removeAll(keepingCapacity: true)
        } else if self.start > 0 {
            self.buffer.removeSubrange(0..<self.start)
        }
        self.start = 0
        self.payload = 0..<0
        self.nameRange = 0..<0
        self.buffer.append(contentsOf: bytes)
    }

    /// Goes to the next complete frame; false = more bytes are needed.
    /// - Throws: `invalidResponse` for a sum that is wrong, a length beyond the limits, or headers that aren't any.
    package mutating func next() throws(Failure) -> Bool {
        let left = self.buffer.count - self.start
        guard left >= Self.preludeBytes else { return false }
        let begin = self.start
        let length = Int(self.integer(at: begin))
        let headers = Int(self.integer(at: begin + 4))
        guard self.sum(begin..<(begin + 8)) == self.integer(at: begin + 8) else {
            throw Self.invalid("the lengths of a frame have another checksum than it says")
        }
        guard length >= Self.frameBytesMin, length <= self.frameBytesMax, headers <= Self.headerBytesMax,
            headers <= length - Self.frameBytesMin
        else {
            throw Self.invalid("a frame of \(length) bytes with \(headers) of headers is beyond the format's limits")
        }
        guard left >= length else { return false }
        let end = begin + length
        guard self.sum(begin..<(end - 4)) == self.integer(at: end - 4) else {
            throw Self.invalid("a frame has another checksum than it says")
        }
        let first = begin + Self.preludeBytes
        self.payload = (first + headers)..<(end - 4)
        self.start = end
        try self.readHeaders(first..<(first + headers))
        return true
    }

    /// Whether bytes are left that are no whole frame.
    package var hasRest: Bool { self.start < self.buffer.count }

    /// Lends the payload of the frame that was found last.
    package func withData<Result>(
        _ body: (UnsafeBufferPointer<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        if !self.words.isEmpty {
            return try self.words.withUnsafeBufferPointer { (all) throws(Failure) -> Result in try body(all) }
        }
        let range = self.payload
        return try self.buffer.withUnsafeBufferPointer { (all) throws(Failure) -> Result in
            try body(UnsafeBufferPointer(rebasing: all[range]))
        }
    }

    private func integer(at place: Int) -> UInt32 {
        UInt32(self.buffer[place]) << 24 | UInt32(self.buffer[place + 1]) << 16 | UInt32(self.buffer[place + 2]) << 8
            | UInt32(self.buffer[place + 3])
    }

    private func sum(_ range: Range<Int>) -> UInt32 {
        self.buffer.withUnsafeBufferPointer { CRC32.sum(UnsafeBufferPointer(rebasing: $0[range])) }
    }

    private static func invalid(_ what: String) -> Failure {
        Failure(.invalidResponse, "the provider's stream is malformed: \(what); it can be tried again")
    }

    // MARK: Headers

    private mutating func readHeaders(_ range: Range<Int>) throws(Failure) {
        let found = try self.buffer.withUnsafeBufferPointer { (bytes) throws(Failure) in
            try AmazonHeaders(of: bytes, in: range)
        }
        self.kind = found.kind
        self.words = []
        switch found.kind {
        case .event: self.nameRange = found.eventType
        case .exception: self.nameRange = found.exceptionType
        case .error: self.nameRange = found.errorCode
        }
        if found.kind == .error || (found.kind == .exception && self.payload.isEmpty) {
            let message = self.text(found.errorMessage)
            var writer = JSONWriter(capacity: 256)
            writer.beginObject()
            writer.key("message")
            writer.string(message.isEmpty ? self.name : message)
            writer.endObject()
            self.words = writer.finish()
        }
    }

    private func text(_ range: Range<Int>) -> String {
        String(decoding: self.buffer[range].prefix(Self.textBytesMax), as: UTF8.self)
    }
}

/// What the headers of one frame say, as places in its bytes; the last one of a name counts.
private struct AmazonHeaders {
    var kind = AmazonFrameParser.Kind.event
    var eventType = 0..<0
    var exceptionType = 0..<0
    var errorCode = 0..<0
    var errorMessage = 0..<0

    init(of bytes: UnsafeBufferPointer<UInt8>, in range: Range<Int>) throws(Failure) {
        var place = range.lowerBound
        func take(_ count: Int) throws(Failure) -> Range<Int> {
            guard range.upperBound - place >= count else { throw Self.malformed }
            defer { place += count }
            return place..<(place + count)
        }
        while place < range.upperBound {
            let length = Int(bytes[place])
            place += 1
            let name = try take(length)
            guard length > 0 else { throw Self.malformed }
            let type = bytes[try take(1).lowerBound]
            switch type {
            case 0, 1: break
            case 2: _ = try take(1)
            case 3: _ = try take(2)
            case 4: _ = try take(4)
            case 5, 8: _ = try take(8)
            case 9: _ = try take(16)
            case 6, 7:
                let size = try take(2).lowerBound
                let value = try take(Int(bytes[size]) << 8 | Int(bytes[size + 1]))
                if type == 7 { self.take(name, value, bytes) }
            default: throw Self.malformed
            }
        }
    }

    private mutating func take(_ name: Range<Int>, _ value: Range<Int>, _ bytes: UnsafeBufferPointer<UInt8>) {
        func isSame(_ range: Range<Int>, _ word: StaticString) -> Bool {
            guard range.count == word.utf8CodeUnitCount else { return false }
            return range.indices.allSatisfy { bytes[$0] == word.utf8Start[$0 - range.lowerBound] }
        }
        switch name.count {
        case 11 where isSame(name, ":event-type"): self.eventType = value
        case 11 where isSame(name, ":error-code"): self.errorCode = value
        case 13 where isSame(name, ":message-type"):
            if isSame(value, "exception") { self.kind = .exception }
            if isSame(value, "error") { self.kind = .error }
        case 14 where isSame(name, ":error-message"): self.errorMessage = value
        case 15 where isSame(name, ":exception-type"): self.exceptionType = value
        default: break
        }
    }

    private static var malformed: Failure {
        Failure(
            .invalidResponse,
            "the headers of a frame of the provider's stream are malformed; it can be tried again"
        )
    }
}
