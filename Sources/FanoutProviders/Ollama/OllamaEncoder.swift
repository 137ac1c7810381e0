// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

/// Writes the body of a request in Ollama's own format.
///
/// Source: github.com/ollama/ollama, docs/api.md and api/types.go. Ollama passes over what it doesn't know, so nothing
/// is sent that it would ignore.
struct OllamaEncoder: BodyEncoder {
    var writer: JSONWriter
    let endpoint: Endpoint
    let extra: ExtraParameters
    var written: [String] = []
    let keepsKeys: Bool

    /// The parameters of a model, which are in the object `options`.
    static let optionNames: Set<String> = [
        "frequency_penalty", "low_vram", "main_gpu", "min_p", "mirostat", "mirostat_eta", "mirostat_tau", "num_batch",
        "num_ctx", "num_gpu", "num_keep", "num_predict", "num_thread", "numa", "penalize_newline", "presence_penalty",
        "repeat_last_n", "repeat_penalty", "seed", "stop", "temperature", "tfs_z", "top_k", "top_p", "typical_p",
        "use_mlock", "use_mmap", "vocab_only",
    ]

    /// The body of a request.
    static func body(of request: Request, for endpoint: Endpoint, stream: Bool) throws(Failure) -> [UInt8] {
        var encoder = OllamaEncoder(
            writer: JSONWriter(capacity: 1_024),
            endpoint: endpoint,
            extra: try ExtraParameters(request.extraJSON),
            keepsKeys: !endpoint.defaultsJSON.isEmpty
        )
        encoder.writer.beginObject()
        encoder.member("model", endpoint.model)
        switch request.task {
        case .chat(let chat): try encoder.write(chat, stream: stream)
        case .completion(let completion): try encoder.write(completion, stream: stream)
        case .embedding(let embedding): try encoder.write(embedding)
        case nil: throw Failure(.invalidRequest, "the request asks for nothing: give it a task", param: "task")
        }
        try encoder.writeExtra()
        try encoder.writeDefaults(stream: stream)
        encoder.writer.endObject()
        return encoder.writer.finish()
    }

    /// The target of a request.
    ///
    /// A base URL may end in the operation, in `/api`, or before it.
    static func path(of request: Request, for endpoint: Endpoint) -> String {
        var path = endpoint.pathPrefix
        for operation in ["/chat", "/generate", "/embed"] where path.hasSuffix("/api" + operation) {
            path.removeLast(operation.utf8.count)
        }
        if !path.hasSuffix("/api") { path += "/api" }
        switch request.task {
        case .embedding: path += "/embed"
        case .completion: path += "/generate"
        case .chat, nil: path += "/chat"
        }
        return endpoint.query.isEmpty ? path : path + "?" + endpoint.query
    }

    func nests(_ key: String) -> Bool { key == "options" || Self.optionNames.contains(key) }

    // MARK: Tasks

    private mutating func write(_ chat: ChatRequest, stream: Bool) throws(Failure) {
        self.key("messages")
        try self.writeMessages(chat.messages)
        // A stream is what Ollama gives where nothing is said.
        self.member("stream", stream)
        try self.writeOptions(chat.sampling)
        try self.writeTools(of: chat)
        if let format = chat.responseFormat { self.write(format) }
        if let reasoning = chat.reasoning { try self.write(reasoning) }
        self.writeLogprobs(chat.topLogprobs)
        if let choices = chat.choices, choices > 1 { try self.refuse("choices") }
        if !chat.user.isEmpty { try self.refuse("user") }
        if !chat.serviceTier.isEmpty { try self.refuse("service_tier") }
    }

    /// The model's template stands around the prompt, unless extra parameters ask for it `raw`.
    private mutating func write(_ completion: CompletionRequest, stream: Bool) throws(Failure) {
        self.key("prompt")
        self.writer.string(try self.onePrompt(of: completion))
        self.member("stream", stream)
        if !completion.suffix.isEmpty { self.member("suffix", completion.suffix) }
        try self.writeOptions(completion.sampling)
        self.writeLogprobs(completion.logprobs)
        if completion.echo { try self.refuse("echo") }
        if let choices = completion.choices, choices > 1 { try self.refuse("choices") }
        if !completion.user.isEmpty { try self.refuse("user") }
    }

    private mutating func write(_ embedding: EmbeddingRequest) throws(Failure) {
        guard !self.extra.has("images") else {
            throw Failure(
                .invalidRequest,
                "extra_json must not have the key images: only texts are embedded",
                param: "extra_json.images"
            )
        }
        self.key("input")
        self.writeTexts(embedding.inputs)
        if let size = embedding.dimensions { self.member("dimensions", UInt64(size)) }
        try self.writeOptions(Sampling())
        if !embedding.inputType.isEmpty { try self.refuse("input_type") }
        if !embedding.user.isEmpty { try self.refuse("user") }
    }

    // MARK: Parameters

    /// What the caller sent in addition goes before the request's own fields, those before the endpoint's defaults.
    private mutating func writeOptions(_ sampling: Sampling) throws(Failure) {
        var options = NestedMembers()
        try self.nested(in: "options", from: self.extra.json, "extra_json", into: &options)
        if let most = sampling.maxTokens { options.add("num_predict") { $0.uint(UInt64(most)) } }
        try options.add("temperature", sampling.temperature, from: "temperature")
        try options.add("top_p", sampling.topP, from: "top_p")
        if let count = sampling.topK { options.add("top_k") { $0.uint(UInt64(count)) } }
        if !sampling.stop.isEmpty {
            options.add("stop") { (writer) in
                writer.beginArray()
                for text in sampling.stop { writer.string(text) }
                writer.endArray()
            }
        }
        if let seed = sampling.seed { options.add("seed") { $0.int(seed) } }
        try options.add("presence_penalty", sampling.presencePenalty, from: "presence_penalty")
        try options.add("frequency_penalty", sampling.frequencyPenalty, from: "frequency_penalty")
        try self.nested(in: "options", from: self.endpoint.defaultsJSON, "the defaults", into: &options)
        guard !options.isEmpty else { return }
        self.key("options")
        options.write(to: &self.writer)
    }

    private mutating func write(_ format: ResponseFormat) {
        guard self.wants("format") else { return }
        switch format {
        case .text: break
        case .json: self.member("format", "json")
        case .schema(let schema):
            self.key("format")
            self.writer.raw(schema.json)
        }
    }

    /// A switch, or a degree for the models that have degrees; there is no budget.
    private mutating func write(_ reasoning: ReasoningOptions) throws(Failure) {
        if reasoning.budgetTokens > 0 { try self.refuse("reasoning.budget_tokens") }
        if reasoning.effort == "none" {
            self.member("think", false)
        } else if !reasoning.effort.isEmpty {
            self.member("think", reasoning.effort)
        } else if reasoning.include {
            self.member("think", true)
        }
    }

    private mutating func writeLogprobs(_ alternatives: UInt32?) {
        guard let alternatives else { return }
        self.member("logprobs", true)
        if alternatives > 0 { self.member("top_logprobs", UInt64(alternatives)) }
    }

    /// Writes the tools; that none may be called is said by leaving them out, that one must be can't be said.
    private mutating func writeTools(of chat: ChatRequest) throws(Failure) {
        if chat.parallelToolCalls == false { try self.refuse("parallel_tool_calls") }
        switch chat.toolChoice {
        case .required?, .named?: try self.refuse("tool_choice")
        case ToolChoice.none?: return
        case .auto?, nil: break
        }
        guard !chat.tools.isEmpty, self.wants("tools") else { return }
        self.key("tools")
        self.writer.beginArray()
        for (index, tool) in chat.tools.enumerated() {
            guard tool.kind == .function else { throw Self.unsupportedTool(index, self.endpoint) }
            self.writeFunction(tool)
        }
        self.writer.endArray()
    }
}
