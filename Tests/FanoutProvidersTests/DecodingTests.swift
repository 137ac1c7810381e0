// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutJSON
import FanoutModel
import FanoutProviders
import Foundation
import Testing

@Suite struct DecodingTests {
    static let whole = #"""
        {"id":"i","object":"chat.completion","created":5,"model":"m-1","system_fingerprint":"fp","service_tier":"default",
         "choices":[{"index":0,"message":{"role":"assistant","content":"a\nb","refusal":null,"reasoning_content":"hm",
          "tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}},
                        {"id":"c2","type":"function","function":{"name":"g","arguments":{"y": [2]}}}]},
          "logprobs":{"content":[{"token":"a","logprob":-0.1},{"token":"b","logprob":-0.2}],"refusal":null},
          "finish_reason":"tool_calls"}],
         "usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15,"prompt_tokens_details":{"cached_tokens":4},
          "completion_tokens_details":{"reasoning_tokens":2}},"unknown":[{"deep":{}}]}
        """#

    static let streamed = [
        #"{"id":"i","created":5,"model":"m-1","system_fingerprint":"fp","service_tier":"default","choices":[{"index":0,"#
            + #""delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":null}"#,
        #"{"choices":[{"delta":{"reasoning":"h"},"index":0}]}"#,
        #"{"choices":[{"delta":{"reasoning":"m"},"index":0}]}"#,
        #"{"choices":[{"index":0,"delta":{"content":"a"},"logprobs":{"content":[{"token":"a","logprob":-0.1}],"refusal":null}}]}"#,
        #"{"choices":[{"index":0,"delta":{"content":"\nb"},"logprobs":{"content":[{"token":"b","logprob":-0.2}],"refusal":null}}]}"#,
        #"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c1","function":{"name":"f","arguments":""}}]}}]}"#,
        #"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"id":"c2","function":{"name":"g","arguments":"{\"y\""}}]}}]}"#,
        #"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"x\":1}"}}]}}]}"#,
        #"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"function":{"arguments":": [2]}"}}]}}]}"#,
        #"{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"#,
        #"{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"#,
        #"{"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15,"#
            + #""prompt_tokens_details":{"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":2}}}"#,
        "[DONE]",
    ]

    static func stream(_ events: [String]) -> String {
        events.map { ": beat\n\ndata: \($0)\n\n" }.joined()
    }

    @Test func `a streamed answer ends as the one that was not streamed`() throws {
        let whole = decode(Self.whole)
        let streamed = decode(Self.stream(Self.streamed), stream: true)
        let response = try whole.result.get()
        #expect(try streamed.result.get() == response)
        #expect(whole.deltas.isEmpty && streamed.isComplete && streamed.text() == "a\nb")
        let choice = try #require(response.chatChoices.first)
        #expect(choice.message.text == "a\nb" && choice.message.reasoningText == "hm")
        #expect(
            choice.message.calls.map { String(decoding: $0.arguments, as: UTF8.self) } == [#"{"x":1}"#, #"{"y": [2]}"#]
        )
        #expect(choice.finishReason == .toolCalls && choice.nativeFinishReason == "tool_calls")
        #expect(try JSONValue(parsing: choice.logprobsJSON)["content"]?.elements?.count == 2)
        #expect(response.id == "i" && response.model == "m-1" && response.created == 5)
        #expect(response.systemFingerprint == "fp" && response.serviceTier == "default")
        #expect(response.usage?.cachedPromptTokens == 4 && response.usage?.reasoningTokens == 2)
    }

    @Test func `deltas name a call once and count it`() {
        let deltas = decode(Self.stream(Self.streamed), stream: true).deltas.compactMap { delta in
            if case .toolCall(let call) = delta.kind { call } else { nil }
        }
        #expect(deltas.map(\.call) == [0, 1, 0, 1] && deltas.map(\.id) == ["c1", "c2", "", ""])
        #expect(deltas.map(\.name) == ["f", "g", "", ""])
    }

    @Test func `a stream that was answered whole is decoded all the same`() throws {
        let decoded = decode(Self.whole, stream: true)
        #expect(try decoded.result.get() == decode(Self.whole).result.get())
        #expect(decoded.text() == "a\nb")
    }

    @Test func `a stream is no success before its terminal marker`() throws {
        let bytes = Array(Self.stream(Self.streamed).utf8)
        let finished = try #require(
            String(decoding: bytes, as: UTF8.self).range(of: #""finish_reason":"tool_calls"}]}"#)
        )
        let marker = String(decoding: bytes, as: UTF8.self).utf8.distance(from: "".startIndex, to: finished.upperBound)
        for length in 1..<bytes.count {
            let decoded = decode([Array(bytes[..<length])], stream: true)
            switch decoded.result {
            case .success: #expect(length >= marker, "cut to \(length)")
            case .failure(let failure):
                #expect(failure.code == .streamBroken && length < marker, "cut to \(length)")
                #expect(failure.possibleDoubleSpend)
            }
        }
    }

    @Test func `one finished choice of two is no end`() {
        let chunk = #"data: {"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]}"# + "\n\n"
        let two = Request.text { $0.choices = 2 }
        for request in [two, Request.text().with(extra: #"{"n":2}"#)] {
            guard case .failure(let failure) = decode(chunk, request: request, stream: true).result else {
                Issue.record("half an answer was a success")
                return
            }
            #expect(failure.code == .streamBroken)
        }
        #expect(throws: Never.self) { try decode(chunk, stream: true).result.get() }
    }

    @Test(arguments: [
        ("", FailureCode.invalidResponse), ("  \n", .invalidResponse), ("<html>x</html>", .invalidResponse),
        ("not json", .invalidResponse), ("{}", .invalidResponse), (#"{"choices":[]}"#, .invalidResponse),
        ("[]", .invalidResponse),
        (#"{"choices":[{"index":0}"#, .invalidResponse),
        (#"{"choices":[{"index":-1,"message":{}}]}"#, .invalidResponse),
        (#"{"choices":[{"index":99999999999,"message":{}}]}"#, .invalidResponse),
        (#"{"error":{"message":"x","type":"server_error"}}"#, .providerError),
        (#"{"object":"error","message":"x","code":429}"#, .rateLimited),
        (#"{"choices":[{"index":0,"message":{"content":"x"},"finish_reason":"error"}]}"#, .providerError),
        (#"{"choices":[{"index":0,"message":{},"finish_reason":"insufficient_system_resource"}]}"#, .overloaded),
        (#"{"choices":[{"message":{"content":"x"},"finish_reason":"stop"}]} x"#, .invalidResponse),
    ])
    func `a 200 that is no answer is a failure`(body: String, code: FailureCode) {
        guard case .failure(let failure) = decode(body).result else {
            Issue.record("it was a success")
            return
        }
        #expect(failure.code == code && failure.providerStatus == 200, "\(failure)")
    }

    @Test(arguments: [
        (#"{"error":{"message":"The server had an error","type":"server_error"}}"#, FailureCode.providerError),
        (
            #"{"error":{"code":400,"message":"Token limit reached"},"choices":[{"index":0,"delta":{"content":""}}]}"#,
            .invalidRequest
        ),
        (#"{"error":{"message":"Rate limit reached","code":"rate_limit_exceeded"}}"#, .rateLimited),
        (
            #"{"choices":[{"index":0,"delta":{},"finish_reason":"error","error":{"code":502,"message":"bad"}}]}"#,
            .providerError
        ),
        ("{broken", .invalidResponse),
    ])
    func `an error inside a stream ends it with its own class`(event: String, code: FailureCode) {
        let events = [Self.streamed[3], event, "[DONE]"]
        let decoded = decode(Self.stream(events), stream: true)
        guard case .failure(let failure) = decoded.result else {
            Issue.record("it was a success")
            return
        }
        #expect(failure.code == code && failure.possibleDoubleSpend && decoded.text() == "a", "\(failure)")
    }

    @Test func `heartbeats and roles are no content`() {
        let beats = ": x\n\ndata: \(Self.streamed[0])\n\n"
        #expect(!decode(beats, stream: true).hadContent)
        #expect(decode(beats + "data: \(Self.streamed[1])\n\n", stream: true).hadContent)
    }

    @Test func `an answer beyond its bound is refused`() {
        for stream in [false, true] {
            let body = stream ? Self.stream(Self.streamed) : Self.whole
            let decoded = decode(Array(body.utf8).map { [$0] }, stream: stream, bodyBytesMax: 100)
            guard case .failure(let failure) = decoded.result else {
                Issue.record("it was a success")
                return
            }
            #expect(failure.code == .invalidResponse)
        }
    }

    @Test func `an error's body beyond its bound is cut, not refused`() {
        let body = Array(repeating: Array("x".utf8) + Array(repeating: 0x79, count: 65_535), count: 40)
        guard case .failure(let failure) = decode(body, stream: true, head: AnswerHead(status: 500)).result else {
            return
        }
        #expect(failure.code == .providerError && failure.providerMessage.utf8.count == 16 << 10)
    }

    @Test func `calls without an index are told apart by their ids`() throws {
        let events = [
            #"{"choices":[{"delta":{"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{"}}]}}]}"#,
            #"{"choices":[{"delta":{"tool_calls":[{"function":{"arguments":"}"}}]}}]}"#,
            #"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"b","function":{"name":"g","arguments":"{}"}}]}}]}"#,
            #"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"c","function":{"name":"h","arguments":"{}"}}]},"finish_reason":"stop"}]}"#,
            "[DONE]",
        ]
        let response = try decode(Self.stream(events), stream: true).result.get()
        let calls = try #require(response.chatChoices.first).message.calls
        #expect(calls.map(\.id) == ["a", "b", "c"] && calls.map(\.name) == ["f", "g", "h"])
        #expect(calls.map { String(decoding: $0.arguments, as: UTF8.self) } == ["{}", "{}", "{}"])
        #expect(response.chatChoices.first?.finishReason == .toolCalls)
    }

    @Test(arguments: [
        (
            #"{"prompt_tokens":468,"completion_tokens":77,"total_tokens":1127,"completion_tokens_details":{"reasoning_tokens":582}}"#,
            468, 659, 1127
        ),
        (
            #"{"prompt_tokens":10,"completion_tokens":20,"total_tokens":30,"completion_tokens_details":{"reasoning_tokens":15}}"#,
            10, 20, 30
        ),
        (#"{"prompt_tokens":10,"completion_tokens":20}"#, 10, 20, 30),
        (#"{"prompt_tokens":3,"total_tokens":3}"#, 3, 0, 3),
        (#"{"prompt_tokens":-1,"completion_tokens":"x","total_tokens":1e30}"#, 0, 0, 0),
        // Gemini's thoughts and Mistral's sounds, which only the sum has.
        (#"{"prompt_tokens":35,"completion_tokens":12,"total_tokens":109}"#, 35, 74, 109),
        (#"{"prompt_audio_seconds":9,"prompt_tokens":11,"completion_tokens":15,"total_tokens":401}"#, 386, 15, 401),
    ])
    func `usage means the same for every provider`(
        usage: String,
        prompt: UInt64,
        completion: UInt64,
        total: UInt64
    ) throws {
        let body = #"{"choices":[{"message":{"content":"x"}}],"usage":\#(usage)}"#
        let counted = try #require(try decode(body, endpoint: .of("xai")).result.get().usage)
        #expect(
            counted.promptTokens == prompt && counted.completionTokens == completion && counted.totalTokens == total
        )
    }

    @Test func `vectors come in their inputs' order, from numbers and from base64`() throws {
        let request = Request(model: "g", task: .embedding(EmbeddingRequest(inputs: ["a", "b"])))
        let body =
            #"{"data":[{"index":1,"embedding":"AACAPwAAAEA="},{"index":0,"embedding":[0.5,-1e0]}],"usage":{"prompt_tokens":2}}"#
        let response = try decode(body, request: request).result.get()
        #expect(response.body == .embedding([[0, 0, 0, 0x3F, 0, 0, 0x80, 0xBF], [0, 0, 0x80, 0x3F, 0, 0, 0, 0x40]]))
        for broken in [
            #"{"data":[{"index":0,"embedding":[1]}]}"#,
            #"{"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}]}"#,
            #"{"data":[{"index":0,"embedding":[1]},{"index":2,"embedding":[1]}]}"#,
            #"{"data":[{"index":0,"embedding":[]},{"index":1,"embedding":[1]}]}"#,
            #"{"data":[{"index":0,"embedding":"AAA="},{"index":1,"embedding":[1]}]}"#,
            #"{"data":[{"index":0,"embedding":[1e39]},{"index":1,"embedding":[1]}]}"#, "{}",
        ] {
            guard case .failure(let failure) = decode(broken, request: request).result else {
                Issue.record("\(broken) was a success")
                continue
            }
            #expect(failure.code == .invalidResponse)
        }
    }

    @Test func `a completion's texts are choices`() throws {
        let request = Request(model: "g", task: .completion(CompletionRequest(prompts: ["p"])))
        let body =
            #"{"choices":[{"text":"b","index":1,"finish_reason":"length"},{"text":"a","index":0,"finish_reason":"stop"}]}"#
        guard case .completion(let choices) = try decode(body, request: request).result.get().body else {
            Issue.record("no completion")
            return
        }
        #expect(choices.map(\.text) == ["a", "b"] && choices.map(\.finishReason) == [.stop, .length])
    }
}
