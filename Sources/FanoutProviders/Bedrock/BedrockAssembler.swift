// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

/// Puts an answer of Amazon Bedrock's Converse together: from one whole answer, or from the events of a stream.
///
/// Source: Amazon Bedrock API reference, "Converse" and "ConverseStream". An event is told by its members, of which no
/// two kinds have the same, so that its frame's name isn't needed. The last is `metadata`, with the usage.
struct BedrockAssembler: AnswerAssembler {
    /// Deltas are wanted.
    let emits: Bool
    private(set) var hasContent = false
    private var blocks: [BedrockBlock] = []
    private var isMessage = false
    private var serviceTier = ""
    private var stopReason = ""
    private var usage = BedrockUsage()

    /// The most blocks of a message.
    static let blocksMax = 4_096

    init(emits: Bool) {
        self.emits = emits
    }

    /// Whether the message said why it ended.
    var isFinished: Bool { !self.stopReason.isEmpty }

    /// What the complete answer lacks; nil = nothing.
    var fault: AnswerFault? {
        guard self.isMessage else { return .incomplete("the answer holds no message") }
        // The model's own output was none that Bedrock could read.
        let isMalformed = self.stopReason == "malformed_model_output" || self.stopReason == "malformed_tool_use"
        return isMalformed ? .brokenOff : nil
    }

    /// Where the members of an event lie whose order isn't certain.
    private struct Places {
        var start: Int?
        var delta: Int?
        var index: Int64 = -1
        var isWhole = false
        var isMetadata = false
        var isError = false
    }

    /// Takes a whole answer, or the payload of an event.
    mutating func take(_ reader: inout JSONReader, _ deltas: inout [Delta]) throws(JSONError) -> AnswerPart {
        var places = Places()
        try reader.enterObject()
        while try reader.nextMember() { try self.takeMember(&reader, &places, &deltas) }
        try reader.end()
        if let start = places.start {
            reader.seek(to: start)
            try self.takeStart(&reader, index: places.index, &deltas)
        }
        if let delta = places.delta {
            reader.seek(to: delta)
            try self.takeDelta(&reader, index: places.index, &deltas)
        }
        if places.isError, !places.isWhole { return .error }
        return places.isMetadata && !places.isWhole && self.isFinished ? .end : .part
    }

    private mutating func takeMember(
        _ reader: inout JSONReader,
        _ places: inout Places,
        _ deltas: inout [Delta]
    ) throws(JSONError) {
        if reader.keyIs("contentBlockIndex") {
            places.index = try OpenAIAssembler.integer(&reader) ?? -1
        } else if reader.keyIs("delta") {
            _ = try reader.kind()
            places.delta = reader.offset
            try reader.skip()
        } else if reader.keyIs("start") {
            _ = try reader.kind()
            places.start = reader.offset
            try reader.skip()
        } else if reader.keyIs("role") {
            self.isMessage = true
            try reader.skip()
        } else if reader.keyIs("stopReason") {
            self.stopReason = try OpenAIAssembler.text(&reader) ?? self.stopReason
        } else if reader.keyIs("usage") {
            places.isMetadata = true
            try self.usage.take(&reader)
        } else if reader.keyIs("metrics") {
            places.isMetadata = true
            try reader.skip()
        } else if reader.keyIs("serviceTier") {
            try self.takeTier(&reader)
        } else if reader.keyIs("output") {
            places.isWhole = true
            try self.takeOutput(&reader, &deltas)
        } else if reader.keyIs("message") || reader.keyIs("Message") || reader.keyIs("__type") {
            places.isError = true
            try reader.skip()
        } else {
            try reader.skip()
        }
    }

    private mutating func takeTier(_ reader: inout JSONReader) throws(JSONError) {
        guard try reader.kind() == .object else { return try reader.skip() }
        try reader.enterObject()
        while try reader.nextMember() {
            if reader.keyIs("type") {
                self.serviceTier = try OpenAIAssembler.text(&reader) ?? self.serviceTier
            } else {
                try reader.skip()
            }
        }
    }

    /// `output.message.content`.
    private mutating func takeOutput(_ reader: inout JSONReader, _ deltas: inout [Delta]) throws(JSONError) {
        guard try reader.kind() == .object else { return try reader.skip() }
        try reader.enterObject()
        while try reader.nextMember() {
            guard reader.keyIs("message"), try reader.kind() == .object else {
                try reader.skip()
                continue
            }
            self.isMessage = true
            try reader.enterObject()
            while try reader.nextMember() {
                guard reader.keyIs("content"), try reader.kind() == .array else {
                    try reader.skip()
                    continue
                }
                try reader.enterArray()
                var index: Int64 = 0
                while try reader.nextElement() {
                    let offset = reader.offset
                    try self.add(try BedrockBlock(whole: &reader, wireIndex: index), at: offset, &deltas)
                    index += 1
                }
            }
        }
    }

    private mutating func takeStart(
        _ reader: inout JSONReader,
        index: Int64,
        _ deltas: inout [Delta]
    ) throws(JSONError) {
        let offset = reader.offset
        guard try reader.kind() == .object else { return }
        guard let block = try BedrockBlock(start: &reader, wireIndex: index) else { return }
        try self.add(block, at: offset, &deltas)
    }

    @discardableResult
    private mutating func add(
        _ block: BedrockBlock,
        at offset: Int,
        _ deltas: inout [Delta]
    ) throws(JSONError) -> Int {
        guard self.blocks.count < Self.blocksMax else { throw JSONError(.tooLarge, at: offset) }
        var block = block
        if block.kind == .toolUse {
            block.call = UInt32(self.blocks.count { $0.kind == .toolUse })
            if self.emits {
                let call = ToolCallDelta(call: block.call, id: block.id, name: block.name, arguments: block.arguments)
                deltas.append(Delta(.toolCall(call)))
            }
        }
        if block.kind == .toolUse || block.kind == .other || !block.redacted.isEmpty { self.hasContent = true }
        self.blocks.append(block)
        self.tell(block.text, of: block.kind, &deltas)
        return self.blocks.count - 1
    }

    private mutating func takeDelta(
        _ reader: inout JSONReader,
        index: Int64,
        _ deltas: inout [Delta]
    ) throws(JSONError) {
        guard try reader.kind() == .object else { return }
        try reader.enterObject()
        while try reader.nextMember() {
            let offset = reader.offset
            if reader.keyIs("text") {
                let text = try OpenAIAssembler.text(&reader) ?? ""
                let place = try self.place(of: .text, index, at: offset, &deltas)
                self.blocks[place].text += text
                self.tell(text, of: .text, &deltas)
            } else if reader.keyIs("reasoningContent") {
                let place = try self.place(of: .reasoning, index, at: offset, &deltas)
                var piece = BedrockBlock(.reasoning, wireIndex: index)
                try piece.takeReasoning(&reader)
                self.blocks[place].append(reasoning: piece)
                if !piece.redacted.isEmpty { self.hasContent = true }
                self.tell(piece.text, of: .reasoning, &deltas)
            } else if reader.keyIs("toolUse") {
                try self.takeInput(&reader, index, &deltas)
            } else if reader.keyIs("citation") {
                let place = try self.place(of: .text, index, at: offset, &deltas)
                self.blocks[place].add(elements: try reader.raw())
            } else if reader.keyIs("toolResult"), try reader.kind() == .array {
                let place = self.blocks.lastIndex { $0.wireIndex == index && $0.kind == .other }
                let array = try reader.raw()
                if let place { self.blocks[place].add(elements: array.dropFirst().dropLast()) }
            } else {
                try reader.skip()
            }
        }
    }

    /// The block that a piece belongs to; texts and reasoning come without a start.
    private mutating func place(
        of kind: BedrockBlock.Kind,
        _ index: Int64,
        at offset: Int,
        _ deltas: inout [Delta]
    ) throws(JSONError) -> Int {
        if let place = self.blocks.lastIndex(where: { $0.wireIndex == index && $0.kind == kind }) { return place }
        return try self.add(BedrockBlock(kind, wireIndex: index), at: offset, &deltas)
    }

    private mutating func takeInput(
        _ reader: inout JSONReader,
        _ index: Int64,
        _ deltas: inout [Delta]
    ) throws(JSONError) {
        let place = self.blocks.lastIndex { $0.wireIndex == index && ($0.kind == .toolUse || $0.kind == .other) }
        guard let place, try reader.kind() == .object else { return try reader.skip() }
        try reader.enterObject()
        while try reader.nextMember() {
            guard reader.keyIs("input"), try reader.kind() == .string else {
                try reader.skip()
                continue
            }
            let before = self.blocks[place].arguments.count
            try reader.appendString(to: &self.blocks[place].arguments)
            let fragment = Array(self.blocks[place].arguments[before...])
            guard self.emits, self.blocks[place].kind == .toolUse, !fragment.isEmpty else { continue }
            deltas.append(Delta(.toolCall(ToolCallDelta(call: self.blocks[place].call, arguments: fragment))))
        }
    }

    private mutating func tell(_ text: String, of kind: BedrockBlock.Kind, _ deltas: inout [Delta]) {
        guard !text.isEmpty else { return }
        self.hasContent = true
        guard self.emits else { return }
        switch kind {
        case .text: deltas.append(Delta(.text(text)))
        case .reasoning: deltas.append(Delta(.reasoning(text)))
        case .toolUse, .other: break
        }
    }

    // MARK: The end

    /// The answer as far as it has come.
    func response() -> Response {
        var choice = Choice(message: Message(role: .assistant, parts: self.blocks.compactMap(\.part)))
        choice.finishReason = self.finishReason
        choice.nativeFinishReason = self.stopReason
        var response = Response(body: .chat([choice]))
        response.serviceTier = self.serviceTier
        response.usage = self.usage.normalised
        return response
    }

    private var finishReason: FinishReason {
        switch self.stopReason {
        case "": .unspecified
        case "end_turn", "stop_sequence": .stop
        case "max_tokens", "model_context_window_exceeded": .length
        case "tool_use": .toolCalls
        case "content_filtered", "guardrail_intervened": .contentFilter
        default: .other
        }
    }
}
