// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

/// Writes the body of a request in the format of Cohere's API, version 2.
///
/// Source: docs.cohere.com/reference/chat and /embed. Cohere refuses any field that it doesn't know.
struct CohereEncoder: BodyEncoder {
    var writer: JSONWriter
    let endpoint: Endpoint
    let extra: ExtraParameters
    var written: [String] = []
    let keepsKeys: Bool

    /// Sent where nothing says what vectors are for: Cohere demands it, and most are made to be searched.
    static let inputTypeDefault = "search_document"
    /// The plan before tool calls goes back as such; reasoning without this id is a block of thinking.
    static let planID = "tool_plan"

    /// The body of a request.
    static func body(of request: Request, for endpoint: Endpoint, stream: Bool) throws(Failure) -> [UInt8] {
        var encoder = CohereEncoder(
            writer: JSONWriter(capacity: 1_024),
            endpoint: endpoint,
            extra: try ExtraParameters(request.extraJSON),
            keepsKeys: !endpoint.defaultsJSON.isEmpty
        )
        encoder.writer.beginObject()
        // Bedrock has it in the path, and refuses it here.
        if endpoint.format == .cohere { encoder.member("model", endpoint.model) }
        switch request.task {
        case .chat(let chat): try encoder.write(chat, stream: stream)
        case .embedding(let embedding): try encoder.write(embedding)
        case .completion:
            throw Failure(
                .unsupportedParameter,
                "\(endpoint.provider) has no text completions: send a chat, or take another model",
                param: "task"
            )
        case nil: throw Failure(.invalidRequest, "the request asks for nothing: give it a task", param: "task")
        }
        try encoder.writeExtra()
        try encoder.writeDefaults(stream: stream)
        encoder.writer.endObject()
        return encoder.writer.finish()
    }

    /// The target of a request.
    ///
    /// A base URL may end in the operation, in `/v2`, or before it.
    static func path(of request: Request, for endpoint: Endpoint) -> String {
        var path = endpoint.pathPrefix
        for operation in ["/chat", "/embed"] where path.hasSuffix(operation) { path.removeLast(operation.utf8.count) }
        if !path.hasSuffix("/v2") { path += "/v2" }
        if case .embedding = request.task { path += "/embed" } else { path += "/chat" }
        return endpoint.query.isEmpty ? path : path + "?" + endpoint.query
    }

    // MARK: Chat

    private mutating func write(_ chat: ChatRequest, stream: Bool) throws(Failure) {
        let documents = try self.documents(in: chat.messages)
        self.key("messages")
        try self.writeMessages(chat.messages)
        if stream { self.member("stream", true) }
        try self.write(documents)
        try self.write(chat.sampling)
        try self.writeTools(of: chat)
        try self.writeFormat(chat.responseFormat)
        try self.writeThinking(chat.reasoning)
        if let count = chat.topLogprobs {
            if count > 0 { try self.refuse("top_logprobs above 0") }
            self.member("logprobs", true)
        }
        if let choices = chat.choices, choices > 1 { try self.refuse("choices") }
        if !chat.user.isEmpty { try self.refuse("user") }
        if !chat.serviceTier.isEmpty { try self.refuse("service_tier") }
    }

    private mutating func write(_ sampling: Sampling) throws(Failure) {
        if let most = sampling.maxTokens { self.member("max_tokens", UInt64(most)) }
        try self.member("temperature", sampling.temperature)
        try self.member("p", sampling.topP)
        if let count = sampling.topK { self.member("k", UInt64(count)) }
        if !sampling.stop.isEmpty, self.wants("stop_sequences") {
            self.key("stop_sequences")
            self.writeTexts(sampling.stop)
        }
        if let seed = sampling.seed, self.wants("seed") {
            self.key("seed")
            self.writer.int(seed)
        }
        try self.writePenalty("presence_penalty", sampling.presencePenalty)
        try self.writePenalty("frequency_penalty", sampling.frequencyPenalty)
    }

    /// From 0 to 1 here.
    private mutating func writePenalty(_ name: StaticString, _ value: Double?) throws(Failure) {
        if let value, !(0...1).contains(value) {
            try self.refuse("\(name) outside 0 to 1")
        } else {
            try self.member(name, value)
        }
    }

    /// A schema rides on the mode for JSON, and is always enforced.
    private mutating func writeFormat(_ format: ResponseFormat?) throws(Failure) {
        guard let format, self.wants("response_format") else { return }
        self.key("response_format")
        self.writer.beginObject()
        self.writer.key("type")
        switch format {
        case .text: self.writer.string("text")
        case .json: self.writer.string("json_object")
        case .schema(let schema):
            self.writer.string("json_object")
            self.writer.key("json_schema")
            self.writer.raw(schema.json)
        }
        self.writer.endObject()
    }

    private mutating func writeThinking(_ reasoning: ReasoningOptions?) throws(Failure) {
        guard let reasoning, self.wants("thinking") else { return }
        let isOff = reasoning.effort == "none"
        // There are a switch and a budget, but no degrees.
        if !isOff, !reasoning.effort.isEmpty { try self.refuse("reasoning.effort") }
        guard isOff || reasoning.include || reasoning.budgetTokens > 0 else { return }
        self.key("thinking")
        self.writer.beginObject()
        self.writer.key("type")
        self.writer.string(isOff ? "disabled" : "enabled")
        if !isOff, reasoning.budgetTokens > 0 {
            self.writer.key("token_budget")
            self.writer.uint(UInt64(reasoning.budgetTokens))
        }
        self.writer.endObject()
    }

    // MARK: Embeddings

    private mutating func write(_ embedding: EmbeddingRequest) throws(Failure) {
        for name: StaticString in ["texts", "images", "inputs"] where self.extra.has(name) {
            throw Failure(
                .invalidRequest,
                "extra_json must not have the key \(name): what is embedded are the request's own inputs, which are texts",
                param: "extra_json.\(name)"
            )
        }
        self.key("texts")
        self.writeTexts(embedding.inputs)
        self.member("input_type", embedding.inputType.isEmpty ? Self.inputTypeDefault : embedding.inputType)
        guard !self.extra.has("embedding_types") else {
            throw Failure(
                .invalidRequest,
                "extra_json must not have the key embedding_types: vectors are given back as float32 only",
                param: "extra_json.embedding_types"
            )
        }
        self.key("embedding_types")
        self.writeTexts(["float"])
        if let size = embedding.dimensions { self.member("output_dimension", UInt64(size)) }
        if !embedding.user.isEmpty { try self.refuse("user") }
    }
}
