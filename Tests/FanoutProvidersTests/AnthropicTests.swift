// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutJSON
import FanoutModel
import FanoutProviders
import Testing

/// Anthropic's Messages.
@Suite struct AnthropicTests {
    static let endpoint = Endpoint.of("anthropic", model: "claude-x")

    func body(_ request: Request, stream: Bool = false, endpoint: Endpoint = Self.endpoint) throws -> String {
        let encoded = try Translator.encode(request, for: endpoint, stream: stream)
        return String(decoding: encoded.body, as: UTF8.self)
    }

    func fault(_ request: Request, endpoint: Endpoint = Self.endpoint) -> Failure? {
        do throws(Failure) {
            _ = try Translator.encode(request, for: endpoint, stream: false)
            return nil
        } catch {
            return error
        }
    }

    @Test func `a plain text is sent with a bound on the answer, which Anthropic demands`() throws {
        let expected = #"{"model":"claude-x","messages":[{"role":"user","content":"hi"}],"max_tokens":4096}"#
        #expect(try self.body(.text()) == expected)
        let encoded = try Translator.encode(.text(), for: Self.endpoint, stream: true)
        #expect(encoded.path == "/v1/messages")
        #expect(encoded.headers.contains { $0.name == "anthropic-version" && $0.value.revealed == "2023-06-01" })
        #expect(String(decoding: encoded.body, as: UTF8.self).contains(#""stream":true"#))
    }

    @Test(arguments: [("", "/v1/messages"), ("/v1", "/v1/messages"), ("/a/v1/messages", "/a/v1/messages")])
    func `a base URL may end before, in or after the version`(prefix: String, path: String) throws {
        var endpoint = Self.endpoint
        endpoint.pathPrefix = prefix
        #expect(try Translator.encode(.text(), for: endpoint, stream: false).path == path)
    }

    @Test func `a deployment's own bound on the answer goes before ours`() throws {
        var endpoint = Self.endpoint
        endpoint.defaultsJSON = Array(#"{"max_tokens":9}"#.utf8)
        #expect(try self.body(.text(), endpoint: endpoint).hasSuffix(#""max_tokens":9}"#))
    }

    @Test func `instructions leave the conversation, and neighbours of one side become one turn`() throws {
        let request = Request.chat([
            Message(role: .system, text: "s"), Message(role: .user, text: "a"), Message(role: .developer, text: "d"),
            Message(role: .user, text: "b"), Message(role: .assistant, text: "c"), Message(role: .user, text: "e"),
        ])
        let expected =
            #"{"model":"claude-x","system":[{"type":"text","text":"s"},{"type":"text","text":"d"}],"#
            + #""messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},"#
            + #"{"role":"assistant","content":"c"},{"role":"user","content":"e"}],"max_tokens":4096}"#
        #expect(try self.body(request) == expected)
    }

    @Test func `calls and their results are blocks, results before anything else of their turn`() throws {
        var signed = Reasoning(text: "why")
        signed.signature = Array("sig".utf8)
        let call = ToolCall(id: "t1", name: "f", arguments: Array(#"{"x":1}"#.utf8))
        var failed = ToolResult(callID: "t1", pieces: [.init(.text(Text("no")))])
        failed.isError = true
        let request = Request.chat([
            Message(role: .user, text: "q"),
            Message(role: .assistant, parts: [Part(.reasoning(signed)), Part(.toolCall(call))]),
            Message(role: .user, text: "and"),
            Message(role: .tool, parts: [Part(.toolResult(failed), cache: CacheMarker(ttlMilliseconds: 600_000))]),
        ])
        let expected =
            #"{"role":"assistant","content":[{"type":"thinking","thinking":"why","signature":"sig"},"#
            + #"{"type":"tool_use","id":"t1","name":"f","input":{"x":1}}]},"#
            + #"{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":"no","is_error":true,"#
            + #""cache_control":{"type":"ephemeral","ttl":"1h"}},{"type":"text","text":"and"}]}]"#
        #expect(try self.body(request).contains(expected))
    }

    @Test func `tools, their choice, a schema and reasoning have Anthropic's words`() throws {
        var tool = Tool(name: "f")
        tool.description = "d"
        let request = Request.text("q") {
            $0.tools = [tool]
            $0.toolChoice = .required
            $0.parallelToolCalls = false
            $0.responseFormat = .schema(.init(name: "n", json: Array(#"{"type":"object"}"#.utf8)))
            $0.sampling.stop = ["x"]
            $0.sampling.topK = 3
            $0.user = "u"
            var reasoning = ReasoningOptions()
            reasoning.budgetTokens = 2_000
            reasoning.effort = "low"
            $0.reasoning = reasoning
        }
        let expected =
            #""max_tokens":6096,"thinking":{"type":"enabled","budget_tokens":2000},"top_k":3,"stop_sequences":["x"],"#
            + #""tools":[{"name":"f","description":"d","input_schema":{"type":"object"}}],"#
            + #""tool_choice":{"type":"any","disable_parallel_tool_use":true},"#
            + #""output_config":{"effort":"low","format":{"type":"json_schema","schema":{"type":"object"}}},"#
            + #""metadata":{"user_id":"u"}}"#
        #expect(try self.body(request).hasSuffix(expected))
    }

    struct Untaken: Sendable {
        var param: String
        var configure: @Sendable (inout ChatRequest) -> Void
    }

    @Test(arguments: [
        Untaken(param: "seed") { $0.sampling.seed = 1 },
        Untaken(param: "presence_penalty") { $0.sampling.presencePenalty = 1 },
        Untaken(param: "frequency_penalty") { $0.sampling.frequencyPenalty = 1 },
        Untaken(param: "temperature above 1") { $0.sampling.temperature = 1.5 },
        Untaken(param: "choices") { $0.choices = 2 },
        Untaken(param: "top_logprobs") { $0.topLogprobs = 1 },
        Untaken(param: "response_format") { $0.responseFormat = .json },
    ])
    func `what Anthropic doesn't take is refused by name, or dropped where that is wanted`(row: Untaken) throws {
        let request = Request.text("hi", configure: row.configure)
        let fault = self.fault(request)
        #expect(fault?.code == .unsupportedParameter && fault?.param == row.param)
        var endpoint = Self.endpoint
        endpoint.dropsUnsupported = true
        #expect(try self.body(request, endpoint: endpoint) == self.body(.text()))
    }

    @Test func `what can't be sent is refused with its place`() {
        let empty = Request.chat([Message(role: .user, parts: [])])
        #expect(self.fault(empty)?.param == "messages[0]")
        let sound = Media(mimeType: "audio/wav", source: .data([1]))
        #expect(
            self.fault(.chat([Message(role: .user, parts: [Part(.audio(sound))])]))?.param == "messages[0].parts[0]"
        )
        let embedding = Request(model: "g", task: .embedding(EmbeddingRequest(inputs: ["i"])))
        #expect(self.fault(embedding)?.code == .unsupportedParameter)
        var options = ReasoningOptions()
        options.budgetTokens = 5
        let small = Request.text("hi") { [options] in $0.reasoning = options }
        #expect(self.fault(small)?.param == "reasoning.budget_tokens")
    }

    // MARK: Answers

    static let events = [
        #"{"type":"message_start","message":{"type":"message","id":"m","model":"claude-x","content":[],"usage":"#
            + #"{"input_tokens":10,"cache_creation_input_tokens":3,"cache_read_input_tokens":4,"output_tokens":1}}}"#,
        #"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}"#,
        #"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}}"#,
        #"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"s1"}}"#,
        #"{"type":"content_block_stop","index":0}"#, #"{"type":"ping"}"#,
        #"{"index":1,"content_block":{"text":"","type":"text"},"type":"content_block_start"}"#,
        #"{"delta":{"text":"Hello","type":"text_delta"},"index":1,"type":"content_block_delta"}"#,
        #"{"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"t","name":"f","input":{}}}"#,
        #"{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\"a\""}}"#,
        #"{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":":1}"}}"#,
        #"{"type":"content_block_stop","index":2}"#,
        #"{"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":20}}"#,
        #"{"type":"message_stop"}"#,
    ]

    static func stream(_ events: some Sequence<String>) -> String {
        events.map { "data: \($0)\n\n" }.joined()
    }

    @Test func `a stream becomes deltas and the answer that a whole message would be`() throws {
        let decoded = decode(Self.stream(Self.events), endpoint: Self.endpoint, stream: true)
        let response = try decoded.result.get()
        #expect(
            decoded.deltas == [
                Delta(.reasoning("hm")), Delta(.text("Hello")),
                Delta(.toolCall(ToolCallDelta(call: 0, id: "t", name: "f"))),
                Delta(.toolCall(ToolCallDelta(call: 0, arguments: Array(#"{"a""#.utf8)))),
                Delta(.toolCall(ToolCallDelta(call: 0, arguments: Array(":1}".utf8)))),
            ]
        )
        var usage = Usage()
        (usage.promptTokens, usage.completionTokens, usage.totalTokens) = (17, 20, 37)
        (usage.cachedPromptTokens, usage.cacheWriteTokens) = (4, 3)
        #expect(response.usage == usage)
        let whole =
            #"{"type":"message","id":"m","model":"claude-x","content":[{"type":"thinking","thinking":"hm","#
            + #""signature":"s1"},{"type":"text","text":"Hello"},{"type":"tool_use","id":"t","name":"f","#
            + #""input":{"a":1}}],"stop_reason":"tool_use","usage":{"input_tokens":10,"#
            + #""cache_creation_input_tokens":3,"cache_read_input_tokens":4,"output_tokens":20}}"#
        #expect(try decode(whole, endpoint: Self.endpoint).result.get() == response)
        #expect(response.chatChoices.first?.finishReason == .toolCalls)
    }

    @Test func `a stream without its end is broken, at any cut`() {
        for count in 0..<(Self.events.count - 2) {
            let decoded = decode(Self.stream(Self.events.prefix(count)), endpoint: Self.endpoint, stream: true)
            guard case .failure(let failure) = decoded.result else {
                Issue.record("a success after \(count) events")
                continue
            }
            #expect(failure.code == .streamBroken || count == 0)
        }
    }

    @Test func `an error inside a stream has its own class`() {
        let error = #"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#
        let decoded = decode(Self.stream(Self.events.prefix(8) + [error]), endpoint: Self.endpoint, stream: true)
        guard case .failure(let failure) = decoded.result else {
            Issue.record("decoded to a success")
            return
        }
        #expect(failure.code == .overloaded && failure.providerMessage == "Overloaded")
    }

    @Test func `what Anthropic's own tools did goes back as it came`() throws {
        let block = #"{"type":"web_search_tool_result","tool_use_id":"s","content":[]}"#
        let whole = #"{"type":"message","content":[\#(block)],"stop_reason":"end_turn"}"#
        let message = try #require(decode(whole, endpoint: Self.endpoint).result.get().chatChoices.first?.message)
        let request = Request.chat([Message(role: .user, text: "q"), message, Message(role: .user, text: "r")])
        #expect(try self.body(request).contains(block))
    }

    @Test func `limits are read from Anthropic's headers`() {
        var head = AnswerHead(status: 200)
        head.take(name: "anthropic-ratelimit-input-tokens-remaining", value: "7")
        head.take(name: "anthropic-ratelimit-requests-limit", value: "50")
        head.take(name: "request-id", value: "req_1")
        #expect(head.rates?.promptTokens.remaining == 7 && head.rates?.requests.limit == 50)
        #expect(head.requestID == "req_1")
    }
}
