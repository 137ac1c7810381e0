// Fanout
// SPDX-License-Identifier: Apache-2.0

/// One call of a model.
public struct Request: Sendable, Hashable {
    /// The model group, or an alias of one.
    public var model: String
    /// What is asked; `nil` only in a default or where a default supplies it.
    public var task: Task?
    /// The long tail of provider parameters: one JSON object, or empty.
    public var extraJSON: [UInt8] = []

    /// What can be asked of a model.
    public indirect enum Task: Sendable, Hashable {
        case chat(ChatRequest)
        case completion(CompletionRequest)
        case embedding(EmbeddingRequest)
    }

    /// Makes a request.
    public init(model: String, task: Task?) {
        self.model = model
        self.task = task
    }
}

/// A conversation that the model continues.
public struct ChatRequest: Sendable, Hashable {
    /// At least one.
    public var messages: [Message]
    /// How tokens are drawn.
    public var sampling = Sampling()
    /// What the model may call.
    public var tools: [Tool] = []
    /// Whether it must; `nil` = the provider's default.
    public var toolChoice: ToolChoice?
    /// Whether it may call several at once; `nil` = the provider's default.
    public var parallelToolCalls: Bool?
    /// The form of the answer; `nil` = text.
    public var responseFormat: ResponseFormat?
    /// How much it reasons; `nil` = the provider's default.
    public var reasoning: ReasoningOptions?
    /// The end user; empty = not given.
    public var user = ""
    /// The provider's word; empty = not given.
    public var serviceTier = ""
    /// How many choices; `nil` = one.
    public var choices: UInt32?
    /// Log-probabilities with this many alternatives; `nil` = none.
    public var topLogprobs: UInt32?

    /// Makes a chat request.
    public init(messages: [Message]) {
        self.messages = messages
    }
}

/// A prompt that the model continues.
public struct CompletionRequest: Sendable, Hashable {
    /// One completion each.
    public var prompts: [String]
    /// The text after the completion; empty = none.
    public var suffix = ""
    /// How tokens are drawn.
    public var sampling = Sampling()
    /// Give the prompt back too.
    public var echo = false
    /// How many choices a prompt; `nil` = one.
    public var choices: UInt32?
    /// Log-probabilities with this many alternatives; `nil` = none.
    public var logprobs: UInt32?
    /// The end user; empty = not given.
    public var user = ""

    /// Makes a completion request.
    public init(prompts: [String]) {
        self.prompts = prompts
    }
}

/// Texts to be turned into vectors.
public struct EmbeddingRequest: Sendable, Hashable {
    /// At least one.
    public var inputs: [String]
    /// The size of a vector; `nil` = the model's own.
    public var dimensions: UInt32?
    /// What the vectors are for; empty = not given.
    public var inputType = ""
    /// The end user; empty = not given.
    public var user = ""

    /// Makes an embedding request.
    public init(inputs: [String]) {
        self.inputs = inputs
    }
}

/// How tokens are drawn.
///
/// `nil` leaves the provider's default.
public struct Sampling: Sendable, Hashable {
    /// 0 to 2.
    public var temperature: Double?
    /// Above 0, at most 1.
    public var topP: Double?
    /// At least 1.
    public var topK: UInt32?
    /// The most tokens of the answer.
    public var maxTokens: UInt32?
    /// At most 16, none empty.
    public var stop: [String] = []
    /// For repeatable answers.
    public var seed: Int64?
    /// -2 to 2.
    public var presencePenalty: Double?
    /// -2 to 2.
    public var frequencyPenalty: Double?

    /// Leaves everything to the provider.
    public init() {}
}

/// The form of an answer.
public enum ResponseFormat: Sendable, Hashable {
    case text
    case json
    case schema(Schema)

    /// A JSON Schema that the answer follows.
    public struct Schema: Sendable, Hashable {
        /// The schema's name; some providers need one.
        public var name: String
        /// The schema.
        public var json: [UInt8]
        /// Whether it is enforced; `nil` = the provider's default.
        public var strict: Bool?
        /// What it is for; empty = not given.
        public var description = ""

        /// Makes a schema.
        public init(name: String, json: [UInt8]) {
            self.name = name
            self.json = json
        }
    }
}

/// How much a model reasons.
public struct ReasoningOptions: Sendable, Hashable {
    /// The provider's word; empty = not given.
    public var effort = ""
    /// The most tokens of reasoning; 0 = not given.
    public var budgetTokens: UInt32 = 0
    /// Give the reasoning back where the provider can.
    public var include = false
    /// The provider's word for its summary; empty = not given.
    public var summary = ""

    /// Leaves everything to the provider.
    public init() {}
}
