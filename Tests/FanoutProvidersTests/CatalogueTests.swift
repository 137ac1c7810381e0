// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import FanoutProviders
import Testing

@Suite struct CatalogueTests {
    @Test(arguments: [
        ("openai/gpt-4o", "openai", "gpt-4o"), ("openrouter/meta-llama/x", "openrouter", "meta-llama/x"),
        ("azure/dep", "azure", "dep"), ("hosted_vllm//models/x", "hosted_vllm", "/models/x"),
    ])
    func `a known provider's prefix is split off at the first slash`(name: String, provider: String, model: String) {
        let split = ProviderCatalogue.split(name)
        #expect(split.provider == provider && split.model == model)
    }

    @Test(arguments: ["gpt-4o", "meta-llama/Llama-3", "/x", "", "OpenAI/gpt"])
    func `any other name stays whole`(name: String) {
        let split = ProviderCatalogue.split(name)
        #expect(split.provider == nil && split.model == name)
    }

    @Test(arguments: [
        ("o1", true), ("o3-mini", true), ("o4-mini-2025-04-16", true), ("gpt-5", true), ("gpt-5-nano", true),
        ("gpt-4o", false), ("omni-moderation", false), ("o", false), ("o1x", false), ("gpt-3.5-turbo", false),
    ])
    func `reasoning models are told by their names`(model: String, isReasoning: Bool) {
        #expect(ProviderCatalogue.quirks(of: "openai", model: model).contains(.maxCompletionTokens) == isReasoning)
        #expect(!ProviderCatalogue.quirks(of: "hosted_vllm", model: model).contains(.maxCompletionTokens))
    }

    @Test(arguments: ["command-a-03-2025", "embed-english-v3.0", "embed-multilingual-light-v3.0"])
    func `Cohere's models are known by their bare names, with their windows`(model: String) {
        #expect(ProviderCatalogue.provider(ofBareName: model) == "cohere")
        for provider in ["cohere", "cohere_chat"] {
            #expect(ProviderCatalogue.contextWindow(of: model, at: provider) != nil)
        }
    }

    @Test func `entries are found by name and say where they are`() {
        #expect(Set(ProviderCatalogue.entries.map(\.name)).count == ProviderCatalogue.entries.count)
        for entry in ProviderCatalogue.entries {
            #expect(ProviderCatalogue.entry(named: entry.name) == entry)
            #expect(!(entry.baseURL?.hasSuffix("/") ?? false))
            #expect(!entry.needsKey || !entry.keyVariables.isEmpty, "\(entry.name)")
        }
        #expect(ProviderCatalogue.entry(named: "nobody") == nil)
        #expect(ProviderCatalogue.dialect(of: "nobody") == .unknown)
    }
}
