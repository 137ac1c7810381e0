// Fanout
// SPDX-License-Identifier: Apache-2.0

/// A streamed piece of one item.
public struct Delta: Sendable, Hashable {
    /// Which choice of the answer.
    public var choice: UInt32
    /// What it brings.
    public var kind: Kind

    /// The kinds of pieces.
    public enum Kind: Sendable, Hashable {
        case text(String)
        case reasoning(String)
        case refusal(String)
        case toolCall(ToolCallDelta)
        /// Everything before is void; the answer begins anew.
        case restart(FailureCode, String)
    }

    /// Makes a piece.
    public init(choice: UInt32 = 0, _ kind: Kind) {
        self.choice = choice
        self.kind = kind
    }

    /// Bytes of content, for the bounds of output buffers.
    public var byteCount: Int {
        switch self.kind {
        case .text(let text), .reasoning(let text), .refusal(let text), .restart(_, let text): text.utf8.count
        case .toolCall(let call): call.id.utf8.count + call.name.utf8.count + call.arguments.count
        }
    }
}

/// A fragment of a tool call.
///
/// The id and name come with the first fragment only.
public struct ToolCallDelta: Sendable, Hashable {
    /// Counts the answer's tool calls from 0.
    public var call: UInt32
    /// Empty after the first fragment.
    public var id: String
    /// Empty after the first fragment.
    public var name: String
    /// A piece of the arguments.
    public var arguments: [UInt8]

    /// Makes a fragment.
    public init(call: UInt32, id: String = "", name: String = "", arguments: [UInt8] = []) {
        self.call = call
        self.id = id
        self.name = name
        self.arguments = arguments
    }
}
