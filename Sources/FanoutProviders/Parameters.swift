// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutModel

/// The parameters that some providers take and others don't.
///
/// A provider that isn't known better is taken to take what is usual: it refuses itself what it doesn't.
package struct Parameters: OptionSet, Sendable, Hashable {
    package let rawValue: UInt32

    package init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    package static let temperature = Parameters(rawValue: 1 << 0)
    package static let topP = Parameters(rawValue: 1 << 1)
    package static let topK = Parameters(rawValue: 1 << 2)
    package static let stop = Parameters(rawValue: 1 << 3)
    package static let seed = Parameters(rawValue: 1 << 4)
    package static let presencePenalty = Parameters(rawValue: 1 << 5)
    package static let frequencyPenalty = Parameters(rawValue: 1 << 6)
    package static let logprobs = Parameters(rawValue: 1 << 7)
    /// Several choices; one is what every provider gives.
    package static let choices = Parameters(rawValue: 1 << 8)
    /// Whether several calls may come at once.
    package static let parallelCalls = Parameters(rawValue: 1 << 9)
    /// A choice of tools of which one must be called.
    package static let severalTools = Parameters(rawValue: 1 << 10)
    package static let jsonMode = Parameters(rawValue: 1 << 11)
    package static let jsonSchema = Parameters(rawValue: 1 << 12)
    /// How much the model reasons, by a word.
    package static let effort = Parameters(rawValue: 1 << 13)
    /// How much the model reasons, by tokens.
    package static let reasoningBudget = Parameters(rawValue: 1 << 14)
    package static let user = Parameters(rawValue: 1 << 15)
    package static let serviceTier = Parameters(rawValue: 1 << 16)
    /// The size of vectors.
    package static let dimensions = Parameters(rawValue: 1 << 17)
    /// What vectors are for.
    package static let inputType = Parameters(rawValue: 1 << 18)

    /// All of them.
    package static let all = Parameters(rawValue: (1 << 19) - 1)
    /// What a server of which nothing is known may take.
    package static let usual = Parameters.all.subtracting([.severalTools, .reasoningBudget])

    /// What api.openai.com takes.
    package static let openAI = Parameters.all.subtracting([.topK, .reasoningBudget, .inputType])

    /// Each by the name that a refusal has.
    package static let names: [(parameter: Parameters, name: String)] = [
        (.temperature, "temperature"), (.topP, "top_p"), (.topK, "top_k"), (.stop, "stop"), (.seed, "seed"),
        (.presencePenalty, "presence_penalty"), (.frequencyPenalty, "frequency_penalty"),
        (.logprobs, "top_logprobs"), (.choices, "choices"), (.parallelCalls, "parallel_tool_calls"),
        (.severalTools, "tool_choice.names"), (.jsonMode, "response_format"),
        (.jsonSchema, "response_format.schema_json"), (.effort, "reasoning.effort"),
        (.reasoningBudget, "reasoning.budget_tokens"), (.user, "user"), (.serviceTier, "service_tier"),
        (.dimensions, "dimensions"), (.inputType, "input_type"),
    ]

    // MARK: What a request asks

    /// What a request asks for.
    package static func asked(by request: Request) -> Parameters {
        var asked: Parameters = []
        switch request.task {
        case .chat(let chat):
            asked = self.asked(by: chat.sampling)
            if chat.topLogprobs != nil { asked.insert(.logprobs) }
            if chat.choices ?? 1 > 1 { asked.insert(.choices) }
            if chat.parallelToolCalls != nil { asked.insert(.parallelCalls) }
            if case .named(let names)? = chat.toolChoice, names.count > 1 { asked.insert(.severalTools) }
            switch chat.responseFormat {
            case .json?: asked.insert(.jsonMode)
            case .schema?: asked.insert(.jsonSchema)
            case .text?, nil: break
            }
            if let reasoning = chat.reasoning {
                if !reasoning.effort.isEmpty { asked.insert(.effort) }
                if reasoning.budgetTokens > 0 { asked.insert(.reasoningBudget) }
            }
            if !chat.user.isEmpty { asked.insert(.user) }
            if !chat.serviceTier.isEmpty { asked.insert(.serviceTier) }
        case .completion(let completion):
            asked = self.asked(by: completion.sampling)
            if completion.logprobs != nil { asked.insert(.logprobs) }
            if completion.choices ?? 1 > 1 { asked.insert(.choices) }
            if !completion.user.isEmpty { asked.insert(.user) }
        case .embedding(let embedding):
            if embedding.dimensions != nil { asked.insert(.dimensions) }
            if !embedding.inputType.isEmpty { asked.insert(.inputType) }
            if !embedding.user.isEmpty { asked.insert(.user) }
        case nil: break
        }
        return asked
    }

    private static func asked(by sampling: Sampling) -> Parameters {
        var asked: Parameters = []
        // 1 is what a model without the parameter draws with, and every one takes it.
        if sampling.temperature ?? 1 != 1 { asked.insert(.temperature) }
        if sampling.topP ?? 1 != 1 { asked.insert(.topP) }
        if sampling.topK != nil { asked.insert(.topK) }
        if !sampling.stop.isEmpty { asked.insert(.stop) }
        if sampling.seed != nil { asked.insert(.seed) }
        if sampling.presencePenalty != nil { asked.insert(.presencePenalty) }
        if sampling.frequencyPenalty != nil { asked.insert(.frequencyPenalty) }
        return asked
    }
}

extension Request {
    /// This request as an endpoint's provider and model can be asked it: what they don't take is refused by name, or
    /// left out where the endpoint drops parameters.
    /// - Throws: `unsupportedParameter`, naming the first one.
    func admitted(at endpoint: Endpoint) throws(Failure) -> Request {
        let asked = Parameters.asked(by: self)
        let lacking = asked.subtracting(ProviderCatalogue.takes(asked, of: endpoint.provider, model: endpoint.model))
        guard !lacking.isEmpty else { return self }
        var request = self
        for (parameter, name) in Parameters.names where lacking.contains(parameter) {
            guard endpoint.dropsUnsupported else {
                throw Failure(
                    .unsupportedParameter,
                    "\(endpoint.model) at \(endpoint.provider) doesn't take \(name): leave it out, or set drop_params "
                        + "for this deployment",
                    param: name
                )
            }
            request.remove(parameter)
        }
        return request
    }

    /// Leaves one parameter out.
    private mutating func remove(_ parameter: Parameters) {
        switch self.task {
        case .chat(var chat):
            chat.remove(parameter)
            self.task = .chat(chat)
        case .completion(var completion):
            completion.sampling.remove(parameter)
            if parameter == .logprobs { completion.logprobs = nil }
            if parameter == .choices { completion.choices = nil }
            if parameter == .user { completion.user = "" }
            self.task = .completion(completion)
        case .embedding(var embedding):
            if parameter == .dimensions { embedding.dimensions = nil }
            if parameter == .inputType { embedding.inputType = "" }
            if parameter == .user { embedding.user = "" }
            self.task = .embedding(embedding)
        case nil: break
        }
    }
}

extension ChatRequest {
    fileprivate mutating func remove(_ parameter: Parameters) {
        switch parameter {
        case .logprobs: self.topLogprobs = nil
        case .choices: self.choices = nil
        case .parallelCalls: self.parallelToolCalls = nil
        case .severalTools: self.toolChoice = nil
        case .jsonMode, .jsonSchema: self.responseFormat = nil
        case .effort: self.reasoning?.effort = ""
        case .reasoningBudget: self.reasoning?.budgetTokens = 0
        case .user: self.user = ""
        case .serviceTier: self.serviceTier = ""
        default: self.sampling.remove(parameter)
        }
    }
}

extension Sampling {
    fileprivate mutating func remove(_ parameter: Parameters) {
        switch parameter {
        case .temperature: self.temperature = nil
        case .topP: self.topP = nil
        case .topK: self.topK = nil
        case .stop: self.stop = []
        case .seed: self.seed = nil
        case .presencePenalty: self.presencePenalty = nil
        case .frequencyPenalty: self.frequencyPenalty = nil
        default: break
        }
    }
}
