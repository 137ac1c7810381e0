// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutJSON
import FanoutModel
import FanoutProviders
import Foundation

/// Reads a body in Ollama's own format into the neutral form.
struct OllamaRequestReader {
    /// The request that a body asks for.
    /// - Throws: ``Unsayable`` for what the neutral form can't hold.
    func request(_ body: JSONValue, endpoint: String) throws -> Request {
        var members = try Members(body, "body")
        for key in ["model", "stream"] { _ = members.take(key) }
        var request = Request(model: "g", task: nil)
        let options = members.take("options")
        var fields = try Members(options ?? .object([:]), "body.options")
        let sampling = try self.sampling(&fields)
        switch endpoint {
        case "native.chat": request.task = .chat(try self.chat(&members, sampling))
        case "native.generate":
            var completion = CompletionRequest(prompts: [try members.text("prompt") ?? ""])
            completion.suffix = try members.text("suffix") ?? ""
            completion.sampling = sampling
            request.task = .completion(completion)
        default: throw Unsayable(path: "body.\(members.rest.keys.sorted().first ?? "")")
        }
        var extra = members.rest
        if !fields.rest.isEmpty { extra["options"] = .object(fields.rest) }
        request.extraJSON = extra.isEmpty ? [] : JSONValue.object(extra).serialized()
        return request
    }

    private func sampling(_ fields: inout Members) throws -> Sampling {
        var sampling = Sampling()
        sampling.maxTokens = try fields.count("num_predict")
        sampling.temperature = try fields.number("temperature")
        sampling.topP = try fields.number("top_p")
        sampling.topK = try fields.count("top_k")
        sampling.stop = try fields.texts("stop") ?? []
        sampling.seed = try fields.integer("seed")
        return sampling
    }

    private func chat(_ members: inout Members, _ sampling: Sampling) throws -> ChatRequest {
        var chat = ChatRequest(messages: [])
        // Calls without ids, by their names, that have no result yet.
        var nameless: [(id: String, name: String)] = []
        for turn in members.take("messages")?.elements ?? [] {
            chat.messages.append(try self.message(turn, &nameless, number: chat.messages.count))
        }
        chat.sampling = sampling
        chat.tools = try (members.take("tools")?.elements ?? []).map { try Tool(function: $0) }
        switch members.take("format") {
        case nil, .string("")?: break
        case .string("json")?: chat.responseFormat = .json
        case let schema?: chat.responseFormat = .schema(ResponseFormat.Schema(name: "", json: schema.serialized()))
        }
        var options = ReasoningOptions()
        switch members.take("think") {
        case nil: return chat
        case .bool(let flag)?: if flag { options.include = true } else { options.effort = "none" }
        case let level?: options.effort = level.text ?? ""
        }
        chat.reasoning = options
        return chat
    }

    private func message(
        _ value: JSONValue,
        _ nameless: inout [(id: String, name: String)],
        number: Int
    ) throws -> Message {
        var members = try Members(value, "messages[]")
        let roles: [String: Role] = ["system": .system, "user": .user, "assistant": .assistant, "tool": .tool]
        guard let role = try roles[members.text("role") ?? ""] else { throw Unsayable(path: "messages[].role") }
        let text = try members.text("content") ?? ""
        if role == .tool {
            let name = try members.text("tool_name") ?? ""
            let place = nameless.firstIndex { $0.name == name }
            let id = try members.text("tool_call_id") ?? place.map { nameless.remove(at: $0).id } ?? ""
            var result = ToolResult(callID: id, pieces: [ToolResult.Piece(.text(Text(text)))])
            result.name = name
            try members.end()
            return Message(role: .tool, parts: [Part(.toolResult(result))])
        }
        var parts: [Part] = []
        if let thought = try members.text("thinking") { parts.append(Part(.reasoning(Reasoning(text: thought)))) }
        if !text.isEmpty { parts.append(Part(.text(Text(text)))) }
        for image in try members.texts("images") ?? [] {
            guard let data = Data(base64Encoded: image) else { throw Unsayable(path: "messages[].images") }
            parts.append(Part(.image(Media(mimeType: "image/png", source: .data(Array(data))))))
        }
        for (index, call) in (members.take("tool_calls")?.elements ?? []).enumerated() {
            let name = call["function"]?["name"]?.text ?? ""
            let id = call["id"]?.text ?? "fanout-\(number)-\(index)"
            if call["id"] == nil { nameless.append((id, name)) }
            let arguments = call["function"]?["arguments"]?.serialized() ?? []
            parts.append(Part(.toolCall(ToolCall(id: id, name: name, arguments: arguments))))
        }
        try members.end()
        return Message(role: role, parts: parts)
    }
}

/// Reads a body of a text completion for text-generation-inference into the neutral form.
struct GenerationRequestReader {
    /// The request that a body asks for.
    /// - Throws: ``Unsayable`` for what the neutral form can't hold.
    func request(_ body: JSONValue) throws -> Request {
        var members = try Members(body, "body")
        _ = members.take("stream")
        guard let prompt = try members.text("inputs") else { throw Unsayable(path: "body.inputs") }
        var fields = try Members(members.take("parameters") ?? .object([:]), "body.parameters")
        var completion = CompletionRequest(prompts: [prompt])
        completion.echo = try fields.bool("return_full_text") ?? false
        completion.sampling.maxTokens = try fields.count("max_new_tokens")
        completion.sampling.temperature = try fields.number("temperature")
        completion.sampling.topP = try fields.number("top_p")
        completion.sampling.topK = try fields.count("top_k")
        completion.sampling.seed = try fields.integer("seed")
        completion.sampling.stop = try fields.texts("stop") ?? []
        _ = fields.take("details")
        var request = Request(model: "g", task: .completion(completion))
        var extra = members.rest
        if !fields.rest.isEmpty { extra["parameters"] = .object(fields.rest) }
        request.extraJSON = extra.isEmpty ? [] : JSONValue.object(extra).serialized()
        return request
    }
}
