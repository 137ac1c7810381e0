// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import FanoutProviders
import Testing

/// Vectors of Amazon Bedrock's InvokeModel.
@Suite struct BedrockEmbeddingTests {
    static let titan = BedrockTests.endpoint("amazon.titan-embed-text-v2:0")
    static let cohere = BedrockTests.endpoint("cohere.embed-multilingual-v3")

    static func request(_ inputs: [String], _ configure: (inout EmbeddingRequest) -> Void = { _ in }) -> Request {
        var embedding = EmbeddingRequest(inputs: inputs)
        configure(&embedding)
        return Request(model: "g", task: .embedding(embedding))
    }

    static func sent(_ request: Request, to endpoint: Endpoint) throws -> (path: String, body: String) {
        let sent = try Translator.encode(request, for: endpoint, stream: true)
        // Even where a stream is wanted: there is none of vectors.
        #expect(sent.headers.contains { $0.name == "accept" && $0.value.revealed == "application/json" })
        return (sent.path, String(decoding: sent.body, as: UTF8.self))
    }

    @Test func `a model of Titan takes one text`() throws {
        let request = Self.request(["é"]) { $0.dimensions = 256 }.with(extra: #"{"normalize":false}"#)
        let sent = try Self.sent(request, to: Self.titan)
        #expect(sent.path == "/model/amazon.titan-embed-text-v2%3A0/invoke")
        #expect(sent.body == #"{"inputText":"é","dimensions":256,"normalize":false}"#)
    }

    @Test func `the model for images has a place of its own for the size`() throws {
        let endpoint = BedrockTests.endpoint("amazon.titan-embed-image-v1")
        let sent = try Self.sent(Self.request(["a"]) { $0.dimensions = 384 }, to: endpoint)
        #expect(sent.body == #"{"inputText":"a","embeddingConfig":{"outputEmbeddingLength":384}}"#)
    }

    @Test func `a model of Cohere's takes what Cohere takes, without the model's name`() throws {
        var endpoint = Self.cohere
        endpoint.defaultsJSON = Array(#"{"input_type":"search_query","truncate":"END"}"#.utf8)
        let sent = try Self.sent(Self.request(["a", "b"]), to: endpoint)
        #expect(sent.path == "/model/cohere.embed-multilingual-v3/invoke")
        #expect(
            sent.body
                == #"{"texts":["a","b"],"input_type":"search_query","embedding_types":["float"],"truncate":"END"}"#
        )
    }

    @Test(arguments: [
        ("amazon.titan-embed-text-v1", request(["a"]) { $0.dimensions = 8 }, "dimensions"),
        ("amazon.titan-embed-text-v2:0", request(["a"]) { $0.inputType = "search_query" }, "input_type"),
        ("amazon.titan-embed-text-v2:0", request(["a"]) { $0.user = "u" }, "user"),
        ("amazon.titan-embed-text-v2:0", request(["a", "b"]), "inputs"),
        (
            "amazon.titan-embed-text-v2:0", request(["a"]).with(extra: #"{"embeddingTypes":["binary"]}"#),
            "extra_json.embeddingTypes"
        ),
        ("amazon.nova-lite-v1:0", request(["a"]), "task"),
    ])
    func `what a model doesn't take is refused by name`(model: String, request: Request, param: String) {
        let failure = #expect(throws: Failure.self) {
            try Translator.encode(request, for: BedrockTests.endpoint(model), stream: false)
        }
        #expect(failure?.param == param)
    }

    @Test func `each family's vectors are read, with the tokens of the body or of the header`() throws {
        let titan = decode(
            #"{"embedding":[1,-2.5],"embeddingsByType":{"float":[1,-2.5]},"inputTextTokenCount":7}"#,
            request: Self.request(["a"]),
            endpoint: Self.titan
        )
        let vector: [UInt8] = [0, 0, 0x80, 0x3F, 0, 0, 0x20, 0xC0]
        #expect(try titan.result.get().body == .embedding([vector]))
        #expect(try titan.result.get().usage?.promptTokens == 7 && titan.result.get().usage?.totalTokens == 7)
        var head = AnswerHead(status: 200)
        head.take(name: "X-Amzn-Bedrock-Input-Token-Count", value: "9")
        let cohere = decode(
            [Array(#"{"id":"i","embeddings":{"float":[[1,-2.5]]},"response_type":"embeddings_by_type"}"#.utf8)],
            request: Self.request(["a"]),
            endpoint: Self.cohere,
            stream: true,
            head: head
        )
        #expect(try cohere.result.get().body == .embedding([vector]))
        #expect(try cohere.result.get().usage?.promptTokens == 9)
    }

    @Test(arguments: [
        ("{}", FailureCode.invalidResponse), (#"{"embedding":[]}"#, .invalidResponse),
        (#"{"embedding":[1e999]}"#, .invalidResponse), (#"{"embedding":[1],"#, .invalidResponse),
        (#"{"message":"The model returned the following errors: bad"}"#, .invalidResponse),
    ])
    func `an answer without a vector is a failure`(body: String, code: FailureCode) {
        let decoded = decode(body, request: Self.request(["a"]), endpoint: Self.titan)
        guard case .failure(let failure) = decoded.result else {
            Issue.record("it was taken")
            return
        }
        #expect(failure.code == code || body.contains("message"), "\(failure)")
    }
}
