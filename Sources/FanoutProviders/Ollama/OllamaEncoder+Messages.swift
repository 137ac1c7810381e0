// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

extension OllamaEncoder {
    /// Writes the conversation.
    ///
    /// A turn has one text and its images beside it. Each tool result is a turn, named by its tool: older servers know
    /// no ids.
    mutating func writeMessages(_ messages: [Message]) throws(Failure) {
        self.writer.beginArray()
        for (index, message) in messages.enumerated() {
            for (place, part) in message.parts.enumerated() {
                guard case .toolResult(let result) = part.kind else { continue }
                try self.write(result, at: (index, place), in: messages)
            }
            if message.role == .tool { continue }
            if !message.parts.isEmpty, message.parts.allSatisfy(\.isToolResult) { continue }
            try self.write(message, index: index)
        }
        self.writer.endArray()
    }

    private mutating func write(_ message: Message, index: Int) throws(Failure) {
        self.writer.beginObject()
        self.writer.key("role")
        switch message.role {
        case .system, .developer: self.writer.string("system")
        case .assistant: self.writer.string("assistant")
        case .user, .tool: self.writer.string("user")
        }
        var text = ""
        var thinking = ""
        var images: [(media: Media, place: Int)] = []
        var calls: [(call: ToolCall, place: Int)] = []
        for (place, part) in message.parts.enumerated() {
            switch part.kind {
            case .text(let piece): text += piece.text
            case .refusal(let piece) where message.role == .assistant: text += piece.text
            case .reasoning(let piece) where message.role == .assistant: thinking += piece.text
            case .toolCall(let call) where message.role == .assistant: calls.append((call, place))
            case .image(let media) where message.role == .user: images.append((media, place))
            case .toolResult: break
            case .refusal, .reasoning, .toolCall: throw Self.misplacedPart((index, place))
            case .image: throw Self.unsupportedPart("only a user's turn can hold images", (index, place), self.endpoint)
            case .document, .audio, .video:
                throw Self.unsupportedPart("only texts and images can be sent", (index, place), self.endpoint)
            case .opaque(let opaque):
                throw Self.unsupportedPart("an item of \(opaque.format) can't be sent", (index, place), self.endpoint)
            }
        }
        self.writer.key("content")
        self.writer.string(text)
        if !thinking.isEmpty {
            self.writer.key("thinking")
            self.writer.string(thinking)
        }
        if !images.isEmpty {
            self.writer.key("images")
            self.writer.beginArray()
            for image in images { try self.write(image.media, at: (index, image.place)) }
            self.writer.endArray()
        }
        if !calls.isEmpty {
            self.writer.key("tool_calls")
            self.writer.beginArray()
            for call in calls { try self.write(call.call, at: (index, call.place)) }
            self.writer.endArray()
        }
        self.writer.endObject()
    }

    /// Writes an image: its bytes in base64, since Ollama fetches nothing.
    private mutating func write(_ media: Media, at place: PartPlace) throws(Failure) {
        switch media.source {
        case .data(let bytes):
            self.writer.beginString()
            self.writer.stringPart(base64: bytes)
            self.writer.endString()
        case .url(let url):
            guard url.hasPrefix("data:"), let comma = url.firstIndex(of: ","), url[..<comma].hasSuffix(";base64") else {
                throw Self.unsupportedPart("an image must be sent as bytes, not by URL,", place, self.endpoint)
            }
            self.writer.string(String(url[url.index(after: comma)...]))
        case .file:
            throw Self.unsupportedPart("an image must be sent as bytes", place, self.endpoint)
        case .blob(let id):
            throw Failure(
                .invalidRequest,
                "there is no blob \(id) on this connection",
                param: "\(Self.path(of: place)).blob_id"
            )
        }
    }

    // MARK: Calls and their results

    private mutating func write(_ call: ToolCall, at place: PartPlace) throws(Failure) {
        guard call.kind == .function else {
            throw Self.unsupportedPart("only calls of functions can be sent", place, self.endpoint)
        }
        self.writer.beginObject()
        self.writeID("id", call.id)
        self.writer.key("function")
        self.writer.beginObject()
        self.writer.key("name")
        self.writer.string(call.name)
        self.writer.key("arguments")
        if call.arguments.isEmpty {
            self.writer.raw(Array("{}".utf8))
        } else {
            let param = "\(Self.path(of: place)).tool_call.arguments"
            try RequestCheck.checkJSON(call.arguments, param, objectOnly: true)
            self.writer.raw(call.arguments)
        }
        self.writer.endObject()
        self.writer.endObject()
    }

    /// An id that was made up here means nothing there.
    private mutating func writeID(_ key: StaticString, _ id: String) {
        guard !id.isEmpty, !id.hasPrefix(OllamaCall.madePrefix) else { return }
        self.writer.key(key)
        self.writer.string(id)
    }

    private mutating func write(
        _ result: ToolResult,
        at place: PartPlace,
        in messages: [Message]
    ) throws(Failure) {
        self.writer.beginObject()
        self.writer.key("role")
        self.writer.string("tool")
        let name =
            result.name.isEmpty ? Self.name(ofCall: result.callID, before: place.message, in: messages) : result.name
        if !name.isEmpty {
            self.writer.key("tool_name")
            self.writer.string(name)
        }
        self.writeID("tool_call_id", result.callID)
        var text = ""
        for piece in result.pieces {
            switch piece.kind {
            case .text(let piece): text += piece.text
            case .json(let json): text += String(decoding: json, as: UTF8.self)
            case .image, .document, .audio, .video, .opaque:
                throw Self.unsupportedPart("a tool's result can hold only text", place, self.endpoint)
            }
        }
        self.writer.key("content")
        self.writer.string(text)
        self.writer.endObject()
    }

    /// The tool that the last call of this id names; empty = there is none.
    private static func name(ofCall id: String, before index: Int, in messages: [Message]) -> String {
        for message in messages[..<index].reversed() {
            for part in message.parts {
                if case .toolCall(let call) = part.kind, call.id == id { return call.name }
            }
        }
        return ""
    }
}
