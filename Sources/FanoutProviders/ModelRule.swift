// Fanout
// SPDX-License-Identifier: Apache-2.0

/// What certain models of a provider don't take although their provider does.
package struct ModelRule: Sendable, Hashable {
    /// The providers.
    package var providers: [String]
    /// The models; a star at the end stands for any text.
    package var models: [String]
    /// What they don't take.
    package var lacks: Parameters

    /// The rules that ship.
    ///
    /// Sources: OpenAI's "Reasoning models" and reference of chat completions, xAI's "Reasoning", and
    /// `supports_sampling_params` of LiteLLM's model list for Anthropic, read in November 2026.
    package static let all: [ModelRule] = [
        ModelRule(
            providers: ["openai", "azure"],
            models: ["o1", "o1-*", "o3", "o3-*", "o4-*", "gpt-5", "gpt-5-mini*", "gpt-5-nano*", "gpt-5-2*"],
            lacks: [.temperature, .topP, .presencePenalty, .frequencyPenalty, .logprobs]
        ),
        ModelRule(
            providers: ["openai", "azure"],
            models: ["o3", "o3-20*", "o4-mini*", "gpt-5", "gpt-5-mini*", "gpt-5-nano*", "gpt-5-2*"],
            lacks: .stop
        ),
        ModelRule(providers: ["openai", "azure"], models: ["text-embedding-ada-002"], lacks: .dimensions),
        ModelRule(
            providers: ["xai"],
            models: ["grok-3-mini*", "grok-4", "grok-4-0709", "grok-4-fast-reasoning*", "grok-code-fast*"],
            lacks: [.stop, .presencePenalty, .frequencyPenalty]
        ),
        ModelRule(
            providers: ["anthropic"],
            models: [
                "claude-opus-4-7*", "claude-opus-4-8*", "claude-opus-5*", "claude-sonnet-5*", "claude-haiku-5*",
                "claude-fable-*", "claude-mythos-*",
            ],
            lacks: [.temperature, .topP, .topK]
        ),
    ]

    /// Whether it is about a model.
    func holds(for model: String, at provider: String) -> Bool {
        guard self.providers.contains(provider) else { return false }
        return self.models.contains { $0.hasSuffix("*") ? model.hasPrefix($0.dropLast()) : model == $0 }
    }
}

extension ProviderCatalogue {
    /// Apart from the entries, as the dialects are.
    private static let takesByName: [String: Parameters] = Dictionary(
        uniqueKeysWithValues: Self.entries.map { ($0.name, $0.takes) }
    )

    /// What all rules take away from any model, so that most requests need no look at a name.
    private static let sensitive = ModelRule.all.reduce(into: Parameters()) { $0.formUnion($1.lacks) }

    /// Those of the parameters that a model of a provider takes.
    package static func takes(_ asked: Parameters, of provider: String, model: String) -> Parameters {
        var taken = asked.intersection(self.takesByName[provider] ?? .usual)
        guard !taken.isDisjoint(with: self.sensitive) else { return taken }
        for rule in ModelRule.all where rule.holds(for: model, at: provider) { taken.subtract(rule.lacks) }
        return taken
    }
}
