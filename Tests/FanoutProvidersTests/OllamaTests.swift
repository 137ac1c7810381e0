// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutJSON
import FanoutModel
import FanoutProviders
import Testing

/// Requests in Ollama's own format.
@Suite struct OllamaTests {
    static let probe = EncodingProbe(endpoint: .of("ollama", model: "llama"))
    static let embedding = Request(model: "g", task: .embedding(EmbeddingRequest(inputs: ["a", "b"])))

    static func completion(_ configure: (inout CompletionRequest) -> Void = { _ in }) -> Request {
        var completion = CompletionRequest(prompts: ["p"])
        configure(&completion)
        return Request(model: "g", task: .completion(completion))
    }

    func body(_ request: Request, stream: Bool = false, configure: (inout Endpoint) -> Void = { _ in }) throws -> String
    {
        try Self.probe.body(request, stream: stream, configure: configure)
    }

    @Test func `whether an answer is streamed is always said`() throws {
        let expected = #"{"model":"llama","messages":[{"role":"user","content":"hi"}],"stream":false}"#
        #expect(try self.body(.text()) == expected)
        #expect(try self.body(.text(), stream: true).hasSuffix(#","stream":true}"#))
        #expect(try self.body(Self.completion()) == #"{"model":"llama","prompt":"p","stream":false}"#)
    }

    @Test(arguments: ["", "/api", "/api/chat", "/api/generate", "/api/embed"])
    func `a base URL may end before, in or after the operation`(prefix: String) throws {
        #expect(try Self.probe.path(.text(), base: prefix) == "/api/chat")
        #expect(try Self.probe.path(Self.completion(), base: "/x" + prefix) == "/x/api/generate")
        #expect(try Self.probe.path(Self.embedding, base: prefix) == "/api/embed")
    }

    @Test func `a model's parameters are options, whoever gives them, and the nearest one counts`() throws {
        var endpoint = Self.probe.endpoint
        endpoint.defaultsJSON = Array(
            #"{"max_tokens":5,"temperature":0.5,"num_ctx":1,"options":{"min_p":0.25,"top_k":1},"keep_alive":"5m"}"#.utf8
        )
        let request = Request.text {
            $0.sampling.temperature = 0
            $0.sampling.topK = 7
            $0.sampling.topP = 0.75
            $0.sampling.stop = ["x"]
            $0.sampling.seed = 42
            $0.sampling.presencePenalty = 1
            $0.sampling.frequencyPenalty = -1
        }.with(extra: #"{"options":{"num_ctx":8192,"top_k":3},"mirostat":2,"think":false}"#)
        let expected =
            #","stream":false,"options":{"num_ctx":8192,"top_k":3,"mirostat":2,"num_predict":5,"temperature":0,"top_p":0.75,"#
            + #""stop":["x"],"seed":42,"presence_penalty":1,"frequency_penalty":-1,"min_p":0.25},"think":false,"#
            + #""keep_alive":"5m"}"#
        #expect(try EncodingProbe(endpoint: endpoint).body(request).hasSuffix(expected))
    }

    @Test func `options that are no object are refused`() {
        let fault = Self.probe.fault(.text().with(extra: #"{"options":[1]}"#))
        #expect(fault?.code == .invalidRequest && fault?.param == "extra_json.options")
    }

    // MARK: Turns

    @Test func `a turn is one text with its images beside it`() throws {
        let image = Part(.image(Media(mimeType: "image/png", source: .data([1, 2, 3]))))
        let url = Part(.image(Media(mimeType: "", source: .url("data:image/png;base64,BAUG"))))
        let request = Request.chat([
            Message(role: .developer, text: "d"),
            Message(role: .user, parts: [Part(.text(Text("a"))), image, Part(.text(Text("b"))), url]),
        ])
        let expected =
            #"[{"role":"system","content":"d"},{"role":"user","content":"ab","images":["AQID","BAUG"]}]"#
        #expect(try self.body(request).contains(expected))
    }

    @Test func `calls and results name their tools; ids that were made up here aren't sent`() throws {
        let made = ToolCall(id: "fanout-1", name: "f", arguments: Array(#"{"x":1}"#.utf8))
        let given = ToolCall(id: "call_2", name: "g", arguments: [])
        let results = [
            ToolResult(callID: "fanout-1", pieces: [.init(.text(Text("one")))]),
            ToolResult(callID: "call_2", pieces: [.init(.json(Array(#"{"y":2}"#.utf8)))]),
        ]
        let request = Request.chat([
            Message(role: .user, text: "q"),
            Message(
                role: .assistant,
                parts: [Part(.reasoning(Reasoning(text: "hm"))), Part(.toolCall(made)), Part(.toolCall(given))]
            ),
            Message(role: .tool, parts: results.map { Part(.toolResult($0)) }),
        ])
        let expected =
            #"{"role":"assistant","content":"","thinking":"hm","tool_calls":["#
            + #"{"function":{"name":"f","arguments":{"x":1}}},"#
            + #"{"id":"call_2","function":{"name":"g","arguments":{}}}]},"#
            + #"{"role":"tool","tool_name":"f","content":"one"},"#
            + #"{"role":"tool","tool_name":"g","tool_call_id":"call_2","content":"{\"y\":2}"}]"#
        #expect(try self.body(request).contains(expected))
    }

    static let unsendable: [Part] = [
        Part(.image(Media(mimeType: "", source: .url("https://x/y.png")))),
        Part(.image(Media(mimeType: "", source: .url("data:image/svg+xml,x")))),
        Part(.image(Media(mimeType: "", source: .file("f")))),
        Part(.document(Media(mimeType: "text/plain", source: .data([1])))),
        Part(.audio(Media(mimeType: "audio/wav", source: .data([1])))),
        Part(.opaque(Opaque(format: "cohere", type: "t", json: [0x7B, 0x7D]))),
    ]

    @Test(arguments: unsendable)
    func `a part that can't be sent is refused with its place`(part: Part) {
        let fault = Self.probe.fault(.chat([Message(role: .user, parts: [part])]))
        #expect(fault?.code == .unsupportedParameter && fault?.param == "messages[0].parts[0]")
    }

    // MARK: Tools and the form of the answer

    @Test func `tools are sent unless none may be called`() throws {
        var tool = Tool(name: "f")
        tool.parametersJSON = Array(#"{"type":"object"}"#.utf8)
        let tools = [tool]
        let sent = #","tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}]}"#
        #expect(try self.body(.text { $0.tools = tools }).hasSuffix(sent))
        let none = Request.text {
            $0.tools = tools
            $0.toolChoice = ToolChoice.none
        }
        #expect(try self.body(none) == self.body(.text()))
    }

    @Test func `JSON, a schema, reasoning and log-probabilities have Ollama's words`() throws {
        func suffix(_ configure: (inout ChatRequest) -> Void) throws -> String {
            let body = try self.body(.text("hi", configure: configure))
            return String(body.dropFirst(try self.body(.text()).utf8.count - 1))
        }
        let schema = ResponseFormat.Schema(name: "n", json: Array(#"{"type":"object"}"#.utf8))
        #expect(try suffix { $0.responseFormat = .json } == #","format":"json"}"#)
        #expect(try suffix { $0.responseFormat = .schema(schema) } == #","format":{"type":"object"}}"#)
        #expect(try suffix { $0.responseFormat = .text } == "}")
        var options = ReasoningOptions()
        options.include = true
        #expect(try suffix { $0.reasoning = options } == #","think":true}"#)
        options.effort = "low"
        #expect(try suffix { $0.reasoning = options } == #","think":"low"}"#)
        options.effort = "none"
        #expect(try suffix { $0.reasoning = options } == #","think":false}"#)
        #expect(try suffix { $0.topLogprobs = 0 } == #","logprobs":true}"#)
        #expect(try suffix { $0.topLogprobs = 2 } == #","logprobs":true,"top_logprobs":2}"#)
    }

    static let untaken: [UntakenParameter] = [
        UntakenParameter("choices") { $0.choices = 2 },
        UntakenParameter("user") { $0.user = "u" },
        UntakenParameter("service_tier") { $0.serviceTier = "t" },
        UntakenParameter("tool_choice") { $0.toolChoice = .required },
        UntakenParameter("parallel_tool_calls") { $0.parallelToolCalls = false },
        UntakenParameter("reasoning.budget_tokens") {
            $0.reasoning = ReasoningOptions()
            $0.reasoning?.budgetTokens = 9
        },
    ]

    @Test(arguments: untaken)
    func `what Ollama doesn't take is refused by name, or dropped where that is wanted`(row: UntakenParameter) throws {
        let fault = Self.probe.fault(row.request)
        #expect(fault?.code == .unsupportedParameter && fault?.param == row.param)
        #expect(try self.body(row.request) { $0.dropsUnsupported = true } == self.body(.text()))
    }

    // MARK: Completions and embeddings

    @Test func `a completion has its suffix, options and extra parameters`() throws {
        let request = Self.completion {
            $0.suffix = "s"
            $0.sampling.maxTokens = 9
            $0.logprobs = 1
        }.with(extra: #"{"raw":true,"num_ctx":5}"#)
        let expected =
            #"{"model":"llama","prompt":"p","stream":true,"suffix":"s","options":{"num_ctx":5,"num_predict":9},"#
            + #""logprobs":true,"top_logprobs":1,"raw":true}"#
        #expect(try self.body(request, stream: true) == expected)
        #expect(Self.probe.fault(Self.completion { $0.prompts = ["a", "b"] })?.param == "prompts")
        #expect(Self.probe.fault(Self.completion { $0.echo = true })?.param == "echo")
        #expect(Self.probe.fault(Self.completion { $0.choices = 2 })?.param == "choices")
        #expect(Self.probe.fault(Self.completion { $0.user = "u" })?.param == "user")
    }

    @Test func `many texts are embedded at once`() throws {
        #expect(try self.body(Self.embedding) == #"{"model":"llama","input":["a","b"]}"#)
        var wanted = EmbeddingRequest(inputs: ["a"])
        wanted.dimensions = 64
        let request = Request(model: "g", task: .embedding(wanted)).with(extra: #"{"truncate":false,"num_ctx":5}"#)
        let expected = #""dimensions":64,"options":{"num_ctx":5},"truncate":false}"#
        #expect(try self.body(request).hasSuffix(expected))
        #expect(Self.probe.fault(Self.embedding.with(extra: #"{"images":["x"]}"#))?.param == "extra_json.images")
        wanted.inputType = "search_query"
        #expect(Self.probe.fault(Request(model: "g", task: .embedding(wanted)))?.param == "input_type")
    }
}
