// Fanout
// SPDX-License-Identifier: Apache-2.0

/// How many inputs of an embedding certain models of a provider take a request.
package struct InputLimit: Sendable, Hashable {
    /// The providers.
    package var providers: [String]
    /// The models whose names hold one of these; empty = any.
    package var models: [String] = []
    /// The most inputs.
    package var inputs: Int

    /// The limits that ship; the first that fits counts.
    ///
    /// Sources, read in November 2026: OpenAI's and Azure's reference of embeddings, Cohere's of `/embed`, Gemini's of
    /// `batchEmbedContents`, Vertex AI's "Get text embeddings", Amazon Bedrock's "Amazon Titan Embeddings Text" and
    /// "Cohere Embed"; for Hugging Face the default of `--max-client-batch-size` of text-embeddings-inference.
    package static let all: [InputLimit] = [
        InputLimit(providers: ["openai", "azure"], inputs: 2_048),
        InputLimit(providers: ["cohere", "cohere_chat"], inputs: 96),
        InputLimit(providers: ["gemini"], inputs: 100),
        InputLimit(providers: ["vertex_ai"], models: ["gemini", "maas"], inputs: 1),
        InputLimit(providers: ["vertex_ai"], inputs: 250),
        InputLimit(providers: ["bedrock"], models: ["amazon.titan"], inputs: 1),
        InputLimit(providers: ["bedrock"], models: ["cohere."], inputs: 96),
        InputLimit(providers: ["huggingface"], inputs: 32),
    ]

    /// The most inputs that a model of a provider takes; nil = no limit is known.
    package static func inputs(of provider: String, model: String) -> Int? {
        let limit = self.all.first { limit in
            limit.providers.contains(provider)
                && (limit.models.isEmpty || limit.models.contains { model.contains($0) })
        }
        return limit?.inputs
    }
}
