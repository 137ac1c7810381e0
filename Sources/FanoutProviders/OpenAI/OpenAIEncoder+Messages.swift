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
                try self.writeAssistant(message, index: index)
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
        if message.parts.count == 1, case .text(let text) = message.parts[0].kind {
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

    private mutating func writeAssistant(_ message: Message, index: Int) throws(Failure) {
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
            self.write(call)
        }
        if hasCalls { self.writer.endArray() }
        self.writeRefusalAndReasoning(message, hasCalls: hasCalls)
        self.writeName(message.name)
        self.writer.endObject()
    }

    /// Texts as a string or an array of parts; null where there is none.
    private mutating func writeAssistantContent(_ message: Message, index: Int) throws(Failure) {
        var texts = 0
        var others = 0
        for (place, part) in message.parts.enumerated() {
            switch part.kind {
            case .text: texts += 1
            case .opaque: others += 1
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
                case .text, .opaque: try self.write(part, at: (index, place))
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
        guard !reasoning.isEmpty else { return }
        if self.dialect.contains(.reasoningObject) {
            self.writer.key("reasoning")
            self.writer.string(reasoning)
        } else if self.dialect.contains(.reasoningContent), hasCalls {
            // DeepSeek wants it back inside a tool loop and refuses it elsewhere.
            self.writer.key("reasoning_content")
            self.writer.string(reasoning)
        }
    }

    private mutating func write(_ call: ToolCall) {
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
        let isArray = result.pieces.count > 1
        if isArray { self.writer.beginArray() }
        if result.pieces.isEmpty { self.writer.string("") }
        for (place, piece) in result.pieces.enumerated() {
            if isArray {
                self.writer.beginObject()
                self.writer.key("type")
                self.writer.string("text")
                self.writer.key("text")
            }
            switch piece.kind {
            case .text(let text): self.writer.string(text.text)
            case .json(let json): self.writer.string(utf8: json)
            case .image, .document, .audio, .video, .opaque:
                throw Failure(
                    .unsupportedParameter,
                    "\(self.endpoint.provider) takes only text in a tool result: send what it shows in a user's turn",
                    param: "\(path).parts[\(place)]"
                )
            }
            if isArray { self.writer.endObject() }
        }
        if isArray { self.writer.endArray() }
        self.writer.endObject()
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

extension Part {
    /// Whether it is what came of a tool call.
    var isToolResult: Bool {
        if case .toolResult = self.kind { true } else { false }
    }
}
