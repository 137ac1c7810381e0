// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

extension BedrockEncoder {
    /// The format of opaque items that go to Converse as they are: `guardContent`, `citationsContent`, a document with
    /// a context, the calls of Bedrock's own tools.
    static let opaqueFormat = "bedrock"

    /// Writes the instructions, which are no turns here: every system and developer turn, in order.
    mutating func writeSystem(_ messages: [Message]) throws(Failure) {
        guard self.wants("system"), messages.contains(where: { Self.isInstruction($0.role) && !$0.parts.isEmpty })
        else { return }
        self.key("system")
        self.writer.beginArray()
        for (index, message) in messages.enumerated() where Self.isInstruction(message.role) {
            for (place, part) in message.parts.enumerated() {
                switch part.kind {
                case .text(let text):
                    // An empty text is refused by the API.
                    if !text.text.isEmpty { self.writeText(text.text) }
                case .opaque(let opaque) where opaque.format == Self.opaqueFormat: self.writer.raw(opaque.json)
                default: throw Self.unsupportedPart("instructions must be text", (index, place), self.endpoint)
                }
                if let cache = part.cache { self.writeCachePoint(cache) }
            }
        }
        self.writer.endArray()
    }

    private static func isInstruction(_ role: Role) -> Bool { role == .system || role == .developer }

    /// Writes the conversation.
    ///
    /// Turns alternate here, so neighbours of one side become one turn; in a user's, what came of tool calls goes
    /// first, since it answers the assistant's turn before it.
    mutating func writeMessages(_ messages: [Message]) throws(Failure) {
        self.writer.beginArray()
        var turns: [Int] = []
        for (index, message) in messages.enumerated() where !Self.isInstruction(message.role) {
            if let last = turns.last, (messages[last].role == .assistant) != (message.role == .assistant) {
                try self.writeTurn(turns, of: messages)
                turns = []
            }
            turns.append(index)
        }
        if !turns.isEmpty { try self.writeTurn(turns, of: messages) }
        self.writer.endArray()
    }

    private mutating func writeTurn(_ turns: [Int], of messages: [Message]) throws(Failure) {
        let isAssistant = messages[turns[0]].role == .assistant
        self.writer.beginObject()
        self.writer.key("role")
        self.writer.string(isAssistant ? "assistant" : "user")
        self.writer.key("content")
        self.writer.beginArray()
        let start = self.writer.bytes.count
        for index in turns where !isAssistant {
            for (place, part) in messages[index].parts.enumerated() {
                guard case .toolResult(let result) = part.kind else { continue }
                try self.write(result, at: (index, place))
                if let cache = part.cache { self.writeCachePoint(cache) }
            }
        }
        for index in turns {
            for (place, part) in messages[index].parts.enumerated() where isAssistant || !part.isToolResult {
                try self.write(part, isAssistant: isAssistant, at: (index, place))
                if let cache = part.cache { self.writeCachePoint(cache) }
            }
        }
        guard self.writer.bytes.count > start else {
            throw Failure(
                .invalidRequest,
                "messages[\(turns[0])] is empty, which \(self.endpoint.provider) doesn't take: give it content",
                param: "messages[\(turns[0])]"
            )
        }
        self.writer.endArray()
        self.writer.endObject()
    }

    private mutating func write(_ part: Part, isAssistant: Bool, at place: PartPlace) throws(Failure) {
        switch part.kind {
        case .text(let text), .refusal(let text):
            if !text.text.isEmpty { self.writeText(text.text) }
        case .image(let media): try self.write(image: media, at: place)
        case .document(let media): try self.write(document: media, at: place)
        case .video(let media): try self.write(video: media, at: place)
        case .audio: throw Self.unsupportedPart("sound can't be sent", place, self.endpoint)
        case .reasoning(let reasoning): self.write(reasoning)
        case .toolCall(let call) where isAssistant: try self.write(call, at: place)
        case .opaque(let opaque): try self.write(opaque, at: place)
        case .toolCall, .toolResult:
            throw Failure(
                .invalidRequest,
                "this part belongs in \(isAssistant ? "a tool's" : "an assistant's") turn",
                param: Self.path(of: place)
            )
        }
    }

    mutating func writeText(_ text: String) {
        self.writer.beginObject()
        self.writer.key("text")
        self.writer.string(text)
        self.writer.endObject()
    }

    mutating func write(_ opaque: Opaque, at place: PartPlace) throws(Failure) {
        guard opaque.format == Self.opaqueFormat else {
            throw Self.unsupportedPart("an item of \(opaque.format) can't be sent", place, self.endpoint)
        }
        self.writer.raw(opaque.json)
    }

    /// Reasoning goes back with its proof; without one it is refused where it matters, and isn't needed.
    private mutating func write(_ reasoning: Reasoning) {
        guard !reasoning.encrypted.isEmpty || !reasoning.signature.isEmpty else { return }
        self.writer.beginObject()
        self.writer.key("reasoningContent")
        self.writer.beginObject()
        if reasoning.encrypted.isEmpty {
            self.writer.key("reasoningText")
            self.writer.beginObject()
            self.writer.key("text")
            self.writer.string(reasoning.text)
            self.writer.key("signature")
            self.writer.string(utf8: reasoning.signature)
            self.writer.endObject()
        } else {
            self.writer.key("redactedContent")
            self.writer.string(utf8: reasoning.encrypted)
        }
        self.writer.endObject()
        self.writer.endObject()
    }

    /// Ends a prefix worth caching: for five minutes, or an hour where more is asked.
    mutating func writeCachePoint(_ cache: CacheMarker) {
        self.writer.beginObject()
        self.writer.key("cachePoint")
        self.writer.beginObject()
        self.writer.key("type")
        self.writer.string("default")
        if cache.ttlMilliseconds > 0 {
            self.writer.key("ttl")
            self.writer.string(cache.ttlMilliseconds <= 300_000 ? "5m" : "1h")
        }
        self.writer.endObject()
        self.writer.endObject()
    }
}
