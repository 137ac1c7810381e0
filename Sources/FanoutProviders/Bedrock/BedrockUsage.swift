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
                self.input = try TokenCount.read(&reader) ?? self.input
            } else if reader.keyIs("outputTokens") {
                self.output = try TokenCount.read(&reader) ?? self.output
            } else if reader.keyIs("cacheReadInputTokens") || reader.keyIs("cacheReadInputTokenCount") {
                self.cacheRead = try TokenCount.read(&reader) ?? self.cacheRead
            } else if reader.keyIs("cacheWriteInputTokens") || reader.keyIs("cacheWriteInputTokenCount") {
                self.cacheWrite = try TokenCount.read(&reader) ?? self.cacheWrite
            } else {
                try reader.skip()
            }
        }
    }

    /// The counts in the form of every provider; nil = none was reported.
    var normalised: Usage? {
        guard self.input != nil || self.output != nil else { return nil }
        return Usage(
            fresh: self.input ?? 0,
            cacheRead: self.cacheRead ?? 0,
            cacheWrite: self.cacheWrite ?? 0,
            written: self.output ?? 0
        )
    }
}
