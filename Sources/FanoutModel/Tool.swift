// Fanout
// SPDX-License-Identifier: Apache-2.0

/// What a tool is.
///
/// The numbers are the wire's.
public enum ToolKind: UInt8, Sendable, Hashable {
    case function = 1
    case custom = 2
    /// Run by the provider; described by ``Tool/specJSON`` alone.
    case builtIn = 3
}

/// Something that the model may call.
public struct Tool: Sendable, Hashable {
    /// What it is.
    public var kind: ToolKind = .function
    /// Its name.
    public var name: String
    /// What it does, for the model.
    public var description = ""
    /// The JSON Schema of the arguments; empty = none.
    public var parametersJSON: [UInt8] = []
    /// Whether the arguments must follow the schema; `nil` = the provider's default.
    public var strict: Bool?
    /// The whole definition of a custom or built-in tool in the provider's form.
    public var specJSON: [UInt8] = []
    /// The provider's prompt cache may end a prefix after it.
    public var cache: CacheMarker?

    /// Makes a function tool.
    public init(name: String) {
        self.name = name
    }
}

/// A call of a tool by the model.
public struct ToolCall: Sendable, Hashable {
    /// Ties the call to its result.
    public var id: String
    /// The tool.
    public var name: String
    /// One JSON object for a function; the raw input for a custom tool.
    public var arguments: [UInt8]
    /// What the tool is.
    public var kind: ToolKind = .function
    /// The provider's proof for this call, sent back unchanged.
    public var signature: [UInt8] = []
    /// Whose proof that is, for example `gemini`; empty = not known.
    public var signer = ""
    /// The provider's id of the item that holds the call; empty = none.
    public var itemID = ""

    /// Makes a call.
    public init(id: String, name: String, arguments: [UInt8]) {
        self.id = id
        self.name = name
        self.arguments = arguments
    }
}

/// What came of a tool call.
public struct ToolResult: Sendable, Hashable {
    /// The call's id.
    public var callID: String
    /// The tool's name; empty = not given.
    public var name = ""
    /// Whether the tool failed.
    public var isError = false
    /// The content in order.
    public var pieces: [Piece]

    /// A leaf of a tool result.
    public struct Piece: Sendable, Hashable {
        /// What it is.
        public var kind: Kind
        /// The provider's prompt cache may end a prefix after it.
        public var cache: CacheMarker?

        /// The kinds of content of a tool result.
        public enum Kind: Sendable, Hashable {
            case text(Text)
            case image(Media)
            case document(Media)
            case audio(Media)
            case video(Media)
            /// One JSON value.
            case json([UInt8])
            case opaque(Opaque)
        }

        /// Makes a leaf.
        public init(_ kind: Kind, cache: CacheMarker? = nil) {
            self.kind = kind
            self.cache = cache
        }
    }

    /// Makes a result.
    public init(callID: String, pieces: [Piece]) {
        self.callID = callID
        self.pieces = pieces
    }
}

/// Whether and what the model must call.
public enum ToolChoice: Sendable, Hashable {
    case auto
    case none
    case required
    /// One of these.
    case named([String])
}
