// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import FanoutProviders
import Testing

/// The prices and windows that ship.
@Suite struct PriceRowsTests {
    @Test(arguments: [
        ("openai", "gpt-4o", 2.5, 10, 1.25), ("azure", "gpt-4o", 2.5, 10, 1.25),
        ("anthropic", "claude-sonnet-4-5", 3, 15, 0.3), ("gemini", "gemini-2.5-pro", 1.25, 10, 0.125),
        ("bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", 3.3, 16.5, 0.33),
        ("mistral", "mistral-large-latest", 0.5, 1.5, 0.05),
    ])
    func `a known model has its price by the million tokens`(
        provider: String,
        model: String,
        prompt: Double,
        completion: Double,
        cached: Double
    ) throws {
        let price = try #require(ProviderCatalogue.price(of: model, at: provider))
        #expect(abs(price.promptToken * 1e6 - prompt) < 1e-9 && abs(price.completionToken * 1e6 - completion) < 1e-9)
        #expect(abs((price.cachedPromptToken ?? 0) * 1e6 - cached) < 1e-9)
    }

    @Test func `what is written to the cache has its own price where it costs more`() throws {
        #expect(ProviderCatalogue.price(of: "claude-sonnet-4-5", at: "anthropic")?.cacheWriteToken == 3.75 / 1e6)
        #expect(ProviderCatalogue.price(of: "deepseek-chat", at: "deepseek")?.cacheWriteToken == nil)
    }

    @Test(arguments: [
        ("openai", "gpt-9"), ("openai", ""), ("openai", "gpt-4o gpt-4o-mini"), ("openai", "2.5"), ("openai", "|"),
        ("hosted_vllm", "gpt-4o"), ("nobody", "gpt-4o"), ("openai", "ft:gpt-9:acme"), ("mistral", "gpt-4o"),
    ])
    func `what isn't known is no price`(provider: String, model: String) {
        #expect(ProviderCatalogue.price(of: model, at: provider) == nil)
        #expect(ProviderCatalogue.contextWindow(of: model, at: provider) == nil)
    }

    @Test func `a snapshot costs what its model does, unless it has a price of its own`() {
        let model = ProviderCatalogue.price(of: "gpt-4o", at: "openai")
        #expect(ProviderCatalogue.price(of: "gpt-4o-2029-01-01", at: "openai") == model)
        #expect(ProviderCatalogue.contextWindow(of: "gpt-4o-20290101", at: "openai") == 128_000)
        #expect(ProviderCatalogue.contextWindow(of: "ft:gpt-4o:acme::x", at: "openai") == 128_000)
        #expect(ProviderCatalogue.price(of: "ft:gpt-4o:acme::x", at: "openai") != model)
    }

    @Test func `the rows say where and when they come from`() {
        #expect(
            ProviderCatalogue.priceSource.wholeMatch(of: /the price list in litellm [\d.]+, \d{4}-\d\d-\d\d/) != nil
        )
    }
}
