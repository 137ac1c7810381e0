// Fanout
// SPDX-License-Identifier: Apache-2.0

extension Request {
    /// This request with `defaults` under it.
    ///
    /// The defaults' messages come first; their model, task and parameters fill what is absent here. Where the two ask
    /// for different tasks, only the model and the extra parameters are taken. `extraJSON` is not merged here, since
    /// this module reads no JSON: an item's object is kept if it has one.
    package func filled(from defaults: Request) -> Request {
        var request = self
        if request.model.isEmpty { request.model = defaults.model }
        if request.extraJSON.isEmpty { request.extraJSON = defaults.extraJSON }
        switch (request.task, defaults.task) {
        case (nil, let task):
            request.task = task
        case (.chat(var chat), .chat(let base)):
            chat.fill(from: base)
            request.task = .chat(chat)
        case (.completion(var completion), .completion(let base)):
            completion.fill(from: base)
            request.task = .completion(completion)
        case (.embedding(var embedding), .embedding(let base)):
            embedding.fill(from: base)
            request.task = .embedding(embedding)
        case (_, _):
            break
        }
        return request
    }
}

extension ChatRequest {
    fileprivate mutating func fill(from base: ChatRequest) {
        if !base.messages.isEmpty { self.messages = base.messages + self.messages }
        self.sampling.fill(from: base.sampling)
        if self.tools.isEmpty { self.tools = base.tools }
        self.toolChoice = self.toolChoice ?? base.toolChoice
        self.parallelToolCalls = self.parallelToolCalls ?? base.parallelToolCalls
        self.responseFormat = self.responseFormat ?? base.responseFormat
        self.reasoning = self.reasoning ?? base.reasoning
        if self.user.isEmpty { self.user = base.user }
        if self.serviceTier.isEmpty { self.serviceTier = base.serviceTier }
        self.choices = self.choices ?? base.choices
        self.topLogprobs = self.topLogprobs ?? base.topLogprobs
    }
}

extension CompletionRequest {
    fileprivate mutating func fill(from base: CompletionRequest) {
        if self.prompts.isEmpty { self.prompts = base.prompts }
        if self.suffix.isEmpty { self.suffix = base.suffix }
        self.sampling.fill(from: base.sampling)
        self.echo = self.echo || base.echo
        self.choices = self.choices ?? base.choices
        self.logprobs = self.logprobs ?? base.logprobs
        if self.user.isEmpty { self.user = base.user }
    }
}

extension EmbeddingRequest {
    fileprivate mutating func fill(from base: EmbeddingRequest) {
        if self.inputs.isEmpty { self.inputs = base.inputs }
        self.dimensions = self.dimensions ?? base.dimensions
        if self.inputType.isEmpty { self.inputType = base.inputType }
        if self.user.isEmpty { self.user = base.user }
    }
}

extension Sampling {
    fileprivate mutating func fill(from base: Sampling) {
        self.temperature = self.temperature ?? base.temperature
        self.topP = self.topP ?? base.topP
        self.topK = self.topK ?? base.topK
        self.maxTokens = self.maxTokens ?? base.maxTokens
        if self.stop.isEmpty { self.stop = base.stop }
        self.seed = self.seed ?? base.seed
        self.presencePenalty = self.presencePenalty ?? base.presencePenalty
        self.frequencyPenalty = self.frequencyPenalty ?? base.frequencyPenalty
    }
}
