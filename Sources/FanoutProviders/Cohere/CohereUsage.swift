// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

/// Cohere's token counts.
///
/// What was read and written is in `tokens`; `billed_units` leaves Cohere's own preamble out, and is all that an
/// embedding has.
struct CohereUsage: Sendable {
    private var input: UInt64?
    private var output: UInt64?
    private var reasoning: UInt64?
    private var billedInput: UInt64?
    private var billedOutput: UInt64?
    private var cached: UInt64?

    /// Reads `usage` or `meta`, which a reader stands before; anything else is passed over.
    mutating func take(_ reader: inout JSONReader) throws(JSONError) {
        guard try reader.kind() == .object else { return try reader.skip() }
        try reader.enterObject()
        while try reader.nextMember() {
            if reader.keyIs("tokens") {
                try self.takeCounts(&reader, areBilled: false)
            } else if reader.keyIs("billed_units") {
                try self.takeCounts(&reader, areBilled: true)
            } else if reader.keyIs("cached_tokens") {
                self.cached = try TokenCount.read(&reader) ?? self.cached
            } else {
                try reader.skip()
            }
        }
    }

    private mutating func takeCounts(_ reader: inout JSONReader, areBilled: Bool) throws(JSONError) {
        guard try reader.kind() == .object else { return try reader.skip() }
        try reader.enterObject()
        while try reader.nextMember() {
            if reader.keyIs("input_tokens") {
                let count = try TokenCount.read(&reader)
                if areBilled { self.billedInput = count } else { self.input = count }
            } else if reader.keyIs("output_tokens") {
                let count = try TokenCount.read(&reader)
                if areBilled { self.billedOutput = count } else { self.output = count }
            } else if reader.keyIs("reasoning_tokens"), !areBilled {
                self.reasoning = try TokenCount.read(&reader)
            } else {
                try reader.skip()
            }
        }
    }

    /// The counts in the form of every provider; nil = none was reported.
    var normalised: Usage? {
        guard let input = self.input ?? self.billedInput else { return nil }
        var usage = Usage()
        usage.promptTokens = input
        usage.completionTokens = self.output ?? self.billedOutput ?? 0
        usage.totalTokens = usage.promptTokens + usage.completionTokens
        usage.cachedPromptTokens = min(self.cached ?? 0, usage.promptTokens)
        usage.reasoningTokens = min(self.reasoning ?? 0, usage.completionTokens)
        return usage
    }
}
