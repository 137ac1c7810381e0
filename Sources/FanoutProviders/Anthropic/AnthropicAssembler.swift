// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

/// Puts an answer of Anthropic's Messages together: from one whole message, or from the events of a stream.
///
/// Source: docs.anthropic.com, "Messages" and "Streaming messages". Every object names its `type`, in no certain place
/// among its members, so each is looked through for it first.
struct AnthropicAssembler: AnswerAssembler {
    /// Deltas are wanted.
    let emits: Bool
    private(set) var hasContent = false
    private var blocks: [AnthropicBlock] = []
    private var isMessage = false
    private var id = ""
    private var model = ""
    private var serviceTier = ""
    private var stopReason = ""
    private var stopSequence = ""
    private var usage = AnthropicUsage()

    /// The most blocks of a message.
    static let blocksMax = 4_096

    init(emits: Bool) {
        self.emits = emits
    }

    /// Whether the message said why it ended; its usage came with that.
    var isFinished: Bool { !self.stopReason.isEmpty }

    /// What the complete answer lacks; nil = nothing.
    var fault: AnswerFault? { self.isMessage ? nil : .incomplete("the answer holds no message") }

    /// Takes a whole message, or the data of an event.
    mutating func take(_ reader: inout JSONReader, _ deltas: inout [Delta]) throws(JSONError) -> AnswerPart {
        let members = try AnthropicMembers(&reader)
        try reader.end()
        switch members.type {
        case "content_block_delta": try self.takeDelta(members, &reader, &deltas)
        case "content_block_start": try self.takeStart(members, &reader, &deltas)
        case "message_delta": try self.takeEnd(members, &reader)
        case "message_start":
            if let place = members[.message] {
                reader.seek(to: place)
                try self.takeMessage(try AnthropicMembers(&reader), &reader, &deltas)
            }
        case "message": try self.takeMessage(members, &reader, &deltas)
        case "message_stop": return .end
        case "error": return .error
        // `ping`, `content_block_stop`, and whatever comes new.
        default: return members[.error] != nil ? .error : .part
        }
        return .part
    }

    private mutating func takeMessage(
        _ members: AnthropicMembers,
        _ reader: inout JSONReader,
        _ deltas: inout [Delta]
    ) throws(JSONError) {
        self.isMessage = true
        self.id = try members.text(.id, &reader) ?? self.id
        self.model = try members.text(.model, &reader) ?? self.model
        try self.takeStop(members, &reader)
        try self.takeUsage(members, &reader)
        guard let place = members[.content] else { return }
        reader.seek(to: place)
        guard try reader.kind() == .array else { return }
        try reader.enterArray()
        var index: Int64 = 0
        while try reader.nextElement() {
            let start = reader.offset
            let block = try AnthropicBlock(&reader, wireIndex: index)
            let end = reader.offset
            try self.add(block, at: start, &deltas)
            reader.seek(to: end)
            index += 1
        }
    }

    private mutating func takeStart(
        _ members: AnthropicMembers,
        _ reader: inout JSONReader,
        _ deltas: inout [Delta]
    ) throws(JSONError) {
        let index = try members.integer(.index, &reader) ?? Int64(self.blocks.count)
        guard let place = members[.contentBlock] else { return }
        reader.seek(to: place)
        try self.add(try AnthropicBlock(&reader, wireIndex: index), at: place, &deltas)
    }

    private mutating func add(_ block: AnthropicBlock, at offset: Int, _ deltas: inout [Delta]) throws(JSONError) {
        guard self.blocks.count < Self.blocksMax else { throw JSONError(.tooLarge, at: offset) }
        var block = block
        if block.kind == .toolUse {
            block.call = UInt32(self.blocks.count { $0.kind == .toolUse })
            self.hasContent = true
        }
        if block.kind == .redacted || block.kind == .other { self.hasContent = true }
        self.blocks.append(block)
        if block.kind == .toolUse, self.emits {
            let arguments = block.arguments
            let call = ToolCallDelta(call: block.call, id: block.id, name: block.name, arguments: arguments)
            deltas.append(Delta(.toolCall(call)))
        }
        self.tell(block.text, of: block.kind, &deltas)
    }

    private mutating func takeDelta(
        _ members: AnthropicMembers,
        _ reader: inout JSONReader,
        _ deltas: inout [Delta]
    ) throws(JSONError) {
        let index = try members.integer(.index, &reader) ?? -1
        guard let place = self.blocks.lastIndex(where: { $0.wireIndex == index }), let delta = members[.delta] else {
            return
        }
        reader.seek(to: delta)
        let piece = try AnthropicMembers(&reader)
        switch piece.type {
        case "text_delta":
            let text = try piece.text(.text, &reader) ?? ""
            self.blocks[place].text += text
            self.tell(text, of: .text, &deltas)
        case "thinking_delta":
            let text = try piece.text(.thinking, &reader) ?? ""
            self.blocks[place].text += text
            self.tell(text, of: .thinking, &deltas)
        case "signature_delta":
            self.blocks[place].signature += try piece.text(.signature, &reader) ?? ""
        case "input_json_delta":
            guard let text = piece[.partialJSON] else { return }
            reader.seek(to: text)
            guard try reader.kind() == .string else { return }
            let before = self.blocks[place].arguments.count
            try reader.appendString(to: &self.blocks[place].arguments)
            let fragment = Array(self.blocks[place].arguments[before...])
            guard self.emits, self.blocks[place].kind == .toolUse, !fragment.isEmpty else { return }
            deltas.append(Delta(.toolCall(ToolCallDelta(call: self.blocks[place].call, arguments: fragment))))
        case "citations_delta":
            if let citation = piece[.citation] {
                reader.seek(to: citation)
                self.blocks[place].cite(try reader.raw())
            }
        default: break
        }
    }

    private mutating func tell(_ text: String, of kind: AnthropicBlock.Kind, _ deltas: inout [Delta]) {
        guard !text.isEmpty else { return }
        self.hasContent = true
        guard self.emits else { return }
        switch kind {
        case .text: deltas.append(Delta(.text(text)))
        case .thinking: deltas.append(Delta(.reasoning(text)))
        case .redacted, .toolUse, .other: break
        }
    }

    private mutating func takeEnd(_ members: AnthropicMembers, _ reader: inout JSONReader) throws(JSONError) {
        try self.takeUsage(members, &reader)
        guard let place = members[.delta] else { return }
        reader.seek(to: place)
        try self.takeStop(try AnthropicMembers(&reader), &reader)
    }

    private mutating func takeStop(_ members: AnthropicMembers, _ reader: inout JSONReader) throws(JSONError) {
        self.stopReason = try members.text(.stopReason, &reader) ?? self.stopReason
        self.stopSequence = try members.text(.stopSequence, &reader) ?? self.stopSequence
    }

    private mutating func takeUsage(_ members: AnthropicMembers, _ reader: inout JSONReader) throws(JSONError) {
        guard let place = members[.usage] else { return }
        reader.seek(to: place)
        try self.usage.take(&reader)
        if !self.usage.serviceTier.isEmpty { self.serviceTier = self.usage.serviceTier }
    }

    // MARK: The end

    /// The answer as far as it has come.
    func response() -> Response {
        var choice = Choice(message: Message(role: .assistant, parts: self.blocks.compactMap(\.part)))
        choice.finishReason = self.finishReason
        choice.nativeFinishReason = self.stopReason
        choice.stopSequence = self.stopSequence
        var response = Response(body: .chat([choice]))
        response.id = self.id
        response.model = self.model
        response.serviceTier = self.serviceTier
        response.usage = self.usage.normalised
        return response
    }

    private var finishReason: FinishReason {
        switch self.stopReason {
        case "": .unspecified
        case "end_turn", "stop_sequence", "pause_turn": .stop
        case "max_tokens", "model_context_window_exceeded": .length
        case "tool_use": .toolCalls
        case "refusal": .contentFilter
        default: .other
        }
    }
}
