// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutJSON
import FanoutModel
import FanoutProviders
import Testing

/// Parameters that Google's format has in another shape, or not at all.
@Suite struct GeminiParameterTests {
    static let plain = #"{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}"#

    func body(_ request: Request, endpoint: Endpoint = GeminiTests.endpoint) throws -> JSONValue {
        try encoded(request, for: endpoint)
    }

    func fault(_ request: Request, endpoint: Endpoint = GeminiTests.endpoint) -> Failure? {
        do throws(Failure) {
            _ = try Translator.encode(request, for: endpoint, stream: false)
            return nil
        } catch {
            return error
        }
    }

    // MARK: Tools

    static func tool(_ name: String, _ schema: String = "", strict: Bool? = nil) -> Tool {
        var tool = Tool(name: name)
        tool.parametersJSON = Array(schema.utf8)
        tool.strict = strict
        return tool
    }

    @Test func `functions are one list, in JSON Schema or Google's own, and Google's tools stand beside it`() throws {
        var search = Tool(name: "")
        search.kind = .builtIn
        search.specJSON = Array(#"{"googleSearch":{}}"#.utf8)
        var described = Self.tool("f", #"{"type":"object"}"#)
        described.description = "d"
        let tools = [search, described, Self.tool("g", #"{"properties":{},"type":"OBJECT"}"#), Self.tool("h")]
        let expected =
            #"[{"functionDeclarations":[{"name":"f","description":"d","parametersJsonSchema":{"type":"object"}},"#
            + #"{"name":"g","parameters":{"properties":{},"type":"OBJECT"}},{"name":"h"}]},{"googleSearch":{}}]"#
        let request = Request.text { $0.tools = tools }
        #expect(try self.body(request)["tools"] == json(expected))
    }

    @Test(arguments: [
        (ToolChoice.auto, Bool?.none, #"{"mode":"AUTO"}"#), (.none, nil, #"{"mode":"NONE"}"#),
        (.required, nil, #"{"mode":"ANY"}"#), (.named(["f"]), nil, #"{"mode":"ANY","allowedFunctionNames":["f"]}"#),
        (.auto, true, #"{"mode":"VALIDATED"}"#), (.required, true, #"{"mode":"ANY"}"#),
        (.auto, false, #"{"mode":"AUTO"}"#),
    ])
    func `a choice of tools is a mode, which also says whether calls are held to their schemas`(
        choice: ToolChoice,
        strict: Bool?,
        expected: String
    ) throws {
        let request = Request.text {
            $0.tools = [Self.tool("f", strict: strict)]
            $0.toolChoice = choice
        }
        #expect(try self.body(request)["toolConfig"]?["functionCallingConfig"] == json(expected))
    }

    @Test func `what isn't said of tools isn't sent`() throws {
        let silent = try self.body(.text { $0.tools = [Self.tool("f")] })
        #expect(silent["toolConfig"] == nil)
        let without = try self.body(.text { $0.parallelToolCalls = false })
        #expect(without["toolConfig"] == nil)
        let strict = try self.body(.text { $0.tools = [Self.tool("f", strict: true)] })
        #expect(try strict["toolConfig"] == json(#"{"functionCallingConfig":{"mode":"VALIDATED"}}"#))
    }

    @Test func `calls in fragments can't be asked for`() {
        let config = #"{"toolConfig":{"functionCallingConfig":{"streamFunctionCallArguments":true}}}"#
        let failure = self.fault(.text().with(extra: config), endpoint: GeminiTests.vertex)
        #expect(failure?.code == .unsupportedParameter && failure?.param == "extra_json.toolConfig")
    }

    // MARK: Reasoning

    struct Thinking: Sendable {
        var model = "gemini-3-flash"
        var effort = ""
        var budget: UInt32 = 0
        var include = false
        var config: String
    }

    @Test(arguments: [
        Thinking(effort: "low", config: #"{"thinkingLevel":"low"}"#),
        Thinking(effort: "none", config: #"{"thinkingBudget":0}"#),
        Thinking(include: true, config: #"{"includeThoughts":true}"#),
        Thinking(budget: 512, include: true, config: #"{"includeThoughts":true,"thinkingBudget":512}"#),
        Thinking(model: "gemini-2.5-pro", effort: "high", config: #"{"thinkingBudget":24576}"#),
        Thinking(model: "gemini-2.5-flash", effort: "minimal", config: #"{"thinkingBudget":1024}"#),
    ])
    func `how much is thought is a level, or a number where the model knows no levels`(row: Thinking) throws {
        var options = ReasoningOptions()
        (options.effort, options.budgetTokens, options.include) = (row.effort, row.budget, row.include)
        var endpoint = GeminiTests.endpoint
        endpoint.model = row.model
        let body = try self.body(.text { [options] in $0.reasoning = options }, endpoint: endpoint)
        #expect(try body["generationConfig"]?["thinkingConfig"] == json(row.config))
    }

    // MARK: Schemas

    @Test func `an answer's schema is JSON Schema or Google's own`() throws {
        func config(_ schema: String) throws -> JSONValue? {
            let format = ResponseFormat.Schema(name: "n", json: Array(schema.utf8))
            let request = Request.text { $0.responseFormat = .schema(format) }
            return try self.body(request)["generationConfig"]
        }
        #expect(
            try config(#"{"type":"object"}"#)
                == json(#"{"responseMimeType":"application/json","responseJsonSchema":{"type":"object"}}"#)
        )
        #expect(
            try config(#"{"type":"OBJECT"}"#)
                == json(#"{"responseMimeType":"application/json","responseSchema":{"type":"OBJECT"}}"#)
        )
    }

    struct Schema: Sendable {
        var json: String
        var strict: Bool?
        var finding: String
    }

    @Test(arguments: [
        Schema(json: #"{"type":"object","properties":{"a/b":{"allOf":[]}}}"#, finding: "allOf at #/properties/a~1b"),
        Schema(json: #"{"anyOf":[{},{"not":{}}]}"#, finding: "not at #/anyOf/1"),
        Schema(json: #"{"$defs":{"x":{"items":{"if":true}}}}"#, finding: "if at #/$defs/x/items"),
        Schema(json: #"{"$ref":"https://x.example/s"}"#, finding: "$ref to elsewhere at #"),
        Schema(json: #"{"properties":{"a":{"pattern":"x"}}}"#, strict: true, finding: "pattern at #/properties/a"),
    ])
    func `a schema that Google can't express is refused with the keyword and its place`(row: Schema) throws {
        let tool = Request.text { $0.tools = [Self.tool("e"), Self.tool("f", row.json, strict: row.strict)] }
        let failure = self.fault(tool)
        #expect(failure?.code == .unsupportedParameter && failure?.param == "tools[1].parameters_json")
        #expect(failure?.message.contains("can't express \(row.finding) of a JSON Schema") == true)
        var format = ResponseFormat.Schema(name: "n", json: Array(row.json.utf8))
        format.strict = row.strict
        let answer = Request.text { [format] in $0.responseFormat = .schema(format) }
        #expect(self.fault(answer)?.param == "response_format.schema_json")
        var endpoint = GeminiTests.endpoint
        endpoint.dropsUnsupported = true
        let sent = try self.body(answer, endpoint: endpoint)["generationConfig"]?["responseJsonSchema"]
        #expect(try sent == json(row.json))
    }

    @Test(arguments: [
        #"{"type":"object","properties":{"not":{"type":"string","enum":["allOf"]},"if":{}},"required":["not"]}"#,
        #"{"type":"object","properties":{"a":{"pattern":"x","minLength":1}}}"#,
        ##"{"$defs":{"n":{"properties":{"c":{"$ref":"#/$defs/n"}}}},"$ref":"#/$defs/n"}"##,
    ])
    func `a schema that Google knows goes as it is, and names of properties are no keywords`(schema: String) throws {
        let body = try self.body(.text { $0.tools = [Self.tool("f", schema)] })
        let sent = body["tools"]?.elements?.first?["functionDeclarations"]?.elements?.first?["parametersJsonSchema"]
        #expect(try sent == json(schema))
    }

    // MARK: Refusals

    struct Untaken: Sendable {
        var param: String
        var configure: @Sendable (inout ChatRequest) -> Void
    }

    @Test(arguments: [
        Untaken(param: "user") { $0.user = "u" },
        Untaken(param: "seed beyond 32 bits") { $0.sampling.seed = 1 << 32 },
        Untaken(param: "messages[0].name") { $0.messages[0].name = "n" },
        Untaken(param: "reasoning.summary") {
            var options = ReasoningOptions()
            options.summary = "auto"
            $0.reasoning = options
        },
    ])
    func `what Google doesn't take is refused by name, or dropped where that is wanted`(row: Untaken) throws {
        let request = Request.text("hi", configure: row.configure)
        let fault = self.fault(request)
        #expect(fault?.code == .unsupportedParameter && fault?.param == row.param)
        var endpoint = GeminiTests.endpoint
        endpoint.dropsUnsupported = true
        #expect(try self.body(request, endpoint: endpoint) == json(Self.plain))
    }

    @Test func `calls one at a time, two measures of thought and a closer look can't be asked for`() {
        let serial = Request.text {
            $0.tools = [Self.tool("f")]
            $0.parallelToolCalls = false
        }
        #expect(self.fault(serial)?.param == "parallel_tool_calls")
        var options = ReasoningOptions()
        (options.effort, options.budgetTokens) = ("low", 9)
        let both = Request.text { [options] in $0.reasoning = options }
        #expect(self.fault(both)?.param == "reasoning.effort beside reasoning.budget_tokens")
        var image = Media(mimeType: "image/png", source: .data([1]))
        image.detail = "low"
        let closer = Request.chat([Message(role: .user, parts: [Part(.image(image))])])
        #expect(self.fault(closer)?.param == "messages[0].parts[0].detail")
    }

    @Test func `what can't be sent is refused with its place, dropped or not`() {
        var endpoint = GeminiTests.endpoint
        endpoint.dropsUnsupported = true
        func param(_ request: Request) -> String? { self.fault(request, endpoint: endpoint)?.param }
        func user(_ kind: Part.Kind) -> Request { .chat([Message(role: .user, parts: [Part(kind)])]) }
        #expect(param(.chat([Message(role: .user, parts: [])])) == "messages[0]")
        #expect(param(.chat([Message(role: .user, text: "")])) == "messages[0]")
        for url in ["data:image/png,x", "data:;base64,AQID", "data:image/png;base64,A", "data:image/png;base64,"] {
            #expect(param(user(.image(Media(mimeType: "", source: .url(url))))) == "messages[0].parts[0].url", "\(url)")
        }
        let item = Opaque(format: "openai", type: "x", json: Array("{}".utf8))
        #expect(param(user(.opaque(item))) == "messages[0].parts[0]")
        let call = ToolCall(id: "a", name: "f", arguments: Array("[1]".utf8))
        #expect(
            param(.chat([Message(role: .assistant, parts: [Part(.toolCall(call))])]))
                == "messages[0].parts[0].tool_call.arguments"
        )
        let completion = Request(model: "g", task: .completion(CompletionRequest(prompts: ["p"])))
        #expect(param(completion) == "task")
        var custom = Tool(name: "c")
        custom.kind = .custom
        let wantsCustom = Request.text { [custom] in $0.tools = [custom] }
        #expect(param(wantsCustom) == "tools[0]")
        var search = Tool(name: "s")
        search.kind = .builtIn
        search.specJSON = Array(#"{"googleSearch":{}}"#.utf8)
        let demanded = Request.text { [search] in
            $0.tools = [search]
            $0.toolChoice = .named(["s"])
        }
        #expect(param(demanded) == "tool_choice.names[0]")
    }

    // MARK: Vectors

    func embedding(_ inputs: [String], extra: String = "") -> Request {
        var embedding = EmbeddingRequest(inputs: inputs)
        embedding.dimensions = 8
        embedding.inputType = "search_query"
        return Request(model: "g", task: .embedding(embedding)).with(extra: extra)
    }

    @Test func `one text and a batch have methods of their own`() throws {
        let one = try Translator.encode(
            self.embedding(["a"], extra: #"{"title":"t"}"#),
            for: GeminiTests.endpoint,
            stream: false
        )
        #expect(one.path == "/v1beta/models/gemini-x:embedContent")
        let wishes = #""taskType":"RETRIEVAL_QUERY","outputDimensionality":8"#
        #expect(
            String(decoding: one.body, as: UTF8.self)
                == #"{"content":{"parts":[{"text":"a"}]},\#(wishes),"title":"t"}"#
        )
        let many = try Translator.encode(self.embedding(["a", "b"]), for: GeminiTests.endpoint, stream: true)
        #expect(many.path == "/v1beta/models/gemini-x:batchEmbedContents")
        #expect(
            String(decoding: many.body, as: UTF8.self)
                == #"{"requests":[{"model":"models/gemini-x","content":{"parts":[{"text":"a"}]},\#(wishes)},"#
                + #"{"model":"models/gemini-x","content":{"parts":[{"text":"b"}]},\#(wishes)}]}"#
        )
    }

    @Test func `Vertex predicts many vectors, or makes one with its newer models`() throws {
        var endpoint = GeminiTests.vertex
        endpoint.model = "text-embedding-005"
        let request = self.embedding(["a", "b"], extra: #"{"parameters":{"autoTruncate":false}}"#)
        let many = try Translator.encode(request, for: endpoint, stream: false)
        #expect(many.path.hasSuffix("/publishers/google/models/text-embedding-005:predict"))
        #expect(
            String(decoding: many.body, as: UTF8.self)
                == #"{"instances":[{"content":"a","task_type":"RETRIEVAL_QUERY"},"#
                + #"{"content":"b","task_type":"RETRIEVAL_QUERY"}],"#
                + #""parameters":{"outputDimensionality":8,"autoTruncate":false}}"#
        )
        endpoint.model = "gemini-embedding-2"
        let one = try Translator.encode(self.embedding(["a"]), for: endpoint, stream: false)
        #expect(one.path.hasSuffix("/gemini-embedding-2:embedContent"))
        #expect(
            String(decoding: one.body, as: UTF8.self)
                == #"{"content":{"parts":[{"text":"a"}]},"embedContentConfig":{"taskType":"RETRIEVAL_QUERY","#
                + #""outputDimensionality":8}}"#
        )
        #expect(self.fault(request, endpoint: endpoint)?.param == "inputs")
    }
}
