// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

/// A request that is being read, parameter by parameter.
struct RequestDraft {
    let kind: RequestReader.Kind
    /// Parameters that no field takes, as they are written.
    var extra: [(key: String, json: [UInt8])] = []

    /// The most fallbacks of an item, as docs/wire.md has it.
    static let fallbacksMax = 16

    private var id = ""
    var model = ""
    private var tags: [String] = []
    private var fallbacks: [String] = []
    /// Fallbacks that are objects, as they are written: who reads them also finds out their models.
    private(set) var fallbackBodies: [(place: Int, json: [UInt8])] = []
    private var priority: Int32?
    private var region = ""
    private var triesUnhealthy = false
    private var traceparent = ""
    private var user = ""
    private var choices: UInt32?
    private var wantsLogprobs = false
    private var sampling = Sampling()
    private var chat = ChatRequest(messages: [])
    private var completion = CompletionRequest(prompts: [])
    private var embedding = EmbeddingRequest(inputs: [])

    init(kind: RequestReader.Kind) {
        self.kind = kind
    }

    /// Takes a parameter; false = there is no field for it.
    mutating func take(_ key: String, _ reader: inout JSONReader) throws(Failure) -> Bool {
        switch key {
        case "id", "custom_id": self.id = try RequestReader.readID(&reader)
        case "model": self.model = try reader.readString()
        case "user": self.user = try reader.readString()
        case "tags": self.tags = try reader.readStrings()
        case "fallbacks": try self.takeFallbacks(&reader)
        case "region", "allowed_model_region": self.region = try reader.readString()
        case "try_unhealthy": self.triesUnhealthy = try reader.readBool()
        case "traceparent": self.traceparent = try reader.readString()
        case "priority": self.priority = Int32(clamping: try reader.readInt64())
        case "stream", "stream_options": try reader.skipValue()
        default:
            switch self.kind {
            case .chat: return try self.takeChat(key, &reader)
            case .completion: return try self.takeCompletion(key, &reader)
            case .embedding: return try self.takeEmbedding(key, &reader)
            }
        }
        return true
    }

    /// Reads names, or objects with `model` and what that one is asked instead, as LiteLLM takes them.
    private mutating func takeFallbacks(_ reader: inout JSONReader) throws(Failure) {
        self.fallbacks = []
        self.fallbackBodies = []
        if try reader.readKind() == .string { return self.fallbacks.append(try reader.readString()) }
        try reader.readElements { (place, reader) throws(Failure) in
            // Each may hold a request of its own: more than the daemon takes are not even read.
            guard place < Self.fallbacksMax else { throw .unreadable("is one too many: at most \(Self.fallbacksMax)") }
            switch try reader.readKind() {
            case .string: return self.fallbacks.append(try reader.readString())
            case .object: break
            default: throw .unreadable("must be a model's name, or an object with what it is asked")
            }
            self.fallbacks.append("")
            self.fallbackBodies.append((place, try reader.readRaw()))
        }
    }

    /// A parameter that a fallback is asked in place of the item's own.
    ///
    /// What is the item's as a whole can't be a fallback's, nor can it be asked for something of another kind.
    mutating func takeOfFallback(_ key: String, _ reader: inout JSONReader) throws(Failure) -> Bool {
        switch key {
        case "id", "custom_id", "tags", "fallbacks", "region", "allowed_model_region", "try_unhealthy", "traceparent",
            "priority":
            throw .unreadable("is the item's: a fallback can't have its own")
        case "messages" where self.kind != .chat, "prompt" where self.kind != .completion,
            "input" where self.kind != .embedding:
            throw .unreadable("a fallback is asked for what the item asks for")
        default:
            // What the item sends as it is written is replaced, whichever way this one is read.
            self.extra.removeAll { $0.key == key }
            return try self.take(key, &reader)
        }
    }

    private mutating func takeSampling(_ key: String, _ reader: inout JSONReader) throws(Failure) -> Bool {
        switch key {
        case "temperature": self.sampling.temperature = try reader.readDouble()
        case "top_p": self.sampling.topP = try reader.readDouble()
        case "top_k": self.sampling.topK = try reader.readUInt32()
        case "max_tokens", "max_completion_tokens": self.sampling.maxTokens = try reader.readUInt32()
        case "stop": self.sampling.stop = try reader.readStrings()
        case "seed": self.sampling.seed = try reader.readInt64()
        case "presence_penalty": self.sampling.presencePenalty = try reader.readDouble()
        case "frequency_penalty": self.sampling.frequencyPenalty = try reader.readDouble()
        case "n": self.choices = try reader.readUInt32()
        default: return false
        }
        return true
    }

    private mutating func takeChat(_ key: String, _ reader: inout JSONReader) throws(Failure) -> Bool {
        switch key {
        case "messages": self.chat.messages = try MessageReader.messages(&reader)
        case "tools": self.chat.tools = try ToolReader.tools(&reader)
        case "tool_choice":
            let json = try reader.readRaw()
            self.chat.toolChoice = try ToolReader.choice(json)
            if self.chat.toolChoice == nil { self.extra.append((key, json)) }
        case "parallel_tool_calls": self.chat.parallelToolCalls = try reader.readBool()
        case "response_format":
            let json = try reader.readRaw()
            self.chat.responseFormat = try ToolReader.format(json)
            if self.chat.responseFormat == nil { self.extra.append((key, json)) }
        case "reasoning_effort":
            var reasoning = ReasoningOptions()
            reasoning.effort = try reader.readString()
            self.chat.reasoning = reasoning
        case "service_tier": self.chat.serviceTier = try reader.readString()
        case "logprobs": self.wantsLogprobs = try reader.readBool()
        case "top_logprobs": self.chat.topLogprobs = try reader.readUInt32()
        default: return try self.takeSampling(key, &reader)
        }
        return true
    }

    private mutating func takeCompletion(_ key: String, _ reader: inout JSONReader) throws(Failure) -> Bool {
        switch key {
        case "prompt": self.completion.prompts = try reader.readStrings()
        case "suffix": self.completion.suffix = try reader.readString()
        case "echo": self.completion.echo = try reader.readBool()
        case "logprobs": self.completion.logprobs = try reader.readUInt32()
        default: return try self.takeSampling(key, &reader)
        }
        return true
    }

    private mutating func takeEmbedding(_ key: String, _ reader: inout JSONReader) throws(Failure) -> Bool {
        switch key {
        case "input": self.embedding.inputs = try reader.readStrings()
        case "dimensions": self.embedding.dimensions = try reader.readUInt32()
        case "input_type": self.embedding.inputType = try reader.readString()
        // How vectors travel is between the daemon and the provider.
        case "encoding_format": try reader.skipValue()
        default: return false
        }
        return true
    }

    /// The item that was read.
    func item() -> Item {
        var request = Request(model: self.model, task: self.task())
        if !self.extra.isEmpty {
            var writer = JSONWriter()
            writer.beginObject()
            for (key, json) in self.extra {
                writer.key(key)
                writer.raw(json)
            }
            writer.endObject()
            request.extraJSON = writer.finish()
        }
        var item = Item(request: request)
        item.id = self.id
        item.tags = self.tags
        item.fallbacks = self.fallbacks
        item.priority = self.priority
        item.region = self.region
        item.triesUnhealthy = self.triesUnhealthy
        item.traceparent = self.traceparent
        return item
    }

    private func task() -> Request.Task {
        switch self.kind {
        case .chat:
            var chat = self.chat
            chat.sampling = self.sampling
            chat.user = self.user
            chat.choices = self.choices
            if self.wantsLogprobs { chat.topLogprobs = chat.topLogprobs ?? 0 }
            return .chat(chat)
        case .completion:
            var completion = self.completion
            completion.sampling = self.sampling
            completion.user = self.user
            completion.choices = self.choices
            return .completion(completion)
        case .embedding:
            var embedding = self.embedding
            embedding.user = self.user
            return .embedding(embedding)
        }
    }
}
