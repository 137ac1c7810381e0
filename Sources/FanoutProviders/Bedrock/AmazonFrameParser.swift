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
    /// Its `:event-type`, `:exception-type` or `:error-code`; empty = not said.
    package private(set) var name = ""
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

    /// Takes the next bytes of the stream.
    package mutating func append(_ bytes: UnsafeBufferPointer<UInt8>) {
        if self.start == self.buffer.count {
            self.buffer.removeAll(keepingCapacity: true)
        } else if self.start > 0 {
            self.buffer.removeSubrange(0..<self.start)
        }
        self.start = 0
        self.payload = 0..<0
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
        self.buffer[place..<(place + 4)].reduce(0) { $0 << 8 | UInt32($1) }
    }

    private func sum(_ range: Range<Int>) -> UInt32 {
        self.buffer.withUnsafeBufferPointer { CRC32.sum(UnsafeBufferPointer(rebasing: $0[range])) }
    }

    private static func invalid(_ what: String) -> Failure {
        Failure(.invalidResponse, "the provider's stream is malformed: \(what); it can be tried again")
    }

    // MARK: Headers

    private mutating func readHeaders(_ range: Range<Int>) throws(Failure) {
        var reader = AmazonHeaders(rest: self.buffer[range])
        var kind = Kind.event
        var texts: [String: String] = [:]
        while let header = try reader.next() {
            guard let value = header.text, header.name.first == UInt8(ascii: ":") else { continue }
            switch String(decoding: header.name, as: UTF8.self) {
            case ":message-type" where value.elementsEqual("exception".utf8): kind = .exception
            case ":message-type" where value.elementsEqual("error".utf8): kind = .error
            case ":event-type": texts[":event-type"] = Self.text(value)
            case ":exception-type": texts[":exception-type"] = Self.text(value)
            case ":error-code": texts[":error-code"] = Self.text(value)
            case ":error-message": texts[":error-message"] = Self.text(value)
            default: break
            }
        }
        self.kind = kind
        self.words = []
        switch kind {
        case .event: self.name = texts[":event-type"] ?? ""
        case .exception: self.name = texts[":exception-type"] ?? ""
        case .error: self.name = texts[":error-code"] ?? ""
        }
        if kind == .error || (kind == .exception && self.payload.isEmpty) {
            var writer = JSONWriter(capacity: 256)
            writer.beginObject()
            writer.key("message")
            writer.string(texts[":error-message"] ?? self.name)
            writer.endObject()
            self.words = writer.finish()
        }
    }

    private static func text(_ bytes: ArraySlice<UInt8>) -> String {
        String(decoding: bytes.prefix(self.textBytesMax), as: UTF8.self)
    }
}

/// The headers of one frame.
private struct AmazonHeaders {
    var rest: ArraySlice<UInt8>

    /// The next header with its value if that is a text; nil = there is none left.
    mutating func next() throws(Failure) -> (name: ArraySlice<UInt8>, text: ArraySlice<UInt8>?)? {
        guard let length = self.rest.popFirst() else { return nil }
        let name = try self.take(Int(length))
        guard length > 0, let type = self.rest.popFirst() else { throw Self.malformed }
        switch type {
        case 0, 1: return (name, nil)
        case 2: _ = try self.take(1)
        case 3: _ = try self.take(2)
        case 4: _ = try self.take(4)
        case 5, 8: _ = try self.take(8)
        case 9: _ = try self.take(16)
        case 6, 7:
            let count = try self.take(2).reduce(0) { $0 << 8 | Int($1) }
            let value = try self.take(count)
            return (name, type == 7 ? value : nil)
        default: throw Self.malformed
        }
        return (name, nil)
    }

    private mutating func take(_ count: Int) throws(Failure) -> ArraySlice<UInt8> {
        guard self.rest.count >= count else { throw Self.malformed }
        let taken = self.rest.prefix(count)
        self.rest = self.rest.dropFirst(count)
        return taken
    }

    private static var malformed: Failure {
        Failure(
            .invalidResponse,
            "the headers of a frame of the provider's stream are malformed; it can be tried again"
        )
    }
}
