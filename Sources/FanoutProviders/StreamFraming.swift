// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// Cuts a streamed answer into its pieces, as the wire format frames them.
///
/// All have the same interface: bytes go in with ``append(_:)``, then ``next()`` is called until it says false, and
/// after each true ``withData(_:)`` lends the piece.
enum StreamFraming: Sendable {
    /// Server-sent events.
    case events(SSEParser)
    /// A JSON text a line.
    case lines(LineParser)
    /// Frames of an Amazon event stream.
    case frames(AmazonFrameParser)
    /// Its state is on the stack of a call, so that nothing is copied.
    case moved

    /// The framing of a format's streams.
    init(of format: WireFormat) {
        switch format {
        case .openAI, .anthropic, .gemini, .cohere, .huggingFace, .simulated: self = .events(SSEParser())
        case .ollama: self = .lines(LineParser())
        case .bedrock: self = .frames(AmazonFrameParser())
        }
    }

    /// Whether an answer that begins with this byte, the first that is no white space, is a stream, where one was asked
    /// for.
    ///
    /// An error or another answer that isn't streamed is one JSON text, or a page of HTML.
    func mayBegin(with first: UInt8) -> Bool {
        switch self {
        case .events: first != UInt8(ascii: "{") && first != UInt8(ascii: "[") && first != UInt8(ascii: "<")
        // A whole answer is a stream of one line.
        case .lines: first == UInt8(ascii: "{")
        // The first byte of a length: one of white space or of a text would make a frame beyond the limit.
        case .frames: first < 9
        case .moved: false
        }
    }

    /// Whether each byte counts, white space among them.
    var isBinary: Bool {
        switch self {
        case .frames: true
        case .events, .lines, .moved: false
        }
    }

    /// What the frame of the piece that was found last calls the failure that it is; nil = nothing of importance.
    var errorName: String? {
        switch self {
        case .frames(let parser): parser.kind == .event ? nil : parser.name
        case .events, .lines, .moved: nil
        }
    }

    /// Whether the piece that was found last is called an error by its frame.
    var isNamedError: Bool {
        switch self {
        case .events(let parser): parser.eventName == "error"
        case .frames(let parser): parser.kind != .event
        case .lines, .moved: false
        }
    }

    /// Takes the next bytes of the stream.
    mutating func append(_ bytes: UnsafeBufferPointer<UInt8>) {
        switch self {
        case .events(var parser):
            self = .moved
            parser.append(bytes)
            self = .events(parser)
        case .lines(var parser):
            self = .moved
            parser.append(bytes)
            self = .lines(parser)
        case .frames(var parser):
            self = .moved
            parser.append(bytes)
            self = .frames(parser)
        case .moved: break
        }
    }

    /// Goes to the next complete piece; false = more bytes are needed.
    /// - Throws: `invalidResponse` for a piece over the limit.
    mutating func next() throws(Failure) -> Bool {
        switch self {
        case .events(var parser):
            self = .moved
            defer { self = .events(parser) }
            return try parser.next()
        case .lines(var parser):
            self = .moved
            defer { self = .lines(parser) }
            return try parser.next()
        case .frames(var parser):
            self = .moved
            defer { self = .frames(parser) }
            return try parser.next()
        case .moved: return false
        }
    }

    /// Takes the end of the stream for the end of a piece, since some servers leave out what should follow it.
    mutating func finish() throws(Failure) -> Bool {
        switch self {
        case .events(var parser):
            self = .moved
            defer { self = .events(parser) }
            return try parser.finish()
        case .lines(var parser):
            self = .moved
            defer { self = .lines(parser) }
            return try parser.finish()
        // A frame has its own length: what isn't all there is none.
        case .frames, .moved: return false
        }
    }

    /// Lends the piece that was found last.
    func withData<Result>(
        _ body: (UnsafeBufferPointer<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        switch self {
        case .events(let parser): try parser.withData(body)
        case .lines(let parser): try parser.withData(body)
        case .frames(let parser): try parser.withData(body)
        case .moved: try body(UnsafeBufferPointer(start: nil, count: 0))
        }
    }
}
