// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutJSON
import FanoutModel
import FanoutProviders
import Testing

/// What Google's generateContent and its embedding methods answer.
@Suite struct GeminiAnswerTests {
    static let endpoint = Endpoint.of("gemini", model: "gemini-x")
    static let vertex = Endpoint.of("vertex_ai", model: "text-embedding-005")

    static func stream(_ chunks: some Sequence<String>) -> String {
        chunks.map { "data: \($0)\r\n\r\n" }.joined()
    }

    static func failure(_ decoded: Decoded) -> Failure? {
        if case .failure(let failure) = decoded.result { failure } else { nil }
    }

    static let chunks = [
        #"{"candidates":[{"content":{"parts":[{"text":"h","thought":true}],"role":"model"},"index":0}],"#
            + #""usageMetadata":{"promptTokenCount":5,"totalTokenCount":5},"modelVersion":"gemini-x","responseId":"r/1"}"#,
        #"{"candidates":[{"content":{"parts":[{"text":"m","thought":true},{"text":"Hel"}]}}],"responseId":"r/1"}"#,
        #"{"candidates":[{"index":0,"content":{"parts":[{"text":"lo"},"#
            + #"{"functionCall":{"name":"f","args":{"a":1}},"thoughtSignature":"QQ=="},"#
            + #"{"functionCall":{"name":"g"}}]}}],"responseId":"r/1"}"#,
        #"{"candidates":[{"content":{"parts":[{"text":"","thoughtSignature":"Qg=="}]},"finishReason":"STOP"}],"#
            + #""usageMetadata":{"promptTokenCount":5,"cachedContentTokenCount":2,"toolUsePromptTokenCount":7,"#
            + #""candidatesTokenCount":3,"thoughtsTokenCount":4,"totalTokenCount":19,"serviceTier":"standard","#
            + #""promptTokensDetails":[{"modality":"TEXT","tokenCount":4},{"modality":"AUDIO","tokenCount":1}]},"#
            + #""responseId":"r/1"}"#,
    ]

    @Test func `a stream becomes deltas and one answer, whose calls have ids that tie their results to them`() throws {
        let decoded = decode(Self.stream(Self.chunks), endpoint: Self.endpoint, stream: true)
        let response = try decoded.result.get()
        let arguments = Array(#"{"a":1}"#.utf8)
        #expect(
            decoded.deltas == [
                Delta(.reasoning("h")), Delta(.reasoning("m")), Delta(.text("Hel")), Delta(.text("lo")),
                Delta(.toolCall(ToolCallDelta(call: 0, id: "fanout-r_1-0-0", name: "f", arguments: arguments))),
                Delta(
                    .toolCall(ToolCallDelta(call: 1, id: "fanout-r_1-0-1", name: "g", arguments: Array("{}".utf8)))
                ),
            ]
        )
        var call = ToolCall(id: "fanout-r_1-0-0", name: "f", arguments: arguments)
        call.signature = Array("QQ==".utf8)
        call.signer = "gemini"
        var proof = Reasoning()
        proof.signature = Array("Qg==".utf8)
        proof.signer = "gemini"
        let choice = try #require(response.chatChoices.first)
        #expect(
            choice.message.parts == [
                Part(.reasoning(Reasoning(text: "hm"))), Part(.text(Text("Hello"))), Part(.toolCall(call)),
                Part(.toolCall(ToolCall(id: "fanout-r_1-0-1", name: "g", arguments: Array("{}".utf8)))),
                Part(.reasoning(proof)),
            ]
        )
        #expect(choice.finishReason == .toolCalls && choice.nativeFinishReason == "STOP")
        var usage = Usage()
        (usage.promptTokens, usage.completionTokens, usage.totalTokens) = (12, 7, 19)
        (usage.cachedPromptTokens, usage.reasoningTokens, usage.audioPromptTokens) = (2, 4, 1)
        #expect(response.usage == usage)
        #expect(response.id == "r/1" && response.model == "gemini-x" && response.serviceTier == "standard")
        // A stream without alt=sse is an array of the same.
        let array = "[" + Self.chunks.joined(separator: ",\r\n") + "]"
        let second = decode(array, endpoint: Self.endpoint, stream: true)
        #expect(try second.result.get() == response)
        #expect(second.deltas == decoded.deltas)
    }

    @Test func `a stream without its end is broken, at any cut`() {
        for count in 1..<Self.chunks.count {
            let decoded = decode(Self.stream(Self.chunks.prefix(count)), endpoint: Self.endpoint, stream: true)
            #expect(Self.failure(decoded)?.code == .streamBroken, "after \(count) chunks")
        }
        let array = "[" + Self.chunks.prefix(2).joined(separator: ",") + "]"
        #expect(Self.failure(decode(array, endpoint: Self.endpoint, stream: true))?.code == .invalidResponse)
    }

    @Test func `of several candidates a stream must end each`() throws {
        let first = #"{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP","index":0}]}"#
        let second = #"{"candidates":[{"content":{"parts":[{"text":"b"}]},"finishReason":"MAX_TOKENS","index":1}]}"#
        let request = Request.text { $0.choices = 2 }
        let cut = decode(Self.stream([first]), request: request, endpoint: Self.endpoint, stream: true)
        #expect(Self.failure(cut)?.code == .streamBroken)
        let whole = decode(Self.stream([first, second]), request: request, endpoint: Self.endpoint, stream: true)
        let choices = try whole.result.get().chatChoices
        #expect(choices.map(\.message.text) == ["a", "b"])
        #expect(choices.map(\.finishReason) == [.stop, .length])
        #expect(whole.text(choice: 1) == "b")
    }

    // MARK: How answers end

    @Test(arguments: [
        ("STOP", FinishReason.stop), ("MAX_TOKENS", .length), ("SAFETY", .contentFilter),
        ("RECITATION", .contentFilter), ("BLOCKLIST", .contentFilter), ("PROHIBITED_CONTENT", .contentFilter),
        ("SPII", .contentFilter), ("IMAGE_SAFETY", .contentFilter), ("OTHER", .other), ("LANGUAGE", .other),
        ("MALFORMED_FUNCTION_CALL", .other), ("UNEXPECTED_TOOL_CALL", .other), ("TOO_MANY_TOOL_CALLS", .other),
    ])
    func `each reason for an end has its class, and is kept`(word: String, reason: FinishReason) throws {
        let body = #"{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"\#(word)"}]}"#
        let choice = try #require(decode(body, endpoint: Self.endpoint).result.get().chatChoices.first)
        #expect(choice.finishReason == reason && choice.nativeFinishReason == word)
    }

    @Test(arguments: [false, true])
    func `a prompt that was blocked is a matter of policy, whatever the status`(stream: Bool) {
        let body =
            #"{"promptFeedback":{"blockReason":"PROHIBITED_CONTENT","blockReasonMessage":"why"},"#
            + #""usageMetadata":{"promptTokenCount":3}}"#
        let failure = Self.failure(
            decode(stream ? Self.stream([body]) : body, endpoint: Self.endpoint, stream: stream)
        )
        #expect(failure?.code == .contentPolicy && failure?.providerCode == "PROHIBITED_CONTENT")
        #expect(failure?.providerMessage == "PROHIBITED_CONTENT: why" && failure?.providerStatus == 200)
    }

    @Test func `a call that the model couldn't form, and nothing else, is a failure to try again`() {
        let body =
            #"{"candidates":[{"content":{},"finishReason":"MALFORMED_FUNCTION_CALL","#
            + #""finishMessage":"Malformed function call: f("}]}"#
        let failure = Self.failure(decode(body, endpoint: Self.endpoint))
        #expect(failure?.code == .schemaMismatch && failure?.providerCode == "MALFORMED_FUNCTION_CALL")
        #expect(failure?.message.contains("Malformed function call: f(") == true)
    }

    @Test(arguments: [#"{}"#, #"{"candidates":[]}"#, #"{"candidates":[{"content":{"parts":[{"text":"a"}]}}]}"#])
    func `a body that lacks an answer or its end is no answer`(body: String) {
        #expect(Self.failure(decode(body, endpoint: Self.endpoint))?.code == .invalidResponse)
    }

    @Test(arguments: [
        (
            #"{"error":{"code":503,"message":"The model is overloaded.","status":"UNAVAILABLE"}}"#,
            FailureCode.overloaded
        ),
        (#"{"error":{"code":500,"message":"Internal error","status":"INTERNAL"}}"#, .providerError),
        (#"{"error":{"code":429,"message":"Resource exhausted","status":"RESOURCE_EXHAUSTED"}}"#, .rateLimited),
    ])
    func `an error inside a stream has its own class`(error: String, code: FailureCode) {
        let stream = Self.stream(Self.chunks.prefix(2) + [error])
        #expect(Self.failure(decode(stream, endpoint: Self.endpoint, stream: true))?.code == code)
        let array = "[" + Self.chunks[1] + "," + error + "]"
        #expect(Self.failure(decode(array, endpoint: Self.endpoint, stream: true))?.code == code)
    }

    // MARK: Parts

    @Test func `what Google's own tools did, and what a text rests on, is kept`() throws {
        let part = #"{"executableCode":{"language":"PYTHON","code":"1"}}"#
        let body =
            #"{"candidates":[{"content":{"parts":[\#(part),{"text":"a"},"#
            + #"{"inlineData":{"mimeType":"image/png","data":"AQID"}}]},"finishReason":"STOP","#
            + #""groundingMetadata":{"x":1},"citationMetadata":{}}]}"#
        let message = try #require(decode(body, endpoint: Self.endpoint).result.get().chatChoices.first?.message)
        var text = Text("a")
        text.annotationsJSON = Array(#"[{"groundingMetadata":{"x":1}}]"#.utf8)
        #expect(
            message.parts == [
                Part(.opaque(Opaque(format: "gemini", type: "executableCode", json: Array(part.utf8)))),
                Part(.text(text)), Part(.image(Media(mimeType: "image/png", source: .data([1, 2, 3])))),
            ]
        )
        let sent = try Translator.encode(
            .chat([Message(role: .user, text: "q"), message]),
            for: Self.endpoint,
            stream: false
        )
        #expect(String(decoding: sent.body, as: UTF8.self).contains(part))
    }

    @Test func `of a part that is two things at once none has what is the other's`() throws {
        let body =
            #"{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f"},"inlineData":{"mimeType":""}}]},"#
            + #""finishReason":"STOP"}]}"#
        let message = try #require(decode(body, endpoint: Self.endpoint).result.get().chatChoices.first?.message)
        #expect(message.parts == [Part(.document(Media(mimeType: "", source: .data([]))))])
    }

    @Test func `parts that hold nothing don't count, and one too many is refused`() throws {
        func answer(_ part: String, _ count: Int) -> String {
            let parts = [String](repeating: part, count: count).joined(separator: ",")
            return #"{"candidates":[{"content":{"parts":[\#(parts)]},"finishReason":"STOP"}]}"#
        }
        let call = #"{"functionCall":{"name":"f"}}"#
        let empty = try decode(answer(#"{"text":""}"#, 70_000), endpoint: Self.endpoint).result.get()
        #expect(empty.chatChoices.first?.message.parts.isEmpty == true)
        let full = try decode(answer(call, 65_536), endpoint: Self.endpoint).result.get()
        #expect(full.chatChoices.first?.message.parts.count == 65_536)
        let failure = Self.failure(decode(answer(call, 65_536 + 1), endpoint: Self.endpoint))
        #expect(failure?.code == .invalidResponse)
    }

    @Test func `log-probabilities come in OpenAI's form`() throws {
        let body =
            #"{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP","logprobsResult":{"#
            + #""topCandidates":[{"candidates":[{"token":"a","logProbability":-0.5},"#
            + #"{"token":"b","logProbability":-1}]}],"#
            + #""chosenCandidates":[{"token":"a","tokenId":7,"logProbability":-0.5}]}}]}"#
        let choice = try #require(decode(body, endpoint: Self.endpoint).result.get().chatChoices.first)
        #expect(
            String(decoding: choice.logprobsJSON, as: UTF8.self)
                == #"{"content":[{"token":"a","logprob":-0.5,"bytes":[97],"top_logprobs":["#
                + #"{"token":"a","logprob":-0.5,"bytes":[97]},{"token":"b","logprob":-1,"bytes":[98]}]}]}"#
        )
    }

    // MARK: Vectors

    static let vector: [UInt8] = [0, 0, 128, 63, 0, 0, 0, 63]

    @Test(arguments: [
        (1, #"{"embedding":{"values":[1,0.5]}}"#, UInt64?.none),
        (2, #"{"embeddings":[{"values":[1,0.5]},{"values":[1,0.5]}]}"#, nil),
        (
            2,
            #"{"predictions":[{"embeddings":{"values":[1,0.5],"statistics":{"token_count":3.0,"truncated":false}}},"#
                + #"{"embeddings":{"statistics":{"token_count":4},"values":[1,0.5]}}],"metadata":{}}"#,
            7
        ),
        (1, #"{"embedding":{"values":[1,0.5]},"usageMetadata":{"promptTokenCount":5,"totalTokenCount":5}}"#, 5),
    ])
    func `vectors come in every form of Google's, with the tokens where they are told`(
        inputs: Int,
        body: String,
        tokens: UInt64?
    ) throws {
        let request = Request(
            model: "g",
            task: .embedding(EmbeddingRequest(inputs: Array(repeating: "i", count: inputs)))
        )
        let response = try decode(body, request: request, endpoint: Self.vertex).result.get()
        #expect(response.body == .embedding(Array(repeating: Self.vector, count: inputs)))
        #expect(response.usage?.promptTokens == tokens && response.usage?.totalTokens == tokens)
        let more = Request(model: "g", task: .embedding(EmbeddingRequest(inputs: Array(repeating: "i", count: 3))))
        #expect(Self.failure(decode(body, request: more, endpoint: Self.vertex))?.code == .invalidResponse)
    }
}
