// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

/// Writes the body of a request in the format of Google's generateContent, which the Gemini API and Vertex AI share.
///
/// Source: ai.google.dev/api/generate-content, and what Google's own client sends (googleapis/python-genai). The model
/// and whether the answer is streamed are in the path. A caller's own `generationConfig` and `toolConfig` are joined
/// with ours, member by member; theirs go first, as at the top.
struct GeminiEncoder: BodyEncoder {
    var writer: JSONWriter
    /// The members of `generationConfig`.
    var config = JSONWriter(capacity: 256)
    let endpoint: Endpoint
    let extra: ExtraParameters
    /// The caller's own members of `generationConfig` and `toolConfig`.
    let ownConfig: GeminiObject
    let ownToolConfig: GeminiObject
    var written: [String] = []
    let keepsKeys: Bool
    /// The members of `generationConfig` that were written, kept only where defaults must not repeat them.
    var configured: [String] = []

    /// How ids begin that were made up for calls that came without one; they aren't sent back.
    static let madePrefix = "fanout-"

    private init(_ request: Request, _ endpoint: Endpoint) throws(Failure) {
        self.writer = JSONWriter(capacity: 1_024)
        self.endpoint = endpoint
        self.extra = try ExtraParameters(request.extraJSON)
        self.ownConfig = try GeminiObject("generationConfig", of: self.extra)
        self.ownToolConfig = try GeminiObject("toolConfig", of: self.extra)
        self.keepsKeys = !endpoint.defaultsJSON.isEmpty
    }

    /// The body of a request.
    static func body(of request: Request, for endpoint: Endpoint) throws(Failure) -> [UInt8] {
        var encoder = try GeminiEncoder(request, endpoint)
        var defaults = try DeploymentParameters(endpoint)
        encoder.writer.beginObject()
        switch request.task {
        case .chat(var chat)?:
            defaults.fill(&chat)
            encoder.config.beginObject()
            try encoder.write(chat)
            try encoder.writeConfig(defaults)
            try encoder.writeOwn(skipping: ["generationConfig", "toolConfig"])
        case .embedding(var embedding)?:
            defaults.fill(&embedding)
            try encoder.write(embedding)
        case .completion?, nil:
            throw Failure(
                .unsupportedParameter,
                "\(endpoint.provider) answers conversations and embeddings only: send a chat, or take another model",
                param: "task"
            )
        }
        for member in defaults.rest {
            let name = GeminiObject.camelCase(member.key)
            guard !encoder.written.contains(name), !Self.configNames.contains(name) else { continue }
            encoder.writer.key(member.key)
            encoder.writer.raw(defaults.bytes(member))
        }
        encoder.writer.endObject()
        return encoder.writer.finish()
    }

    /// Appends the caller's own members but these.
    mutating func writeOwn(skipping skipped: Set<String>) throws(Failure) {
        guard !self.extra.members.isEmpty else { return }
        for name in self.extra.members.map({ GeminiObject.camelCase($0.key) }) {
            guard !Self.reserved.contains(name) else {
                throw Failure(
                    .invalidRequest,
                    "extra_json must not have the key \(name): Fanout writes it from the request's own fields",
                    param: "extra_json.\(name)"
                )
            }
            if self.keepsKeys { self.written.append(name) }
        }
        do throws(JSONError) {
            try self.writer.members(of: self.extra.json) { skipped.contains(GeminiObject.camelCase($0)) }
        } catch {
            throw Failure(.invalidRequest, "extra_json must be one JSON object: \(error)", param: "extra_json")
        }
    }

    private static let reserved: Set<String> = ["contents", "content", "requests", "instances"]

    /// Whether the caller's own object leaves this key to us, in whichever spelling.
    func leaves(_ key: StaticString) -> Bool {
        guard !self.extra.members.isEmpty else { return true }
        let name = key.description
        return !self.extra.members.contains { GeminiObject.camelCase($0.key) == name }
    }

    // MARK: Conversations

    private mutating func write(_ chat: ChatRequest) throws(Failure) {
        try self.writeSystem(chat.messages)
        self.key("contents")
        try self.writeContents(chat.messages)
        try self.writeTools(chat)
        try self.writeToolConfig(chat)
        try self.write(chat.sampling)
        if let count = chat.choices { self.configure("candidateCount", UInt64(count)) }
        if let count = chat.topLogprobs {
            if self.begins("responseLogprobs") { self.config.bool(true) }
            if count > 0 { self.configure("logprobs", UInt64(count)) }
        }
        if let format = chat.responseFormat { try self.write(format) }
        if let reasoning = chat.reasoning { try self.write(reasoning) }
        if !chat.user.isEmpty { try self.refuse("user") }
        if !chat.serviceTier.isEmpty, self.leaves("serviceTier") {
            self.key("serviceTier")
            self.writer.string(chat.serviceTier)
        }
    }

    /// Begins a member of `generationConfig`; false = the caller's own goes before it.
    mutating func begins(_ name: StaticString) -> Bool {
        guard !self.ownConfig.has(name) else { return false }
        self.config.key(name)
        if self.keepsKeys { self.configured.append(name.description) }
        return true
    }

    private mutating func configure(_ name: StaticString, _ value: UInt64) {
        if self.begins(name) { self.config.uint(value) }
    }

    private mutating func configure(_ name: StaticString, _ value: Double?) throws(Failure) {
        guard let value, self.begins(name) else { return }
        guard value.isFinite else {
            throw Failure(.invalidRequest, "\(name) must be a finite number", param: name.description)
        }
        self.config.double(value)
    }

    private mutating func write(_ sampling: Sampling) throws(Failure) {
        if let count = sampling.maxTokens { self.configure("maxOutputTokens", UInt64(count)) }
        try self.configure("temperature", sampling.temperature)
        try self.configure("topP", sampling.topP)
        if let count = sampling.topK { self.configure("topK", UInt64(count)) }
        if !sampling.stop.isEmpty, self.begins("stopSequences") {
            self.config.beginArray()
            for text in sampling.stop { self.config.string(text) }
            self.config.endArray()
        }
        if let seed = sampling.seed {
            // A number of 32 bits there.
            if Int32(exactly: seed) == nil {
                try self.refuse("seed beyond 32 bits")
            } else if self.begins("seed") {
                self.config.int(seed)
            }
        }
        try self.configure("presencePenalty", sampling.presencePenalty)
        try self.configure("frequencyPenalty", sampling.frequencyPenalty)
    }

    private mutating func write(_ format: ResponseFormat) throws(Failure) {
        switch format {
        case .text: return
        case .json:
            if self.begins("responseMimeType") { self.config.string("application/json") }
        case .schema(let schema):
            let isGoogles = GeminiSchema.isGoogles(schema.json)
            if !isGoogles {
                try self.check(schema.json, isStrict: schema.strict == true, "response_format.schema_json")
            }
            if self.begins("responseMimeType") { self.config.string("application/json") }
            if self.begins(isGoogles ? "responseSchema" : "responseJsonSchema") { self.config.raw(schema.json) }
        }
    }

    /// Refuses what a schema asks and Google can't express.
    func check(_ schema: [UInt8], isStrict: Bool, _ param: String) throws(Failure) {
        guard let finding = GeminiSchema.finding(in: schema, isStrict: isStrict), !self.endpoint.dropsUnsupported else {
            return
        }
        throw Failure(
            .unsupportedParameter,
            "\(param): \(self.endpoint.provider) can't express \(finding.keyword) at \(finding.pointer) of a JSON "
                + "Schema: write the schema without it, or set drop_params for this deployment, so that it is sent as "
                + "it is and not held to",
            param: param
        )
    }

    private mutating func writeConfig(_ defaults: DeploymentParameters) throws(Failure) {
        self.ownConfig.write(to: &self.config)
        for member in defaults.rest {
            let name = GeminiObject.camelCase(member.key)
            guard Self.configNames.contains(name), !self.configured.contains(name), !self.ownConfig.has(name) else {
                continue
            }
            self.config.key(member.key)
            self.config.raw(defaults.bytes(member))
        }
        // A brace alone: nothing was said.
        guard self.config.bytes.count > 1 else { return }
        self.config.endObject()
        self.key("generationConfig")
        self.writer.raw(self.config.bytes)
    }

    /// The members of `generationConfig` that a deployment may have beside its other parameters, as LiteLLM takes them.
    private static let configNames: Set<String> = [
        "responseMimeType", "responseSchema", "responseJsonSchema", "responseModalities", "mediaResolution",
        "speechConfig", "audioTimestamp", "thinkingConfig", "imageConfig", "enableEnhancedCivicAnswers",
        "routingConfig", "modelSelectionConfig", "maxOutputTokens", "stopSequences", "candidateCount",
    ]
}
