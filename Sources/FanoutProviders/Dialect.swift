// Fanout
// SPDX-License-Identifier: Apache-2.0

/// What a provider's dialect of the OpenAI format can say.
///
/// A provider that isn't known better is taken to understand every parameter: it refuses itself what it doesn't.
package struct Dialect: OptionSet, Sendable, Hashable {
    package let rawValue: UInt32

    package init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// `top_k`.
    package static let topK = Dialect(rawValue: 1 << 0)
    /// `logprobs` and `top_logprobs`.
    package static let logprobs = Dialect(rawValue: 1 << 1)
    /// `n` above one.
    package static let choices = Dialect(rawValue: 1 << 2)
    /// `user`.
    package static let user = Dialect(rawValue: 1 << 3)
    /// `response_format` with a JSON Schema.
    package static let jsonSchema = Dialect(rawValue: 1 << 4)
    /// The role `developer`, which otherwise is called `system`.
    package static let developer = Dialect(rawValue: 1 << 5)
    /// `input_type` of embeddings.
    package static let inputType = Dialect(rawValue: 1 << 6)
    /// `dimensions` of embeddings is called `output_dimension`.
    package static let outputDimension = Dialect(rawValue: 1 << 7)
    /// `encoding_format: base64` of embeddings.
    package static let base64Vectors = Dialect(rawValue: 1 << 8)
    /// `tool_choice` with several names.
    package static let allowedTools = Dialect(rawValue: 1 << 9)
    /// Reasoning is asked for by an object `reasoning`, with a budget of tokens, and goes back as `reasoning`.
    package static let reasoningObject = Dialect(rawValue: 1 << 10)
    /// Reasoning goes back as `reasoning_content` with the tool calls that it led to.
    package static let reasoningContent = Dialect(rawValue: 1 << 11)
    /// Parts that are images, sounds or files.
    package static let media = Dialect(rawValue: 1 << 12)
    /// Films as `video_url`, and documents by URL.
    package static let videoURL = Dialect(rawValue: 1 << 13)

    /// `cache_control` on parts, calls and tools.
    package static let cacheControl = Dialect(rawValue: 1 << 14)
    /// `prompt_cache_breakpoint` on parts, once `prompt_cache_options` ask for the explicit mode.
    package static let cacheBreakpoints = Dialect(rawValue: 1 << 15)
    /// Reasoning goes back as a part `thinking` of the content.
    package static let thinkingParts = Dialect(rawValue: 1 << 16)
    /// Reasoning is switched off by an object `thinking`.
    package static let thinkingSwitch = Dialect(rawValue: 1 << 17)
    /// Parts of a tool's result that are images.
    package static let toolImages = Dialect(rawValue: 1 << 18)
    /// An assistant's turn at the end, which the model continues, is marked by `prefix`.
    package static let prefix = Dialect(rawValue: 1 << 19)

    /// A server of which nothing is known.
    package static let unknown: Dialect = [
        .topK, .logprobs, .choices, .user, .jsonSchema, .inputType, .media, .videoURL, .reasoningContent, .toolImages,
    ]
    /// What api.openai.com takes.
    package static let openAI: Dialect = [
        .logprobs, .choices, .user, .jsonSchema, .developer, .base64Vectors, .allowedTools, .media,
        .cacheBreakpoints,
    ]
    /// Everything, for digests.
    package static let canonical: Dialect = [
        .topK, .logprobs, .choices, .user, .jsonSchema, .developer, .inputType, .allowedTools, .reasoningObject,
        .reasoningContent, .media, .videoURL, .toolImages,
    ]
}
