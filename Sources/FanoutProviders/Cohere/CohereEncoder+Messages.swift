// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

extension CohereEncoder {
    /// Writes the conversation.
    ///
    /// Cohere has one message for each tool result, so a turn with several becomes several; in a user's turn they go
    /// before the rest, since they answer the assistant's turn before it.
    mutating func writeMessages(_ messages: [Message]) throws(Failure) {
        self.writer.beginArray()
        for (index, message) in messages.enumerated() {
            for (place, part) in message.parts.enumerated() {
                guard case .toolResult(let result) = part.kind else { continue }
                try self.write(result, at: (index, place))
            }
            if message.role == .tool { continue }
            if !message.parts.isEmpty, message.parts.allSatisfy(\.isToolResult) { continue }
            self.writer.beginObject()
            self.writer.key("role")
            switch message.role {
            case .system, .developer: self.writer.string("system")
            case .assistant: self.writer.string("assistant")
            case .user, .tool: self.writer.string("user")
            }
            if message.role == .assistant {
                try self.writeAssistant(message, index: index)
            } else {
                self.writer.key("content")
                try self.writeContent(message, index: index)
            }
            self.writer.endObject()
        }
        self.writer.endArray()
    }

    private mutating func writeContent(_ message: Message, index: Int) throws(Failure) {
        if message.parts.count == 1, case .text(let text) = message.parts[0].kind {
            return self.writer.string(text.text)
        }
        guard !message.parts.isEmpty else { return self.writer.string("") }
        let mayHoldMedia = message.role == .user
        self.writer.beginArray()
        for (place, part) in message.parts.enumerated() {
            switch part.kind {
            case .text(let text): self.writeBlock("text", text.text)
            // They are written in a place of their own.
            case .toolResult: break
            case .document where mayHoldMedia: break
            case .image(let media) where mayHoldMedia: try self.writeImage(media, at: (index, place))
            case .opaque(let opaque): try self.write(opaque, at: (index, place))
            case .image, .document:
                throw Self.unsupportedPart("instructions must be text", (index, place), self.endpoint)
            case .audio, .video:
                throw Self.unsupportedPart("sound and films can't be sent", (index, place), self.endpoint)
            case .reasoning, .refusal, .toolCall: throw Self.misplacedPart((index, place))
            }
        }
        self.writer.endArray()
    }

    private mutating func writeAssistant(_ message: Message, index: Int) throws(Failure) {
        var plan = ""
        var hasContent = false
        var hasCalls = false
        for (place, part) in message.parts.enumerated() {
            switch part.kind {
            case .reasoning(let reasoning) where reasoning.id == Self.planID: plan += reasoning.text
            // What only another provider can read isn't needed.
            case .reasoning(let reasoning): hasContent = hasContent || !reasoning.text.isEmpty
            case .toolCall: hasCalls = true
            case .text, .refusal, .opaque: hasContent = true
            case .toolResult: break
            case .image, .document, .audio, .video:
                throw Self.unsupportedPart("an assistant's turn can't hold a medium", (index, place), self.endpoint)
            }
        }
        if hasContent {
            self.writer.key("content")
            try self.writeAssistantContent(message, index: index)
        } else if !hasCalls {
            self.writer.key("content")
            self.writer.string("")
        }
        if hasCalls {
            self.writer.key("tool_calls")
            self.writer.beginArray()
            for (place, part) in message.parts.enumerated() {
                if case .toolCall(let call) = part.kind { try self.write(call, at: (index, place)) }
            }
            self.writer.endArray()
        }
        if !plan.isEmpty {
            self.writer.key("tool_plan")
            self.writer.string(plan)
        }
    }

    private mutating func writeAssistantContent(_ message: Message, index: Int) throws(Failure) {
        if message.parts.count == 1, case .text(let text) = message.parts[0].kind {
            return self.writer.string(text.text)
        }
        self.writer.beginArray()
        for (place, part) in message.parts.enumerated() {
            switch part.kind {
            case .text(let text), .refusal(let text): self.writeBlock("text", text.text)
            case .reasoning(let reasoning) where reasoning.id != Self.planID && !reasoning.text.isEmpty:
                self.writeBlock("thinking", reasoning.text)
            case .opaque(let opaque): try self.write(opaque, at: (index, place))
            default: break
            }
        }
        self.writer.endArray()
    }

    /// Writes a block whose content has the name of its type.
    private mutating func writeBlock(_ type: StaticString, _ text: String) {
        self.writer.beginObject()
        self.writer.key("type")
        self.writer.string(type.description)
        self.writer.key(type)
        self.writer.string(text)
        self.writer.endObject()
    }

    private mutating func writeImage(_ media: Media, at place: PartPlace) throws(Failure) {
        self.writer.beginObject()
        self.writer.key("type")
        self.writer.string("image_url")
        self.writer.key("image_url")
        self.writer.beginObject()
        self.writer.key("url")
        try self.writeDataURL(of: media, at: Self.path(of: place))
        if !media.detail.isEmpty {
            self.writer.key("detail")
            self.writer.string(media.detail)
        }
        self.writer.endObject()
        self.writer.endObject()
    }

    private mutating func write(_ opaque: Opaque, at place: PartPlace) throws(Failure) {
        guard opaque.format == "cohere" else {
            throw Self.unsupportedPart("an item of \(opaque.format) can't be sent", place, self.endpoint)
        }
        self.writer.raw(opaque.json)
    }

    // MARK: Calls and their results

    private mutating func write(_ call: ToolCall, at place: PartPlace) throws(Failure) {
        guard call.kind == .function else {
            throw Self.unsupportedPart("only calls of functions can be sent", place, self.endpoint)
        }
        self.writer.beginObject()
        self.writer.key("id")
        self.writer.string(call.id)
        self.writer.key("type")
        self.writer.string("function")
        self.writer.key("function")
        self.writer.beginObject()
        self.writer.key("name")
        self.writer.string(call.name)
        self.writer.key("arguments")
        self.writer.string(utf8: call.arguments.isEmpty ? Array("{}".utf8) : call.arguments)
        self.writer.endObject()
        self.writer.endObject()
    }

    /// A result is a text, or texts and documents; an object is a document, since a document's data is one.
    private mutating func write(_ result: ToolResult, at place: PartPlace) throws(Failure) {
        self.writer.beginObject()
        self.writer.key("role")
        self.writer.string("tool")
        self.writer.key("tool_call_id")
        self.writer.string(result.callID)
        self.writer.key("content")
        if result.pieces.isEmpty {
            self.writer.string("")
        } else if result.pieces.count == 1, case .text(let text) = result.pieces[0].kind {
            self.writer.string(text.text)
        } else {
            self.writer.beginArray()
            for piece in result.pieces { try self.write(piece, at: place) }
            self.writer.endArray()
        }
        self.writer.endObject()
    }

    private mutating func write(_ piece: ToolResult.Piece, at place: PartPlace) throws(Failure) {
        switch piece.kind {
        case .text(let text): self.writeBlock("text", text.text)
        case .json(let json):
            guard json.first(where: { $0 > 0x20 }) == UInt8(ascii: "{") else {
                return self.writeBlock("text", String(decoding: json, as: UTF8.self))
            }
            self.writeDocumentBlock(CohereDocument(id: "", data: json))
        case .document(let media): self.writeDocumentBlock(try self.document(media, at: place))
        case .opaque(let opaque): try self.write(opaque, at: place)
        case .image, .audio, .video:
            throw Self.unsupportedPart("a tool's result can hold only text and documents", place, self.endpoint)
        }
    }

    private mutating func writeDocumentBlock(_ document: CohereDocument) {
        self.writer.beginObject()
        self.writer.key("type")
        self.writer.string("document")
        self.writer.key("document")
        document.write(to: &self.writer)
        self.writer.endObject()
    }
}
