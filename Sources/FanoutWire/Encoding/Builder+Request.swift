// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import CFanoutProto
internal import FanoutModel

/// What a caller asks of a model.
extension Builder {
    func request(_ value: Request) -> UnsafeMutablePointer<Proto.Request> {
        let request = self.make(fanout__v1__request__init)
        request.pointee.model = self.text(value.model)
        switch value.task {
        case .chat(let chat):
            request.pointee.task_case = FANOUT__V1__REQUEST__TASK_CHAT
            request.pointee.chat = self.chat(chat)
        case .completion(let completion):
            request.pointee.task_case = FANOUT__V1__REQUEST__TASK_COMPLETION
            request.pointee.completion = self.completion(completion)
        case .embedding(let embedding):
            request.pointee.task_case = FANOUT__V1__REQUEST__TASK_EMBEDDING
            request.pointee.embedding = self.embedding(embedding)
        case nil: break
        }
        request.pointee.extra_json = self.bytes(value.extraJSON)
        return request
    }

    private func chat(_ value: ChatRequest) -> UnsafeMutablePointer<Proto.Chat> {
        let chat = self.make(fanout__v1__chat__init)
        chat.pointee.n_messages = value.messages.count
        chat.pointee.messages = self.list(value.messages, self.message)
        chat.pointee.sampling = self.sampling(value.sampling)
        chat.pointee.n_tools = value.tools.count
        chat.pointee.tools = self.list(value.tools, self.tool)
        chat.pointee.tool_choice = self.toolChoice(value.toolChoice)
        if let parallel = value.parallelToolCalls {
            chat.pointee.parallel_tool_calls_presence_case =
                FANOUT__V1__CHAT__PARALLEL_TOOL_CALLS_PRESENCE_PARALLEL_TOOL_CALLS
            chat.pointee.parallel_tool_calls = self.flag(parallel)
        }
        chat.pointee.response_format = self.responseFormat(value.responseFormat)
        chat.pointee.reasoning = self.reasoningOptions(value.reasoning)
        chat.pointee.user = self.text(value.user)
        chat.pointee.service_tier = self.text(value.serviceTier)
        if let choices = value.choices {
            chat.pointee.choices_presence_case = FANOUT__V1__CHAT__CHOICES_PRESENCE_CHOICES
            chat.pointee.choices = choices
        }
        if let topLogprobs = value.topLogprobs {
            chat.pointee.top_logprobs_presence_case = FANOUT__V1__CHAT__TOP_LOGPROBS_PRESENCE_TOP_LOGPROBS
            chat.pointee.top_logprobs = topLogprobs
        }
        return chat
    }

    private func completion(_ value: CompletionRequest) -> UnsafeMutablePointer<Proto.TextCompletion> {
        let completion = self.make(fanout__v1__text_completion__init)
        completion.pointee.n_prompts = value.prompts.count
        completion.pointee.prompts = self.texts(value.prompts)
        completion.pointee.suffix = self.text(value.suffix)
        completion.pointee.sampling = self.sampling(value.sampling)
        completion.pointee.echo = self.flag(value.echo)
        if let choices = value.choices {
            completion.pointee.choices_presence_case = FANOUT__V1__TEXT_COMPLETION__CHOICES_PRESENCE_CHOICES
            completion.pointee.choices = choices
        }
        if let logprobs = value.logprobs {
            completion.pointee.logprobs_presence_case = FANOUT__V1__TEXT_COMPLETION__LOGPROBS_PRESENCE_LOGPROBS
            completion.pointee.logprobs = logprobs
        }
        completion.pointee.user = self.text(value.user)
        return completion
    }

    private func embedding(_ value: EmbeddingRequest) -> UnsafeMutablePointer<Proto.Embedding> {
        let embedding = self.make(fanout__v1__embedding__init)
        embedding.pointee.n_inputs = value.inputs.count
        embedding.pointee.inputs = self.texts(value.inputs)
        if let dimensions = value.dimensions {
            embedding.pointee.dimensions_presence_case = FANOUT__V1__EMBEDDING__DIMENSIONS_PRESENCE_DIMENSIONS
            embedding.pointee.dimensions = dimensions
        }
        embedding.pointee.input_type = self.text(value.inputType)
        embedding.pointee.user = self.text(value.user)
        return embedding
    }

    private func sampling(_ value: Sampling) -> UnsafeMutablePointer<Proto.Sampling>? {
        if value == Sampling() { return nil }
        let sampling = self.make(fanout__v1__sampling__init)
        if let temperature = value.temperature {
            sampling.pointee.temperature_presence_case = FANOUT__V1__SAMPLING__TEMPERATURE_PRESENCE_TEMPERATURE
            sampling.pointee.temperature = temperature
        }
        if let topP = value.topP {
            sampling.pointee.top_p_presence_case = FANOUT__V1__SAMPLING__TOP_P_PRESENCE_TOP_P
            sampling.pointee.top_p = topP
        }
        if let topK = value.topK {
            sampling.pointee.top_k_presence_case = FANOUT__V1__SAMPLING__TOP_K_PRESENCE_TOP_K
            sampling.pointee.top_k = topK
        }
        if let maxTokens = value.maxTokens {
            sampling.pointee.max_tokens_presence_case = FANOUT__V1__SAMPLING__MAX_TOKENS_PRESENCE_MAX_TOKENS
            sampling.pointee.max_tokens = maxTokens
        }
        sampling.pointee.n_stop = value.stop.count
        sampling.pointee.stop = self.texts(value.stop)
        if let seed = value.seed {
            sampling.pointee.seed_presence_case = FANOUT__V1__SAMPLING__SEED_PRESENCE_SEED
            sampling.pointee.seed = seed
        }
        if let penalty = value.presencePenalty {
            sampling.pointee.presence_penalty_presence_case =
                FANOUT__V1__SAMPLING__PRESENCE_PENALTY_PRESENCE_PRESENCE_PENALTY
            sampling.pointee.presence_penalty = penalty
        }
        if let penalty = value.frequencyPenalty {
            sampling.pointee.frequency_penalty_presence_case =
                FANOUT__V1__SAMPLING__FREQUENCY_PENALTY_PRESENCE_FREQUENCY_PENALTY
            sampling.pointee.frequency_penalty = penalty
        }
        return sampling
    }

    private func tool(_ value: Tool) -> UnsafeMutablePointer<Proto.Tool> {
        let tool = self.make(fanout__v1__tool__init)
        tool.pointee.kind = Fanout__V1__ToolKind(rawValue: UInt32(value.kind.rawValue))
        tool.pointee.name = self.text(value.name)
        tool.pointee.description = self.text(value.description)
        tool.pointee.parameters_json = self.bytes(value.parametersJSON)
        if let strict = value.strict {
            tool.pointee.strict_presence_case = FANOUT__V1__TOOL__STRICT_PRESENCE_STRICT
            tool.pointee.strict = self.flag(strict)
        }
        tool.pointee.spec_json = self.bytes(value.specJSON)
        tool.pointee.cache = self.cacheMarker(value.cache)
        return tool
    }

    private func toolChoice(_ value: ToolChoice?) -> UnsafeMutablePointer<Proto.ToolChoice>? {
        guard let value else { return nil }
        let choice = self.make(fanout__v1__tool_choice__init)
        switch value {
        case .auto: choice.pointee.mode = FANOUT__V1__TOOL_CHOICE_MODE__TOOL_CHOICE_MODE_AUTO
        case .none: choice.pointee.mode = FANOUT__V1__TOOL_CHOICE_MODE__TOOL_CHOICE_MODE_NONE
        case .required: choice.pointee.mode = FANOUT__V1__TOOL_CHOICE_MODE__TOOL_CHOICE_MODE_REQUIRED
        case .named(let names):
            choice.pointee.mode = FANOUT__V1__TOOL_CHOICE_MODE__TOOL_CHOICE_MODE_NAMED
            choice.pointee.n_names = names.count
            choice.pointee.names = self.texts(names)
        }
        return choice
    }

    private func responseFormat(_ value: ResponseFormat?) -> UnsafeMutablePointer<Proto.ResponseFormat>? {
        guard let value else { return nil }
        let format = self.make(fanout__v1__response_format__init)
        switch value {
        case .text: format.pointee.kind = FANOUT__V1__RESPONSE_FORMAT_KIND__RESPONSE_FORMAT_KIND_TEXT
        case .json: format.pointee.kind = FANOUT__V1__RESPONSE_FORMAT_KIND__RESPONSE_FORMAT_KIND_JSON
        case .schema(let schema):
            format.pointee.kind = FANOUT__V1__RESPONSE_FORMAT_KIND__RESPONSE_FORMAT_KIND_JSON_SCHEMA
            format.pointee.name = self.text(schema.name)
            format.pointee.schema_json = self.bytes(schema.json)
            if let strict = schema.strict {
                format.pointee.strict_presence_case = FANOUT__V1__RESPONSE_FORMAT__STRICT_PRESENCE_STRICT
                format.pointee.strict = self.flag(strict)
            }
            format.pointee.description = self.text(schema.description)
        }
        return format
    }

    private func reasoningOptions(_ value: ReasoningOptions?) -> UnsafeMutablePointer<Proto.ReasoningOptions>? {
        guard let value else { return nil }
        let options = self.make(fanout__v1__reasoning_options__init)
        options.pointee.effort = self.text(value.effort)
        options.pointee.budget_tokens = value.budgetTokens
        options.pointee.include = self.flag(value.include)
        options.pointee.summary = self.text(value.summary)
        return options
    }
}
