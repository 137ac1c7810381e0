// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import FanoutProviders
import Testing

/// Answers in Ollama's own format.
@Suite struct OllamaAnswerTests {
    static let endpoint = Endpoint.of("ollama")

    static let lines = [
        #"{"model":"q","created_at":"2024-05-24T20:48:36.2Z","message":{"role":"assistant","thinking":"hm"},"done":false}"#,
        #"{"model":"q","created_at":"2024-05-24T20:48:37Z","message":{"role":"assistant","content":"He"},"done":false}"#,
        #"{"model":"q","message":{"role":"assistant","content":"llo","logprobs":null},"logprobs":"#
            + #"[{"token":"llo","logprob":-0.5,"bytes":[1],"top_logprobs":[{"token":"x","logprob":-2}]}],"done":false}"#,
        #"{"model":"q","message":{"role":"assistant","content":"","tool_calls":[{"function":{"name":"f","arguments":"#
            + #"{"a":1}}},{"id":"call_9","function":{"index":1,"name":"f","arguments":{"a":1}}}]},"done":false}"#,
        #"{"model":"q","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","#
            + #""prompt_eval_count":10,"eval_count":20}"#,
    ]

    static func stream(_ lines: some Sequence<String>) -> String {
        lines.map { $0 + "\n" }.joined()
    }

    func failure(_ decoded: Decoded) throws -> Failure {
        guard case .failure(let failure) = decoded.result else {
            Issue.record("decoded to a success")
            throw Failure(.internal, "decoded to a success")
        }
        return failure
    }

    @Test func `a stream becomes deltas and the answer that a whole body would be`() throws {
        let decoded = decode(Self.stream(Self.lines), endpoint: Self.endpoint, stream: true)
        #expect(decoded.isComplete && decoded.hadContent)
        let response = try decoded.result.get()
        let choice = try #require(response.chatChoices.first)
        let calls = choice.message.calls
        let deltas: [Delta] = [
            Delta(.reasoning("hm")), Delta(.text("He")), Delta(.text("llo")),
            Delta(.toolCall(ToolCallDelta(call: 0, id: calls[0].id, name: "f", arguments: Array(#"{"a":1}"#.utf8)))),
            Delta(.toolCall(ToolCallDelta(call: 1, id: "call_9", name: "f", arguments: Array(#"{"a":1}"#.utf8)))),
        ]
        #expect(decoded.deltas == deltas)
        #expect(choice.finishReason == .toolCalls && choice.nativeFinishReason == "stop")
        #expect(response.created == 1_716_583_716 && response.model == "q")
        let logprobs =
            #"{"content":[{"token":"llo","logprob":-0.5,"top_logprobs":[{"token":"x","logprob":-2}]}]}"#
        #expect(choice.logprobsJSON == Array(logprobs.utf8))
        var usage = Usage()
        (usage.promptTokens, usage.completionTokens, usage.totalTokens) = (10, 20, 30)
        #expect(response.usage == usage)
        let whole =
            #"{"message":{"role":"assistant","content":"Hello","thinking":"hm","tool_calls":[{"function":"#
            + #"{"arguments":{"a":1},"name":"f"}},{"id":"call_9","function":{"name":"f","arguments":{"a":1}}}]},"#
            + #""logprobs":[{"token":"llo","logprob":-0.5,"top_logprobs":[{"token":"x","logprob":-2}]}],"#
            + #""created_at":"2024-05-24T20:48:36.2Z","model":"q","done":true,"done_reason":"stop","#
            + #""prompt_eval_count":10,"eval_count":20}"#
        #expect(try decode(whole, endpoint: Self.endpoint).result.get() == response)
    }

    /// Found by fuzzing: the place of the fault was told from where the bytes were cut.
    @Test func `white space before a stream changes nothing at any cut`() {
        let bytes = Array("\r\r\n  {\"model\":x}\n".utf8)
        func words(_ pieces: [[UInt8]]) -> String {
            let decoded = decode(pieces, endpoint: Self.endpoint, stream: true)
            if case .failure(let failure) = decoded.result { return failure.message }
            return "decoded to a success"
        }
        #expect(words([bytes]).contains("at byte 9"), "\(words([bytes]))")
        for cut in 0...bytes.count {
            #expect(words([Array(bytes[..<cut]), Array(bytes[cut...])]) == words([bytes]), "cut at \(cut)")
        }
    }

    @Test func `a call without an id is given one of its own, the same for the same answer`() throws {
        func ids(_ text: String) throws -> [String] {
            let response = try decode(text, endpoint: Self.endpoint, stream: true).result.get()
            return response.chatChoices.flatMap { $0.message.calls.map(\.id) }
        }
        let call = #"{"function":{"name":"f","arguments":{}}}"#
        func answer(_ moment: String) -> String {
            #"{"created_at":"\#(moment)","message":{"tool_calls":[\#(call),\#(call)]},"done":true}"#
        }
        let first = try ids(answer("2024-05-24T20:48:36Z"))
        #expect(Set(first).count == 2 && first.allSatisfy { $0.hasPrefix("fanout-") })
        #expect(try ids(answer("2024-05-24T20:48:36Z")) == first)
        #expect(try Set(ids(answer("2024-05-24T20:48:37Z"))).isDisjoint(with: first))
    }

    @Test func `a stream without its end is broken, at any cut`() throws {
        let bytes = Array(Self.stream(Self.lines).utf8)
        let end = bytes.count - 1
        for count in 1..<end {
            let decoded = decode([Array(bytes[..<count])], endpoint: Self.endpoint, stream: true)
            #expect(try self.failure(decoded).code == .streamBroken, "after \(count) bytes")
        }
        // Only the line's end is lacking.
        #expect(throws: Never.self) {
            try decode([Array(bytes[..<end])], endpoint: Self.endpoint, stream: true).result.get()
        }
    }

    @Test(arguments: [
        (#"{"error":"server busy, please try again.  maximum pending requests exceeded"}"#, FailureCode.overloaded),
        (#"{"error":"an error was encountered while running the model"}"#, .providerError),
        (#"{"error":"prompt too long; exceeded max context length by 4 tokens"}"#, .contextWindow),
        (#"{"error":"no such thing","status":404}"#, .notFound),
    ])
    func `an error inside a stream has its own class, at its start or later`(line: String, code: FailureCode) throws {
        for count in [0, 2] {
            let lines = Self.lines.prefix(count) + [line]
            let failure = try self.failure(decode(Self.stream(lines), endpoint: Self.endpoint, stream: true))
            #expect(failure.code == code && failure.possibleDoubleSpend == (count > 0))
            #expect(!failure.providerMessage.isEmpty && !failure.providerMessage.contains("{"))
        }
    }

    @Test(arguments: [
        (UInt16(404), #"{"error":"model 'x' not found"}"#, FailureCode.notFound),
        (400, #"{"error":"\"x\" does not support tools"}"#, .invalidRequest),
        (400, #"{"error":"the input length exceeds the context length"}"#, .contextWindow),
        (503, #"{"error":"server busy, please try again.  maximum pending requests exceeded"}"#, .overloaded),
        (200, #"{"message":{"content":"x"},"done":false}"#, .invalidResponse), (200, "<html>", .invalidResponse),
    ])
    func `each error has its class`(status: UInt16, body: String, code: FailureCode) throws {
        #expect(try self.failure(decode(body, endpoint: Self.endpoint, status: status)).code == code)
    }

    @Test func `a line that is no JSON is what the API doesn't promise`() throws {
        let lines = [Self.lines[0], "{nonsense}", Self.lines[4]]
        let failure = try self.failure(decode(Self.stream(lines), endpoint: Self.endpoint, stream: true))
        #expect(failure.code == .invalidResponse)
    }

    @Test(arguments: [
        (#""done_reason":"stop","#, FinishReason.stop), (#""done_reason":"length","#, .length), ("", .stop),
        (#""done_reason":"unload","#, .other),
    ])
    func `each word for the end has its reason`(word: String, reason: FinishReason) throws {
        let body = #"{\#(word)"message":{"content":"x"},"done":true}"#
        let response = try decode(body, endpoint: Self.endpoint).result.get()
        #expect(response.chatChoices.first?.finishReason == reason)
        #expect(response.usage == nil)
    }

    @Test func `a completion's text, end and log-probabilities have OpenAI's form`() throws {
        let lines = [
            #"{"created_at":"2024-05-24T20:48:36-07:00","response":"é","done":false,"#
                + #""logprobs":[{"token":"é","logprob":-1,"top_logprobs":[{"token":"e","logprob":-2}]}]}"#,
            #"{"response":"t","done":false,"logprobs":[{"token":"t","logprob":-0.5}]}"#,
            #"{"response":"","done":true,"done_reason":"length","context":[1],"eval_count":2}"#,
        ]
        let decoded = decode(
            Self.stream(lines),
            request: OllamaTests.completion(),
            endpoint: Self.endpoint,
            stream: true
        )
        let response = try decoded.result.get()
        guard case .completion(let choices) = response.body else {
            Issue.record("no completion")
            return
        }
        #expect(decoded.deltas == [Delta(.text("é")), Delta(.text("t"))])
        #expect(choices.count == 1 && choices[0].text == "ét" && choices[0].finishReason == .length)
        let logprobs =
            #"{"tokens":["é","t"],"token_logprobs":[-1,-0.5],"top_logprobs":[{"e":-2},{}],"text_offset":[0,1]}"#
        #expect(choices[0].logprobsJSON == Array(logprobs.utf8))
        #expect(response.created == 1_716_608_916)
        // A prompt that was in the server's cache isn't counted.
        #expect(response.usage?.promptTokens == 0 && response.usage?.completionTokens == 2)
    }

    @Test func `vectors are given back one an input`() throws {
        let body = #"{"model":"m","embeddings":[[1,2],[3,4]],"prompt_eval_count":4}"#
        let response = try decode(body, request: OllamaTests.embedding, endpoint: Self.endpoint).result.get()
        guard case .embedding(let vectors) = response.body else {
            Issue.record("no vectors")
            return
        }
        #expect(vectors.map(\.count) == [8, 8] && response.usage?.promptTokens == 4)
        let short = decode(#"{"embeddings":[[1,2]]}"#, request: OllamaTests.embedding, endpoint: Self.endpoint)
        #expect(try self.failure(short).code == .invalidResponse)
    }
}
