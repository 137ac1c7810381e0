// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

/// Bedrock's token counts: the prompt's are apart, what was read fresh, read from the cache, and written to it.
struct BedrockUsage: Sendable {
    private var input: UInt64?
    private var cacheRead: UInt64?
    private var cacheWrite: UInt64?
    private var output: UInt64?

    /// Reads the object that a reader stands before; anything else is passed over.
    mutating func take(_ reader: inout JSONReader) throws(JSONError) {
        guard try reader.kind() == .object else { return try reader.skip() }
        try reader.enterObject()
        while try reader.nextMember() {
            if reader.keyIs("inputTokens") {
                self.input = try Self.count(&reader) ?? self.input
            } else if reader.keyIs("outputTokens") {
                self.output = try Self.count(&reader) ?? self.output
            } else if reader.keyIs("cacheReadInputTokens") || reader.keyIs("cacheReadInputTokenCount") {
                self.cacheRead = try Self.count(&reader) ?? self.cacheRead
            } else if reader.keyIs("cacheWriteInputTokens") || reader.keyIs("cacheWriteInputTokenCount") {
                self.cacheWrite = try Self.count(&reader) ?? self.cacheWrite
            } else {
                try reader.skip()
            }
        }
    }

    private static func count(_ reader: inout JSONReader) throws(JSONError) -> UInt64? {
        guard let value = try OpenAIAssembler.integer(&reader), value >= 0 else { return nil }
        return min(UInt64(value), 1 << 53)
    }

    /// The counts in the form of every provider; nil = none was reported.
    var normalised: Usage? {
        guard self.input != nil || self.output != nil else { return nil }
        var usage = Usage()
        usage.cachedPromptTokens = self.cacheRead ?? 0
        usage.cacheWriteTokens = self.cacheWrite ?? 0
        usage.promptTokens = (self.input ?? 0) + usage.cachedPromptTokens + usage.cacheWriteTokens
        usage.completionTokens = self.output ?? 0
        usage.totalTokens = usage.promptTokens + usage.completionTokens
        return usage
    }
}
