// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutJSON
import FanoutModel
import Foundation

/// Reads a body of OpenAI's format into the neutral form.
struct OpenAIRequestReader {
    let provider: String

    /// The request that a body asks for.
    /// - Throws: ``Unsayable`` for what the neutral form can't hold.
    func request(_ body: JSONValue, endpoint: String) throws -> Request {
        var members = try Members(body, "body")
        for key in ["model", "stream", "stream_options", "encoding_format"] { _ = members.take(key) }
        var request: Request
        if endpoint.hasSuffix("embeddings") {
            request = Request(model: "g", task: .embedding(try self.embedding(&members)))
        } else if endpoint.hasSuffix("chat.completions") {
            request = Request(model: "g", task: .chat(try self.chat(&members)))
        } else {
            request = Request(model: "g", task: .completion(try self.completion(&members)))
        }
        request.extraJSON = members.extra()
        return request
    }

    private func embedding(_ members: inout Members) throws -> EmbeddingRequest {
        var embedding = EmbeddingRequest(inputs: try members.texts("input") ?? [])
        embedding.dimensions = try members.count("dimensions")
        embedding.user = try members.text("user") ?? ""
        return embedding
    }

    private func completion(_ members: inout Members) throws -> CompletionRequest {
        var completion = CompletionRequest(prompts: try members.texts("prompt") ?? [])
        completion.sampling = try self.sampling(&members)
        completion.choices = try members.count("n")
        completion.logprobs = try members.count("logprobs")
        completion.user = try members.text("user") ?? ""
        return completion
    }

    private func sampling(_ members: inout Members) throws -> Sampling {
        var sampling = Sampling()
        sampling.temperature = try members.number("temperature")
        sampling.topP = try members.number("top_p")
        sampling.topK = try members.count("top_k")
        sampling.maxTokens = try members.count("max_completion_tokens") ?? members.count("max_tokens")
        sampling.stop = try members.texts("stop") ?? []
        sampling.seed = try members.integer(self.provider == "mistral" ? "random_seed" : "seed")
        sampling.presencePenalty = try members.number("presence_penalty")
        sampling.frequencyPenalty = try members.number("frequency_penalty")
        return sampling
    }

    private func chat(_ members: inout Members) throws -> ChatRequest {
        guard let turns = members.take("messages")?.elements else { throw Unsayable(path: "messages") }
        var chat = ChatRequest(messages: try turns.map(self.message))
        chat.sampling = try self.sampling(&members)
        chat.tools = try (members.take("tools")?.elements ?? []).map(self.tool)
        chat.toolChoice = try members.take("tool_choice").map(self.toolChoice)
        chat.parallelToolCalls = try members.bool("parallel_tool_calls")
        chat.responseFormat = try members.take("response_format").map(self.responseFormat)
        chat.reasoning = try self.reasoning(&members)
        chat.user = try members.text("user") ?? ""
        chat.serviceTier = try members.text("service_tier") ?? ""
        chat.choices = try members.count("n")
        if try members.bool("logprobs") == true { chat.topLogprobs = try members.count("top_logprobs") ?? 0 }
        return chat
    }

    private func reasoning(_ members: inout Members) throws -> ReasoningOptions? {
        var reasoning = ReasoningOptions()
        if let effort = try members.text("reasoning_effort") { reasoning.effort = effort }
        if self.provider == "openrouter", let value = members.take("reasoning") {
            var wishes = try Members(value, "reasoning")
            reasoning.effort = try wishes.text("effort") ?? ""
            reasoning.budgetTokens = try wishes.count("max_tokens") ?? 0
            try wishes.end()
        }
        if self.provider == "deepseek", members.rest["thinking"]?["type"]?.text == "disabled" {
            _ = members.take("thinking")
            reasoning.effort = "none"
        }
        return reasoning == ReasoningOptions() ? nil : reasoning
    }

    private func tool(_ value: JSONValue) throws -> Tool {
        var definition = try Members(value, "tools[]")
        guard try definition.text("type") ?? "function" == "function", let inner = definition.take("function") else {
            throw Unsayable(path: "tools[]")
        }
        var function = try Members(inner, "tools[].function")
        var tool = Tool(name: try function.text("name") ?? "")
        tool.description = try function.text("description") ?? ""
        tool.parametersJSON = function.take("parameters")?.serialized() ?? []
        tool.strict = try function.bool("strict")
        try function.end()
        try definition.end()
        return tool
    }

    private func toolChoice(_ value: JSONValue) throws -> ToolChoice {
        switch value {
        case .string("auto"): return .auto
        case .string("none"): return .none
        case .string("required"): return .required
        case .string("any") where self.provider == "mistral": return .required
        default:
            guard let name = value["function"]?["name"]?.text else { throw Unsayable(path: "tool_choice") }
            return .named([name])
        }
    }

    private func responseFormat(_ value: JSONValue) throws -> ResponseFormat {
        var format = try Members(value, "response_format")
        switch try format.text("type") {
        case "text": return .text
        case "json_object": return .json
        default:
            var wanted = try Members(format.take("json_schema") ?? .null, "response_format.json_schema")
            guard let name = try wanted.text("name"), let json = wanted.take("schema") else {
                throw Unsayable(path: "response_format.json_schema")
            }
            var schema = ResponseFormat.Schema(name: name, json: json.serialized())
            schema.strict = try wanted.bool("strict")
            schema.description = try wanted.text("description") ?? ""
            try wanted.end()
            return .schema(schema)
        }
    }
}

// MARK: Messages

extension OpenAIRequestReader {
    private func message(_ value: JSONValue) throws -> Message {
        var members = try Members(value, "messages[]")
        let roles: [String: Role] = [
            "system": .system, "developer": .developer, "user": .user, "assistant": .assistant, "tool": .tool,
        ]
        guard let role = try roles[members.text("role") ?? ""] else { throw Unsayable(path: "messages[].role") }
        var parts = try self.reasoning(of: &members)
        var content = try self.content(members.take("content"))
        if let mark = members.take("cache_control"), !content.isEmpty {
            content[content.count - 1].cache = try self.marker(mark)
        }
        var message = Message(role: role, parts: [])
        if role == .tool {
            var result = ToolResult(callID: try members.text("tool_call_id") ?? "", pieces: try content.map(self.piece))
            result.name = try members.text("name") ?? ""
            parts.append(Part(.toolResult(result)))
        } else {
            message.name = try members.text("name") ?? ""
            parts += content
            parts += try (members.take("tool_calls")?.elements ?? []).map(self.call)
        }
        message.parts = parts
        if role == .assistant, try members.bool("prefix") == true { throw Unsayable(path: "messages[].prefix") }
        try members.end()
        return message
    }

    /// Reasoning that goes back, which clients call by several names.
    private func reasoning(of members: inout Members) throws -> [Part] {
        var parts: [Part] = []
        let text = try members.text("reasoning_content")
        let other = try members.text("reasoning")
        if let text = text ?? other, !text.isEmpty { parts.append(Part(.reasoning(Reasoning(text: text)))) }
        for detail in members.take("reasoning_details")?.elements ?? [] {
            let type = detail["type"]?.text ?? ""
            parts.append(Part(.opaque(Opaque(format: "openai", type: type, json: detail.serialized()))))
        }
        return parts
    }

    private func content(_ value: JSONValue?) throws -> [Part] {
        guard let value else { return [] }
        if let text = value.text { return [Part(.text(Text(text)))] }
        guard let elements = value.elements else { throw Unsayable(path: "messages[].content") }
        return try elements.map(self.part)
    }

    private func part(_ value: JSONValue) throws -> Part {
        var members = try Members(value, "messages[].content[]")
        var part: Part
        switch try members.text("type") {
        case "text": part = Part(.text(Text(try members.text("text") ?? "")))
        case "image_url": part = Part(.image(try self.image(members.take("image_url") ?? .null)))
        case "input_audio": part = Part(.audio(try self.audio(members.take("input_audio") ?? .null)))
        case "file": part = Part(.document(try self.document(members.take("file") ?? .null)))
        case "thinking":
            let texts = members.take("thinking")?.elements?.compactMap { $0["text"]?.text } ?? []
            part = Part(.reasoning(Reasoning(text: texts.joined())))
        default: throw Unsayable(path: "messages[].content[].type")
        }
        if let mark = members.take("cache_control") { part.cache = try self.marker(mark) }
        if members.rest["prompt_cache_breakpoint"] == .object(["mode": .string("explicit")]) {
            _ = members.take("prompt_cache_breakpoint")
            part.cache = CacheMarker()
        }
        try members.end()
        return part
    }

    private func piece(_ part: Part) throws -> ToolResult.Piece {
        switch part.kind {
        case .text(let text): ToolResult.Piece(.text(text), cache: part.cache)
        case .image(let media): ToolResult.Piece(.image(media), cache: part.cache)
        case .audio(let media): ToolResult.Piece(.audio(media), cache: part.cache)
        default: throw Unsayable(path: "messages[].content[] of a tool")
        }
    }

    private func marker(_ value: JSONValue) throws -> CacheMarker {
        guard value == .object(["type": .string("ephemeral")]) else { throw Unsayable(path: "cache_control") }
        return CacheMarker()
    }

    private func image(_ value: JSONValue) throws -> Media {
        if let url = value.text { return self.media(url) }
        var members = try Members(value, "image_url")
        var media = self.media(try members.text("url") ?? "")
        media.detail = try members.text("detail") ?? ""
        try members.end()
        return media
    }

    private func media(_ url: String) -> Media {
        guard let (mimeType, bytes) = dataURL(url) else { return Media(mimeType: "", source: .url(url)) }
        return Media(mimeType: mimeType, source: .data(bytes))
    }

    private func audio(_ value: JSONValue) throws -> Media {
        var members = try Members(value, "input_audio")
        let types = ["wav": "audio/wav", "mp3": "audio/mpeg"]
        guard let type = try types[members.text("format") ?? ""],
            let data = Data(base64Encoded: try members.text("data") ?? "")
        else { throw Unsayable(path: "input_audio") }
        try members.end()
        return Media(mimeType: type, source: .data(Array(data)))
    }

    private func document(_ value: JSONValue) throws -> Media {
        var members = try Members(value, "file")
        let name = try members.text("filename") ?? ""
        var media: Media
        if let id = try members.text("file_id") {
            media = Media(mimeType: "", source: .file(id))
        } else {
            media = self.media(try members.text("file_data") ?? "")
        }
        media.name = name
        try members.end()
        return media
    }

    private func call(_ value: JSONValue) throws -> Part {
        var members = try Members(value, "tool_calls[]")
        // Only the pieces of a stream are counted; clients send the count back by mistake.
        for key in ["type", "index"] { _ = members.take(key) }
        let mark = try members.take("cache_control").map(self.marker)
        var function = try Members(members.take("function") ?? .null, "tool_calls[].function")
        let call = ToolCall(
            id: try members.text("id") ?? "",
            name: try function.text("name") ?? "",
            arguments: Array((try function.text("arguments") ?? "").utf8)
        )
        try function.end()
        try members.end()
        return Part(.toolCall(call), cache: mark)
    }
}
