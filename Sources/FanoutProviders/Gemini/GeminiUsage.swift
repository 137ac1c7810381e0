// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

/// Google's token counts.
///
/// Cached tokens are a part of the prompt's; what the model thought, and what its own tools gave it to read, are
/// counted apart: the total is prompt, candidates, thoughts and tool use. Each chunk of a stream has all counts so
/// far, so the last object replaces those before it.
struct GeminiUsage: Sendable {
    private(set) var serviceTier = ""
    private var counts = Counts()

    /// Sums of two counts fit, and a double holds each exactly.
    private static let most: UInt64 = 1 << 53

    private struct Counts: Sendable {
        var prompt: UInt64?
        var cached: UInt64?
        var toolUse: UInt64?
        var candidates: UInt64?
        var thoughts: UInt64?
        var total: UInt64?
        var audioPrompt: UInt64 = 0
        var audioCandidates: UInt64 = 0

        var isEmpty: Bool {
            self.prompt == nil && self.candidates == nil && self.thoughts == nil && self.total == nil
        }
    }

    /// Reads the object that a reader stands before; anything else is passed over.
    mutating func take(_ reader: inout JSONReader) throws(JSONError) {
        guard try reader.kind() == .object else { return try reader.skip() }
        var counts = Counts()
        try reader.enterObject()
        while try reader.nextMember() {
            switch reader.keyLength {
            case 16 where reader.keyIs("promptTokenCount"): counts.prompt = try TokenCount.read(&reader)
            case 23 where reader.keyIs("cachedContentTokenCount"): counts.cached = try TokenCount.read(&reader)
            case 23 where reader.keyIs("toolUsePromptTokenCount"): counts.toolUse = try TokenCount.read(&reader)
            case 20 where reader.keyIs("candidatesTokenCount"): counts.candidates = try TokenCount.read(&reader)
            case 18 where reader.keyIs("thoughtsTokenCount"): counts.thoughts = try TokenCount.read(&reader)
            case 15 where reader.keyIs("totalTokenCount"): counts.total = try TokenCount.read(&reader)
            case 19 where reader.keyIs("promptTokensDetails"): counts.audioPrompt = try Self.audio(&reader)
            case 23 where reader.keyIs("candidatesTokensDetails"): counts.audioCandidates = try Self.audio(&reader)
            case 11 where reader.keyIs("serviceTier"): try GeminiAssembler.keep(&reader, in: &self.serviceTier)
            default: try reader.skip()
            }
        }
        if !counts.isEmpty { self.counts = counts }
    }

    /// Reads the `statistics` of one vector of Vertex's.
    mutating func takeStatistics(_ reader: inout JSONReader) throws(JSONError) {
        guard try reader.kind() == .object else { return try reader.skip() }
        try reader.enterObject()
        while try reader.nextMember() {
            if reader.keyIs("token_count") || reader.keyIs("tokenCount") {
                guard let count = try TokenCount.read(&reader) else { continue }
                self.counts.prompt = min((self.counts.prompt ?? 0) + count, Self.most)
            } else {
                try reader.skip()
            }
        }
    }

    /// The tokens of sound in a list of counts by modality.
    private static func audio(_ reader: inout JSONReader) throws(JSONError) -> UInt64 {
        var sum: UInt64 = 0
        guard try reader.kind() == .array else {
            try reader.skip()
            return 0
        }
        try reader.enterArray()
        while try reader.nextElement() {
            var isAudio = false
            var count: UInt64?
            try reader.enterObject()
            while try reader.nextMember() {
                if reader.keyIs("modality") {
                    isAudio = try reader.stringIs("AUDIO")
                } else if reader.keyIs("tokenCount") {
                    count = try TokenCount.read(&reader)
                } else {
                    try reader.skip()
                }
            }
            if isAudio { sum = min(sum + (count ?? 0), Self.most) }
        }
        return sum
    }

    /// The counts in the form of every provider; nil = none was reported.
    var normalised: Usage? {
        guard !self.counts.isEmpty else { return nil }
        var usage = Usage()
        usage.promptTokens = (self.counts.prompt ?? 0) + (self.counts.toolUse ?? 0)
        usage.reasoningTokens = self.counts.thoughts ?? 0
        usage.completionTokens = (self.counts.candidates ?? 0) + usage.reasoningTokens
        usage.cachedPromptTokens = min(self.counts.cached ?? 0, usage.promptTokens)
        usage.audioPromptTokens = self.counts.audioPrompt
        usage.audioCompletionTokens = self.counts.audioCandidates
        usage.totalTokens = self.counts.total ?? (usage.promptTokens + usage.completionTokens)
        return usage
    }
}
