// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutModel

/// What is known of one provider.
package struct ProviderEntry: Sendable, Hashable {
    /// How a key is sent.
    package enum Authentication: Sendable, Hashable {
        case none
        /// `Authorization: Bearer`, where there is a key.
        case bearer
        /// A header of that name.
        case header(String)
    }

    /// The name as LiteLLM spells it.
    package var name: String
    /// The form of its bodies.
    package var format: WireFormat
    /// Where it is; nil = it has no default, so `api_base` is needed.
    package var baseURL: String?
    /// The environment variables that may hold the key, the first one found counts.
    package var keyVariables: [String]
    /// The environment variables that may hold the base URL.
    package var baseVariables: [String]
    /// How the key is sent.
    package var authentication: Authentication
    /// Whether nothing works without a key.
    package var needsKey: Bool
    /// Differences from the format.
    package var quirks: Quirks
    /// How it says what its format says otherwise.
    package var dialect: Dialect
    /// The parameters that it takes; a model may take fewer.
    package var takes: Parameters
    /// What it can be asked at all; a model may offer less.
    package var offers: Needs

    init(
        _ name: String,
        _ baseURL: String?,
        keys: [String] = [],
        bases: [String] = [],
        authentication: Authentication = .bearer,
        needsKey: Bool = true,
        quirks: Quirks = [],
        dialect: Dialect = .unknown,
        takes: Parameters? = nil,
        format: WireFormat = .openAI,
        offers: Needs = .all
    ) {
        self.name = name
        self.format = format
        self.baseURL = baseURL
        self.keyVariables = keys
        self.baseVariables = bases
        self.authentication = authentication
        self.needsKey = needsKey
        self.quirks = quirks
        self.dialect = dialect
        // The encoders of the other formats say themselves what these have no word for.
        self.takes = takes ?? ([.openAI, .huggingFace, .simulated].contains(format) ? .usual : .all)
        self.offers = offers
    }
}

/// The providers that Fanout knows by name.
package enum ProviderCatalogue {
    /// All of them.
    package static let entries: [ProviderEntry] = [
        ProviderEntry(
            "openai",
            "https://api.openai.com/v1",
            keys: ["OPENAI_API_KEY"],
            bases: ["OPENAI_BASE_URL", "OPENAI_API_BASE"],
            dialect: .openAI,
            takes: .openAI
        ),
        ProviderEntry(
            "azure",
            nil,
            keys: ["AZURE_API_KEY"],
            bases: ["AZURE_API_BASE"],
            authentication: .header("api-key"),
            quirks: .azurePath,
            dialect: .openAI,
            takes: .openAI
        ),
        ProviderEntry(
            "anthropic",
            "https://api.anthropic.com/v1",
            keys: ["ANTHROPIC_API_KEY"],
            bases: ["ANTHROPIC_API_BASE", "ANTHROPIC_BASE_URL"],
            authentication: .header("x-api-key"),
            takes: [
                .temperature, .topP, .topK, .stop, .parallelCalls, .jsonSchema, .effort, .reasoningBudget, .user,
                .serviceTier,
            ],
            format: .anthropic,
            offers: Needs.all.subtracting([.completion, .embedding, .audio])
        ),
        Self.cohere("cohere"),
        Self.cohere("cohere_chat"),
        ProviderEntry(
            "gemini",
            "https://generativelanguage.googleapis.com/v1beta",
            keys: ["GEMINI_API_KEY", "GOOGLE_API_KEY"],
            bases: ["GEMINI_API_BASE"],
            authentication: .header("x-goog-api-key"),
            format: .gemini,
            offers: Needs.all.subtracting(.completion)
        ),
        ProviderEntry(
            "vertex_ai",
            nil,
            keys: ["GOOGLE_OAUTH_ACCESS_TOKEN", "CLOUDSDK_AUTH_ACCESS_TOKEN"],
            bases: ["VERTEXAI_API_BASE"],
            quirks: .vertexPath,
            format: .gemini,
            offers: Needs.all.subtracting(.completion)
        ),
        ProviderEntry(
            "bedrock",
            nil,
            keys: ["AWS_BEARER_TOKEN_BEDROCK"],
            bases: ["AWS_BEDROCK_RUNTIME_ENDPOINT"],
            format: .bedrock,
            offers: Needs.all.subtracting([.completion, .audio])
        ),
        ProviderEntry(
            "mistral",
            "https://api.mistral.ai/v1",
            keys: ["MISTRAL_API_KEY"],
            bases: ["MISTRAL_API_BASE"],
            quirks: [.noStreamOptions, .randomSeed],
            dialect: [.media, .outputDimension, .thinkingParts, .prefix],
            takes: Parameters.usual.subtracting([.topK, .logprobs, .user, .serviceTier, .inputType]),
            offers: Needs.all.subtracting(.completion)
        ),
        ProviderEntry(
            "groq",
            "https://api.groq.com/openai/v1",
            keys: ["GROQ_API_KEY"],
            bases: ["GROQ_API_BASE"],
            quirks: .maxCompletionTokens,
            dialect: .media,
            takes: Parameters.usual.subtracting([.topK, .logprobs, .choices, .inputType]),
            offers: Needs.all.subtracting([.completion, .embedding, .documents, .audio])
        ),
        ProviderEntry(
            "deepseek",
            "https://api.deepseek.com/v1",
            keys: ["DEEPSEEK_API_KEY"],
            bases: ["DEEPSEEK_API_BASE"],
            dialect: [.reasoningContent, .thinkingSwitch],
            takes: Parameters.usual.subtracting([.jsonSchema, .inputType]),
            offers: Needs.all.subtracting([.embedding, .vision, .documents, .audio])
        ),
        ProviderEntry(
            "xai",
            "https://api.x.ai/v1",
            keys: ["XAI_API_KEY"],
            bases: ["XAI_API_BASE"],
            quirks: [.maxCompletionTokens, .completionExcludesReasoning]
        ),
        ProviderEntry(
            "openrouter",
            "https://openrouter.ai/api/v1",
            keys: ["OPENROUTER_API_KEY"],
            bases: ["OPENROUTER_API_BASE"],
            dialect: Dialect.unknown.union([.reasoningObject, .cacheControl]),
            takes: Parameters.usual.union(.reasoningBudget)
        ),
        ProviderEntry(
            "together_ai",
            "https://api.together.ai/v1",
            keys: ["TOGETHERAI_API_KEY", "TOGETHER_AI_API_KEY", "TOGETHER_API_KEY"]
        ),
        ProviderEntry(
            "fireworks_ai",
            "https://api.fireworks.ai/inference/v1",
            keys: ["FIREWORKS_AI_API_KEY", "FIREWORKS_API_KEY"]
        ),
        ProviderEntry(
            "perplexity",
            "https://api.perplexity.ai",
            keys: ["PERPLEXITYAI_API_KEY", "PERPLEXITY_API_KEY"]
        ),
        ProviderEntry("cerebras", "https://api.cerebras.ai/v1", keys: ["CEREBRAS_API_KEY"]),
        ProviderEntry(
            "huggingface",
            "https://router.huggingface.co/v1",
            keys: ["HUGGINGFACE_API_KEY", "HF_TOKEN"],
            bases: ["HF_API_BASE", "HUGGINGFACE_API_BASE"],
            format: .huggingFace
        ),
        Self.ollama("ollama"),
        Self.ollama("ollama_chat"),
        Self.selfHosted("vllm", keys: ["VLLM_API_KEY"], bases: ["VLLM_API_BASE"]),
        Self.selfHosted("hosted_vllm", keys: ["HOSTED_VLLM_API_KEY"], bases: ["HOSTED_VLLM_API_BASE"]),
        Self.selfHosted("llamacpp", baseURL: "http://localhost:8080/v1"),
        Self.selfHosted("openai_like", keys: ["OPENAI_LIKE_API_KEY"], bases: ["OPENAI_LIKE_API_BASE"]),
        Self.selfHosted("custom_openai", keys: ["OPENAI_API_KEY"]),
        ProviderEntry("simulated", nil, authentication: .none, needsKey: false, format: .simulated),
    ]

    private static let byName: [String: ProviderEntry] = Dictionary(
        uniqueKeysWithValues: Self.entries.map { ($0.name, $0) }
    )

    /// Apart from the entries, since an encoder asks for each request and an entry is much to copy.
    private static let dialects: [String: Dialect] = Self.byName.mapValues(\.dialect)

    /// The entry of that name.
    package static func entry(named name: String) -> ProviderEntry? {
        self.byName[name]
    }

    /// What a provider can be asked at all.
    package static func offers(of provider: String) -> Needs {
        self.entry(named: provider)?.offers ?? .all
    }

    /// How a provider says what its format says otherwise.
    package static func dialect(of provider: String) -> Dialect {
        self.dialects[provider] ?? .unknown
    }

    /// Splits LiteLLM's `provider/model` at the first slash, if what is before it is a known provider.
    ///
    /// `meta-llama/Llama-3` has none: provider nil, the model whole.
    package static func split(_ model: String) -> (provider: String?, model: String) {
        guard let slash = model.firstIndex(of: "/") else { return (nil, model) }
        let prefix = String(model[..<slash])
        guard self.byName[prefix] != nil else { return (nil, model) }
        return (prefix, String(model[model.index(after: slash)...]))
    }

    /// The quirks of a model at a provider.
    ///
    /// OpenAI's reasoning models (o-series, gpt-5) take `max_completion_tokens` and the role `developer`; the others,
    /// and the many servers that are reached as `openai/…` with an `api_base`, take `max_tokens`.
    package static func quirks(of provider: String, model: String) -> Quirks {
        (self.byName[provider]?.quirks ?? []).union(self.quirks(ofModel: model, at: provider))
    }

    /// The quirks that a model adds to those of its provider.
    package static func quirks(ofModel model: String, at provider: String) -> Quirks {
        guard provider == "openai" || provider == "azure", self.isReasoning(model) else { return [] }
        return [.maxCompletionTokens, .developerRole]
    }

    /// The provider whose own model a bare name is; nil = not known.
    package static func provider(ofBareName model: String) -> String? {
        guard !model.contains("/") else { return nil }
        let starts = [
            "gpt-", "chatgpt-", "text-embedding-", "text-davinci-", "davinci-", "babbage-", "ft:gpt-", "codex-",
        ]
        if starts.contains(where: model.hasPrefix) || self.isReasoning(model) { return "openai" }
        if model.hasPrefix("claude-") { return "anthropic" }
        return ["command-", "embed-english-", "embed-multilingual-"].contains(where: model.hasPrefix) ? "cohere" : nil
    }

    private static func isReasoning(_ model: String) -> Bool {
        let name = model.lowercased().utf8
        if name.starts(with: "gpt-5".utf8) { return true }
        // o1, o3-mini, o4-mini-2025-04-16; not `omni-…`.
        var letters = name.makeIterator()
        guard letters.next() == UInt8(ascii: "o"), let digit = letters.next(), (0x31...0x39).contains(digit) else {
            return false
        }
        let next = letters.next()
        return next == nil || next == UInt8(ascii: "-")
    }

    private static func cohere(_ name: String) -> ProviderEntry {
        ProviderEntry(
            name,
            "https://api.cohere.com/v2",
            keys: ["COHERE_API_KEY", "CO_API_KEY"],
            bases: ["COHERE_API_BASE"],
            format: .cohere,
            offers: Needs.all.subtracting([.completion, .audio])
        )
    }

    private static func ollama(_ name: String) -> ProviderEntry {
        ProviderEntry(
            name,
            "http://localhost:11434",
            keys: ["OLLAMA_API_KEY"],
            bases: ["OLLAMA_API_BASE"],
            needsKey: false,
            format: .ollama,
            offers: Needs.all.subtracting([.documents, .audio])
        )
    }

    private static func selfHosted(
        _ name: String,
        baseURL: String? = nil,
        keys: [String] = [],
        bases: [String] = []
    ) -> ProviderEntry {
        ProviderEntry(name, baseURL, keys: keys, bases: bases, needsKey: false)
    }
}
