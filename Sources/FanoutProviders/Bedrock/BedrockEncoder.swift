// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

/// Writes the body of a request in the format of Amazon Bedrock's Converse.
///
/// Source: Amazon Bedrock API reference, "Converse". What the caller or the deployment gives in addition goes to the
/// body where Converse has a member of that name, else to `additionalModelRequestFields`, which the model reads.
struct BedrockEncoder: BodyEncoder {
    var writer: JSONWriter
    let endpoint: Endpoint
    let extra: ExtraParameters
    let model: BedrockModel
    var written: [String] = []
    let keepsKeys: Bool
    /// The deployment's own parameters.
    let defaults: [JSONMember]
    /// Documents that were given a name for want of one.
    var namedDocuments = 0

    /// What Converse itself has a word for.
    static let members: Set<String> = [
        "additionalModelRequestFields", "additionalModelResponseFieldPaths", "guardrailConfig", "inferenceConfig",
        "outputConfig", "performanceConfig", "promptVariables", "requestMetadata", "serviceTier", "system",
        "toolConfig",
    ]
    /// Parameters of the neutral form that a deployment may have defaults for, and what Converse calls them.
    static let inference: [(name: String, member: StaticString)] = [
        ("max_tokens", "maxTokens"), ("max_completion_tokens", "maxTokens"), ("temperature", "temperature"),
        ("top_p", "topP"), ("stop", "stopSequences"), ("stop_sequences", "stopSequences"),
    ]

    /// The body of a request.
    static func body(of request: Request, for endpoint: Endpoint) throws(Failure) -> [UInt8] {
        guard case .chat(let chat)? = request.task else {
            throw Failure(
                .unsupportedParameter,
                "\(endpoint.provider) has no text completions: send a chat, or take another model",
                param: "task"
            )
        }
        var encoder = BedrockEncoder(
            writer: JSONWriter(capacity: 1_024),
            endpoint: endpoint,
            extra: try ExtraParameters(request.extraJSON),
            model: BedrockModel(endpoint.model),
            keepsKeys: !endpoint.defaultsJSON.isEmpty,
            defaults: try Self.defaults(of: endpoint)
        )
        encoder.writer.beginObject()
        try encoder.write(chat)
        try encoder.writeAdditionalFields(chat)
        try encoder.writeConverseMembers()
        encoder.writer.endObject()
        return encoder.writer.finish()
    }

    private static func defaults(of endpoint: Endpoint) throws(Failure) -> [JSONMember] {
        guard !endpoint.defaultsJSON.isEmpty else { return [] }
        do throws(JSONError) {
            return try jsonMembers(of: endpoint.defaultsJSON)
        } catch {
            // The configuration was validated when it was loaded.
            throw Failure(.internal, "the defaults of \(endpoint.provider) are no JSON object: \(error)")
        }
    }

    private mutating func write(_ chat: ChatRequest) throws(Failure) {
        try self.writeSystem(chat.messages)
        self.key("messages")
        try self.writeMessages(chat.messages)
        try self.writeInference(chat.sampling)
        if self.wants("toolConfig") { try self.writeTools(chat) }
        try self.writeOutput(chat.responseFormat)
        if !chat.serviceTier.isEmpty, self.wants("serviceTier") {
            self.key("serviceTier")
            self.writer.beginObject()
            self.writer.key("type")
            self.writer.string(chat.serviceTier)
            self.writer.endObject()
        }
        if let choices = chat.choices, choices > 1 { try self.refuse("choices") }
        if chat.topLogprobs != nil { try self.refuse("top_logprobs") }
        if !chat.user.isEmpty { try self.refuse("user") }
        if chat.parallelToolCalls == false { try self.refuse("parallel_tool_calls") }
        if chat.sampling.seed != nil { try self.refuse("seed") }
        if chat.sampling.presencePenalty != nil { try self.refuse("presence_penalty") }
        if chat.sampling.frequencyPenalty != nil { try self.refuse("frequency_penalty") }
    }

    // MARK: Sampling

    private mutating func writeInference(_ sampling: Sampling) throws(Failure) {
        guard self.wants("inferenceConfig") else { return }
        var members = JSONWriter(capacity: 128)
        members.beginObject()
        let isEmpty = members.bytes.count
        var given: Set<String> = []
        if let most = sampling.maxTokens {
            members.key("maxTokens")
            members.uint(UInt64(most))
            given.insert("maxTokens")
        }
        for (name, value) in [("temperature", sampling.temperature), ("topP", sampling.topP)] {
            guard let value else { continue }
            guard value.isFinite else {
                throw Failure(.invalidRequest, "\(name) must be a finite number", param: name)
            }
            members.key(name)
            members.double(value)
            given.insert(name)
        }
        if !sampling.stop.isEmpty {
            members.key("stopSequences")
            members.beginArray()
            for text in sampling.stop { members.string(text) }
            members.endArray()
            given.insert("stopSequences")
        }
        for (name, member) in Self.inference {
            guard given.insert(member.description).inserted else { continue }
            guard let value = self.defaultValue(name) else {
                given.remove(member.description)
                continue
            }
            members.key(member)
            // LiteLLM takes one stop string without a list around it.
            let isList = member.description != "stopSequences" || value.first == UInt8(ascii: "[")
            members.raw(isList ? value : [UInt8(ascii: "[")] + value + [UInt8(ascii: "]")])
        }
        guard members.bytes.count > isEmpty else { return }
        members.endObject()
        self.key("inferenceConfig")
        self.writer.raw(members.finish())
    }

    /// The deployment's value for a parameter, as JSON.
    private func defaultValue(_ name: String) -> [UInt8]? {
        guard let member = self.defaults.first(where: { $0.key == name }) else { return nil }
        let value = Array(self.endpoint.defaultsJSON[member.value])
        return value == Array("null".utf8) ? nil : value
    }

    // MARK: The form of the answer

    private mutating func writeOutput(_ format: ResponseFormat?) throws(Failure) {
        guard case .schema(let schema)? = format else {
            if case .json? = format { try self.refuse("response_format json: give a schema") }
            return
        }
        guard self.wants("outputConfig") else { return }
        self.key("outputConfig")
        self.writer.beginObject()
        self.writer.key("textFormat")
        self.writer.beginObject()
        self.writer.key("type")
        self.writer.string("json_schema")
        self.writer.key("structure")
        self.writer.beginObject()
        self.writer.key("jsonSchema")
        self.writer.beginObject()
        self.writer.key("schema")
        // A text that holds the schema, not the schema itself.
        self.writer.string(utf8: schema.json)
        if !schema.name.isEmpty {
            self.writer.key("name")
            self.writer.string(schema.name)
        }
        if !schema.description.isEmpty {
            self.writer.key("description")
            self.writer.string(schema.description)
        }
        for _ in 0..<4 { self.writer.endObject() }
    }
}
