// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import CFanoutProto
internal import CProtobufC
internal import FanoutModel

/// What a caller asks of a model.
extension Reader {
    func request(_ request: UnsafeMutablePointer<Proto.Request>) throws(Fault) -> Request {
        var value = Request(model: "", task: nil)
        try self.fill(&value, request)
        return value
    }

    /// Reads into a place that exists already: a request is large, and moving it costs as much as reading it.
    func fill(_ value: inout Request, _ request: UnsafeMutablePointer<Proto.Request>) throws(Fault) {
        value.model = try self.name(request.pointee.model, "model")
        switch request.pointee.task_case {
        case FANOUT__V1__REQUEST__TASK_CHAT:
            var chat = ChatRequest(messages: [])
            try self.one(request.pointee.chat, "chat", into: &chat, self.fill)
            value.task = .chat(consume chat)
        case FANOUT__V1__REQUEST__TASK_COMPLETION:
            value.task = try self.one(request.pointee.completion, "completion", self.completion).map { .completion($0) }
        case FANOUT__V1__REQUEST__TASK_EMBEDDING:
            value.task = try self.one(request.pointee.embedding, "embedding", self.embedding).map { .embedding($0) }
        default:
            if self.hasUnknown(request) {
                throw Fault(.invalidRequest, "task", "is of a kind that this version doesn't know")
            }
        }
        if request.pointee.extra_json.len > 0 { value.extraJSON = self.bytes(request.pointee.extra_json) }
    }

    private func fill(_ value: inout ChatRequest, _ chat: UnsafeMutablePointer<Proto.Chat>) throws(Fault) {
        value.messages = try self.list(
            chat.pointee.n_messages,
            chat.pointee.messages,
            max: self.caps.messages,
            "messages",
            self.message
        )
        try self.one(chat.pointee.sampling, "sampling", into: &value.sampling, self.fill)
        value.tools = try self.list(
            chat.pointee.n_tools,
            chat.pointee.tools,
            max: self.caps.tools,
            "tools",
            self.tool
        )
        if let choice = try self.one(chat.pointee.tool_choice, "tool_choice", self.toolChoice) {
            value.toolChoice = choice
        }
        if chat.pointee.parallel_tool_calls_presence_case.rawValue != 0 {
            value.parallelToolCalls = chat.pointee.parallel_tool_calls != 0
        }
        if let format = try self.one(chat.pointee.response_format, "response_format", self.responseFormat) {
            value.responseFormat = format
        }
        if let reasoning = try self.one(chat.pointee.reasoning, "reasoning", self.reasoningOptions) {
            value.reasoning = reasoning
        }
        if chat.pointee.user.len > 0 { value.user = try self.identifier(chat.pointee.user, "user") }
        if chat.pointee.service_tier.len > 0 {
            value.serviceTier = try self.name(chat.pointee.service_tier, "service_tier")
        }
        if chat.pointee.choices_presence_case.rawValue != 0 { value.choices = chat.pointee.choices }
        if chat.pointee.top_logprobs_presence_case.rawValue != 0 { value.topLogprobs = chat.pointee.top_logprobs }
    }

    private func completion(
        _ completion: UnsafeMutablePointer<Proto.TextCompletion>
    ) throws(Fault) -> CompletionRequest {
        var value = CompletionRequest(
            prompts: try self.strings(
                completion.pointee.n_prompts,
                completion.pointee.prompts,
                max: self.caps.texts,
                "prompts",
                self.text
            )
        )
        value.suffix = try self.text(completion.pointee.suffix, "suffix")
        try self.one(completion.pointee.sampling, "sampling", into: &value.sampling, self.fill)
        value.echo = completion.pointee.echo != 0
        if completion.pointee.choices_presence_case.rawValue != 0 { value.choices = completion.pointee.choices }
        if completion.pointee.logprobs_presence_case.rawValue != 0 { value.logprobs = completion.pointee.logprobs }
        value.user = try self.identifier(completion.pointee.user, "user")
        return value
    }

    private func embedding(_ embedding: UnsafeMutablePointer<Proto.Embedding>) throws(Fault) -> EmbeddingRequest {
        var value = EmbeddingRequest(
            inputs: try self.strings(
                embedding.pointee.n_inputs,
                embedding.pointee.inputs,
                max: self.caps.texts,
                "inputs",
                self.text
            )
        )
        if embedding.pointee.dimensions_presence_case.rawValue != 0 {
            value.dimensions = embedding.pointee.dimensions
        }
        value.inputType = try self.name(embedding.pointee.input_type, "input_type")
        value.user = try self.identifier(embedding.pointee.user, "user")
        return value
    }

    private func fill(_ value: inout Sampling, _ sampling: UnsafeMutablePointer<Proto.Sampling>) throws(Fault) {
        if sampling.pointee.temperature_presence_case.rawValue != 0 {
            value.temperature = try self.number(sampling.pointee.temperature, "temperature", in: 0...2)
        }
        if sampling.pointee.top_p_presence_case.rawValue != 0 {
            value.topP = try self.number(sampling.pointee.top_p, "top_p", in: 0...1)
            if value.topP == 0, !self.isLenient { throw Fault(.invalidRequest, "top_p", "is 0; it has to be above") }
        }
        if sampling.pointee.top_k_presence_case.rawValue != 0 { value.topK = sampling.pointee.top_k }
        if sampling.pointee.max_tokens_presence_case.rawValue != 0 { value.maxTokens = sampling.pointee.max_tokens }
        value.stop = try self.strings(
            sampling.pointee.n_stop,
            sampling.pointee.stop,
            max: self.caps.stops,
            "stop",
            self.text
        )
        if let empty = value.stop.firstIndex(of: ""), !self.isLenient {
            throw Fault(.invalidRequest, "stop[\(empty)]", "is empty; leave it out")
        }
        if sampling.pointee.seed_presence_case.rawValue != 0 { value.seed = sampling.pointee.seed }
        if sampling.pointee.presence_penalty_presence_case.rawValue != 0 {
            value.presencePenalty = try self.number(
                sampling.pointee.presence_penalty,
                "presence_penalty",
                in: -2...2
            )
        }
        if sampling.pointee.frequency_penalty_presence_case.rawValue != 0 {
            value.frequencyPenalty = try self.number(
                sampling.pointee.frequency_penalty,
                "frequency_penalty",
                in: -2...2
            )
        }
    }

    private func tool(_ tool: UnsafeMutablePointer<Proto.Tool>) throws(Fault) -> Tool {
        var value = Tool(name: try self.name(tool.pointee.name, "name"))
        value.kind = try self.choice(tool.pointee.kind, "kind", unknown: ToolKind.builtIn) ?? .function
        value.description = try self.text(tool.pointee.description, "description")
        value.parametersJSON = self.bytes(tool.pointee.parameters_json)
        if tool.pointee.strict_presence_case.rawValue != 0 { value.strict = tool.pointee.strict != 0 }
        value.specJSON = self.bytes(tool.pointee.spec_json)
        value.cache = try self.one(tool.pointee.cache, "cache") { marker throws(Fault) in
            CacheMarker(ttlMilliseconds: marker.pointee.ttl_ms)
        }
        return value
    }

    private func toolChoice(_ choice: UnsafeMutablePointer<Proto.ToolChoice>) throws(Fault) -> ToolChoice? {
        let names = try self.strings(
            choice.pointee.n_names,
            choice.pointee.names,
            max: self.caps.tools,
            "names",
            self.name
        )
        switch choice.pointee.mode {
        case FANOUT__V1__TOOL_CHOICE_MODE__TOOL_CHOICE_MODE_UNSPECIFIED: return nil
        case FANOUT__V1__TOOL_CHOICE_MODE__TOOL_CHOICE_MODE_AUTO: return .auto
        case FANOUT__V1__TOOL_CHOICE_MODE__TOOL_CHOICE_MODE_NONE: return ToolChoice.none
        case FANOUT__V1__TOOL_CHOICE_MODE__TOOL_CHOICE_MODE_REQUIRED: return .required
        case FANOUT__V1__TOOL_CHOICE_MODE__TOOL_CHOICE_MODE_NAMED:
            if names.isEmpty { throw Fault(.invalidRequest, "names", "is empty; the mode NAMED needs one") }
            return .named(names)
        default:
            throw Fault(
                .invalidRequest,
                "mode",
                "has the unknown value \(Int32(bitPattern: choice.pointee.mode.rawValue))"
            )
        }
    }

    private func responseFormat(
        _ format: UnsafeMutablePointer<Proto.ResponseFormat>
    ) throws(Fault) -> ResponseFormat? {
        switch format.pointee.kind {
        case FANOUT__V1__RESPONSE_FORMAT_KIND__RESPONSE_FORMAT_KIND_UNSPECIFIED: return nil
        case FANOUT__V1__RESPONSE_FORMAT_KIND__RESPONSE_FORMAT_KIND_TEXT: return .text
        case FANOUT__V1__RESPONSE_FORMAT_KIND__RESPONSE_FORMAT_KIND_JSON: return .json
        case FANOUT__V1__RESPONSE_FORMAT_KIND__RESPONSE_FORMAT_KIND_JSON_SCHEMA:
            var schema = ResponseFormat.Schema(
                name: try self.name(format.pointee.name, "name"),
                json: self.bytes(format.pointee.schema_json)
            )
            if format.pointee.strict_presence_case.rawValue != 0 { schema.strict = format.pointee.strict != 0 }
            schema.description = try self.text(format.pointee.description, "description")
            return .schema(schema)
        default:
            throw Fault(
                .invalidRequest,
                "kind",
                "has the unknown value \(Int32(bitPattern: format.pointee.kind.rawValue))"
            )
        }
    }

    private func reasoningOptions(
        _ options: UnsafeMutablePointer<Proto.ReasoningOptions>
    ) throws(Fault) -> ReasoningOptions {
        var value = ReasoningOptions()
        value.effort = try self.name(options.pointee.effort, "effort")
        value.budgetTokens = options.pointee.budget_tokens
        value.include = options.pointee.include != 0
        value.summary = try self.name(options.pointee.summary, "summary")
        return value
    }
}
