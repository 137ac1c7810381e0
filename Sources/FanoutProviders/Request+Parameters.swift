// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

/// A deployment's own parameters, as configured in OpenAI's words.
///
/// For formats whose bodies are laid out otherwise: what is known fills the request's fields, before it is written; the
/// rest goes into the body as it is.
struct DeploymentParameters {
    private let json: [UInt8]
    /// What no field was found for.
    private(set) var rest: [JSONMember]

    /// Takes the parameters apart; empty bytes are none.
    init(_ endpoint: Endpoint) throws(Failure) {
        self.json = endpoint.defaultsJSON
        guard !self.json.isEmpty else {
            self.rest = []
            return
        }
        do throws(JSONError) {
            self.rest = try jsonMembers(of: self.json).filter { !neverDefaults.contains($0.key) }
        } catch {
            // The configuration was validated when it was loaded.
            throw Failure(.internal, "the defaults of \(endpoint.provider) are no JSON object: \(error)")
        }
    }

    /// A parameter's bytes.
    func bytes(_ member: JSONMember) -> [UInt8] { Array(self.json[member.value]) }

    /// Takes a parameter of one of these names out of the rest; nil = there is none that can be read.
    private mutating func take<Value>(_ names: String..., as read: (JSONValue) -> Value?) -> Value? {
        var found: Value?
        for name in names {
            guard let place = self.rest.firstIndex(where: { $0.key == name }) else { continue }
            guard let tree = try? JSONValue(parsing: self.bytes(self.rest[place])), let value = read(tree) else {
                continue
            }
            self.rest.remove(at: place)
            found = found ?? value
        }
        return found
    }

    /// A request with its endpoint's parameters under it, and the endpoint with those that no field was found for.
    static func fill(_ request: Request, for endpoint: Endpoint) throws(Failure) -> (Request, Endpoint) {
        guard !endpoint.defaultsJSON.isEmpty else { return (request, endpoint) }
        var parameters = try DeploymentParameters(endpoint)
        var request = request
        var endpoint = endpoint
        switch request.task {
        case .chat(var chat)?:
            parameters.fill(&chat)
            request.task = .chat(chat)
        case .completion(var completion)?:
            parameters.fill(&completion.sampling)
            request.task = .completion(completion)
        case .embedding(var embedding)?:
            parameters.fill(&embedding)
            request.task = .embedding(embedding)
        case nil: break
        }
        endpoint.defaultsJSON = parameters.remaining
        return (request, endpoint)
    }

    /// The rest as one JSON object; empty = there is none.
    private var remaining: [UInt8] {
        guard !self.rest.isEmpty else { return [] }
        var writer = JSONWriter(capacity: self.json.count)
        writer.beginObject()
        for member in self.rest {
            writer.key(member.key)
            writer.raw(self.bytes(member))
        }
        writer.endObject()
        return writer.finish()
    }

    /// Fills what a conversation doesn't say itself.
    mutating func fill(_ chat: inout ChatRequest) {
        guard !self.rest.isEmpty else { return }
        self.fill(&chat.sampling)
        let choices = self.take("n", as: Self.count)
        chat.choices = chat.choices ?? choices
        let wantsLogprobs = self.take("logprobs") { if case .bool(let flag) = $0 { flag } else { nil } }
        let alternatives = self.take("top_logprobs", as: Self.count)
        if wantsLogprobs != false {
            chat.topLogprobs = chat.topLogprobs ?? alternatives ?? (wantsLogprobs.map { _ in 0 })
        }
        let isParallel = self.take("parallel_tool_calls") { if case .bool(let flag) = $0 { flag } else { nil } }
        chat.parallelToolCalls = chat.parallelToolCalls ?? isParallel
        let user = self.take("user", as: \.text)
        if chat.user.isEmpty { chat.user = user ?? "" }
        let tier = self.take("service_tier", as: \.text)
        if chat.serviceTier.isEmpty { chat.serviceTier = tier ?? "" }
        let effort = self.take("reasoning_effort", as: \.text)
        let thinking = self.take("thinking", as: Self.thinking)
        if chat.reasoning == nil, effort != nil || thinking != nil {
            var reasoning = thinking ?? ReasoningOptions()
            if let effort { reasoning.effort = effort }
            chat.reasoning = reasoning
        }
        let format = self.take("response_format", as: Self.format)
        chat.responseFormat = chat.responseFormat ?? format
    }

    /// Fills what an embedding doesn't say itself.
    mutating func fill(_ embedding: inout EmbeddingRequest) {
        guard !self.rest.isEmpty else { return }
        let dimensions = self.take("dimensions", as: Self.count)
        embedding.dimensions = embedding.dimensions ?? dimensions
        let type = self.take("input_type", as: \.text)
        if embedding.inputType.isEmpty { embedding.inputType = type ?? "" }
    }

    private mutating func fill(_ sampling: inout Sampling) {
        let maxTokens = self.take("max_completion_tokens", "max_tokens", as: Self.count)
        sampling.maxTokens = sampling.maxTokens ?? maxTokens
        let temperature = self.take("temperature", as: Self.number)
        sampling.temperature = sampling.temperature ?? temperature
        let topP = self.take("top_p", as: Self.number)
        sampling.topP = sampling.topP ?? topP
        let topK = self.take("top_k", as: Self.count)
        sampling.topK = sampling.topK ?? topK
        let seed = self.take("seed") { if case .integer(let value) = $0 { value } else { nil } }
        sampling.seed = sampling.seed ?? seed
        let presence = self.take("presence_penalty", as: Self.number)
        sampling.presencePenalty = sampling.presencePenalty ?? presence
        let frequency = self.take("frequency_penalty", as: Self.number)
        sampling.frequencyPenalty = sampling.frequencyPenalty ?? frequency
        let stop = self.take("stop") { $0.text.map { [$0] } ?? $0.elements?.compactMap(\.text) }
        if sampling.stop.isEmpty { sampling.stop = stop ?? [] }
    }

    // MARK: Values

    private static func count(_ value: JSONValue) -> UInt32? {
        if case .integer(let number) = value { UInt32(exactly: number) } else { nil }
    }

    private static func number(_ value: JSONValue) -> Double? {
        switch value {
        case .integer(let number): Double(number)
        case .double(let number): number
        default: nil
        }
    }

    /// `{type: enabled, budget_tokens}`, as LiteLLM takes it for every provider; Cohere says `token_budget`.
    private static func thinking(_ value: JSONValue) -> ReasoningOptions? {
        var options = ReasoningOptions()
        switch value["type"]?.text {
        case "enabled":
            options.include = true
            options.budgetTokens = (value["budget_tokens"] ?? value["token_budget"]).flatMap(self.count) ?? 0
        case "disabled": options.effort = "none"
        default: return nil
        }
        return options
    }

    private static func format(_ value: JSONValue) -> ResponseFormat? {
        switch value["type"]?.text {
        case "text": return .text
        case "json_object": return .json
        case "json_schema":
            guard let wanted = value["json_schema"], let schema = wanted["schema"], case .object = schema else {
                return nil
            }
            var format = ResponseFormat.Schema(name: wanted["name"]?.text ?? "", json: schema.serialized())
            if case .bool(let strict)? = wanted["strict"] { format.strict = strict }
            return .schema(format)
        default: return nil
        }
    }
}
