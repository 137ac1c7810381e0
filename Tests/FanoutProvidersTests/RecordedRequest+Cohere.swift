// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutJSON
import FanoutModel
import FanoutProviders

/// Reads a body of Cohere's API, version 2, into the neutral form.
struct CohereRequestReader {
    /// The request that a body asks for.
    /// - Throws: ``Unsayable`` for what the neutral form can't hold.
    func request(_ body: JSONValue) throws -> Request {
        var members = try Members(body, "body")
        for key in ["model", "stream"] { _ = members.take(key) }
        var request = Request(model: "g", task: nil)
        if members.rest["texts"] != nil {
            request.task = .embedding(try self.embedding(&members))
        } else {
            request.task = .chat(try self.chat(&members))
        }
        request.extraJSON = members.extra()
        return request
    }

    private func embedding(_ members: inout Members) throws -> EmbeddingRequest {
        var embedding = EmbeddingRequest(inputs: try members.texts("texts") ?? [])
        embedding.inputType = try members.text("input_type") ?? ""
        embedding.dimensions = try members.count("output_dimension")
        guard try members.texts("embedding_types") ?? ["float"] == ["float"] else {
            throw Unsayable(path: "body.embedding_types")
        }
        return embedding
    }

    private func chat(_ members: inout Members) throws -> ChatRequest {
        guard let turns = members.take("messages")?.elements else { throw Unsayable(path: "body.messages") }
        var chat = ChatRequest(messages: try turns.map(self.message))
        chat.sampling.maxTokens = try members.count("max_tokens")
        chat.sampling.temperature = try members.number("temperature")
        chat.sampling.topP = try members.number("p")
        chat.sampling.topK = try members.count("k")
        chat.sampling.seed = try members.integer("seed")
        chat.sampling.stop = try members.texts("stop_sequences") ?? []
        chat.sampling.presencePenalty = try members.number("presence_penalty")
        chat.sampling.frequencyPenalty = try members.number("frequency_penalty")
        chat.tools = try (members.take("tools")?.elements ?? []).map { try Tool(function: $0) }
        switch try members.text("tool_choice") {
        case nil: break
        case "REQUIRED": chat.toolChoice = .required
        case "NONE": chat.toolChoice = ToolChoice.none
        default: throw Unsayable(path: "body.tool_choice")
        }
        if let format = members.take("response_format") {
            let schema = format["json_schema"].map { ResponseFormat.Schema(name: "", json: $0.serialized()) }
            chat.responseFormat = schema.map { .schema($0) } ?? .json
        }
        if let thinking = members.take("thinking") {
            var options = ReasoningOptions()
            if thinking["type"]?.text == "enabled" { options.include = true } else { options.effort = "none" }
            if case .integer(let budget)? = thinking["token_budget"] { options.budgetTokens = UInt32(clamping: budget) }
            chat.reasoning = options
        }
        return chat
    }

    private func message(_ value: JSONValue) throws -> Message {
        var members = try Members(value, "messages[]")
        let roles: [String: Role] = ["system": .system, "user": .user, "assistant": .assistant, "tool": .tool]
        guard let role = try roles[members.text("role") ?? ""] else { throw Unsayable(path: "messages[].role") }
        var parts: [Part] = []
        if let plan = try members.text("tool_plan") {
            var reasoning = Reasoning(text: plan)
            reasoning.id = "tool_plan"
            parts.append(Part(.reasoning(reasoning)))
        }
        let content = members.take("content")
        if role == .tool {
            let id = try members.text("tool_call_id") ?? ""
            parts.append(Part(.toolResult(ToolResult(callID: id, pieces: try self.pieces(content)))))
        } else if let text = content?.text {
            parts.append(Part(.text(Text(text))))
        } else {
            parts += try (content?.elements ?? []).map(self.part)
        }
        for call in members.take("tool_calls")?.elements ?? [] { parts.append(try self.call(call)) }
        try members.end()
        return Message(role: role, parts: parts)
    }

    private func part(_ value: JSONValue) throws -> Part {
        var members = try Members(value, "messages[].content[]")
        switch try members.text("type") {
        case "text": return Part(.text(Text(try members.text("text") ?? "")))
        case "thinking": return Part(.reasoning(Reasoning(text: try members.text("thinking") ?? "")))
        case "image_url":
            let image = members.take("image_url")
            var media = Media(mimeType: "", source: .url(image?["url"]?.text ?? ""))
            media.detail = image?["detail"]?.text ?? ""
            return Part(.image(media))
        default: throw Unsayable(path: "messages[].content[].type")
        }
    }

    private func pieces(_ content: JSONValue?) throws -> [ToolResult.Piece] {
        if let text = content?.text { return [ToolResult.Piece(.text(Text(text)))] }
        return try (content?.elements ?? []).map { block in
            if let data = block["document"]?["data"], block["document"]?["id"] == nil {
                return ToolResult.Piece(.json(data.serialized()))
            }
            guard let text = block["text"]?.text else { throw Unsayable(path: "messages[].content[]") }
            return ToolResult.Piece(.text(Text(text)))
        }
    }

    private func call(_ value: JSONValue) throws -> Part {
        let function = value["function"]
        let arguments = Array((function?["arguments"]?.text ?? "").utf8)
        let name = function?["name"]?.text ?? ""
        return Part(.toolCall(ToolCall(id: value["id"]?.text ?? "", name: name, arguments: arguments)))
    }
}

extension Tool {
    /// A function in OpenAI's form and nothing else.
    init(function value: JSONValue) throws {
        var members = try Members(value, "tools[]")
        guard try members.text("type") == "function", let function = members.take("function") else {
            throw Unsayable(path: "tools[].type")
        }
        try members.end()
        var fields = try Members(function, "tools[].function")
        self.init(name: try fields.text("name") ?? "")
        self.description = try fields.text("description") ?? ""
        self.parametersJSON = fields.take("parameters")?.serialized() ?? []
        try fields.end()
    }
}
