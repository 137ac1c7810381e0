// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

extension OpenAIEncoder {
    /// Writes the conversation.
    ///
    /// OpenAI has one message for each tool result, so a turn with several becomes several; in a user's turn they go
    /// before the rest, since they answer the assistant's turn before it.
    mutating func writeMessages(_ messages: [Message]) throws(Failure) {
        self.writer.beginArray()
        for (index, message) in messages.enumerated() {
            var hasResults = false
            for (place, part) in message.parts.enumerated() {
                guard case .toolResult(let result) = part.kind else { continue }
                hasResults = true
                try self.write(result, at: "messages[\(index)].parts[\(place)]")
            }
            if message.role == .tool || (hasResults && message.parts.allSatisfy { $0.isToolResult }) { continue }
            if message.role == .assistant {
                try self.writeAssistant(message, index: index, isLast: index == messages.count - 1)
            } else {
                try self.writeTurn(message, index: index)
            }
        }
        self.writer.endArray()
    }

    private mutating func writeTurn(_ message: Message, index: Int) throws(Failure) {
        self.writer.beginObject()
        self.writer.key("role")
        self.writer.string(self.roleName(message.role))
        self.writer.key("content")
        if message.parts.count == 1, case .text(let text) = message.parts[0].kind, !self.marks(message.parts[0].cache) {
            self.writer.string(text.text)
        } else if message.parts.isEmpty {
            self.writer.string("")
        } else {
            self.writer.beginArray()
            for (place, part) in message.parts.enumerated() where !part.isToolResult {
                try self.write(part, at: (index, place))
            }
            self.writer.endArray()
        }
        self.writeName(message.name)
        self.writer.endObject()
    }

    private mutating func writeAssistant(_ message: Message, index: Int, isLast: Bool) throws(Failure) {
        self.writer.beginObject()
        self.writer.key("role")
        self.writer.string("assistant")
        self.writer.key("content")
        try self.writeAssistantContent(message, index: index)
        var hasCalls = false
        for part in message.parts {
            guard case .toolCall(let call) = part.kind else { continue }
            if !hasCalls {
                self.writer.key("tool_calls")
                self.writer.beginArray()
                hasCalls = true
            }
            self.write(call, cache: part.cache)
        }
        if hasCalls { self.writer.endArray() }
        self.writeRefusalAndReasoning(message, hasCalls: hasCalls)
        if isLast, !hasCalls, self.dialect.contains(.prefix) {
            self.writer.key("prefix")
            self.writer.bool(true)
        }
        self.writeName(message.name)
        self.writer.endObject()
    }

    /// Texts as a string or an array of parts; null where there is none.
    ///
    /// Mistral takes what the model thought as a part, too.
    private mutating func writeAssistantContent(_ message: Message, index: Int) throws(Failure) {
        var texts = 0
        var others = 0
        for (place, part) in message.parts.enumerated() {
            switch part.kind {
            case .text:
                texts += 1
                if self.marks(part.cache) { others += 1 }
            case .opaque(let opaque) where opaque.isReasoning: break
            case .opaque: others += 1
            case .reasoning(let reasoning) where self.dialect.contains(.thinkingParts) && !reasoning.text.isEmpty:
                others += 1
            case .toolCall, .reasoning, .refusal, .toolResult: break
            case .image, .document, .audio, .video:
                throw Self.unsupportedPart("an assistant's turn can't hold a medium", (index, place), self.endpoint)
            }
        }
        if texts + others == 0 {
            // A turn without anything is an empty text: null is for turns that have calls or a refusal.
            if message.parts.isEmpty { self.writer.string("") } else { self.writer.null() }
        } else if texts == 1, others == 0 {
            for part in message.parts {
                if case .text(let text) = part.kind { self.writer.string(text.text) }
            }
        } else {
            self.writer.beginArray()
            for (place, part) in message.parts.enumerated() {
                switch part.kind {
                case .opaque(let opaque) where opaque.isReasoning: break
                case .text, .opaque: try self.write(part, at: (index, place))
                case .reasoning(let reasoning) where self.dialect.contains(.thinkingParts):
                    self.writeThinking(reasoning)
                default: break
                }
            }
            self.writer.endArray()
        }
    }

    private mutating func writeRefusalAndReasoning(_ message: Message, hasCalls: Bool) {
        var refusal = ""
        var reasoning = ""
        for part in message.parts {
            switch part.kind {
            case .refusal(let text): refusal += text.text
            case .reasoning(let piece): reasoning += piece.text
            default: break
            }
        }
        if !refusal.isEmpty {
            self.writer.key("refusal")
            self.writer.string(refusal)
        }
        if self.dialect.contains(.reasoningObject) { self.writeDetails(of: message) }
        guard !reasoning.isEmpty else { return }
        if self.dialect.contains(.reasoningObject) {
            self.writer.key("reasoning")
            self.writer.string(reasoning)
        } else if self.dialect.contains(.reasoningContent), hasCalls {
            // Who knows the name wants it back inside a tool loop; DeepSeek refuses it elsewhere.
            self.writer.key("reasoning_content")
            self.writer.string(reasoning)
        }
    }

    private mutating func writeThinking(_ reasoning: Reasoning) {
        guard !reasoning.text.isEmpty else { return }
        self.beginPart("thinking")
        self.writer.key("thinking")
        self.writer.beginArray()
        self.beginPart("text")
        self.writer.key("text")
        self.writer.string(reasoning.text)
        self.writer.endObject()
        self.writer.endArray()
        self.writer.endObject()
    }

    /// OpenRouter's own items of reasoning, which the provider behind it may need unchanged.
    private mutating func writeDetails(of message: Message) {
        var isOpen = false
        for part in message.parts {
            guard case .opaque(let opaque) = part.kind, opaque.isReasoning else { continue }
            if !isOpen {
                self.writer.key("reasoning_details")
                self.writer.beginArray()
                isOpen = true
            }
            self.writer.raw(opaque.json)
        }
        if isOpen { self.writer.endArray() }
    }

    private mutating func write(_ call: ToolCall, cache: CacheMarker?) {
        self.writer.beginObject()
        self.writer.key("id")
        self.writer.string(call.id)
        let isCustom = call.kind == .custom
        self.writer.key("type")
        self.writer.string(isCustom ? "custom" : "function")
        self.writer.key(isCustom ? StaticString("custom") : StaticString("function"))
        self.writer.beginObject()
        self.writer.key("name")
        self.writer.string(call.name)
        self.writer.key(isCustom ? StaticString("input") : StaticString("arguments"))
        if call.arguments.isEmpty, !isCustom {
            self.writer.string("{}")
        } else {
            self.writer.string(utf8: call.arguments)
        }
        self.writer.endObject()
        if self.dialect.contains(.cacheControl) { self.writeCache(cache) }
        self.writer.endObject()
    }

    private mutating func write(_ result: ToolResult, at path: String) throws(Failure) {
        self.writer.beginObject()
        self.writer.key("role")
        self.writer.string("tool")
        self.writer.key("tool_call_id")
        self.writer.string(result.callID)
        if !result.name.isEmpty { self.writeName(result.name) }
        self.writer.key("content")
        if result.pieces.isEmpty {
            self.writer.string("")
        } else if result.pieces.count == 1, let text = result.pieces[0].plainText, !self.marks(result.pieces[0].cache) {
            self.writer.string(text)
        } else {
            self.writer.beginArray()
            for (place, piece) in result.pieces.enumerated() {
                try self.write(piece, at: "\(path).parts[\(place)]")
            }
            self.writer.endArray()
        }
        self.writer.endObject()
    }

    private mutating func write(_ piece: ToolResult.Piece, at path: String) throws(Failure) {
        if let text = piece.plainText { return self.writeText(text, cache: piece.cache) }
        if case .image(let media) = piece.kind, self.dialect.contains([.media, .toolImages]) {
            return try self.writeImage(media, cache: piece.cache, at: path)
        }
        throw Failure(
            .unsupportedParameter,
            "\(self.endpoint.provider) takes only text in a tool result: send what it shows in a user's turn",
            param: path
        )
    }

    private mutating func writeName(_ name: String) {
        guard !name.isEmpty else { return }
        self.writer.key("name")
        self.writer.string(name)
    }

    private func roleName(_ role: Role) -> String {
        switch role {
        case .system: self.endpoint.quirks.contains(.developerRole) ? "developer" : "system"
        case .developer:
            self.endpoint.quirks.contains(.developerRole) || self.dialect.contains(.developer)
                ? "developer" : "system"
        case .user: "user"
        case .assistant: "assistant"
        case .tool: "tool"
        }
    }
}

extension ToolResult.Piece {
    /// What can be sent as text; nil = it can't.
    fileprivate var plainText: String? {
        switch self.kind {
        case .text(let text): text.text
        case .json(let json): String(decoding: json, as: UTF8.self)
        case .image, .document, .audio, .video, .opaque: nil
        }
    }
}

extension Opaque {
    /// Whether it is one of OpenRouter's items of reasoning, which nobody else reads and no answer needs.
    var isReasoning: Bool { self.format == "openai" && self.type.hasPrefix("reasoning.") }
}

extension Part {
    /// Whether it is what came of a tool call.
    var isToolResult: Bool {
        if case .toolResult = self.kind { true } else { false }
    }
}
