// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

extension BedrockEncoder {
    /// Writes what the model itself reads: `additionalModelRequestFields`.
    ///
    /// The caller's own object comes first, then what else the caller sent that Converse has no word for, then `top_k`
    /// and the reasoning of the request, then the deployment's defaults; each key once.
    mutating func writeAdditionalFields(_ chat: ChatRequest) throws(Failure) {
        var fields = AdditionalFields()
        if let member = self.extra.members.first(where: { $0.key == "additionalModelRequestFields" }) {
            try fields.add(membersOf: Array(self.extra.json[member.value]), "extra_json.additionalModelRequestFields")
        }
        for member in self.extra.members where !Self.members.contains(member.key) {
            fields.add(member.key, Array(self.extra.json[member.value]))
        }
        if let count = chat.sampling.topK { self.add(topK: count, to: &fields) }
        if let reasoning = chat.reasoning { try self.add(reasoning, chat.sampling.maxTokens, to: &fields) }
        for member in self.defaults {
            let value = Array(self.endpoint.defaultsJSON[member.value])
            if member.key == "additionalModelRequestFields" {
                try fields.add(membersOf: value, "additionalModelRequestFields")
            } else if !Self.members.contains(member.key), !Self.inference.contains(where: { $0.name == member.key }),
                !ExtraParameters.reserved.contains(member.key)
            {
                fields.add(member.key, value)
            }
        }
        guard !fields.isEmpty else { return }
        self.key("additionalModelRequestFields")
        self.writer.raw(fields.finish())
    }

    /// Writes the members of Converse that the caller or the deployment gave as they are.
    mutating func writeConverseMembers() throws(Failure) {
        for member in self.extra.members
        where Self.members.contains(member.key) && member.key != "additionalModelRequestFields" {
            self.writer.key(member.key)
            self.writer.raw(Array(self.extra.json[member.value]))
            self.written.append(member.key)
        }
        for member in self.defaults
        where Self.members.contains(member.key) && member.key != "additionalModelRequestFields"
            && !self.written.contains(member.key)
        {
            self.writer.key(member.key)
            self.writer.raw(Array(self.endpoint.defaultsJSON[member.value]))
        }
    }

    private func add(topK count: UInt32, to fields: inout AdditionalFields) {
        switch self.model.family {
        case .nova: fields.add("inferenceConfig", Array(#"{"topK":\#(count)}"#.utf8))
        case .cohere: fields.add("k", Array("\(count)".utf8))
        case .anthropic, .titan, .openAI, .unknown: fields.add("top_k", Array("\(count)".utf8))
        }
    }

    /// How much the model reasons, in the words of who made it.
    ///
    /// Anthropic's models take what its own API takes, Amazon's Nova 2 an effort, and OpenAI's open models
    /// `reasoning_effort`. For the others there are no words that are known.
    private func add(
        _ reasoning: ReasoningOptions,
        _ maxTokens: UInt32?,
        to fields: inout AdditionalFields
    ) throws(Failure) {
        let effort = reasoning.effort == "none" ? "" : reasoning.effort
        switch self.model.family {
        case .anthropic: try self.addThinking(reasoning, maxTokens, to: &fields)
        case .nova:
            if reasoning.budgetTokens > 0 { try self.refuse("reasoning.budget_tokens") }
            if reasoning.effort == "none" {
                fields.add("reasoningConfig", Array(#"{"type":"disabled"}"#.utf8))
            } else if !effort.isEmpty {
                var writer = JSONWriter(capacity: 64)
                writer.beginObject()
                writer.key("type")
                writer.string("enabled")
                writer.key("maxReasoningEffort")
                writer.string(effort)
                writer.endObject()
                fields.add("reasoningConfig", writer.finish())
            }
        case .openAI:
            if reasoning.budgetTokens > 0 { try self.refuse("reasoning.budget_tokens") }
            if !reasoning.effort.isEmpty { fields.add("reasoning_effort", text: reasoning.effort) }
        case .cohere, .titan, .unknown:
            if reasoning.budgetTokens > 0 { try self.refuse("reasoning.budget_tokens") }
            if !effort.isEmpty { try self.refuse("reasoning.effort") }
        }
    }

    private func addThinking(
        _ reasoning: ReasoningOptions,
        _ maxTokens: UInt32?,
        to fields: inout AdditionalFields
    ) throws(Failure) {
        let budget = reasoning.budgetTokens
        if let maxTokens, budget >= maxTokens {
            throw Failure(
                .invalidRequest,
                "reasoning.budget_tokens must be below max_tokens, which is \(maxTokens)",
                param: "reasoning.budget_tokens"
            )
        }
        if budget > 0 {
            guard budget >= AnthropicEncoder.budgetMin else {
                throw Failure(
                    .invalidRequest,
                    "reasoning.budget_tokens must be at least \(AnthropicEncoder.budgetMin) for Anthropic's models",
                    param: "reasoning.budget_tokens"
                )
            }
            fields.add("thinking", Array(#"{"type":"enabled","budget_tokens":\#(budget)}"#.utf8))
        } else if reasoning.effort == "none" {
            fields.add("thinking", Array(#"{"type":"disabled"}"#.utf8))
        } else if reasoning.include {
            fields.add("thinking", Array(#"{"type":"adaptive"}"#.utf8))
        }
        guard !reasoning.effort.isEmpty, reasoning.effort != "none" else { return }
        var writer = JSONWriter(capacity: 32)
        writer.beginObject()
        writer.key("effort")
        writer.string(reasoning.effort)
        writer.endObject()
        fields.add("output_config", writer.finish())
    }
}

/// An object of which each key is written once: the first that was added.
private struct AdditionalFields {
    private var writer = JSONWriter(capacity: 128)
    private var keys: Set<String> = []

    init() { self.writer.beginObject() }

    var isEmpty: Bool { self.keys.isEmpty }

    mutating func add(_ key: String, _ json: [UInt8]) {
        guard self.keys.insert(key).inserted else { return }
        self.writer.key(key)
        self.writer.raw(json)
    }

    mutating func add(_ key: String, text: String) {
        guard self.keys.insert(key).inserted else { return }
        self.writer.key(key)
        self.writer.string(text)
    }

    mutating func add(membersOf object: [UInt8], _ param: String) throws(Failure) {
        do throws(JSONError) {
            for member in try jsonMembers(of: object) { self.add(member.key, Array(object[member.value])) }
        } catch {
            throw Failure(.invalidRequest, "\(param) must be one JSON object: \(error)", param: param)
        }
    }

    consuming func finish() -> [UInt8] {
        self.writer.endObject()
        return self.writer.finish()
    }
}
