// Fanout
// SPDX-License-Identifier: Apache-2.0

extension ProviderCatalogue {
    /// The most tokens of a prompt, by provider and then by window.
    ///
    /// As `max_input_tokens` of LiteLLM 1.106.2's `model_prices_and_context_window.json` has them. A model that isn't
    /// here has no known window, and one that is called differently is found by its `base_model`.
    private static let windows: [String: [(tokens: UInt32, models: String)]] = [
        "openai": [
            (8_191, "text-embedding-3-large text-embedding-3-small text-embedding-ada-002"),
            (8_192, "gpt-4 gpt-4-0613"),
            (16_385, "gpt-3.5-turbo gpt-3.5-turbo-0125 gpt-3.5-turbo-1106 gpt-3.5-turbo-16k"),
            (128_000, "gpt-4-1106-preview gpt-4-turbo gpt-4o gpt-4o-mini gpt-5-chat gpt-5-chat-latest"),
            (128_000, "gpt-5.1-chat-latest gpt-5.2-chat-latest gpt-5.3-chat-latest"),
            (200_000, "o1 o3 o3-mini o4-mini"),
            (272_000, "gpt-5 gpt-5-mini gpt-5-nano gpt-5.1 gpt-5.2 gpt-5.4-mini gpt-5.4-nano"),
            (922_000, "gpt-5.6"),
            (1_047_576, "gpt-4.1 gpt-4.1-mini gpt-4.1-nano"),
            (1_050_000, "gpt-5.4 gpt-5.5"),
        ],
        "anthropic": [
            (200_000, "claude-haiku-4-5 claude-sonnet-4-5 claude-opus-4-5"),
            (1_000_000, "claude-sonnet-4-6 claude-opus-4-6 claude-opus-4-7 claude-opus-4-8"),
            (1_000_000, "claude-sonnet-5 claude-sonnet-5-5 claude-opus-5 claude-opus-5-5 claude-haiku-5-5"),
        ],
        "cohere": [
            (512, "embed-english-light-v3.0 embed-english-v3.0 embed-multilingual-v3.0 embed-multilingual-light-v3.0"),
            (128_000, "c4ai-aya-expanse-32b command-a-plus-05-2026 command-r-08-2024 command-r-plus-08-2024"),
            (128_000, "command-r7b-12-2024 embed-v4.0"),
            (256_000, "command-a-03-2025"),
        ],
        "gemini": [
            (2_048, "gemini-embedding-001 text-embedding-004 text-embedding-005 text-multilingual-embedding-002"),
            (8_192, "gemini-embedding-2 gemini-embedding-2-preview"),
            (1_048_576, "gemini-2.5-flash gemini-2.5-flash-lite gemini-2.5-pro gemini-3-flash-preview"),
            (1_048_576, "gemini-3.1-flash-lite gemini-3.1-pro-preview gemini-3.5-flash gemini-3.5-flash-lite"),
            (1_048_576, "gemini-3.6-flash gemini-3.7-flash gemini-3.8-flash gemini-4-argon"),
        ],
        "mistral": [
            (8_192, "mistral-embed codestral-embed"),
            (32_000, "mistral-small mistral-tiny"),
            (128_000, "codestral-latest open-mistral-nemo pixtral-large-latest"),
            (131_072, "ministral-3b-latest"),
            (256_000, "devstral-small-latest devstral-medium-latest"),
            (262_144, "mistral-large-latest mistral-medium-latest mistral-small-latest ministral-8b-latest"),
            (262_144, "magistral-medium-latest magistral-small-latest"),
        ],
        "deepseek": [
            (65_536, "deepseek-r1 deepseek-v3"), (128_000, "deepseek-coder"),
            (131_072, "deepseek-chat deepseek-reasoner"), (163_840, "deepseek-v3.2"),
            (1_000_000, "deepseek-flash deepseek-v4-flash deepseek-v4-pro"),
        ],
        "xai": [
            (256_000, "grok-code-fast grok-code-fast-1"), (500_000, "grok-4.5 grok-4.6 grok-4.7"),
            (1_000_000, "grok-4.3 grok-4.20"),
        ],
        "groq": [(131_072, "openai/gpt-oss-120b openai/gpt-oss-20b")],
        "cerebras": [(128_000, "llama-3.3-70b llama3.1-8b qwen-3-32b"), (131_072, "gpt-oss-120b")],
        "perplexity": [
            (128_000, "sonar sonar-deep-research sonar-reasoning sonar-reasoning-pro"), (200_000, "sonar-pro"),
        ],
    ]

    private static let windowByModel: [String: UInt32] = {
        var table: [String: UInt32] = [:]
        for (provider, rows) in Self.windows {
            for (tokens, models) in rows {
                for model in models.split(separator: " ") { table["\(provider)/\(model)"] = tokens }
            }
        }
        return table
    }()

    /// The most tokens of a prompt that a model takes; nil = not known.
    ///
    /// A snapshot of a model (`gpt-4o-2024-08-06`) has that of the model, a fine-tuned one (`ft:gpt-4o:acme`) that of
    /// its base. Azure's models are OpenAI's, where a deployment bears the model's name; Vertex's are Gemini's.
    package static func contextWindow(of model: String, at provider: String) -> UInt32? {
        let owners = ["azure": "openai", "cohere_chat": "cohere", "vertex_ai": "gemini"]
        let owner = owners[provider] ?? provider
        var name = Substring(model)
        if name.hasPrefix("ft:") { name = name.dropFirst(3).prefix { $0 != ":" } }
        return self.windowByModel["\(owner)/\(name)"] ?? self.windowByModel["\(owner)/\(self.undated(name))"]
    }

    /// Without `-2024-08-06` or `-20240806` at its end.
    private static func undated(_ name: Substring) -> Substring {
        for form in ["-dddd-dd-dd", "-dddddddd"] {
            let end = name.suffix(form.count)
            let fits = zip(form, end).allSatisfy { $0 == "d" ? $1.isASCII && $1.isNumber : $0 == $1 }
            if end.count == form.count && fits { return name.dropLast(form.count) }
        }
        return name
    }
}
