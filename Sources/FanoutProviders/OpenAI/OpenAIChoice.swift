// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

/// One choice of an answer as far as it has come.
struct OpenAIChoice: Sendable {
    let index: UInt32
    var text = ""
    var reasoning = ""
    var refusal = ""
    var calls: [Call] = []
    /// `finish_reason`; empty = not yet.
    var finish = ""
    /// The word of a provider behind a gateway; empty = none.
    var nativeFinish = ""
    var stopSequence = ""
    var logprobs = OpenAILogprobs()
    /// Elements of `annotations`, joined by commas.
    var annotations: [UInt8] = []
    /// `reasoning_details` of OpenRouter.
    var details = OpenAIReasoningDetails()
    /// `audio` as it came.
    var audio: [UInt8] = []

    /// One tool call as far as it has come.
    struct Call: Sendable {
        /// The provider's own count; nil = it doesn't count.
        var wireIndex: Int64?
        var id = ""
        var name = ""
        var arguments: [UInt8] = []
        var isCustom = false
    }

    init(index: UInt32) {
        self.index = index
    }

    /// The call that a fragment belongs to, made if it is new.
    ///
    /// A fragment names its call by index; servers that don't count name it by id; some count all calls 0 and change
    /// the id.
    mutating func place(of fragment: Call, isWhole: Bool) -> Int {
        if !isWhole, let place = self.knownPlace(of: fragment) { return place }
        self.calls.append(Call(wireIndex: fragment.wireIndex))
        return self.calls.count - 1
    }

    private func knownPlace(of fragment: Call) -> Int? {
        if let wireIndex = fragment.wireIndex {
            guard let place = self.calls.lastIndex(where: { $0.wireIndex == wireIndex }) else { return nil }
            let known = self.calls[place].id
            return fragment.id.isEmpty || known.isEmpty || fragment.id == known ? place : nil
        }
        if !fragment.id.isEmpty { return self.calls.lastIndex { $0.id == fragment.id } }
        return fragment.name.isEmpty ? self.calls.indices.last : nil
    }

    /// The choice as the model's turn.
    func chatChoice() -> Choice {
        var parts: [Part] = []
        if !self.reasoning.isEmpty { parts.append(Part(.reasoning(Reasoning(text: self.reasoning)))) }
        parts.append(contentsOf: self.details.parts)
        if !self.text.isEmpty {
            var text = Text(self.text)
            if !self.annotations.isEmpty {
                text.annotationsJSON = [UInt8(ascii: "[")] + self.annotations + [UInt8(ascii: "]")]
            }
            parts.append(Part(.text(text)))
        }
        if !self.refusal.isEmpty { parts.append(Part(.refusal(Text(self.refusal)))) }
        if !self.audio.isEmpty {
            parts.append(Part(.opaque(Opaque(format: "openai", type: "audio", json: self.audio))))
        }
        for call in self.calls {
            var toolCall = ToolCall(id: call.id, name: call.name, arguments: call.arguments)
            if call.isCustom { toolCall.kind = .custom }
            parts.append(Part(.toolCall(toolCall)))
        }
        var choice = Choice(message: Message(role: .assistant, parts: parts))
        choice.index = self.index
        choice.finishReason = self.finishReason
        choice.nativeFinishReason = self.nativeFinish.isEmpty ? self.finish : self.nativeFinish
        choice.logprobsJSON = self.logprobs.json
        choice.stopSequence = self.stopSequence
        return choice
    }

    /// The choice as the continuation of a prompt.
    func textChoice() -> TextChoice {
        var choice = TextChoice(text: self.text)
        choice.index = self.index
        choice.finishReason = self.finishReason
        choice.nativeFinishReason = self.nativeFinish.isEmpty ? self.finish : self.nativeFinish
        choice.logprobsJSON = self.logprobs.json
        return choice
    }

    private var finishReason: FinishReason {
        switch self.finish {
        case "": .unspecified
        // A forced call may end in `stop` although it is there.
        case "stop", "eos", "eos_token", "stop_sequence", "COMPLETE": self.calls.isEmpty ? .stop : .toolCalls
        case "length", "max_tokens", "model_length": .length
        case "tool_calls", "function_call": .toolCalls
        case "content_filter": .contentFilter
        default: .other
        }
    }
}

/// The log-probabilities of a choice, of which a stream sends a piece with each chunk.
///
/// They are carried, not read: arrays of the same name are joined, anything else is kept as it came last.
struct OpenAILogprobs: Sendable {
    private var members: [(key: String, value: [UInt8], isArray: Bool)] = []

    /// The next piece, a reader standing before an object.
    mutating func take(_ reader: inout JSONReader) throws(JSONError) {
        try reader.enterObject()
        while try reader.nextMember() {
            let key = try reader.key()
            let isArray = try reader.kind() == .array
            let place = self.members.firstIndex { $0.key == key } ?? self.members.count
            if place == self.members.count { self.members.append((key, [], isArray)) }
            guard isArray else {
                let value = try reader.raw()
                // A null in a later chunk doesn't void what came before.
                if !self.members[place].isArray { self.members[place].value = value }
                continue
            }
            if !self.members[place].isArray { self.members[place] = (key, [], true) }
            try reader.enterArray()
            while try reader.nextElement() {
                if !self.members[place].value.isEmpty { self.members[place].value.append(UInt8(ascii: ",")) }
                self.members[place].value.append(contentsOf: try reader.raw())
            }
        }
    }

    /// One JSON object, or empty.
    var json: [UInt8] {
        guard !self.members.isEmpty else { return [] }
        var writer = JSONWriter(capacity: self.members.reduce(16) { $0 + $1.value.count + $1.key.utf8.count + 8 })
        writer.beginObject()
        for member in self.members {
            writer.key(member.key)
            if member.isArray {
                writer.beginArray()
                if !member.value.isEmpty { writer.raw(member.value) }
                writer.endArray()
            } else {
                writer.raw(member.value)
            }
        }
        writer.endObject()
        return writer.finish()
    }
}
