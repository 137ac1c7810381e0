// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

/// The model's turn as far as it has come.
struct CohereTurn: Sendable {
    /// A block of content, or the plan before the tool calls.
    struct Block: Sendable {
        enum Kind: Sendable {
            case text
            case thinking
            case plan
        }

        let kind: Kind
        /// Cohere's count of blocks.
        let index: Int64
        var text: String
        /// Elements of `citations`, joined by commas.
        var citations: [UInt8] = []

        /// The block as a part; nil = it is empty.
        var part: Part? {
            guard !self.text.isEmpty else { return nil }
            switch self.kind {
            case .text:
                var text = Text(self.text)
                if !self.citations.isEmpty {
                    text.annotationsJSON = [UInt8(ascii: "[")] + self.citations + [UInt8(ascii: "]")]
                }
                return Part(.text(text))
            case .thinking: return Part(.reasoning(Reasoning(text: self.text)))
            case .plan:
                var plan = Reasoning(text: self.text)
                plan.id = CohereEncoder.planID
                return Part(.reasoning(plan))
            }
        }
    }

    struct Call: Sendable {
        /// Cohere's count of calls.
        let index: Int64
        var id = ""
        var name = ""
        var arguments: [UInt8] = []
    }

    private(set) var blocks: [Block] = []
    private(set) var calls: [Call] = []

    /// The most blocks, and the most calls, of a turn.
    static let piecesMax = 4_096

    /// Adds to a block, made if it is new.
    mutating func add(_ text: String, _ kind: Block.Kind, index: Int64, at offset: Int) throws(JSONError) {
        if let last = self.blocks.indices.last, self.blocks[last].kind == kind, self.blocks[last].index == index {
            self.blocks[last].text += text
        } else if let place = self.blocks.firstIndex(where: { $0.kind == kind && $0.index == index }) {
            self.blocks[place].text += text
        } else {
            guard self.blocks.count < Self.piecesMax else { throw JSONError(.tooLarge, at: offset) }
            self.blocks.append(Block(kind: kind, index: index, text: text))
        }
    }

    /// Adds to a call, made if it is new.
    /// - Returns: Its place among the calls.
    mutating func add(_ call: Call, at offset: Int) throws(JSONError) -> Int {
        if let place = self.calls.lastIndex(where: { $0.index == call.index }) {
            if self.calls[place].id.isEmpty { self.calls[place].id = call.id }
            if self.calls[place].name.isEmpty { self.calls[place].name = call.name }
            self.calls[place].arguments.append(contentsOf: call.arguments)
            return place
        }
        guard self.calls.count < Self.piecesMax else { throw JSONError(.tooLarge, at: offset) }
        self.calls.append(call)
        return self.calls.count - 1
    }

    /// Adds a citation, one JSON value, to the text that it cites: the first where it names none.
    mutating func cite(_ citation: [UInt8], block index: Int64?) {
        let texts = self.blocks.indices.filter { self.blocks[$0].kind == .text }
        guard let place = texts.first(where: { self.blocks[$0].index == index }) ?? texts.first else { return }
        if !self.blocks[place].citations.isEmpty { self.blocks[place].citations.append(UInt8(ascii: ",")) }
        self.blocks[place].citations.append(contentsOf: citation)
    }

    /// The turn, with the plan before all else.
    var message: Message {
        var parts = self.blocks.filter { $0.kind == .plan }.compactMap(\.part)
        parts += self.blocks.filter { $0.kind != .plan }.sorted { $0.index < $1.index }.compactMap(\.part)
        for call in self.calls {
            let arguments = call.arguments.isEmpty ? Array("{}".utf8) : call.arguments
            parts.append(Part(.toolCall(ToolCall(id: call.id, name: call.name, arguments: arguments))))
        }
        return Message(role: .assistant, parts: parts)
    }
}
