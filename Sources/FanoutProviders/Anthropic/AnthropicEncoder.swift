// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

/// Writes the body of a request in the format of Anthropic's Messages.
///
/// Source: docs.anthropic.com, "Messages".
struct AnthropicEncoder: BodyEncoder {
    var writer: JSONWriter
    let endpoint: Endpoint
    let extra: ExtraParameters
    var written: [String] = []
    let keepsKeys: Bool

    /// Sent where neither the request nor the deployment says how long an answer may be: Anthropic demands a number,
    /// and every model takes this one.
    static let maxTokensDefault: UInt64 = 4_096
    /// The fewest tokens of reasoning that Anthropic takes.
    static let budgetMin: UInt32 = 1_024
    /// The version of the API that this encoder speaks.
    static let version = "2023-06-01"

    /// The body of a request.
    static func body(of request: Request, for endpoint: Endpoint, stream: Bool) throws(Failure) -> [UInt8] {
        guard case .chat(let chat)? = request.task else {
            throw Failure(
                .unsupportedParameter,
                "\(endpoint.provider) answers conversations only: send a chat, or take another model",
                param: "task"
            )
        }
        var encoder = AnthropicEncoder(
            writer: JSONWriter(capacity: 1_024),
            endpoint: endpoint,
            extra: try ExtraParameters(request.extraJSON),
            keepsKeys: !endpoint.defaultsJSON.isEmpty
        )
        encoder.writer.beginObject()
        encoder.member("model", endpoint.model)
        try encoder.write(chat, stream: stream)
        try encoder.writeExtra()
        try encoder.writeDefaults(stream: stream)
        encoder.writer.endObject()
        return encoder.writer.finish()
    }

    /// The target of a request.
    ///
    /// A base URL may end in `/v1`, in `/v1/messages`, or before both, as LiteLLM takes it.
    static func path(for endpoint: Endpoint) -> String {
        let prefix = endpoint.pathPrefix
        let path =
            if prefix.hasSuffix("/messages") {
                prefix
            } else if prefix.hasSuffix("/v1") {
                prefix + "/messages"
            } else {
                prefix + "/v1/messages"
            }
        return endpoint.query.isEmpty ? path : path + "?" + endpoint.query
    }

    private mutating func write(_ chat: ChatRequest, stream: Bool) throws(Failure) {
        try self.writeSystem(chat.messages)
        self.key("messages")
        try self.writeMessages(chat.messages)
        if stream { self.member("stream", true) }
        try self.writeBounds(chat)
        try self.write(chat.sampling)
        if !chat.tools.isEmpty, self.wants("tools") {
            self.key("tools")
            try self.writeTools(chat.tools)
        }
        self.writeToolChoice(chat)
        self.writeOutput(chat)
        if !chat.user.isEmpty, self.wants("metadata") {
            self.key("metadata")
            self.writer.beginObject()
            self.writer.key("user_id")
            self.writer.string(chat.user)
            self.writer.endObject()
        }
        if !chat.serviceTier.isEmpty { self.member("service_tier", chat.serviceTier) }
    }

    /// `max_tokens` and `thinking`, which depend on each other.
    private mutating func writeBounds(_ chat: ChatRequest) throws(Failure) {
        let budget = chat.reasoning?.budgetTokens ?? 0
        if let most = chat.sampling.maxTokens {
            self.member("max_tokens", UInt64(most))
            if budget >= most {
                throw Failure(
                    .invalidRequest,
                    "reasoning.budget_tokens must be below max_tokens, which is \(most)",
                    param: "reasoning.budget_tokens"
                )
            }
        } else if !self.hasDefault("max_tokens") {
            self.member("max_tokens", UInt64(budget) + Self.maxTokensDefault)
        }
        guard let reasoning = chat.reasoning, self.wants("thinking") else { return }
        if budget > 0 {
            guard budget >= Self.budgetMin else {
                throw Failure(
                    .invalidRequest,
                    "reasoning.budget_tokens must be at least \(Self.budgetMin) at \(self.endpoint.provider)",
                    param: "reasoning.budget_tokens"
                )
            }
            self.writeThinking("enabled", budget: budget)
        } else if reasoning.effort == "none" {
            self.writeThinking("disabled", budget: 0)
        } else if reasoning.include {
            self.writeThinking("adaptive", budget: 0)
        }
    }

    private mutating func writeThinking(_ type: String, budget: UInt32) {
        self.key("thinking")
        self.writer.beginObject()
        self.writer.key("type")
        self.writer.string(type)
        if budget > 0 {
            self.writer.key("budget_tokens")
            self.writer.uint(UInt64(budget))
        }
        self.writer.endObject()
    }

    /// Whether the endpoint's own parameters have a key.
    private func hasDefault(_ name: String) -> Bool {
        guard self.keepsKeys, let members = try? jsonMembers(of: self.endpoint.defaultsJSON) else { return false }
        return members.contains { $0.key == name }
    }

    private mutating func write(_ sampling: Sampling) throws(Failure) {
        if let temperature = sampling.temperature, temperature > 1 {
            // From 0 to 1 here; a hotter draw can't be had.
            try self.refuse("temperature above 1")
        } else {
            try self.member("temperature", sampling.temperature)
        }
        try self.member("top_p", sampling.topP)
        if let count = sampling.topK { self.member("top_k", UInt64(count)) }
        if !sampling.stop.isEmpty, self.wants("stop_sequences") {
            self.key("stop_sequences")
            self.writer.beginArray()
            for text in sampling.stop { self.writer.string(text) }
            self.writer.endArray()
        }
    }

    /// The form of the answer and the effort: both live in `output_config`.
    private mutating func writeOutput(_ chat: ChatRequest) {
        var schema: ResponseFormat.Schema?
        if case .schema(let wanted)? = chat.responseFormat { schema = wanted }
        var effort = chat.reasoning?.effort ?? ""
        if effort == "none" { effort = "" }
        guard schema != nil || !effort.isEmpty, self.wants("output_config") else { return }
        self.key("output_config")
        self.writer.beginObject()
        if !effort.isEmpty {
            self.writer.key("effort")
            self.writer.string(effort)
        }
        if let schema {
            self.writer.key("format")
            self.writer.beginObject()
            self.writer.key("type")
            self.writer.string("json_schema")
            self.writer.key("schema")
            self.writer.raw(schema.json)
            self.writer.endObject()
        }
        self.writer.endObject()
    }
}
