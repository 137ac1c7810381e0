// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

/// One candidate of an answer as far as it has come.
struct GeminiCandidate: Sendable {
    let index: UInt32
    /// `finishReason`; empty = not yet.
    private(set) var finish = ""
    private(set) var finishMessage = ""
    private(set) var hasContent = false
    private var parts: [GeminiPart] = []
    private var calls: UInt32 = 0
    /// One object each for what the text rests on, joined by commas.
    private var annotations: [UInt8] = []
    private var logprobs = GeminiLogprobs()

    init(index: UInt32) {
        self.index = index
    }

    /// Takes content that was read; `answer` is the answer's id, `offset` where it stood.
    mutating func take(
        _ content: inout GeminiParts,
        answer: String,
        emits: Bool,
        at offset: Int,
        _ deltas: inout [Delta]
    ) throws(JSONError) {
        while var part = content.next() {
            guard self.parts.count < GeminiParts.most else { throw JSONError(.tooLarge, at: offset) }
            if part.kind == .call, part.id.isEmpty { part.id = self.madeID(answer) }
            if emits { self.tell(part, &deltas) }
            self.add(part)
        }
    }

    /// An id for a call that came without: results are tied to calls by it, over all turns of a conversation.
    ///
    /// At most 40 bytes of letters, digits, hyphens and underscores, which every provider takes.
    private func madeID(_ answer: String) -> String {
        var word = ""
        for byte in answer.utf8.suffix(22) {
            let isPlain = (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte | 0x20) || byte == 0x2D
            word.unicodeScalars.append(Unicode.Scalar(isPlain ? byte : UInt8(ascii: "_")))
        }
        return "\(GeminiEncoder.madePrefix)\(word)-\(self.index)-\(self.calls)"
    }

    private func tell(_ part: GeminiPart, _ deltas: inout [Delta]) {
        switch part.kind {
        case .text where !part.text.isEmpty: deltas.append(Delta(choice: self.index, .text(part.text)))
        case .thought where !part.text.isEmpty: deltas.append(Delta(choice: self.index, .reasoning(part.text)))
        case .call:
            let call = ToolCallDelta(call: self.calls, id: part.id, name: part.name, arguments: part.data)
            deltas.append(Delta(choice: self.index, .toolCall(call)))
        case .text, .thought, .media, .other: break
        }
    }

    private mutating func add(_ part: consuming GeminiPart) {
        guard !part.isEmpty else { return }
        if part.kind == .call { self.calls += 1 }
        if !part.text.isEmpty || part.kind == .call || part.kind == .media || part.kind == .other {
            self.hasContent = true
        }
        if let last = self.parts.indices.last, part.isOpen, self.parts[last].isOpen, self.parts[last].kind == part.kind
        {
            self.parts[last].text += part.text
        } else {
            self.parts.append(part)
        }
    }

    /// Takes all of the candidate that a reader stands before but its content.
    mutating func takeMetadata(_ reader: inout JSONReader) throws(JSONError) {
        try reader.enterObject()
        while try reader.nextMember() {
            if reader.keyIs("finishReason") {
                // Some servers name this one in each chunk before the last.
                let word = try OpenAIAssembler.text(&reader) ?? ""
                if !word.isEmpty, word != "FINISH_REASON_UNSPECIFIED" { self.finish = word }
            } else if reader.keyIs("finishMessage") {
                try GeminiAssembler.keep(&reader, in: &self.finishMessage)
            } else if reader.keyIs("logprobsResult"), try reader.kind() == .object {
                try self.logprobs.take(&reader)
            } else if reader.keyIs("groundingMetadata") || reader.keyIs("citationMetadata")
                || reader.keyIs("urlContextMetadata")
            {
                let key = try reader.key()
                let value = try reader.raw()
                if value != Array("{}".utf8) { self.annotate(key, value) }
            } else {
                try reader.skip()
            }
        }
    }

    private mutating func annotate(_ key: String, _ value: [UInt8]) {
        var writer = JSONWriter(capacity: value.count + 32)
        writer.beginObject()
        writer.key(key)
        writer.raw(value)
        writer.endObject()
        if !self.annotations.isEmpty { self.annotations.append(UInt8(ascii: ",")) }
        self.annotations.append(contentsOf: writer.finish())
    }

    // MARK: The end

    /// The candidate as the model's turn.
    func choice() -> Choice {
        var annotations: [UInt8] = []
        var grounded: Int?
        if !self.annotations.isEmpty {
            annotations = [UInt8(ascii: "[")] + self.annotations + [UInt8(ascii: "]")]
            grounded = self.parts.lastIndex { $0.kind == .text && !$0.text.isEmpty }
        }
        var parts: [Part] = []
        for (place, part) in self.parts.enumerated() {
            part.append(to: &parts, annotations: place == grounded ? annotations : [])
        }
        if grounded == nil, !annotations.isEmpty {
            var text = Text("")
            text.annotationsJSON = annotations
            parts.append(Part(.text(text)))
        }
        var choice = Choice(message: Message(role: .assistant, parts: parts))
        choice.index = self.index
        choice.finishReason = self.finishReason
        choice.nativeFinishReason = self.finish
        choice.logprobsJSON = self.logprobs.json
        return choice
    }

    private var finishReason: FinishReason {
        switch self.finish {
        case "": .unspecified
        // Google has no word of its own for a turn that ends in calls.
        case "STOP": self.calls > 0 ? .toolCalls : .stop
        case "MAX_TOKENS": .length
        case "SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MODEL_ARMOR", "IMAGE_SAFETY",
            "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION":
            .contentFilter
        // OTHER, LANGUAGE, UNEXPECTED_TOOL_CALL, MALFORMED_FUNCTION_CALL and their kin; the word itself is kept.
        default: .other
        }
    }
}
