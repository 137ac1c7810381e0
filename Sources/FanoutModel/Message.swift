// Fanout
// SPDX-License-Identifier: Apache-2.0

/// Who speaks.
///
/// The numbers are the wire's.
public enum Role: UInt8, Sendable, Hashable {
    case system = 1
    case developer = 2
    case user = 3
    case assistant = 4
    case tool = 5
}

/// One turn of a conversation.
public struct Message: Sendable, Hashable {
    /// Who speaks.
    public var role: Role
    /// The content in order.
    public var parts: [Part]
    /// The speaker's name; empty = none.
    public var name = ""
    /// The provider's id of this turn, sent back unchanged; empty = none.
    public var id = ""

    /// Makes a turn of parts.
    public init(role: Role, parts: [Part]) {
        self.role = role
        self.parts = parts
    }

    /// Makes a turn of one plain text.
    public init(role: Role, text: String) {
        self.role = role
        self.parts = [Part(.text(Text(text)))]
    }

    /// All text parts joined.
    public var text: String {
        if self.parts.count == 1, case .text(let only) = self.parts[0].kind { return only.text }
        var joined = ""
        for part in self.parts {
            if case .text(let piece) = part.kind { joined += piece.text }
        }
        return joined
    }
}

/// One piece of a turn.
public struct Part: Sendable, Hashable {
    /// What it is.
    public var kind: Kind
    /// The provider's prompt cache may end a prefix after it.
    public var cache: CacheMarker?

    /// The kinds of content.
    ///
    /// Adding one is a change of the wire.
    public enum Kind: Sendable, Hashable {
        case text(Text)
        case image(Media)
        case document(Media)
        case audio(Media)
        case video(Media)
        case reasoning(Reasoning)
        case toolCall(ToolCall)
        case toolResult(ToolResult)
        case refusal(Text)
        case opaque(Opaque)
    }

    /// Makes a part.
    public init(_ kind: Kind, cache: CacheMarker? = nil) {
        self.kind = kind
        self.cache = cache
    }
}

/// Marks the end of a prefix worth caching at the provider.
public struct CacheMarker: Sendable, Hashable {
    /// How long it is kept; 0 = the provider's default.
    public var ttlMilliseconds: UInt64

    /// Makes a marker.
    public init(ttlMilliseconds: UInt64 = 0) {
        self.ttlMilliseconds = ttlMilliseconds
    }
}

/// Plain text.
public struct Text: Sendable, Hashable {
    /// The text.
    public var text: String
    /// Citations and annotations in the provider's form: one JSON array, or empty.
    public var annotationsJSON: [UInt8] = []

    /// Makes a text.
    public init(_ text: String) {
        self.text = text
    }
}

/// An image, a document, a sound or a film.
public struct Media: Sendable, Hashable {
    /// For example `image/png`; may be empty for a URL or a file.
    public var mimeType: String
    /// Where it is.
    public var source: Source
    /// A file name or title; empty = none.
    public var name = ""
    /// How closely an image is looked at; empty = the provider's default.
    public var detail = ""

    /// The sources of a medium.
    public enum Source: Sendable, Hashable {
        case data([UInt8])
        case url(String)
        /// A blob of the connection; replaced by its bytes before translation.
        case blob(UInt64)
        /// A file that the provider already has.
        case file(String)
    }

    /// Makes a medium.
    public init(mimeType: String, source: Source) {
        self.mimeType = mimeType
        self.source = source
    }
}

/// Reasoning that a model gave out.
public struct Reasoning: Sendable, Hashable {
    /// The provider's id; empty = none.
    public var id = ""
    /// The reasoning itself.
    public var text: String
    /// Summaries in place of the reasoning.
    public var summaries: [String] = []
    /// The provider's proof that the text is unchanged.
    public var signature: [UInt8] = []
    /// Reasoning that only the provider can read.
    public var encrypted: [UInt8] = []
    /// Whose proof and secret these are, for example `anthropic`; empty = not known.
    public var signer = ""

    /// Makes a reasoning part.
    public init(text: String = "") {
        self.text = text
    }
}

/// A provider's own item, carried whole.
public struct Opaque: Sendable, Hashable {
    /// The wire format that understands it, for example `openai.responses`.
    public var format: String
    /// The provider's type of the item.
    public var type: String
    /// One JSON object.
    public var json: [UInt8]

    /// Makes an opaque item.
    public init(format: String, type: String, json: [UInt8]) {
        self.format = format
        self.type = type
        self.json = json
    }
}
