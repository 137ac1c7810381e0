// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutJSON
import FanoutModel
import FanoutProviders
import Testing

/// Answers in the format of Cohere's API, version 2.
@Suite struct CohereAnswerTests {
    static let endpoint = Endpoint.of("cohere")

    static let events = [
        #"{"id":"i","type":"message-start","delta":{"message":{"role":"assistant","content":[],"tool_plan":"","#
            + #""tool_calls":[],"citations":[]}}}"#,
        #"{"type":"tool-plan-delta","delta":{"message":{"tool_plan":"I will"}}}"#,
        #"{"delta":{"message":{"tool_plan":" ask."}},"type":"tool-plan-delta"}"#,
        #"{"type":"content-start","index":0,"delta":{"message":{"content":{"type":"thinking","thinking":""}}}}"#,
        #"{"type":"content-delta","index":0,"delta":{"message":{"content":{"thinking":"hm"}}}}"#,
        #"{"type":"content-end","index":0}"#,
        #"{"type":"content-start","index":1,"delta":{"message":{"content":{"type":"text","text":""}}}}"#,
        #"{"delta":{"message":{"content":{"text":"It is"}}},"index":1,"type":"content-delta","#
            + #""logprobs":{"token_ids":[1,2],"text":"It is","logprobs":[-0.5,-0.25]}}"#,
        #"{"type":"content-delta","index":1,"delta":{"message":{"content":{"text":" 5."}}}}"#,
        #"{"type":"citation-start","index":0,"delta":{"message":{"citations":{"start":6,"end":7,"content_index":1}}}}"#,
        #"{"type":"citation-end","index":0}"#,
        #"{"type":"tool-call-start","index":0,"delta":{"message":{"tool_calls":{"id":"c1","type":"function","#
            + #""function":{"name":"f","arguments":""}}}}}"#,
        #"{"type":"tool-call-delta","index":0,"delta":{"message":{"tool_calls":{"function":{"arguments":"{\"a\""}}}}}"#,
        #"{"type":"tool-call-delta","index":0,"delta":{"message":{"tool_calls":{"function":{"arguments":":1}"}}}}}"#,
        #"{"type":"tool-call-end","index":0}"#,
        #"{"type":"tool-call-start","index":1,"delta":{"message":{"tool_calls":{"id":"c2","type":"function","#
            + #""function":{"name":"g","arguments":""}}}}}"#,
        #"{"type":"message-end","delta":{"finish_reason":"TOOL_CALL","usage":{"billed_units":{"input_tokens":3,"#
            + #""output_tokens":4},"tokens":{"input_tokens":30.0,"output_tokens":40,"reasoning_tokens":7},"#
            + #""cached_tokens":16}}}"#,
    ]

    static func stream(_ events: some Sequence<String>) -> String {
        events.map { "event: x\ndata: \($0)\n\n" }.joined()
    }

    static func end(_ delta: String) -> String { #"{"type":"message-end","delta":\#(delta)}"# }

    func failure(_ decoded: Decoded) throws -> Failure {
        guard case .failure(let failure) = decoded.result else {
            Issue.record("decoded to a success")
            throw Failure(.internal, "decoded to a success")
        }
        return failure
    }

    @Test func `a stream becomes deltas and the answer that a whole body would be`() throws {
        let decoded = decode(Self.stream(Self.events), endpoint: Self.endpoint, stream: true)
        #expect(decoded.isComplete && decoded.hadContent)
        let deltas: [Delta] = [
            Delta(.reasoning("I will")), Delta(.reasoning(" ask.")), Delta(.reasoning("hm")),
            Delta(.text("It is")), Delta(.text(" 5.")),
            Delta(.toolCall(ToolCallDelta(call: 0, id: "c1", name: "f"))),
            Delta(.toolCall(ToolCallDelta(call: 0, arguments: Array(#"{"a""#.utf8)))),
            Delta(.toolCall(ToolCallDelta(call: 0, arguments: Array(":1}".utf8)))),
            Delta(.toolCall(ToolCallDelta(call: 1, id: "c2", name: "g"))),
        ]
        #expect(decoded.deltas == deltas)
        let response = try decoded.result.get()
        let whole =
            #"{"id":"i","message":{"citations":[{"start":6,"end":7,"content_index":1}],"role":"assistant","#
            + #""content":[{"type":"thinking","thinking":"hm"},{"type":"text","text":"It is 5."}],"#
            + #""tool_calls":[{"id":"c1","function":{"name":"f","arguments":"{\"a\":1}"}},"#
            + #"{"id":"c2","function":{"name":"g"}}],"tool_plan":"I will ask."},"finish_reason":"TOOL_CALL","#
            + #""logprobs":[{"token_ids":[1,2],"text":"It is","logprobs":[-0.5,-0.25]}],"usage":{"tokens":"#
            + #"{"input_tokens":30,"output_tokens":40,"reasoning_tokens":7},"cached_tokens":16}}"#
        #expect(try decode(whole, endpoint: Self.endpoint).result.get() == response)
        let choice = try #require(response.chatChoices.first)
        #expect(choice.finishReason == .toolCalls && choice.nativeFinishReason == "TOOL_CALL")
        #expect(choice.message.text == "It is 5." && choice.message.reasoningText == "I will ask.hm")
        let arguments = choice.message.calls.map { String(decoding: $0.arguments, as: UTF8.self) }
        #expect(arguments == [#"{"a":1}"#, "{}"])
        let logprobs =
            #"{"content":[{"token":"It is","logprob":-0.5,"top_logprobs":[]},"#
            + #"{"token":"","logprob":-0.25,"top_logprobs":[]}]}"#
        #expect(choice.logprobsJSON == Array(logprobs.utf8))
        var usage = Usage()
        (usage.promptTokens, usage.completionTokens, usage.totalTokens) = (30, 40, 70)
        (usage.cachedPromptTokens, usage.reasoningTokens) = (16, 7)
        #expect(response.usage == usage)
    }

    @Test func `what the model cites stands beside the text that cites it`() throws {
        let response = try decode(Self.stream(Self.events), endpoint: Self.endpoint, stream: true).result.get()
        let texts = response.chatChoices.first?.message.parts.compactMap { part in
            if case .text(let text) = part.kind { text } else { nil }
        }
        let citations = texts?.first.map { String(decoding: $0.annotationsJSON, as: UTF8.self) }
        #expect(citations == #"[{"start":6,"end":7,"content_index":1}]"#)
    }

    @Test func `a plan and thoughts go back in the places that they came from`() throws {
        let decoded = decode(Self.stream(Self.events), endpoint: Self.endpoint, stream: true)
        let turn = try #require(decoded.result.get().chatChoices.first?.message)
        let body = try encoded(.chat([Message(role: .user, text: "q"), turn]), for: Self.endpoint)
        let sent = body["messages"]?.elements?.last
        #expect(sent?["tool_plan"]?.text == "I will ask.")
        #expect(sent?["content"]?.elements?.first?["thinking"]?.text == "hm")
        #expect(sent?["tool_calls"]?.elements?.count == 2)
    }

    @Test func `a stream without its end is broken, at any cut`() throws {
        for count in 1..<(Self.events.count - 1) {
            let decoded = decode(Self.stream(Self.events.prefix(count)), endpoint: Self.endpoint, stream: true)
            #expect(try self.failure(decoded).code == .streamBroken, "after \(count) events")
        }
    }

    @Test(arguments: [
        (#"{"finish_reason":"ERROR","error":"model is overloaded"}"#, FailureCode.overloaded),
        (#"{"finish_reason":"ERROR","error":"bad call","error_type":"INVALID_TOOL_GENERATION"}"#, .schemaMismatch),
        (#"{"finish_reason":"ERROR","usage":{}}"#, .providerError), (#"{"finish_reason":"TIMEOUT"}"#, .timeout),
    ])
    func `an end that is no success has its own class`(delta: String, code: FailureCode) throws {
        let events = Self.events.prefix(3) + [Self.end(delta)]
        let failure = try self.failure(decode(Self.stream(events), endpoint: Self.endpoint, stream: true))
        #expect(failure.code == code && failure.possibleDoubleSpend)
        let whole = #"{"message":{"role":"assistant"},"finish_reason":"TIMEOUT"}"#
        #expect(try self.failure(decode(whole, endpoint: Self.endpoint)).code == .timeout)
    }

    @Test(arguments: [
        ("COMPLETE", FinishReason.stop), ("STOP_SEQUENCE", .stop), ("MAX_TOKENS", .length), ("TOOL_CALL", .toolCalls),
        ("ERROR_TOXIC", .contentFilter), ("USER_CANCEL", .other),
    ])
    func `each word for the end has its reason`(word: String, reason: FinishReason) throws {
        let body = #"{"message":{"content":[{"type":"text","text":"x"}]},"finish_reason":"\#(word)"}"#
        let choice = try decode(body, endpoint: Self.endpoint).result.get().chatChoices.first
        #expect(choice?.finishReason == reason && choice?.nativeFinishReason == word)
    }

    @Test(arguments: [
        (UInt16(429), #"{"message":"limited to 40 API calls / minute"}"#, FailureCode.rateLimited),
        (429, #"{"message":"limited to 1000 API calls / month"}"#, .quotaExhausted),
        (498, #"{"message":"invalid token"}"#, .authentication), (401, #"{"message":"no"}"#, .authentication),
        (404, #"{"message":"model 'x' was removed on September 15"}"#, .notFound),
        (400, #"{"message":"x","error_type":"TOO_MANY_TOKENS"}"#, .contextWindow),
        (422, #"{"message":"unknown field: parameter n is not a valid field"}"#, .unsupportedParameter),
        (200, #"{"message":"internal"}"#, .providerError), (200, "{}", .invalidResponse),
    ])
    func `each error has its class`(status: UInt16, body: String, code: FailureCode) throws {
        let failure = try self.failure(decode(body, endpoint: Self.endpoint, status: status))
        #expect(failure.code == code)
    }

    @Test func `vectors are given back one an input, billed as reported`() throws {
        let request = CohereTests.embedding
        let body = #"{"embeddings":{"float":[[1,2],[3,4]]},"meta":{"billed_units":{"input_tokens":4}}}"#
        let response = try decode(body, request: request, endpoint: Self.endpoint).result.get()
        guard case .embedding(let vectors) = response.body else {
            Issue.record("no vectors")
            return
        }
        #expect(vectors.map(\.count) == [8, 8] && vectors[0] != vectors[1])
        #expect(response.usage?.promptTokens == 4 && response.usage?.totalTokens == 4)
        for short in [
            #"{"embeddings":{"float":[[1,2]]}}"#, #"{"embeddings":{"int8":[[1],[2]]}}"#, #"{"embeddings":[[],[1]]}"#,
        ] {
            #expect(try self.failure(decode(short, request: request, endpoint: Self.endpoint)).code == .invalidResponse)
        }
    }

    @Test func `a trial key's limits are read from Cohere's headers`() {
        var head = AnswerHead(status: 200)
        head.take(name: "X-Trial-Endpoint-Call-Limit", value: "40")
        head.take(name: "x-trial-endpoint-call-remaining", value: "38")
        head.take(name: "x-debug-trace-id", value: "t")
        #expect(head.rates?.requests.limit == 40 && head.rates?.requests.remaining == 38 && head.requestID == "t")
    }
}
