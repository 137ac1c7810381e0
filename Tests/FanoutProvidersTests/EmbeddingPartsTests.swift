// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import FanoutProviders
import Testing

/// Embeddings of more inputs than a provider takes a request.
@Suite struct EmbeddingPartsTests {
    static func request(_ count: Int) -> Request {
        var embedding = EmbeddingRequest(inputs: (0..<count).map { "text \($0)" })
        embedding.dimensions = 8
        return Request(model: "g", task: .embedding(embedding))
    }

    static func inputs(_ request: Request) -> [String] {
        if case .embedding(let embedding)? = request.task { embedding.inputs } else { [] }
    }

    /// Vectors whose numbers are those of their texts.
    static func answer(_ request: Request, usage: UInt64?) -> Response {
        var response = Response(body: .embedding(Self.inputs(request).map { Array($0.utf8.suffix(4)) }))
        response.id = Self.inputs(request)[0]
        if let usage {
            var count = Usage()
            (count.promptTokens, count.totalTokens) = (usage, usage)
            response.usage = count
        }
        return response
    }

    @Test(arguments: [
        ("openai", "text-embedding-3-small", 2_048), ("azure", "any", 2_048), ("cohere", "embed-v4.0", 96),
        ("gemini", "gemini-embedding-001", 100), ("vertex_ai", "text-embedding-005", 250),
        ("vertex_ai", "gemini-embedding-001", 1), ("bedrock", "amazon.titan-embed-text-v2:0", 1),
        ("bedrock", "cohere.embed-english-v3", 96), ("huggingface", "org/m", 32),
    ])
    func `inputs up to the limit go out as they are, one more makes two parts`(
        provider: String,
        model: String,
        most: Int
    ) throws {
        let endpoint = Endpoint.of(provider, model: model)
        #expect(EmbeddingParts(Self.request(most), at: endpoint) == nil)
        var parts = try #require(EmbeddingParts(Self.request(most + 1), at: endpoint))
        #expect(Self.inputs(parts.next).count == most)
        #expect(try parts.take(Self.answer(parts.next, usage: 1), bytesMax: 1 << 20) == nil)
        #expect(Self.inputs(parts.next) == ["text \(most)"])
        #expect(try parts.take(Self.answer(parts.next, usage: 1), bytesMax: 1 << 20) != nil)
    }

    @Test(arguments: ["ollama", "mistral", "vllm", "openai_like"])
    func `a provider without a known limit gets all of them`(provider: String) {
        #expect(EmbeddingParts(Self.request(5_000), at: .of(provider)) == nil)
    }

    @Test func `a conversation has no parts`() {
        #expect(EmbeddingParts(.text(), at: .of("bedrock", model: "amazon.titan-embed-text-v2:0")) == nil)
    }

    @Test func `the parts are rejoined in order, with the sum of their usage and the first one's id`() throws {
        let request = Self.request(250)
        var parts = try #require(EmbeddingParts(request, at: .of("cohere")))
        var whole: Response?
        var count = 0
        while whole == nil {
            #expect(count < 3)
            count += 1
            whole = try parts.take(Self.answer(parts.next, usage: 10), bytesMax: 1 << 20)
        }
        #expect(count == 3 && parts.hasAnswers)
        #expect(whole?.body == .embedding(Self.inputs(request).map { Array($0.utf8.suffix(4)) }))
        #expect(whole?.usage?.promptTokens == 30 && whole?.id == "text 0")
    }

    @Test func `a sum that lacks a part is none`() throws {
        var parts = try #require(EmbeddingParts(Self.request(97), at: .of("cohere")))
        _ = try parts.take(Self.answer(parts.next, usage: nil), bytesMax: 1 << 20)
        let whole = try parts.take(Self.answer(parts.next, usage: 10), bytesMax: 1 << 20)
        #expect(whole != nil && whole?.usage == nil)
    }

    @Test func `the vectors of all parts are bounded together`() throws {
        var parts = try #require(EmbeddingParts(Self.request(97), at: .of("cohere")))
        _ = try parts.take(Self.answer(parts.next, usage: 1), bytesMax: 97 * 4 - 1)
        let failure = #expect(throws: Failure.self) {
            try parts.take(Self.answer(parts.next, usage: 1), bytesMax: 97 * 4 - 1)
        }
        #expect(failure?.code == .invalidResponse && failure?.message.contains("exceed 387 bytes") == true)
    }

    @Test func `a part without vectors never ends in a loop`() throws {
        var parts = try #require(EmbeddingParts(Self.request(97), at: .of("cohere")))
        #expect(throws: Failure.self) { try parts.take(Response(body: .embedding([])), bytesMax: 1 << 20) }
    }
}
