// Fanout
// SPDX-License-Identifier: Apache-2.0

/// How a provider's dialect of the OpenAI format says what the format says otherwise or not at all.
package struct Dialect: OptionSet, Sendable, Hashable {
    package let rawValue: UInt32

    package init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// The role `developer`, which otherwise is called `system`.
    package static let developer = Dialect(rawValue: 1 << 0)
    /// `dimensions` of embeddings is called `output_dimension`.
    package static let outputDimension = Dialect(rawValue: 1 << 1)
    /// `encoding_format: base64` of embeddings.
    package static let base64Vectors = Dialect(rawValue: 1 << 2)
    /// Reasoning is asked for by an object `reasoning`, with a budget of tokens, and goes back as `reasoning`.
    package static let reasoningObject = Dialect(rawValue: 1 << 3)
    /// Reasoning goes back as `reasoning_content` with the tool calls that it led to.
    package static let reasoningContent = Dialect(rawValue: 1 << 4)
    /// Parts that are images, sounds or files.
    package static let media = Dialect(rawValue: 1 << 5)
    /// Films as `video_url`, and documents by URL.
    package static let videoURL = Dialect(rawValue: 1 << 6)
    /// `cache_control` on parts, calls and tools.
    package static let cacheControl = Dialect(rawValue: 1 << 7)
    /// `prompt_cache_breakpoint` on parts, once `prompt_cache_options` ask for the explicit mode.
    package static let cacheBreakpoints = Dialect(rawValue: 1 << 8)
    /// Reasoning goes back as a part `thinking` of the content.
    package static let thinkingParts = Dialect(rawValue: 1 << 9)
    /// Reasoning is switched off by an object `thinking`.
    package static let thinkingSwitch = Dialect(rawValue: 1 << 10)
    /// Parts of a tool's result that are images.
    package static let toolImages = Dialect(rawValue: 1 << 11)
    /// An assistant's turn at the end, which the model continues, is marked by `prefix`.
    package static let prefix = Dialect(rawValue: 1 << 12)

    /// A server of which nothing is known.
    package static let unknown: Dialect = [.media, .videoURL, .reasoningContent, .toolImages]
    /// That of api.openai.com.
    package static let openAI: Dialect = [.developer, .base64Vectors, .media, .cacheBreakpoints]
    /// Everything, for digests.
    package static let canonical: Dialect = [
        .developer, .reasoningObject, .reasoningContent, .media, .videoURL, .toolImages,
    ]
}
