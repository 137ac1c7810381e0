// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

/// One block of a message's content as far as it has come.
struct AnthropicBlock: Sendable {
    /// What it is.
    enum Kind: Sendable {
        case text
        case thinking
        /// Reasoning that only Anthropic can read.
        case redacted
        case toolUse
        /// What Anthropic's own tools did, and whatever comes new: carried whole.
        case other
    }

    let kind: Kind
    /// The stream's count of blocks.
    let wireIndex: Int64
    /// Of text and thinking.
    var text = ""
    var signature = ""
    /// Of a tool: the input as far as it has come; empty = `{}`.
    var arguments: [UInt8] = []
    let id: String
    let name: String
    /// Counts the calls from 0.
    var call: UInt32 = 0
    private let type: String
    /// The encrypted reasoning, or the whole block of another kind.
    private var data: [UInt8] = []
    /// Elements of `citations`, joined by commas.
    private var citations: [UInt8] = []

    /// Reads the block that a reader stands before.
    init(_ reader: inout JSONReader, wireIndex: Int64) throws(JSONError) {
        let members = try AnthropicMembers(&reader)
        let end = reader.offset
        self.wireIndex = wireIndex
        self.type = members.type
        self.id = try members.text(.id, &reader) ?? ""
        self.name = try members.text(.name, &reader) ?? ""
        switch members.type {
        case "text":
            self.kind = .text
            self.text = try members.text(.text, &reader) ?? ""
            try self.takeCitations(members, &reader)
        case "thinking":
            self.kind = .thinking
            self.text = try members.text(.thinking, &reader) ?? ""
            self.signature = try members.text(.signature, &reader) ?? ""
        case "redacted_thinking":
            self.kind = .redacted
            self.data = Array((try members.text(.data, &reader) ?? "").utf8)
        case "tool_use":
            self.kind = .toolUse
            self.arguments = try Self.input(members, &reader)
        default:
            self.kind = .other
            reader.seek(to: members.range.lowerBound)
            self.data = try reader.raw()
        }
        reader.seek(to: end)
    }

    /// The input of a whole block; a stream begins with `{}`, to which fragments follow.
    private static func input(_ members: AnthropicMembers, _ reader: inout JSONReader) throws(JSONError) -> [UInt8] {
        guard let place = members[.input] else { return [] }
        reader.seek(to: place)
        let raw = try reader.raw()
        return raw.filter { $0 > 0x20 } == Array("{}".utf8) ? [] : raw
    }

    private mutating func takeCitations(_ members: AnthropicMembers, _ reader: inout JSONReader) throws(JSONError) {
        guard let place = members[.citations] else { return }
        reader.seek(to: place)
        guard try reader.kind() == .array else { return }
        try reader.enterArray()
        while try reader.nextElement() { self.cite(try reader.raw()) }
    }

    /// Adds a citation: one JSON value.
    mutating func cite(_ citation: [UInt8]) {
        if !self.citations.isEmpty { self.citations.append(UInt8(ascii: ",")) }
        self.citations.append(contentsOf: citation)
    }

    /// The block as a part of the model's turn; nil = it is empty.
    var part: Part? {
        switch self.kind {
        case .text:
            guard !self.text.isEmpty else { return nil }
            var text = Text(self.text)
            if !self.citations.isEmpty {
                text.annotationsJSON = [UInt8(ascii: "[")] + self.citations + [UInt8(ascii: "]")]
            }
            return Part(.text(text))
        case .thinking:
            var reasoning = Reasoning(text: self.text)
            reasoning.signature = Array(self.signature.utf8)
            return Part(.reasoning(reasoning))
        case .redacted:
            var reasoning = Reasoning()
            reasoning.encrypted = self.data
            return Part(.reasoning(reasoning))
        case .toolUse:
            let arguments = self.arguments.isEmpty ? Array("{}".utf8) : self.arguments
            return Part(.toolCall(ToolCall(id: self.id, name: self.name, arguments: arguments)))
        case .other:
            return Part(.opaque(Opaque(format: "anthropic", type: self.type, json: self.whole)))
        }
    }

    /// A block of another kind with the input that came in fragments.
    private var whole: [UInt8] {
        guard !self.arguments.isEmpty, let members = try? jsonMembers(of: self.data) else { return self.data }
        var writer = JSONWriter(capacity: self.data.count + self.arguments.count + 16)
        writer.beginObject()
        for member in members where member.key != "input" {
            writer.key(member.key)
            writer.raw(Array(self.data[member.value]))
        }
        writer.key("input")
        writer.raw(self.arguments)
        writer.endObject()
        return writer.finish()
    }
}
