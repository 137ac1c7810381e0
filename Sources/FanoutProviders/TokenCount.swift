// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

/// A count of tokens as a provider reports it.
enum TokenCount {
    /// Reads the next value; nil for what is no count, since an answer is not refused for its bill.
    ///
    /// Cohere's reference types its counts as floats, and Vertex writes some as `3.0`.
    static func read(_ reader: inout JSONReader) throws(JSONError) -> UInt64? {
        guard try reader.kind() == .number else {
            try reader.skip()
            return nil
        }
        switch try reader.number() {
        case .integer(let value) where value >= 0: return min(UInt64(value), 1 << 53)
        case .double(let value) where value >= 0: return value < 0x1p53 ? UInt64(value) : 1 << 53
        default: return nil
        }
    }
}

extension Usage {
    /// The counts of a provider that tells the prompt's apart: what was read fresh, read from the cache, and written to
    /// it.
    init(fresh: UInt64, cacheRead: UInt64, cacheWrite: UInt64, written: UInt64) {
        self.init()
        self.cachedPromptTokens = cacheRead
        self.cacheWriteTokens = cacheWrite
        self.promptTokens = fresh + cacheRead + cacheWrite
        self.completionTokens = written
        self.totalTokens = self.promptTokens + written
    }
}
