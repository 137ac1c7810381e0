// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutJSON
import FanoutModel
import FanoutProviders
import Testing

/// What a format's encoder makes of requests.
struct EncodingProbe {
    let endpoint: Endpoint

    func body(_ request: Request, stream: Bool = false, configure: (inout Endpoint) -> Void = { _ in }) throws -> String
    {
        var endpoint = self.endpoint
        configure(&endpoint)
        let body = try Translator.encode(request, for: endpoint, stream: stream).body
        try validateJSON(body, objectOnly: true)
        return String(decoding: body, as: UTF8.self)
    }

    func fault(_ request: Request, stream: Bool = false) -> Failure? {
        do throws(Failure) {
            _ = try Translator.encode(request, for: self.endpoint, stream: stream)
            return nil
        } catch {
            return error
        }
    }

    func path(_ request: Request, base prefix: String, stream: Bool = false) throws -> String {
        var endpoint = self.endpoint
        endpoint.pathPrefix = prefix
        return try Translator.encode(request, for: endpoint, stream: stream).path
    }
}

/// A parameter that a format has no word for.
struct UntakenParameter: Sendable {
    var param: String
    var request: Request

    init(_ param: String, configure: (inout ChatRequest) -> Void) {
        self.param = param
        self.request = .text("hi", configure: configure)
    }
}

/// Requests in the format of Cohere's API, version 2.
@Suite struct CohereTests {
    static let probe = EncodingProbe(endpoint: .of("cohere", model: "command-x"))
    static let embedding = Request(model: "g", task: .embedding(EmbeddingRequest(inputs: ["a", "b"])))

    func body(_ request: Request, stream: Bool = false, configure: (inout Endpoint) -> Void = { _ in }) throws -> String
    {
        try Self.probe.body(request, stream: stream, configure: configure)
    }

    @Test func `a plain text is sent as it is`() throws {
        let expected = #"{"model":"command-x","messages":[{"role":"user","content":"hi"}]}"#
        #expect(try self.body(.text()) == expected)
        #expect(try self.body(.text(), stream: true).hasSuffix(#","stream":true}"#))
    }

    @Test(arguments: ["", "/v2", "/v2/chat", "/v2/embed"])
    func `a base URL may end before, in or after the version`(prefix: String) throws {
        #expect(try Self.probe.path(.text(), base: prefix) == "/v2/chat")
        #expect(try Self.probe.path(Self.embedding, base: "/a" + prefix) == "/a/v2/embed")
    }

    @Test func `parameters have Cohere's names, a deployment's own too`() throws {
        let request = Request.text("q") {
            $0.sampling.topP = 0.5
            $0.sampling.topK = 4
            $0.sampling.stop = ["x"]
            $0.sampling.maxTokens = 9
            $0.sampling.seed = -1
            $0.sampling.temperature = 0.25
            $0.sampling.presencePenalty = 1
            $0.sampling.frequencyPenalty = 0
            $0.topLogprobs = 0
        }
        let expected =
            #","max_tokens":9,"temperature":0.25,"p":0.5,"k":4,"stop_sequences":["x"],"seed":-1,"#
            + #""presence_penalty":1,"frequency_penalty":0,"logprobs":true}"#
        #expect(try self.body(request).hasSuffix(expected))
        let defaults = Array(#"{"top_p":0.5,"top_k":4,"stop":["x"],"max_completion_tokens":9}"#.utf8)
        let filled = try self.body(.text()) { $0.defaultsJSON = defaults }
        #expect(filled.hasSuffix(#","max_tokens":9,"p":0.5,"k":4,"stop_sequences":["x"]}"#))
        let own = Request.text { $0.sampling.topP = 0.75 }
        #expect(try self.body(own) { $0.defaultsJSON = defaults }.contains(#""p":0.75,"#))
    }

    @Test(arguments: [
        (#"{"reasoning_effort":"none"}"#, #""thinking":{"type":"disabled"}}"#),
        (#"{"thinking":{"type":"enabled","token_budget":9}}"#, #""thinking":{"type":"enabled","token_budget":9}}"#),
        (#"{"response_format":{"type":"json_object"}}"#, #""response_format":{"type":"json_object"}}"#),
        (#"{"safety_mode":"OFF"}"#, #""safety_mode":"OFF"}"#), (#"{"p":0.5}"#, #""p":0.5}"#),
    ])
    func `a deployment's own parameters may be in OpenAI's words or in Cohere's`(own: String, sent: String) throws {
        #expect(try self.body(.text()) { $0.defaultsJSON = Array(own.utf8) }.hasSuffix("," + sent))
    }

    @Test func `what Cohere alone knows goes in extra_json`() throws {
        let request = Request.text().with(extra: #"{"safety_mode":"STRICT","citation_options":{"mode":"FAST"}}"#)
        #expect(try self.body(request).hasSuffix(#","safety_mode":"STRICT","citation_options":{"mode":"FAST"}}"#))
    }

    // MARK: Turns

    @Test func `instructions stay in their place, whoever gives them`() throws {
        let request = Request.chat([
            Message(role: .system, text: "s"), Message(role: .user, text: "a"), Message(role: .developer, text: "d"),
        ])
        let expected =
            #"[{"role":"system","content":"s"},{"role":"user","content":"a"},{"role":"system","content":"d"}]"#
        #expect(try self.body(request).contains(expected))
    }

    @Test func `a plan goes back as the plan, thoughts as a block, results each in a turn`() throws {
        var plan = Reasoning(text: "I will ask.")
        plan.id = "tool_plan"
        var foreign = Reasoning()
        foreign.encrypted = [1]
        let calls = ["c1", "c2"].map {
            Part(.toolCall(ToolCall(id: $0, name: "f", arguments: Array(#"{"x":1}"#.utf8))))
        }
        let text = ToolResult(callID: "c1", pieces: [.init(.text(Text("no")))])
        let object = ToolResult(
            callID: "c2",
            pieces: [
                .init(.json(Array(#"{"y":2}"#.utf8))), .init(.json(Array("3".utf8))),
                .init(.document(Media(mimeType: "text/plain", source: .data(Array("t".utf8))))),
            ]
        )
        let request = Request.chat([
            Message(role: .user, text: "q"),
            Message(role: .assistant, parts: [Part(.reasoning(plan)), Part(.reasoning(foreign))] + calls),
            Message(role: .tool, parts: [Part(.toolResult(text)), Part(.toolResult(object))]),
            Message(role: .assistant, parts: [Part(.reasoning(Reasoning(text: "hm"))), Part(.text(Text("a")))]),
        ])
        let call = #""type":"function","function":{"name":"f","arguments":"{\"x\":1}"}}"#
        let expected =
            #"{"role":"assistant","tool_calls":[{"id":"c1",\#(call),{"id":"c2",\#(call)],"tool_plan":"I will ask."},"#
            + #"{"role":"tool","tool_call_id":"c1","content":"no"},"#
            + #"{"role":"tool","tool_call_id":"c2","content":[{"type":"document","document":{"data":{"y":2}}},"#
            + #"{"type":"text","text":"3"},{"type":"document","document":{"data":{"text":"t"}}}]},"#
            + #"{"role":"assistant","content":[{"type":"thinking","thinking":"hm"},{"type":"text","text":"a"}]}]"#
        #expect(try self.body(request).contains(expected))
    }

    @Test func `images are in their turn, documents beside the conversation`() throws {
        var named = Media(mimeType: "text/markdown", source: .data(Array("n".utf8)))
        named.name = "notes"
        var image = Media(mimeType: "image/png", source: .data([1, 2, 3]))
        image.detail = "low"
        let request = Request.chat([
            Message(
                role: .user,
                parts: [
                    Part(.text(Text("q"))), Part(.image(image)), Part(.document(named)),
                    Part(.image(Media(mimeType: "", source: .url("https://x/y.png")))),
                    Part(.document(Media(mimeType: "application/json", source: .data(Array(#"{"a":1}"#.utf8))))),
                ]
            )
        ])
        let expected =
            #""content":[{"type":"text","text":"q"},{"type":"image_url","image_url":"#
            + #"{"url":"data:image/png;base64,AQID","detail":"low"}},"#
            + #"{"type":"image_url","image_url":{"url":"https://x/y.png"}}]}],"#
            + #""documents":[{"id":"notes","data":{"title":"notes","text":"n"}},{"data":{"a":1}}]}"#
        #expect(try self.body(request).hasSuffix(expected))
        let twice = request.with(extra: #"{"documents":["d"]}"#)
        #expect(Self.probe.fault(twice)?.param == "messages[0].parts[2]")
    }

    static let unsendable: [(Part, String)] = [
        (Part(.audio(Media(mimeType: "audio/wav", source: .data([1])))), "messages[0].parts[0]"),
        (Part(.document(Media(mimeType: "application/pdf", source: .data([1])))), "messages[0].parts[0]"),
        (Part(.document(Media(mimeType: "text/plain", source: .url("https://x")))), "messages[0].parts[0]"),
        (Part(.document(Media(mimeType: "application/json", source: .data([1])))), "messages[0].parts[0].data"),
        (Part(.image(Media(mimeType: "", source: .file("f")))), "messages[0].parts[0]"),
        (Part(.opaque(Opaque(format: "gemini", type: "t", json: [0x7B, 0x7D]))), "messages[0].parts[0]"),
    ]

    @Test(arguments: unsendable)
    func `a part that can't be sent is refused with its place`(part: Part, param: String) {
        #expect(Self.probe.fault(.chat([Message(role: .user, parts: [part])]))?.param == param)
    }

    // MARK: Tools and the form of the answer

    static func tools(_ strict: Bool?...) -> [Tool] {
        strict.enumerated().map { index, isStrict in
            var tool = Tool(name: "f\(index)")
            tool.strict = isStrict
            return tool
        }
    }

    @Test func `tools are sent with whether one must be called, and how strictly`() throws {
        let function = #"{"type":"function","function":{"name":"f0","parameters":{"type":"object","properties":{}}}}"#
        func suffix(_ choice: ToolChoice?, _ strict: Bool?...) throws -> String {
            let tools = strict.count == 1 ? Self.tools(strict[0]) : Self.tools(strict[0], strict[1])
            let body = try self.body(
                .text {
                    $0.tools = tools
                    $0.toolChoice = choice
                    $0.parallelToolCalls = true
                }
            )
            let start = try #require(body.firstRange(of: #""tools":["#))
            return String(body[start.upperBound...])
        }
        #expect(try suffix(nil, nil) == function + "]}")
        #expect(try suffix(.auto, true) == function + #"],"strict_tools":true}"#)
        #expect(try suffix(.required, false) == function + #"],"strict_tools":false,"tool_choice":"REQUIRED"}"#)
        #expect(try suffix(ToolChoice.none, nil) == function + #"],"tool_choice":"NONE"}"#)
        // Of two, only the one that must be called is offered.
        #expect(try suffix(.named(["f0"]), nil, nil) == function + #"],"tool_choice":"REQUIRED"}"#)
        #expect(try suffix(nil, nil, true).hasSuffix(#""strict_tools":true}"#))
    }

    @Test func `JSON, a schema and reasoning have Cohere's words`() throws {
        func suffix(_ configure: (inout ChatRequest) -> Void) throws -> String {
            let body = try self.body(.text("q", configure: configure))
            return String(
                body.dropFirst(#"{"model":"command-x","messages":[{"role":"user","content":"q"}],"#.utf8.count)
            )
        }
        #expect(try suffix { $0.responseFormat = .json } == #""response_format":{"type":"json_object"}}"#)
        let schema = ResponseFormat.Schema(name: "n", json: Array(#"{"type":"object"}"#.utf8))
        let expected = #""response_format":{"type":"json_object","json_schema":{"type":"object"}}}"#
        #expect(try suffix { $0.responseFormat = .schema(schema) } == expected)
        var options = ReasoningOptions()
        options.include = true
        #expect(try suffix { $0.reasoning = options } == #""thinking":{"type":"enabled"}}"#)
        options.budgetTokens = 100
        #expect(try suffix { $0.reasoning = options } == #""thinking":{"type":"enabled","token_budget":100}}"#)
        options.effort = "none"
        #expect(try suffix { $0.reasoning = options } == #""thinking":{"type":"disabled"}}"#)
    }

    static let untaken: [UntakenParameter] = [
        UntakenParameter("choices") { $0.choices = 2 },
        UntakenParameter("user") { $0.user = "u" },
        UntakenParameter("service_tier") { $0.serviceTier = "t" },
        UntakenParameter("presence_penalty outside 0 to 1") { $0.sampling.presencePenalty = -1 },
        UntakenParameter("frequency_penalty outside 0 to 1") { $0.sampling.frequencyPenalty = 1.5 },
        UntakenParameter("parallel_tool_calls") { $0.parallelToolCalls = false },
        UntakenParameter("reasoning.effort") {
            $0.reasoning = ReasoningOptions()
            $0.reasoning?.effort = "high"
        },
    ]

    @Test(arguments: untaken)
    func `what Cohere doesn't take is refused by name, or dropped where that is wanted`(row: UntakenParameter) throws {
        let fault = Self.probe.fault(row.request)
        #expect(fault?.code == .unsupportedParameter && fault?.param == row.param)
        #expect(try self.body(row.request) { $0.dropsUnsupported = true } == self.body(.text()))
    }

    @Test func `wishes that can't all be met are refused`() {
        let mixed = Request.text { $0.tools = Self.tools(true, false) }
        #expect(Self.probe.fault(mixed)?.param == "strict for some tools only")
        var custom = Tool(name: "f")
        custom.kind = .custom
        let strange = Request.text { $0.tools = [custom] }
        #expect(Self.probe.fault(strange)?.param == "tools[0]")
        let alternatives = Request.text { $0.topLogprobs = 2 }
        #expect(Self.probe.fault(alternatives)?.param == "top_logprobs above 0")
        let completion = Request(model: "g", task: .completion(CompletionRequest(prompts: ["p"])))
        #expect(Self.probe.fault(completion)?.param == "task")
    }

    // MARK: Embeddings

    @Test func `texts are embedded for a purpose, in the size that is wanted`() throws {
        var wanted = EmbeddingRequest(inputs: ["a", "b"])
        let plain =
            #"{"model":"command-x","texts":["a","b"],"input_type":"search_document","embedding_types":["float"]}"#
        #expect(try self.body(Self.embedding) == plain)
        let own = try self.body(Self.embedding) { $0.defaultsJSON = Array(#"{"input_type":"clustering"}"#.utf8) }
        #expect(own.hasSuffix(#""input_type":"clustering","embedding_types":["float"]}"#))
        wanted.inputType = "search_query"
        wanted.dimensions = 256
        let body = try self.body(Request(model: "g", task: .embedding(wanted)).with(extra: #"{"truncate":"NONE"}"#))
        let expected =
            #""input_type":"search_query","embedding_types":["float"],"output_dimension":256,"truncate":"NONE"}"#
        #expect(body.hasSuffix(expected))
        wanted.user = "u"
        #expect(Self.probe.fault(Request(model: "g", task: .embedding(wanted)))?.param == "user")
    }

    @Test(arguments: ["images", "inputs", "texts", "embedding_types"])
    func `what would make other vectors than were asked for is refused`(key: String) {
        let fault = Self.probe.fault(Self.embedding.with(extra: #"{"\#(key)":["x"]}"#))
        #expect(fault?.code == .invalidRequest && fault?.param == "extra_json.\(key)")
    }
}
