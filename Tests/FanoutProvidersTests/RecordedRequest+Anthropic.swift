// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutJSON
import FanoutModel

/// Reads a body of Anthropic's Messages into the neutral form.
struct AnthropicRequestReader {
    /// The request that a body asks for.
    /// - Throws: ``Unsayable`` for what the neutral form can't hold.
    func request(_ body: JSONValue) throws -> Request {
        var members = try Members(body, "body")
        for key in ["model", "stream"] { _ = members.take(key) }
        var messages: [Message] = []
        let instructions = try self.blocks(members.take("system"), "system")
        if !instructions.isEmpty { messages.append(Message(role: .system, parts: instructions)) }
        for turn in members.take("messages")?.elements ?? [] { messages.append(try self.message(turn)) }
        var chat = ChatRequest(messages: messages)
        chat.sampling.maxTokens = try members.count("max_tokens")
        chat.sampling.temperature = try members.number("temperature")
        chat.sampling.topP = try members.number("top_p")
        chat.sampling.topK = try members.count("top_k")
        chat.sampling.stop = try members.texts("stop_sequences") ?? []
        chat.tools = try (members.take("tools")?.elements ?? []).map(self.tool)
        if let choice = members.take("tool_choice") { try self.read(choice, into: &chat) }
        self.readReasoning(&members, into: &chat)
        chat.serviceTier = try members.text("service_tier") ?? ""
        if let metadata = members.take("metadata") {
            var fields = try Members(metadata, "metadata")
            chat.user = try fields.text("user_id") ?? ""
            try fields.end()
        }
        var request = Request(model: "g", task: .chat(chat))
        request.extraJSON = members.extra()
        return request
    }

    /// What the neutral form has a word for; an object with anything else stays an extra parameter.
    private func readReasoning(_ members: inout Members, into chat: inout ChatRequest) {
        var reasoning = ReasoningOptions()
        let thinking = members.rest["thinking"]
        if case .integer(let budget)? = thinking?["budget_tokens"], thinking?["display"] == nil {
            reasoning.budgetTokens = UInt32(clamping: budget)
            _ = members.take("thinking")
        } else if thinking == .object(["type": .string("adaptive")]) {
            reasoning.include = true
            _ = members.take("thinking")
        } else if thinking == .object(["type": .string("disabled")]), members.rest["output_config"]?["effort"] == nil {
            reasoning.effort = "none"
            _ = members.take("thinking")
        }
        if let output = members.take("output_config") {
            reasoning.effort = output["effort"]?.text ?? reasoning.effort
            if let schema = output["format"]?["schema"] {
                chat.responseFormat = .schema(ResponseFormat.Schema(name: "", json: schema.serialized()))
            }
        }
        if reasoning != ReasoningOptions() { chat.reasoning = reasoning }
    }

    private func read(_ choice: JSONValue, into chat: inout ChatRequest) throws {
        var members = try Members(choice, "tool_choice")
        switch try members.text("type") {
        case "auto": chat.toolChoice = .auto
        case "any": chat.toolChoice = .required
        case "none": chat.toolChoice = ToolChoice.none
        case "tool": chat.toolChoice = .named([try members.text("name") ?? ""])
        default: throw Unsayable(path: "tool_choice.type")
        }
        if try members.bool("disable_parallel_tool_use") == true { chat.parallelToolCalls = false }
        try members.end()
    }

    /// A tool that Anthropic runs, or one with members that only Anthropic knows, is carried whole.
    private func tool(_ value: JSONValue) throws -> Tool {
        var members = try Members(value, "tools[]")
        let type = try members.text("type")
        var tool = Tool(name: try members.text("name") ?? "")
        tool.description = try members.text("description") ?? ""
        tool.strict = try members.bool("strict")
        tool.parametersJSON = members.take("input_schema")?.serialized() ?? []
        tool.cache = try members.take("cache_control").map(self.marker)
        guard type ?? "custom" != "custom" || !members.rest.isEmpty else { return tool }
        tool.kind = type ?? "custom" == "custom" ? .custom : .builtIn
        tool.specJSON = value.serialized()
        return tool
    }

    private func marker(_ value: JSONValue) throws -> CacheMarker {
        var members = try Members(value, "cache_control")
        guard try members.text("type") == "ephemeral" else { throw Unsayable(path: "cache_control.type") }
        let ttl = try members.text("ttl")
        try members.end()
        switch ttl {
        case nil: return CacheMarker()
        case "5m": return CacheMarker(ttlMilliseconds: 300_000)
        case "1h": return CacheMarker(ttlMilliseconds: 3_600_000)
        default: throw Unsayable(path: "cache_control.ttl")
        }
    }

    private func message(_ value: JSONValue) throws -> Message {
        var members = try Members(value, "messages[]")
        let roles: [String: Role] = ["user": .user, "assistant": .assistant]
        guard let role = try roles[members.text("role") ?? ""] else { throw Unsayable(path: "messages[].role") }
        let message = Message(role: role, parts: try self.blocks(members.take("content"), "messages[].content"))
        try members.end()
        return message
    }

    private func blocks(_ value: JSONValue?, _ path: String) throws -> [Part] {
        guard let value else { return [] }
        if let text = value.text { return [Part(.text(Text(text)))] }
        guard let elements = value.elements else { throw Unsayable(path: path) }
        return try elements.map { try self.block($0, "\(path)[]") }
    }

    private func block(_ value: JSONValue, _ path: String) throws -> Part {
        var members = try Members(value, path)
        let type = try members.text("type") ?? ""
        let cache = try members.take("cache_control").map(self.marker)
        var part: Part
        switch type {
        case "text": part = Part(.text(Text(try members.text("text") ?? "")))
        case "thinking":
            var reasoning = Reasoning(text: try members.text("thinking") ?? "")
            reasoning.signature = Array((try members.text("signature") ?? "").utf8)
            part = Part(.reasoning(reasoning))
        case "tool_use":
            let input = members.take("input")?.serialized() ?? []
            let id = try members.text("id") ?? ""
            part = Part(.toolCall(ToolCall(id: id, name: try members.text("name") ?? "", arguments: input)))
        case "tool_result":
            let pieces = try self.blocks(members.take("content"), path).map(self.piece)
            var result = ToolResult(callID: try members.text("tool_use_id") ?? "", pieces: pieces)
            result.isError = try members.bool("is_error") ?? false
            part = Part(.toolResult(result))
        case "image": part = Part(.image(try self.media(members.take("source") ?? .null)))
        case "document":
            var media = try self.media(members.take("source") ?? .null)
            media.name = try members.text("title") ?? ""
            part = Part(.document(media))
        default: return self.opaque(value, type)
        }
        part.cache = cache
        // A block with members that only Anthropic knows is carried whole.
        return members.rest.isEmpty ? part : self.opaque(value, type)
    }

    private func opaque(_ value: JSONValue, _ type: String) -> Part {
        Part(.opaque(Opaque(format: "anthropic", type: type, json: value.serialized())))
    }

    private func piece(_ part: Part) throws -> ToolResult.Piece {
        switch part.kind {
        case .text(let text): ToolResult.Piece(.text(text), cache: part.cache)
        case .image(let media): ToolResult.Piece(.image(media), cache: part.cache)
        case .document(let media): ToolResult.Piece(.document(media), cache: part.cache)
        case .opaque(let opaque): ToolResult.Piece(.opaque(opaque), cache: part.cache)
        default: throw Unsayable(path: "a tool_result's content")
        }
    }

    private func media(_ value: JSONValue) throws -> Media {
        var source = try Members(value, "source")
        let type = try source.text("type") ?? ""
        let mimeType = try source.text("media_type") ?? ""
        let media: Media
        switch type {
        case "url": media = Media(mimeType: mimeType, source: .url(try source.text("url") ?? ""))
        case "file": media = Media(mimeType: mimeType, source: .file(try source.text("file_id") ?? ""))
        case "text": media = Media(mimeType: mimeType, source: .data(Array((try source.text("data") ?? "").utf8)))
        case "base64":
            guard let (_, bytes) = dataURL("data:;base64," + (try source.text("data") ?? "")) else {
                throw Unsayable(path: "source.data")
            }
            media = Media(mimeType: mimeType, source: .data(bytes))
        default: throw Unsayable(path: "source.type")
        }
        try source.end()
        return media
    }
}
