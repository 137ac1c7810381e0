// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

/// Writes the body of a request in OpenAI's format.
struct OpenAIEncoder: BodyEncoder {
    var writer: JSONWriter
    let endpoint: Endpoint
    let dialect: Dialect
    let extra: ExtraParameters
    var written: [String] = []
    let keepsKeys: Bool

    private init(endpoint: Endpoint, dialect: Dialect, extra: ExtraParameters, capacity: Int) {
        self.writer = JSONWriter(capacity: capacity)
        self.endpoint = endpoint
        self.dialect = dialect
        self.extra = extra
        self.keepsKeys = !endpoint.defaultsJSON.isEmpty
    }

    /// The body of a request.
    static func body(
        of request: Request,
        for endpoint: Endpoint,
        dialect: Dialect,
        stream: Bool
    ) throws(Failure) -> [UInt8] {
        let extra = try ExtraParameters(request.extraJSON)
        var encoder = OpenAIEncoder(
            endpoint: endpoint,
            dialect: dialect,
            extra: extra,
            capacity: Self.capacity(for: request)
        )
        encoder.writer.beginObject()
        encoder.member("model", endpoint.model)
        switch request.task {
        case .chat(let chat): try encoder.write(chat, stream: stream)
        case .completion(let completion): try encoder.write(completion, stream: stream)
        case .embedding(let embedding): encoder.write(embedding)
        case nil: throw Failure(.invalidRequest, "the request asks for nothing: give it a task", param: "task")
        }
        try encoder.writeExtra()
        try encoder.writeDefaults(stream: stream)
        encoder.writer.endObject()
        return encoder.writer.finish()
    }

    /// Room for the texts and some parameters, so that the buffer grows rarely.
    private static func capacity(for request: Request) -> Int {
        var bytes = 256 + request.extraJSON.count
        switch request.task {
        case .chat(let chat):
            for message in chat.messages {
                bytes += 64
                for part in message.parts {
                    if case .text(let text) = part.kind { bytes += text.text.utf8.count + 32 }
                }
            }
        case .completion(let completion):
            for prompt in completion.prompts { bytes += prompt.utf8.count + 8 }
        case .embedding(let embedding):
            for input in embedding.inputs { bytes += input.utf8.count + 8 }
        case nil: break
        }
        // An eighth for escapes.
        return bytes + bytes / 8
    }

    private mutating func write(_ chat: ChatRequest, stream: Bool) throws(Failure) {
        self.key("messages")
        try self.writeMessages(chat.messages)
        if stream { self.writeStream() }
        try self.write(chat.sampling, maxTokens: self.endpoint.quirks.contains(.maxCompletionTokens))
        self.writeChoices(chat.choices)
        if !chat.tools.isEmpty, self.wants("tools") {
            self.key("tools")
            try self.writeTools(chat.tools)
        }
        if let choice = chat.toolChoice, self.wants("tool_choice") { self.write(choice, tools: chat.tools) }
        if let parallel = chat.parallelToolCalls { self.member("parallel_tool_calls", parallel) }
        if let format = chat.responseFormat, self.wants("response_format") { self.write(format) }
        if let reasoning = chat.reasoning { self.write(reasoning) }
        if let count = chat.topLogprobs {
            self.member("logprobs", true)
            if count > 0 { self.member("top_logprobs", UInt64(count)) }
        }
        if !chat.user.isEmpty { self.member("user", chat.user) }
        if !chat.serviceTier.isEmpty { self.member("service_tier", chat.serviceTier) }
    }

    private mutating func write(_ completion: CompletionRequest, stream: Bool) throws(Failure) {
        self.key("prompt")
        self.writeTexts(completion.prompts, single: true)
        if stream { self.writeStream() }
        try self.write(completion.sampling, maxTokens: false)
        self.writeChoices(completion.choices)
        if !completion.suffix.isEmpty { self.member("suffix", completion.suffix) }
        if completion.echo { self.member("echo", true) }
        if let count = completion.logprobs { self.member("logprobs", UInt64(count)) }
        if !completion.user.isEmpty { self.member("user", completion.user) }
    }

    private mutating func write(_ embedding: EmbeddingRequest) {
        self.key("input")
        self.writeTexts(embedding.inputs, single: false)
        if self.dialect.contains(.base64Vectors) { self.member("encoding_format", "base64") }
        if let dimensions = embedding.dimensions {
            let renamed = self.dialect.contains(.outputDimension)
            self.member(renamed ? "output_dimension" : "dimensions", UInt64(dimensions))
        }
        if !embedding.inputType.isEmpty { self.member("input_type", embedding.inputType) }
        if !embedding.user.isEmpty { self.member("user", embedding.user) }
    }

    private mutating func writeStream() {
        self.member("stream", true)
        guard !self.endpoint.quirks.contains(.noStreamOptions), self.wants("stream_options") else { return }
        self.key("stream_options")
        self.writer.beginObject()
        self.writer.key("include_usage")
        self.writer.bool(true)
        self.writer.endObject()
    }

    private mutating func writeTexts(_ texts: [String], single: Bool) {
        if single, texts.count == 1 { return self.writer.string(texts[0]) }
        self.writer.beginArray()
        for text in texts { self.writer.string(text) }
        self.writer.endArray()
    }

    private mutating func write(_ sampling: Sampling, maxTokens renamed: Bool) throws(Failure) {
        if let count = sampling.maxTokens {
            self.member(renamed ? "max_completion_tokens" : "max_tokens", UInt64(count))
        }
        try self.member("temperature", sampling.temperature)
        try self.member("top_p", sampling.topP)
        if let count = sampling.topK { self.member("top_k", UInt64(count)) }
        if !sampling.stop.isEmpty, self.wants("stop") {
            self.key("stop")
            self.writeTexts(sampling.stop, single: false)
        }
        if let seed = sampling.seed {
            let name: StaticString = self.endpoint.quirks.contains(.randomSeed) ? "random_seed" : "seed"
            if self.wants(name) {
                self.key(name)
                self.writer.int(seed)
            }
        }
        try self.member("presence_penalty", sampling.presencePenalty)
        try self.member("frequency_penalty", sampling.frequencyPenalty)
    }

    /// One choice is what every provider gives, so that is said only where there are more.
    private mutating func writeChoices(_ count: UInt32?) {
        if let count, count > 1 { self.member("n", UInt64(count)) }
    }

    /// A default is written under the name that this endpoint knows.
    func wireName(ofDefault key: String) -> String {
        switch key {
        case "max_tokens" where self.endpoint.quirks.contains(.maxCompletionTokens): "max_completion_tokens"
        case "seed" where self.endpoint.quirks.contains(.randomSeed): "random_seed"
        default: key
        }
    }
}
