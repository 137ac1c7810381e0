// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

/// Anthropic's token counts.
///
/// The prompt's are apart: what was read fresh, read from the cache, and written to it. A stream gives them at its
/// start and the final ones, which replace those before, with the reason why it ended.
struct AnthropicUsage: Sendable {
    private(set) var serviceTier = ""
    private var input: UInt64?
    private var cacheWrite: UInt64?
    private var cacheRead: UInt64?
    private var output: UInt64?
    private var thinking: UInt64?

    /// Reads the object that a reader stands before; anything else is passed over.
    mutating func take(_ reader: inout JSONReader) throws(JSONError) {
        guard try reader.kind() == .object else { return try reader.skip() }
        try reader.enterObject()
        while try reader.nextMember() {
            if reader.keyIs("input_tokens") {
                self.input = try TokenCount.read(&reader) ?? self.input
            } else if reader.keyIs("cache_creation_input_tokens") {
                self.cacheWrite = try TokenCount.read(&reader) ?? self.cacheWrite
            } else if reader.keyIs("cache_read_input_tokens") {
                self.cacheRead = try TokenCount.read(&reader) ?? self.cacheRead
            } else if reader.keyIs("output_tokens") {
                self.output = try TokenCount.read(&reader) ?? self.output
            } else if reader.keyIs("service_tier") {
                self.serviceTier = try OpenAIAssembler.text(&reader) ?? self.serviceTier
            } else if reader.keyIs("output_tokens_details"), try reader.kind() == .object {
                try reader.enterObject()
                while try reader.nextMember() {
                    if reader.keyIs("thinking_tokens") {
                        self.thinking = try TokenCount.read(&reader) ?? self.thinking
                    } else {
                        try reader.skip()
                    }
                }
            } else {
                try reader.skip()
            }
        }
    }

    /// The counts in the form of every provider; nil = none was reported.
    var normalised: Usage? {
        guard self.input != nil || self.output != nil else { return nil }
        var usage = Usage(
            fresh: self.input ?? 0,
            cacheRead: self.cacheRead ?? 0,
            cacheWrite: self.cacheWrite ?? 0,
            written: self.output ?? 0
        )
        usage.reasoningTokens = min(self.thinking ?? 0, usage.completionTokens)
        return usage
    }
}
