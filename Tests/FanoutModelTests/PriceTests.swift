// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import Testing

@Suite struct PriceTests {
    static let full: Price = {
        var price = Price(promptToken: 1e-6, completionToken: 10e-6, cachedPromptToken: 0.1e-6)
        price.cacheWriteToken = 2e-6
        price.reasoningToken = 20e-6
        price.audioPromptToken = 5e-6
        price.audioCompletionToken = 40e-6
        price.image = 0.001
        return price
    }()

    static let usage: Usage = {
        var usage = Usage()
        usage.promptTokens = 1_000
        usage.cachedPromptTokens = 300
        usage.cacheWriteTokens = 200
        usage.audioPromptTokens = 100
        usage.completionTokens = 100
        usage.reasoningTokens = 40
        usage.audioCompletionTokens = 10
        return usage
    }()

    @Test func `each kind of token has its price`() {
        // 300 x 0.1 + 200 x 2 + 100 x 5 + 400 x 1 = 1,330; 40 x 20 + 10 x 40 + 50 x 10 = 1,700 millionths of a dollar.
        #expect(Self.full.nanoUSD(for: Self.usage) == 3_030_000)
        #expect(Self.full.nanoUSD(for: Self.usage, images: 2) == 5_030_000)
    }

    @Test func `a kind without a price of its own costs what the rest does`() {
        let plain = Price(promptToken: 1e-6, completionToken: 10e-6)
        #expect(plain.nanoUSD(for: Self.usage, images: 2) == 2_000_000)
    }

    @Test func `parts that exceed the whole count for the whole, and a sum that fits nowhere saturates`() {
        var usage = Usage()
        usage.promptTokens = 10
        usage.cachedPromptTokens = 1_000
        usage.cacheWriteTokens = 1_000
        #expect(Self.full.nanoUSD(for: usage) == 1_000)
        usage.promptTokens = 1 << 53
        #expect(Price(promptToken: 1e6, completionToken: 0).nanoUSD(for: usage) == .max)
    }
}
