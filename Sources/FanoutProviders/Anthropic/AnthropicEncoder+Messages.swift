// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

extension AnthropicEncoder {
    /// Writes the instructions, which are no turns here: every system and developer turn, in order.
    mutating func writeSystem(_ messages: [Message]) throws(Failure) {
        var texts: [(text: String, cache: CacheMarker?)] = []
        for (index, message) in messages.enumerated() where message.role == .system || message.role == .developer {
            for (place, part) in message.parts.enumerated() {
                guard case .text(let text) = part.kind else {
                    throw Self.unsupportedPart("instructions must be text", (index, place), self.endpoint)
                }
                if !text.text.isEmpty { texts.append((text.text, part.cache)) }
            }
        }
        guard !texts.isEmpty, self.wants("system") else { return }
        self.key("system")
        if texts.count == 1, texts[0].cache == nil { return self.writer.string(texts[0].text) }
        self.writer.beginArray()
        for text in texts { self.writeText(text.text, cache: text.cache) }
        self.writer.endArray()
    }

    /// Writes the conversation.
    ///
    /// Turns alternate here, so neighbours of one side become one turn; in a user's, what came of tool calls goes
    /// first, since it answers the assistant's turn before it.
    mutating func writeMessages(_ messages: [Message]) throws(Failure) {
        self.writer.beginArray()
        var start = 0
        while start < messages.count {
            let role = messages[start].role
            if role == .system || role == .developer {
                start += 1
                continue
            }
            let isAssistant = role == .assistant
            var turns: [Int] = []
            while start < messages.count {
                let next = messages[start].role
                if next != .system, next != .developer {
                    guard (next == .assistant) == isAssistant else { break }
                    turns.append(start)
                }
                start += 1
            }
            try self.writeTurn(turns, of: messages, isAssistant: isAssistant)
        }
        self.writer.endArray()
    }

    private mutating func writeTurn(_ turns: [Int], of messages: [Message], isAssistant: Bool) throws(Failure) {
        self.writer.beginObject()
        self.writer.key("role")
        self.writer.string(isAssistant ? "assistant" : "user")
        self.writer.key("content")
        if turns.count == 1, messages[turns[0]].parts.count == 1, messages[turns[0]].parts[0].cache == nil,
            case .text(let text) = messages[turns[0]].parts[0].kind, !text.text.isEmpty
        {
            self.writer.string(text.text)
            return self.writer.endObject()
        }
        self.writer.beginArray()
        var blocks = 0
        for index in turns where !isAssistant {
            for (place, part) in messages[index].parts.enumerated() {
                guard case .toolResult(let result) = part.kind else { continue }
                try self.write(result, cache: part.cache, at: (index, place))
                blocks += 1
            }
        }
        for index in turns {
            for (place, part) in messages[index].parts.enumerated() where isAssistant || !part.isToolResult {
                if try self.write(part, isAssistant: isAssistant, at: (index, place)) { blocks += 1 }
            }
        }
        self.writer.endArray()
        self.writer.endObject()
        guard blocks > 0 else {
            let index = turns.first ?? 0
            throw Failure(
                .invalidRequest,
                "messages[\(index)] is empty, which \(self.endpoint.provider) doesn't take: give it content",
                param: "messages[\(index)]"
            )
        }
    }

    /// Writes one block; false = the part has nothing that can be sent.
    private mutating func write(_ part: Part, isAssistant: Bool, at place: PartPlace) throws(Failure) -> Bool {
        switch part.kind {
        case .text(let text), .refusal(let text):
            // An empty block is refused by the API.
            guard !text.text.isEmpty else { return false }
            self.writeText(text.text, cache: part.cache)
        case .image(let media): try self.write(media, as: "image", cache: part.cache, at: place)
        case .document(let media): try self.write(media, as: "document", cache: part.cache, at: place)
        case .audio, .video:
            throw Self.unsupportedPart("sound and films can't be sent", place, self.endpoint)
        case .reasoning(let reasoning): return self.write(reasoning)
        case .toolCall(let call) where isAssistant: try self.write(call, cache: part.cache, at: place)
        case .opaque(let opaque) where opaque.isReasoning: return false
        case .opaque(let opaque):
            guard opaque.format == "anthropic" else {
                throw Self.unsupportedPart("an item of \(opaque.format) can't be sent", place, self.endpoint)
            }
            self.writer.raw(opaque.json)
        case .toolCall, .toolResult:
            throw Failure(
                .invalidRequest,
                "this part belongs in \(isAssistant ? "a tool's" : "an assistant's") turn",
                param: Self.path(of: place)
            )
        }
        return true
    }

    private mutating func writeText(_ text: String, cache: CacheMarker?) {
        self.beginBlock("text")
        self.writer.key("text")
        self.writer.string(text)
        self.endBlock(cache)
    }

    /// Reasoning goes back with its proof; without one Anthropic refuses it, and it isn't needed.
    private mutating func write(_ reasoning: Reasoning) -> Bool {
        if !reasoning.encrypted.isEmpty {
            self.beginBlock("redacted_thinking")
            self.writer.key("data")
            self.writer.string(utf8: reasoning.encrypted)
        } else if !reasoning.signature.isEmpty {
            self.beginBlock("thinking")
            self.writer.key("thinking")
            self.writer.string(reasoning.text)
            self.writer.key("signature")
            self.writer.string(utf8: reasoning.signature)
        } else {
            return false
        }
        self.endBlock(nil)
        return true
    }

    // MARK: Media

    private mutating func write(
        _ media: Media,
        as type: StaticString,
        cache: CacheMarker?,
        at place: PartPlace
    ) throws(Failure) {
        self.beginBlock(type)
        self.writer.key("source")
        self.writer.beginObject()
        self.writer.key("type")
        switch media.source {
        case .url(let url):
            self.writer.string("url")
            self.writer.key("url")
            self.writer.string(url)
        case .file(let id):
            self.writer.string("file")
            self.writer.key("file_id")
            self.writer.string(id)
        case .data(let bytes):
            try self.write(bytes, of: media, at: place)
        case .blob(let id):
            throw Failure(
                .invalidRequest,
                "there is no blob \(id) on this connection",
                param: "\(Self.path(of: place)).blob_id"
            )
        }
        self.writer.endObject()
        if !media.name.isEmpty, type.description == "document" {
            self.writer.key("title")
            self.writer.string(media.name)
        }
        self.endBlock(cache)
    }

    private mutating func write(_ bytes: [UInt8], of media: Media, at place: PartPlace) throws(Failure) {
        guard !media.mimeType.isEmpty else {
            throw Failure(
                .invalidRequest,
                "bytes need a mime_type",
                param: "\(Self.path(of: place)).mime_type"
            )
        }
        let isText = media.mimeType == "text/plain"
        self.writer.string(isText ? "text" : "base64")
        self.writer.key("media_type")
        self.writer.string(media.mimeType)
        self.writer.key("data")
        if isText {
            self.writer.string(String(decoding: bytes, as: UTF8.self))
        } else {
            self.writer.beginString()
            self.writer.stringPart(base64: bytes)
            self.writer.endString()
        }
    }

    // MARK: Blocks

    mutating func beginBlock(_ type: StaticString) {
        self.writer.beginObject()
        self.writer.key("type")
        self.writer.string(type.description)
    }

    /// Ends a block, and with it perhaps a prefix worth caching: for five minutes, or an hour where more is asked.
    mutating func endBlock(_ cache: CacheMarker?) {
        if let cache { self.writeCache(cache) }
        self.writer.endObject()
    }

    mutating func writeCache(_ cache: CacheMarker) {
        self.writer.key("cache_control")
        self.writer.beginObject()
        self.writer.key("type")
        self.writer.string("ephemeral")
        if cache.ttlMilliseconds > 0 {
            self.writer.key("ttl")
            self.writer.string(cache.ttlMilliseconds <= 300_000 ? "5m" : "1h")
        }
        self.writer.endObject()
    }

    /// Writes a piece of a tool's result.
    mutating func write(_ piece: ToolResult.Piece, at place: PartPlace) throws(Failure) {
        switch piece.kind {
        case .text(let text):
            if !text.text.isEmpty { self.writeText(text.text, cache: piece.cache) }
        case .json(let json): self.writeText(String(decoding: json, as: UTF8.self), cache: piece.cache)
        case .image(let media): try self.write(media, as: "image", cache: piece.cache, at: place)
        case .document(let media): try self.write(media, as: "document", cache: piece.cache, at: place)
        case .audio, .video:
            throw Self.unsupportedPart("sound and films can't be sent", place, self.endpoint)
        case .opaque(let opaque):
            guard opaque.format == "anthropic" else {
                throw Self.unsupportedPart("an item of \(opaque.format) can't be sent", place, self.endpoint)
            }
            self.writer.raw(opaque.json)
        }
    }
}
