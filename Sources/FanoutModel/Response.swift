// Fanout
// SPDX-License-Identifier: Apache-2.0

/// What a model answered.
public struct Response: Sendable, Hashable {
    /// The provider's id; empty = none.
    public var id = ""
    /// The model as the provider names it.
    public var model = ""
    /// Seconds since 1970 as the provider says; 0 = it doesn't.
    public var created: Int64 = 0
    /// The answer.
    public var body: Body
    /// `nil` = the provider reported none.
    public var usage: Usage?
    /// Empty = none.
    public var systemFingerprint = ""
    /// Empty = none.
    public var serviceTier = ""

    /// The answer to each kind of task.
    public enum Body: Sendable, Hashable {
        case chat([Choice])
        case completion([TextChoice])
        /// One vector each input, in order: little-endian IEEE 754 float32.
        case embedding([[UInt8]])
    }

    /// Makes a response.
    public init(body: Body) {
        self.body = body
    }
}

/// Why a model stopped.
///
/// The numbers are the wire's.
public enum FinishReason: UInt8, Sendable, Hashable {
    case unspecified = 0
    case stop = 1
    case length = 2
    case toolCalls = 3
    case contentFilter = 4
    case other = 5
}

/// One continuation of a conversation.
public struct Choice: Sendable, Hashable {
    /// Counts from 0.
    public var index: UInt32 = 0
    /// Role assistant.
    public var message: Message
    /// Why it ends.
    public var finishReason: FinishReason = .unspecified
    /// The provider's own word.
    public var nativeFinishReason = ""
    /// In OpenAI's form: one JSON object, or empty.
    public var logprobsJSON: [UInt8] = []
    /// The stop string that ended it; empty = not said.
    public var stopSequence = ""

    /// Makes a choice.
    public init(message: Message) {
        self.message = message
    }
}

/// One continuation of a prompt.
public struct TextChoice: Sendable, Hashable {
    /// Counts from 0.
    public var index: UInt32 = 0
    /// The continuation.
    public var text: String
    /// Why it ends.
    public var finishReason: FinishReason = .unspecified
    /// The provider's own word.
    public var nativeFinishReason = ""
    /// In OpenAI's form: one JSON object, or empty.
    public var logprobsJSON: [UInt8] = []

    /// Makes a choice.
    public init(text: String) {
        self.text = text
    }
}

/// Tokens, normalised: prompt tokens include cached and cache-written ones, completion tokens include reasoning.
public struct Usage: Sendable, Hashable {
    /// Tokens read, cached or not.
    public var promptTokens: UInt64 = 0
    /// Tokens written, reasoning included.
    public var completionTokens: UInt64 = 0
    /// The sum that the provider reports, else ours.
    public var totalTokens: UInt64 = 0
    /// Of the prompt: read from the provider's cache.
    public var cachedPromptTokens: UInt64 = 0
    /// Of the prompt: written to the provider's cache.
    public var cacheWriteTokens: UInt64 = 0
    /// Of the completion: reasoning.
    public var reasoningTokens: UInt64 = 0
    /// Of the prompt: audio.
    public var audioPromptTokens: UInt64 = 0
    /// Of the completion: audio.
    public var audioCompletionTokens: UInt64 = 0

    /// No tokens.
    public init() {}

    /// Adds another count to this one; each field saturates.
    public mutating func add(_ other: Usage) {
        func sum(_ left: UInt64, _ right: UInt64) -> UInt64 {
            let (value, overflow) = left.addingReportingOverflow(right)
            return overflow ? .max : value
        }
        self.promptTokens = sum(self.promptTokens, other.promptTokens)
        self.completionTokens = sum(self.completionTokens, other.completionTokens)
        self.totalTokens = sum(self.totalTokens, other.totalTokens)
        self.cachedPromptTokens = sum(self.cachedPromptTokens, other.cachedPromptTokens)
        self.cacheWriteTokens = sum(self.cacheWriteTokens, other.cacheWriteTokens)
        self.reasoningTokens = sum(self.reasoningTokens, other.reasoningTokens)
        self.audioPromptTokens = sum(self.audioPromptTokens, other.audioPromptTokens)
        self.audioCompletionTokens = sum(self.audioCompletionTokens, other.audioCompletionTokens)
    }
}
