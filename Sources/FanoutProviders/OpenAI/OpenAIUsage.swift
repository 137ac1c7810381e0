// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

/// The token counts of OpenAI's format, made to mean the same for every provider.
struct OpenAIUsage {
    private var prompt: UInt64 = 0
    private var completion: UInt64 = 0
    private var total: UInt64 = 0
    private var cached: UInt64 = 0
    private var cacheWrite: UInt64 = 0
    private var reasoning: UInt64 = 0
    private var promptAudio: UInt64 = 0
    private var completionAudio: UInt64 = 0
    private var hasAudioSeconds = false

    /// Reads a usage object; nil for null or anything else.
    static func read(_ reader: inout JSONReader, quirks: Quirks) throws(JSONError) -> Usage? {
        guard try reader.kind() == .object else {
            try reader.skip()
            return nil
        }
        var usage = OpenAIUsage()
        var isEmpty = true
        try reader.enterObject()
        while try reader.nextMember() {
            isEmpty = false
            switch reader.keyLength {
            case 13 where reader.keyIs("prompt_tokens"):
                usage.prompt = try Self.count(&reader)
            case 17 where reader.keyIs("completion_tokens"):
                usage.completion = try Self.count(&reader)
            case 12 where reader.keyIs("total_tokens"):
                usage.total = try Self.count(&reader)
            case 21 where reader.keyIs("prompt_tokens_details"):
                try usage.readDetails(&reader, ofPrompt: true)
            case 25 where reader.keyIs("completion_tokens_details"):
                try usage.readDetails(&reader, ofPrompt: false)
            case 23 where reader.keyIs("prompt_cache_hit_tokens"), 17 where reader.keyIs("num_cached_tokens"):
                // DeepSeek's and old Mistral's names; where the details are there, too, they say the same.
                usage.cached = max(usage.cached, try Self.count(&reader))
            case 20 where reader.keyIs("prompt_audio_seconds"):
                usage.hasAudioSeconds = try Self.count(&reader) > 0
            default:
                try reader.skip()
            }
        }
        return isEmpty ? nil : usage.normalised(quirks)
    }

    private mutating func readDetails(_ reader: inout JSONReader, ofPrompt: Bool) throws(JSONError) {
        guard try reader.kind() == .object else { return try reader.skip() }
        try reader.enterObject()
        while try reader.nextMember() {
            switch reader.keyLength {
            case 13 where ofPrompt && reader.keyIs("cached_tokens"):
                self.cached = max(self.cached, try Self.count(&reader))
            case 18 where ofPrompt && reader.keyIs("cache_write_tokens"):
                self.cacheWrite = try Self.count(&reader)
            case 12 where reader.keyIs("audio_tokens"):
                let audio = try Self.count(&reader)
                if ofPrompt { self.promptAudio = audio } else { self.completionAudio = audio }
            case 16 where !ofPrompt && reader.keyIs("reasoning_tokens"):
                self.reasoning = try Self.count(&reader)
            default:
                try reader.skip()
            }
        }
    }

    /// A count; what is no whole number that fits counts as none, since an answer is not refused for its bill.
    private static func count(_ reader: inout JSONReader) throws(JSONError) -> UInt64 {
        guard try reader.kind() == .number else {
            try reader.skip()
            return 0
        }
        let start = reader.offset
        do throws(JSONError) {
            return min(try reader.uint64(), 1 << 53)
        } catch {
            guard error.code == .numberOutOfRange else { throw error }
            reader.seek(to: start)
            try reader.skip()
            return 0
        }
    }

    private func normalised(_ quirks: Quirks) -> Usage {
        var usage = Usage()
        usage.promptTokens = self.prompt
        usage.completionTokens = self.completion
        // xAI counts reasoning apart, which the sum shows: 468 + 77 + 582 = 1127.
        let isApart = self.prompt + self.completion + self.reasoning == self.total
        if isApart || (quirks.contains(.completionExcludesReasoning) && self.total == 0) {
            usage.completionTokens += self.reasoning
        } else if self.total > self.prompt + self.completion {
            // Mistral leaves sounds out of the prompt, Gemini thoughts out of the completion; only the sum has them.
            let rest = self.total - self.prompt - self.completion
            if self.hasAudioSeconds || self.promptAudio > 0 {
                usage.promptTokens += rest
            } else {
                usage.completionTokens += rest
            }
        }
        usage.totalTokens = self.total > 0 ? self.total : usage.promptTokens + usage.completionTokens
        // Some servers report more cached than read, or more reasoning than written.
        usage.cachedPromptTokens = min(self.cached, usage.promptTokens)
        usage.cacheWriteTokens = min(self.cacheWrite, usage.promptTokens)
        usage.reasoningTokens = min(self.reasoning, usage.completionTokens)
        usage.audioPromptTokens = self.promptAudio
        usage.audioCompletionTokens = self.completionAudio
        return usage
    }
}
