// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutJSON
import FanoutModel
import FanoutProviders
import Testing

@Suite struct BedrockAnswerTests {
    static let endpoint = Endpoint.of("bedrock", model: "amazon.nova-2-lite-v1:0")

    static func decoded(stream frames: [[UInt8]]) -> Decoded {
        decode([frames.flatMap { $0 }], endpoint: Self.endpoint, stream: true)
    }

    static func decoded(_ body: String, status: UInt16 = 200, headers: [String: String] = [:]) -> Decoded {
        var head = AnswerHead(status: status)
        for (name, value) in headers { head.take(name: name, value: value) }
        return decode([Array(body.utf8)], endpoint: Self.endpoint, stream: false, head: head)
    }

    static func failure(_ decoded: Decoded) -> Failure? {
        if case .failure(let failure) = decoded.result { failure } else { nil }
    }

    @Test func `a stream and a whole answer with the same content are the same`() throws {
        let whole = try Self.decoded(
            #"""
            {"output":{"message":{"role":"assistant","content":[
             {"reasoningContent":{"reasoningText":{"text":"hm so","signature":"c2ln"}}},
             {"reasoningContent":{"redactedContent":"eA=="}},
             {"citationsContent":{"content":[{"text":"see"}],"citations":[{"title":"t"},{"title":"u"}]}},
             {"toolUse":{"toolUseId":"s","name":"run","type":"server_tool_use","input":{"x":1}}},
             {"toolResult":{"toolUseId":"s","type":"run_result","content":[{"text":"a"},{"text":"b"}]}},
             {"toolUse":{"toolUseId":"c1","name":"f","input":{"a":1}}},
             {"toolUse":{"toolUseId":"c2","name":"g","input":{}}}]}},
             "stopReason":"tool_use","serviceTier":{"type":"flex"},"metrics":{"latencyMs":1},
             "usage":{"inputTokens":3,"outputTokens":4,"totalTokens":14,"cacheReadInputTokens":5,"cacheWriteInputTokens":2}}
            """#
        ).result.get()
        let streamed = Self.decoded(stream: [
            AmazonFrame.event("messageStart", #"{"p":"abc","role":"assistant"}"#),
            AmazonFrame.event(
                "contentBlockDelta",
                #"{"delta":{"reasoningContent":{"text":"hm"}},"contentBlockIndex":0}"#
            ),
            AmazonFrame.event(
                "contentBlockDelta",
                #"{"contentBlockIndex":0,"delta":{"reasoningContent":{"text":" so"}}}"#
            ),
            AmazonFrame.event(
                "contentBlockDelta",
                #"{"contentBlockIndex":0,"delta":{"reasoningContent":{"signature":"c2ln"}}}"#
            ),
            AmazonFrame.event("contentBlockStop", #"{"contentBlockIndex":0}"#),
            AmazonFrame.event(
                "contentBlockDelta",
                #"{"contentBlockIndex":1,"delta":{"reasoningContent":{"redactedContent":"eA=="}}}"#
            ),
            AmazonFrame.event("contentBlockDelta", #"{"contentBlockIndex":2,"delta":{"text":"see"}}"#),
            AmazonFrame.event("contentBlockDelta", #"{"contentBlockIndex":2,"delta":{"citation":{"title":"t"}}}"#),
            AmazonFrame.event("contentBlockDelta", #"{"contentBlockIndex":2,"delta":{"citation":{"title":"u"}}}"#),
            AmazonFrame.event(
                "contentBlockStart",
                #"{"contentBlockIndex":3,"start":{"toolUse":{"toolUseId":"s","name":"run","type":"server_tool_use"}}}"#
            ),
            AmazonFrame.event("contentBlockDelta", #"{"contentBlockIndex":3,"delta":{"toolUse":{"input":"{\"x\""}}}"#),
            AmazonFrame.event("contentBlockDelta", #"{"contentBlockIndex":3,"delta":{"toolUse":{"input":":1}"}}}"#),
            AmazonFrame.event(
                "contentBlockStart",
                #"{"contentBlockIndex":4,"start":{"toolResult":{"toolUseId":"s","type":"run_result"}}}"#
            ),
            AmazonFrame.event("contentBlockDelta", #"{"contentBlockIndex":4,"delta":{"toolResult":[{"text":"a"}]}}"#),
            AmazonFrame.event("contentBlockDelta", #"{"contentBlockIndex":4,"delta":{"toolResult":[{"text":"b"}]}}"#),
            AmazonFrame.event(
                "contentBlockStart",
                #"{"contentBlockIndex":5,"start":{"toolUse":{"toolUseId":"c1","name":"f"}}}"#
            ),
            AmazonFrame.event(
                "contentBlockStart",
                #"{"contentBlockIndex":6,"start":{"toolUse":{"toolUseId":"c2","name":"g"}}}"#
            ),
            AmazonFrame.event("contentBlockDelta", #"{"contentBlockIndex":5,"delta":{"toolUse":{"input":"{\"a\":"}}}"#),
            AmazonFrame.event("contentBlockDelta", #"{"contentBlockIndex":5,"delta":{"toolUse":{"input":"1}"}}}"#),
            AmazonFrame.event("somethingNew", #"{"x":[1]}"#),
            AmazonFrame.event("messageStop", #"{"stopReason":"tool_use"}"#),
            AmazonFrame.event(
                "metadata",
                #"{"usage":{"inputTokens":3,"outputTokens":4,"totalTokens":14,"cacheReadInputTokens":5,"cacheWriteInputTokens":2},"#
                    + #""metrics":{"latencyMs":1},"serviceTier":{"type":"flex"}}"#
            ),
        ])
        #expect(streamed.isComplete)
        let response = try streamed.result.get()
        #expect(response == whole)
        #expect(response.usage?.promptTokens == 10 && response.usage?.totalTokens == 14)
        #expect(response.usage?.cachedPromptTokens == 5 && response.usage?.cacheWriteTokens == 2)
        #expect(response.serviceTier == "flex")
        let choice = try #require(response.chatChoices.first)
        #expect(choice.finishReason == .toolCalls && choice.nativeFinishReason == "tool_use")
        #expect(choice.message.calls.map(\.id) == ["c1", "c2"])
        #expect(choice.message.calls.map { String(decoding: $0.arguments, as: UTF8.self) } == [#"{"a":1}"#, "{}"])
        #expect(NaiveAnswer(deltas: streamed.deltas).choices[0]?.reasoning == "hm so")
    }

    @Test func `an answer goes back as it came`() throws {
        let content =
            #"[{"reasoningContent":{"reasoningText":{"text":"hm","signature":"c2ln"}}},{"text":"see"},"#
            + #"{"toolUse":{"toolUseId":"s","name":"run","input":{"x":1},"type":"server_tool_use"}},"#
            + #"{"toolUse":{"toolUseId":"c1","name":"f","input":{"a":1}}}]"#
        let body = #"{"output":{"message":{"role":"assistant","content":\#(content)}},"stopReason":"tool_use"}"#
        let answer = try Self.decoded(body).result.get().chatChoices[0].message
        let sent = try encoded(.chat([Message(role: .user, text: "hi"), answer]), for: Self.endpoint)
        #expect(try sent["messages"]?.elements?[1]["content"] == json(content))
    }

    @Test(arguments: [
        ("end_turn", FinishReason.stop), ("stop_sequence", .stop), ("max_tokens", .length), ("tool_use", .toolCalls),
        ("model_context_window_exceeded", .length), ("content_filtered", .contentFilter),
        ("guardrail_intervened", .contentFilter), ("something_new", .other),
    ])
    func `a reason to stop is one of the neutral ones`(word: String, reason: FinishReason) throws {
        let body = #"{"output":{"message":{"content":[{"text":"x"}]}},"stopReason":"\#(word)"}"#
        let choice = try Self.decoded(body).result.get().chatChoices[0]
        #expect(choice.finishReason == reason && choice.nativeFinishReason == word)
    }

    @Test(arguments: ["malformed_model_output", "malformed_tool_use"])
    func `output that Bedrock itself couldn't read is the provider's failure`(word: String) {
        let body = #"{"output":{"message":{"content":[{"text":"x"}]}},"stopReason":"\#(word)"}"#
        #expect(Self.failure(Self.decoded(body))?.code == .providerError)
    }

    @Test(arguments: [
        ("throttlingException", FailureCode.rateLimited), ("modelStreamErrorException", .providerError),
        ("internalServerException", .providerError), ("serviceUnavailableException", .overloaded),
        ("validationException", .invalidRequest),
    ])
    func `an exception inside a stream is that failure, first or later`(name: String, code: FailureCode) {
        let exception = AmazonFrame.exception(name, #"{"message":"so it is"}"#)
        let first = Self.failure(Self.decoded(stream: [exception]))
        #expect(first?.code == code && first?.providerType == name && first?.providerMessage == "so it is")
        #expect(first?.possibleDoubleSpend == false)
        let text = AmazonFrame.event("contentBlockDelta", #"{"contentBlockIndex":0,"delta":{"text":"x"}}"#)
        let later = Self.failure(Self.decoded(stream: [text, exception]))
        #expect(later?.code == code && later?.possibleDoubleSpend == true)
    }

    @Test(arguments: [
        (
            "ThrottlingException", UInt16(429), "Too many tokens, please wait before trying again.",
            FailureCode.rateLimited
        ),
        ("ServiceQuotaExceededException", 400, "Your request exceeds the service quota.", .quotaExhausted),
        ("ModelNotReadyException", 429, "The model is not ready for inference.", .overloaded),
        ("ModelTimeoutException", 408, "The request took too long.", .timeout),
        ("ModelErrorException", 424, "The model failed.", .providerError),
        ("ServiceUnavailableException", 503, "Try later.", .overloaded),
        ("AccessDeniedException", 403, "You don't have access to the model with the specified model ID.", .permission),
        (
            "AccessDeniedException", 403, "Authentication failed: Please make sure your API Key is valid.",
            .authentication
        ),
        ("UnrecognizedClientException", 403, "The security token included in the request is invalid.", .authentication),
        ("ResourceNotFoundException", 404, "This model version has reached the end of its life.", .notFound),
        ("ValidationException", 400, "The provided model identifier is invalid.", .notFound),
        (
            "ValidationException", 400,
            "Invocation of model ID x with on-demand throughput isn\u{2019}t supported. Retry with an inference profile.",
            .notFound
        ),
        ("ValidationException", 400, "Input is too long for requested model.", .contextWindow),
        ("ValidationException", 400, "messages: roles must alternate", .invalidRequest),
    ])
    func `a failure has the class of its exception, in a header or in the body`(
        name: String,
        status: UInt16,
        words: String,
        code: FailureCode
    ) {
        let header = Self.decoded(
            #"{"message":"\#(words)"}"#,
            status: status,
            headers: ["x-amzn-ErrorType": "\(name):http://internal.amazon.com/coral/com.amazon.bedrock/"]
        )
        let body = Self.decoded(
            #"{"Message":"\#(words)","__type":"com.amazon.coral.service#\#(name)"}"#,
            status: status
        )
        for failure in [Self.failure(header), Self.failure(body)] {
            #expect(failure?.code == code && failure?.providerType == name && failure?.providerMessage == words)
        }
    }

    @Test func `a frame that was changed on its way is a malformed answer`() {
        var frame = AmazonFrame.event("messageStop", #"{"stopReason":"end_turn"}"#)
        frame[frame.count - 6] ^= 1
        #expect(Self.failure(Self.decoded(stream: [frame]))?.code == .invalidResponse)
    }

    @Test func `an answer that isn't streamed although that was asked for is taken whole`() throws {
        let body = #"{"output":{"message":{"content":[{"text":"x"}]}},"stopReason":"end_turn"}"#
        let decoded = decode([[32], Array(body.utf8)], endpoint: Self.endpoint, stream: true)
        #expect(try decoded.result.get().chatChoices[0].message.text == "x")
    }

    @Test func `an answer without a message is none`() {
        #expect(Self.failure(Self.decoded("{}"))?.code == .invalidResponse)
        #expect(Self.failure(Self.decoded(#"{"message":"no"}"#))?.code == .providerError)
    }
}
