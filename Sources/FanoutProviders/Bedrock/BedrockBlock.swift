// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

/// One block of a message's content as far as it has come.
struct BedrockBlock: Sendable {
    /// What it is.
    enum Kind: Sendable {
        /// Text, with citations or without.
        case text
        case reasoning
        /// A call that the caller answers.
        case toolUse
        /// What Bedrock's own tools did, and whatever comes new: carried whole.
        case other
    }

    let kind: Kind
    /// The stream's count of blocks.
    let wireIndex: Int64
    /// Of text and reasoning.
    var text = ""
    var signature = ""
    /// Reasoning that only the model can read, in the API's base64.
    var redacted = ""
    /// Of a tool: the input as far as it has come; empty = `{}`.
    var arguments: [UInt8] = []
    var id = ""
    var name = ""
    /// Counts the calls from 0.
    var call: UInt32 = 0
    /// Of another kind: the block's one key, and its value as it came first.
    private var type = ""
    private var whole: [UInt8] = []
    /// Elements of what came in pieces for it, joined by commas.
    private var elements: [UInt8] = []

    init(_ kind: Kind, wireIndex: Int64) {
        self.kind = kind
        self.wireIndex = wireIndex
    }

    /// A block of another kind: its key and its value.
    init(other type: String, _ whole: [UInt8], wireIndex: Int64) {
        self.init(.other, wireIndex: wireIndex)
        self.type = type
        self.whole = whole
    }

    /// Adds JSON values to a text's citations, or to what came of another block: those joined by commas.
    mutating func add(elements: some Collection<UInt8>) {
        guard !elements.isEmpty else { return }
        if !self.elements.isEmpty { self.elements.append(UInt8(ascii: ",")) }
        self.elements.append(contentsOf: elements)
    }

    /// Adds a piece of reasoning.
    mutating func append(reasoning piece: BedrockBlock) {
        self.text += piece.text
        self.signature += piece.signature
        self.redacted += piece.redacted
    }

    /// The block as a part of the model's turn; nil = it is empty.
    var part: Part? {
        switch self.kind {
        case .text:
            guard !self.text.isEmpty || !self.elements.isEmpty else { return nil }
            var text = Text(self.text)
            if !self.elements.isEmpty {
                text.annotationsJSON = [UInt8(ascii: "[")] + self.elements + [UInt8(ascii: "]")]
            }
            return Part(.text(text))
        case .reasoning:
            var reasoning = Reasoning(text: self.text)
            reasoning.signature = Array(self.signature.utf8)
            reasoning.encrypted = Array(self.redacted.utf8)
            return Part(.reasoning(reasoning))
        case .toolUse:
            let arguments = self.arguments.isEmpty ? Array("{}".utf8) : self.arguments
            return Part(.toolCall(ToolCall(id: self.id, name: self.name, arguments: arguments)))
        case .other:
            return Part(.opaque(Opaque(format: BedrockEncoder.opaqueFormat, type: self.type, json: self.json)))
        }
    }

    /// A block of another kind as a whole answer would have it: with the input or the content that came in pieces.
    private var json: [UInt8] {
        var writer = JSONWriter(capacity: self.whole.count + self.arguments.count + self.elements.count + 64)
        writer.beginObject()
        writer.key(self.type)
        let members = try? jsonMembers(of: self.whole)
        if let members, !self.arguments.isEmpty || !self.elements.isEmpty {
            let piece = self.arguments.isEmpty ? "content" : "input"
            writer.beginObject()
            for member in members where member.key != piece {
                writer.key(member.key)
                writer.raw(Array(self.whole[member.value]))
            }
            writer.key(piece)
            writer.raw(
                self.arguments.isEmpty
                    ? [UInt8(ascii: "[")] + self.elements + [UInt8(ascii: "]")] : self.arguments
            )
            writer.endObject()
        } else {
            writer.raw(self.whole)
        }
        writer.endObject()
        return writer.finish()
    }
}
