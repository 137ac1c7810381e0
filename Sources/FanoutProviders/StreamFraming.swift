// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// Cuts a streamed answer into its pieces, as the wire format frames them.
///
/// All have the same interface: bytes go in with ``append(_:)``, then ``next()`` is called until it says false, and
/// after each true ``withData(_:)`` lends the piece.
///
/// The parsers stand side by side, those that aren't used empty: one inside an enumeration would be copied to be read.
struct StreamFraming: Sendable {
    private enum Shape {
        /// Server-sent events.
        case events
        /// A JSON text a line.
        case lines
        /// Frames of an Amazon event stream.
        case frames
    }

    private let shape: Shape
    private var events = SSEParser()
    private var lines = LineParser()
    private var frames = AmazonFrameParser()

    /// The framing of a format's streams.
    init(of format: WireFormat) {
        self.shape =
            switch format {
            case .openAI, .anthropic, .gemini, .cohere, .huggingFace, .simulated: .events
            case .ollama: .lines
            case .bedrock: .frames
            }
    }

    /// Whether an answer that begins with this byte, the first that is no white space, is a stream, where one was asked
    /// for.
    ///
    /// An error or another answer that isn't streamed is one JSON text, or a page of HTML.
    func mayBegin(with first: UInt8) -> Bool {
        switch self.shape {
        case .events: first != UInt8(ascii: "{") && first != UInt8(ascii: "[") && first != UInt8(ascii: "<")
        // A whole answer is a stream of one line.
        case .lines: first == UInt8(ascii: "{")
        // The first byte of a length: one of white space or of a text would make a frame beyond the limit.
        case .frames: first < 9
        }
    }

    /// Whether each byte counts, white space among them.
    var isBinary: Bool { self.shape == .frames }

    /// What the frame of the piece that was found last calls the failure that it is; nil = nothing of importance.
    var errorName: String? {
        self.shape == .frames && self.frames.kind != .event ? self.frames.name : nil
    }

    /// Whether the piece that was found last is called an error by its frame.
    var isNamedError: Bool {
        switch self.shape {
        case .events: self.events.isNamed("error")
        case .lines: false
        case .frames: self.frames.kind != .event
        }
    }

    /// Takes the next bytes of the stream.
    mutating func append(_ bytes: UnsafeBufferPointer<UInt8>) {
        switch self.shape {
        case .events: self.events.append(bytes)
        case .lines: self.lines.append(bytes)
        case .frames: self.frames.append(bytes)
        }
    }

    /// Goes to the next complete piece; false = more bytes are needed.
    /// - Throws: `invalidResponse` for a piece over the limit.
    mutating func next() throws(Failure) -> Bool {
        switch self.shape {
        case .events: try self.events.next()
        case .lines: try self.lines.next()
        case .frames: try self.frames.next()
        }
    }

    /// Takes the end of the stream for the end of a piece, since some servers leave out what should follow it.
    mutating func finish() throws(Failure) -> Bool {
        switch self.shape {
        case .events: try self.events.finish()
        case .lines: try self.lines.finish()
        // A frame has its own length: what isn't all there is none.
        case .frames: false
        }
    }

    /// Lends the piece that was found last.
    func withData<Result>(
        _ body: (UnsafeBufferPointer<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        switch self.shape {
        case .events: try self.events.withData(body)
        case .lines: try self.lines.withData(body)
        case .frames: try self.frames.withData(body)
        }
    }
}
