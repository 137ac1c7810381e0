// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutJSON
import FanoutModel
import Foundation

/// Reads a body of Google's generateContent, or of one of its embedding methods, into the neutral form.
struct GeminiRequestReader {
    /// Calls without an id that no result has come for, oldest first.
    private var open: [(id: String, name: String)] = []
    private var calls = 0

    /// The request that a body asks for.
    static func read(_ body: JSONValue, endpoint: String) throws -> Request {
        var reader = GeminiRequestReader()
        return try reader.request(body, endpoint: endpoint)
    }

    /// The request that a body asks for.
    /// - Throws: ``GeminiUnsayable`` for what the neutral form can't hold.
    mutating func request(_ body: JSONValue, endpoint: String) throws -> Request {
        switch endpoint {
        case "embedContent": try self.embedding([body])
        case "batchEmbedContents": try self.embedding(body["requests"]?.elements ?? [])
        case "predict": try self.prediction(body)
        default: try self.chat(GeminiMeaning.camelCased(body))
        }
    }

    // MARK: Conversations

    private mutating func chat(_ body: JSONValue) throws -> Request {
        var members = try GeminiFields(body, "body")
        var messages: [Message] = []
        if let instructions = members.take("systemInstruction") {
            var content = try GeminiFields(instructions, "systemInstruction")
            _ = content.take("role")
            let parts = try (content.take("parts")?.elements ?? []).map { try self.part($0) }
            messages.append(Message(role: .system, parts: parts.flatMap { $0 }))
            try content.end()
        }
        for content in members.take("contents")?.elements ?? [] { messages.append(try self.message(content)) }
        var chat = ChatRequest(messages: messages)
        var own: [String: JSONValue] = [:]
        if let config = members.take("generationConfig") {
            own["generationConfig"] = try self.read(config, into: &chat)
        }
        for tool in members.take("tools")?.elements ?? [] { chat.tools += try self.tools(tool) }
        if let config = members.take("toolConfig") { own["toolConfig"] = try self.choose(config, into: &chat) }
        var request = Request(model: "g", task: .chat(chat))
        let extra = members.rest.merging(own) { first, _ in first }
        if !extra.isEmpty { request.extraJSON = JSONValue.object(extra).serialized() }
        return request
    }

    private mutating func message(_ value: JSONValue) throws -> Message {
        var members = try GeminiFields(value, "contents[]")
        let role = try members.text("role") ?? "user"
        let values = members.take("parts")?.elements ?? []
        try members.end()
        let parts = try values.flatMap { try self.part($0) }
        if role == "model" { return Message(role: .assistant, parts: parts) }
        let isResults = !values.isEmpty && values.allSatisfy { $0["functionResponse"] != nil }
        return Message(role: isResults ? .tool : .user, parts: parts)
    }

    private mutating func part(_ value: JSONValue) throws -> [Part] {
        var members = try GeminiFields(value, "parts[]")
        let signature = Array((try members.text("thoughtSignature") ?? "").utf8)
        let isThought = try members.bool("thought") ?? false
        var proof = Reasoning()
        proof.signature = signature
        let proofs = signature.isEmpty ? [] : [Part(.reasoning(proof))]
        defer { assert(members.rest.isEmpty) }
        if let text = try members.text("text") {
            guard isThought else { return proofs + (text.isEmpty ? [] : [Part(.text(Text(text)))]) }
            proof.text = text
            return [Part(.reasoning(proof))]
        }
        if let call = members.take("functionCall") { return [Part(.toolCall(try self.call(call, signature)))] }
        if let response = members.take("functionResponse") { return [Part(.toolResult(try self.result(response)))] }
        if let inline = members.take("inlineData") {
            guard let data = inline["data"]?.text, let bytes = Data(base64Encoded: GeminiMeaning.standard(data)) else {
                throw GeminiUnsayable(path: "inlineData.data")
            }
            return proofs + [self.media(inline["mimeType"]?.text ?? "", .data(Array(bytes)))]
        }
        if let file = members.take("fileData") {
            return proofs + [self.media(file["mimeType"]?.text ?? "", .url(file["fileUri"]?.text ?? ""))]
        }
        throw GeminiUnsayable(path: "parts[].\(members.rest.keys.min() ?? "")")
    }

    private func media(_ type: String, _ source: Media.Source) -> Part {
        let media = Media(mimeType: type, source: source)
        return switch type.prefix(6) {
        case "image/": Part(.image(media))
        case "audio/": Part(.audio(media))
        case "video/": Part(.video(media))
        default: Part(.document(media))
        }
    }

    private mutating func call(_ value: JSONValue, _ signature: [UInt8]) throws -> ToolCall {
        var members = try GeminiFields(value, "functionCall")
        let name = try members.text("name") ?? ""
        // Such an id is made up for a call that came without.
        let id = try members.text("id") ?? "fanout-x-0-\(self.calls)"
        self.calls += 1
        self.open.append((id, name))
        var call = ToolCall(id: id, name: name, arguments: (members.take("args") ?? .object([:])).serialized())
        call.signature = signature
        try members.end()
        return call
    }

    private mutating func result(_ value: JSONValue) throws -> ToolResult {
        var members = try GeminiFields(value, "functionResponse")
        let name = try members.text("name") ?? ""
        let given = try members.text("id")
        let place = self.open.firstIndex { given.map { [id = $0.id] in id == $0 } ?? ($0.name == name) }
        guard let place else { throw GeminiUnsayable(path: "functionResponse.id") }
        let id = self.open.remove(at: place).id
        guard case .object(let response)? = members.take("response") else {
            throw GeminiUnsayable(path: "functionResponse.response")
        }
        try members.end()
        if response.count == 1, let text = response["output"]?.text {
            return ToolResult(callID: id, pieces: [.init(.text(Text(text)))])
        }
        if response.count == 1, let text = response["error"]?.text {
            var result = ToolResult(callID: id, pieces: [.init(.text(Text(text)))])
            result.isError = true
            return result
        }
        return ToolResult(callID: id, pieces: [.init(.json(JSONValue.object(response).serialized()))])
    }

    // MARK: Parameters

    /// Gives what of `generationConfig` stays an extra parameter.
    private func read(_ config: JSONValue, into chat: inout ChatRequest) throws -> JSONValue? {
        var members = try GeminiFields(config, "generationConfig")
        chat.sampling.temperature = try members.number("temperature")
        chat.sampling.topP = try members.number("topP")
        chat.sampling.topK = try members.count("topK")
        chat.sampling.maxTokens = try members.count("maxOutputTokens")
        chat.sampling.stop = try members.texts("stopSequences") ?? []
        chat.sampling.seed = try members.integer("seed")
        chat.sampling.presencePenalty = try members.number("presencePenalty")
        chat.sampling.frequencyPenalty = try members.number("frequencyPenalty")
        chat.choices = try members.count("candidateCount")
        let schema = members.take("responseJsonSchema") ?? members.take("responseSchema")
        if try members.text("responseMimeType") == "application/json" { chat.responseFormat = .json }
        if let schema { chat.responseFormat = .schema(.init(name: "", json: schema.serialized())) }
        if let thinking = members.take("thinkingConfig") {
            var wishes = try GeminiFields(thinking, "thinkingConfig")
            var reasoning = ReasoningOptions()
            reasoning.include = try wishes.bool("includeThoughts") ?? false
            if let budget = try wishes.count("thinkingBudget") {
                if budget == 0 { reasoning.effort = "none" } else { reasoning.budgetTokens = budget }
            }
            chat.reasoning = reasoning
            try wishes.end()
        }
        return members.rest.isEmpty ? nil : .object(members.rest)
    }

    /// Gives what of `toolConfig` stays an extra parameter.
    private func choose(_ config: JSONValue, into chat: inout ChatRequest) throws -> JSONValue? {
        var members = try GeminiFields(config, "toolConfig")
        if let calling = members.take("functionCallingConfig") {
            var wishes = try GeminiFields(calling, "functionCallingConfig")
            let names = try wishes.texts("allowedFunctionNames") ?? []
            switch try wishes.text("mode") {
            case "AUTO": chat.toolChoice = .auto
            case "NONE": chat.toolChoice = ToolChoice.none
            case "ANY": chat.toolChoice = names.isEmpty ? .required : .named(names)
            default: throw GeminiUnsayable(path: "functionCallingConfig.mode")
            }
            try wishes.end()
        }
        return members.rest.isEmpty ? nil : .object(members.rest)
    }

    private func tools(_ value: JSONValue) throws -> [Tool] {
        let functions = value["functionDeclarations"]?.elements ?? []
        let read = try functions.map(self.function)
        if !functions.isEmpty, read.allSatisfy({ $0 != nil }) { return read.compactMap { $0 } }
        var tool = Tool(name: "")
        tool.kind = .builtIn
        tool.specJSON = value.serialized()
        return [tool]
    }

    /// Nil = it has what only Google knows, and is carried whole.
    private func function(_ value: JSONValue) throws -> Tool? {
        var members = try GeminiFields(value, "functionDeclarations[]")
        var tool = Tool(name: try members.text("name") ?? "")
        tool.description = try members.text("description") ?? ""
        let schema = members.take("parametersJsonSchema") ?? members.take("parameters")
        tool.parametersJSON = schema?.serialized() ?? []
        return members.rest.isEmpty ? tool : nil
    }

    // MARK: Vectors

    private func embedding(_ requests: [JSONValue]) throws -> Request {
        var embedding = EmbeddingRequest(inputs: [])
        var extra: [String: JSONValue] = [:]
        for value in requests {
            var members = try GeminiFields(value, "requests[]")
            _ = members.take("model")
            guard let parts = members.take("content")?["parts"]?.elements, parts.count == 1,
                let text = parts[0]["text"]?.text
            else { throw GeminiUnsayable(path: "content.parts") }
            embedding.inputs.append(text)
            embedding.inputType = try members.text("taskType") ?? ""
            embedding.dimensions = try members.count("outputDimensionality")
            extra = members.rest
        }
        var request = Request(model: "g", task: .embedding(embedding))
        if !extra.isEmpty { request.extraJSON = JSONValue.object(extra).serialized() }
        return request
    }

    private func prediction(_ body: JSONValue) throws -> Request {
        var members = try GeminiFields(body, "body")
        var embedding = EmbeddingRequest(inputs: [])
        for value in members.take("instances")?.elements ?? [] {
            var instance = try GeminiFields(value, "instances[]")
            embedding.inputs.append(try instance.text("content") ?? "")
            embedding.inputType = try instance.text("task_type") ?? ""
            try instance.end()
        }
        try members.end()
        return Request(model: "g", task: .embedding(embedding))
    }
}

/// What the neutral form has no word for.
struct GeminiUnsayable: Error {
    var path: String
}

/// A JSON object whose every member must be read, so that nothing of a recorded request is passed over.
struct GeminiFields {
    let path: String
    private(set) var rest: [String: JSONValue]

    init(_ value: JSONValue, _ path: String) throws {
        guard case .object(let members) = value else { throw GeminiUnsayable(path: path) }
        self.path = path
        self.rest = members.filter { $0.value != .null }
    }

    /// The member of that name, which then counts as read; null counts as absent.
    mutating func take(_ key: String) -> JSONValue? { self.rest.removeValue(forKey: key) }

    mutating func text(_ key: String) throws -> String? { try self.read(key, \.text) }

    mutating func bool(_ key: String) throws -> Bool? {
        try self.read(key) { if case .bool(let flag) = $0 { flag } else { nil } }
    }

    mutating func number(_ key: String) throws -> Double? { try self.read(key, GeminiMeaning.number) }

    mutating func integer(_ key: String) throws -> Int64? {
        try self.read(key) { GeminiMeaning.number($0).flatMap { Int64(exactly: $0) } }
    }

    mutating func count(_ key: String) throws -> UInt32? {
        try self.read(key) { GeminiMeaning.number($0).flatMap { UInt32(exactly: $0) } }
    }

    mutating func texts(_ key: String) throws -> [String]? { try self.read(key) { $0.elements?.compactMap(\.text) } }

    /// Refuses what was not read.
    func end() throws {
        if let key = self.rest.keys.min() { throw GeminiUnsayable(path: "\(self.path).\(key)") }
    }

    private mutating func read<Value>(_ key: String, _ read: (JSONValue) -> Value?) throws -> Value? {
        guard let value = self.take(key) else { return nil }
        guard let result = read(value) else { throw GeminiUnsayable(path: "\(self.path).\(key)") }
        return result
    }
}
