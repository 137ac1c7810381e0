// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutJSON
import FanoutModel
import FanoutProviders
import Testing

@Suite struct EncodingTests {
    @Test func `a chat is written with everything it can say`() throws {
        let request = Request.chat([
            Message(role: .system, text: "be brief"), Message(role: .user, text: "line\n\"two\""),
        ]) {
            $0.sampling.temperature = 0.5
            $0.sampling.topP = 1
            $0.sampling.maxTokens = 10
            $0.sampling.stop = ["a", "b"]
            $0.sampling.seed = -3
            $0.sampling.presencePenalty = -1
            $0.sampling.frequencyPenalty = 0.25
            $0.choices = 2
            $0.topLogprobs = 3
            $0.user = "u"
            $0.serviceTier = "flex"
            $0.parallelToolCalls = false
            $0.responseFormat = .json
            var reasoning = ReasoningOptions()
            reasoning.effort = "low"
            $0.reasoning = reasoning
        }
        let expected = try json(
            #"""
            {"model":"m","messages":[{"role":"system","content":"be brief"},{"role":"user","content":"line\n\"two\""}],
             "temperature":0.5,"top_p":1,"max_tokens":10,"stop":["a","b"],"seed":-3,"presence_penalty":-1,
             "frequency_penalty":0.25,"n":2,"logprobs":true,"top_logprobs":3,"user":"u","service_tier":"flex",
             "parallel_tool_calls":false,"response_format":{"type":"json_object"},"reasoning_effort":"low"}
            """#
        )
        #expect(try encoded(request) == expected)
    }

    @Test func `a stream asks for its usage where the provider knows how`() throws {
        #expect(try encoded(.text(), stream: true)["stream_options"] == json(#"{"include_usage":true}"#))
        #expect(try encoded(.text(), stream: true)["stream"] == .bool(true))
        #expect(try encoded(.text(), for: .of("mistral"), stream: true)["stream_options"] == nil)
        #expect(try encoded(.text())["stream"] == nil)
    }

    @Test(arguments: [
        ("openai", "gpt-4o", "max_tokens", "developer"), ("openai", "o3-mini", "max_completion_tokens", "developer"),
        ("azure", "gpt-5-mini", "max_completion_tokens", "developer"),
        ("groq", "llama", "max_completion_tokens", "system"),
        ("hosted_vllm", "o1", "max_tokens", "system"), ("mistral", "m", "max_tokens", "system"),
    ])
    func `names follow the endpoint`(provider: String, model: String, bound: String, role: String) throws {
        let request = Request.chat([Message(role: .developer, text: "x")]) { $0.sampling.maxTokens = 5 }
        let body = try encoded(request, for: .of(provider, model: model))
        #expect(body[bound] == .integer(5))
        #expect(body["messages"]?.elements?[0]["role"]?.text == role)
    }

    @Test func `mistral's seed and vector size have names of their own`() throws {
        let chat = try encoded(.text { $0.sampling.seed = 1 }, for: .of("mistral"))
        #expect(chat["random_seed"] == .integer(1) && chat["seed"] == nil)
        var embedding = EmbeddingRequest(inputs: ["a"])
        embedding.dimensions = 8
        let body = try encoded(Request(model: "g", task: .embedding(embedding)), for: .of("mistral"))
        #expect(body["output_dimension"] == .integer(8) && body["encoding_format"] == nil)
    }

    @Test func `tool calls and their results become OpenAI's messages`() throws {
        let call = ToolCall(id: "c1", name: "f", arguments: Array(#"{"a":"é\n"}"#.utf8))
        let other = ToolCall(id: "c2", name: "g", arguments: [])
        let results = [
            Part(.toolResult(ToolResult(callID: "c1", pieces: [.init(.text(Text("one")))]))),
            Part(
                .toolResult(
                    ToolResult(callID: "c2", pieces: [.init(.json(Array("[1]".utf8))), .init(.text(Text("x")))])
                )
            ),
        ]
        let request = Request.chat([
            Message(role: .assistant, parts: [Part(.toolCall(call)), Part(.toolCall(other))]),
            Message(role: .tool, parts: results),
            Message(role: .user, parts: results + [Part(.text(Text("and?")))]),
        ])
        let tools = #"""
            {"role":"tool","tool_call_id":"c1","content":"one"},
            {"role":"tool","tool_call_id":"c2","content":[{"type":"text","text":"[1]"},{"type":"text","text":"x"}]}
            """#
        let expected = try json(
            #"""
            [{"role":"assistant","content":null,"tool_calls":[
                {"id":"c1","type":"function","function":{"name":"f","arguments":"{\"a\":\"é\\n\"}"}},
                {"id":"c2","type":"function","function":{"name":"g","arguments":"{}"}}]},
            """# + tools + "," + tools + #",{"role":"user","content":[{"type":"text","text":"and?"}]}]"#
        )
        #expect(try encoded(request)["messages"] == expected)
    }

    @Test func `media become OpenAI's parts`() throws {
        var image = Media(mimeType: "image/png", source: .data([1, 2, 3]))
        image.detail = "low"
        var document = Media(mimeType: "application/pdf", source: .data([0xFF]))
        document.name = "a.pdf"
        let request = Request.chat([
            Message(
                role: .user,
                parts: [
                    Part(.text(Text("see"))), Part(.image(image)),
                    Part(.image(Media(mimeType: "", source: .url("https://x/y.png")))),
                    Part(.audio(Media(mimeType: "audio/mpeg", source: .data([0])))), Part(.document(document)),
                    Part(.document(Media(mimeType: "", source: .file("file-1")))),
                ]
            )
        ])
        let expected = try json(
            #"""
            [{"type":"text","text":"see"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AQID","detail":"low"}},
             {"type":"image_url","image_url":{"url":"https://x/y.png"}},
             {"type":"input_audio","input_audio":{"data":"AA==","format":"mp3"}},
             {"type":"file","file":{"filename":"a.pdf","file_data":"data:application/pdf;base64,/w=="}},
             {"type":"file","file":{"file_id":"file-1"}}]
            """#
        )
        #expect(try encoded(request)["messages"]?.elements?[0]["content"] == expected)
    }

    @Test func `tools and the forms of a choice are written`() throws {
        var function = Tool(name: "f")
        function.description = "d"
        function.parametersJSON = Array(#"{"type":"object"}"#.utf8)
        function.strict = true
        var custom = Tool(name: "c")
        custom.kind = .custom
        var builtIn = Tool(name: "")
        builtIn.kind = .builtIn
        builtIn.specJSON = Array(#"{"type":"web_search"}"#.utf8)
        let tools = [function, custom, builtIn]
        let expected = try json(
            #"""
            [{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object"},"strict":true}},
             {"type":"custom","custom":{"name":"c"}},{"type":"web_search"}]
            """#
        )
        #expect(try encoded(.text { $0.tools = tools })["tools"] == expected)
        let choices: [(ToolChoice, String)] = [
            (.auto, #""auto""#), (.none, #""none""#), (.required, #""required""#),
            (.named(["f"]), #"{"type":"function","function":{"name":"f"}}"#),
            (.named(["c"]), #"{"type":"custom","custom":{"name":"c"}}"#),
            (
                .named(["f", "c"]),
                #"""
                {"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[
                 {"type":"function","function":{"name":"f"}},{"type":"custom","custom":{"name":"c"}}]}}
                """#
            ),
        ]
        for (choice, text) in choices {
            let body = try encoded(.text { ($0.tools, $0.toolChoice) = (tools, choice) })
            #expect(try body["tool_choice"] == json(text))
        }
    }

    @Test func `a schema keeps its bytes and gets a name`() throws {
        let schema = ResponseFormat.Schema(name: "", json: Array(#"{ "type" : "object" }"#.utf8))
        let request = Request.text { $0.responseFormat = .schema(schema) }
        let body = try Translator.encode(request, for: .of("openai"), stream: false).body
        let text = String(decoding: body, as: UTF8.self)
        #expect(text.contains(#""json_schema":{"name":"answer","schema":{ "type" : "object" }}"#))
    }

    @Test func `embeddings and completions are written`() throws {
        var embedding = EmbeddingRequest(inputs: ["a", "b"])
        embedding.dimensions = 3
        #expect(
            try encoded(Request(model: "g", task: .embedding(embedding)))
                == json(#"{"model":"m","input":["a","b"],"encoding_format":"base64","dimensions":3}"#)
        )
        var completion = CompletionRequest(prompts: ["p"])
        completion.suffix = "s"
        completion.echo = true
        completion.logprobs = 0
        #expect(
            try encoded(Request(model: "g", task: .completion(completion)))
                == json(#"{"model":"m","prompt":"p","suffix":"s","echo":true,"logprobs":0}"#)
        )
        completion = CompletionRequest(prompts: ["p", "q"])
        #expect(try encoded(Request(model: "g", task: .completion(completion)))["prompt"] == json(#"["p","q"]"#))
    }

    @Test func `extra parameters come after ours and win, and defaults fill what is left`() throws {
        let endpoint = Endpoint.of("openai", model: "o3") {
            $0.defaultsJSON = Array(
                #"{"temperature":1,"max_tokens":7,"seed":4,"top_p":0.5,"api_key":"k","stream":true}"#.utf8
            )
        }
        let request = Request.text { $0.sampling.seed = 1 }.with(
            extra: #"{"temperature":2,"seed":9,"x":{"y":[1]}}"#
        )
        let body = try Translator.encode(request, for: endpoint, stream: false).body
        let expected = try json(
            #"""
            {"model":"o3","messages":[{"role":"user","content":"hi"}],"temperature":2,"seed":9,"x":{"y":[1]},
             "max_completion_tokens":7,"top_p":0.5}
            """#
        )
        #expect(try JSONValue(parsing: body) == expected)
        // Each key once: a server may take either of two.
        #expect(try jsonMembers(of: body).count == String(decoding: body, as: UTF8.self).count { $0 == ":" } - 3)
    }

    @Test(arguments: [
        "model", "stream", "messages", "prompt", "input", "max_tokens", "max_completion_tokens", "api_key", "api_base",
        "base_url", "headers", "extra_headers", "mod\\u0065l",
    ])
    func `a reserved key is refused by name`(key: String) throws {
        let request = Request.text().with(extra: "{\"\(key)\":1}")
        let failure = #expect(throws: Failure.self) { try encoded(request) }
        #expect(failure?.code == .invalidRequest)
        #expect(failure?.param == "extra_json." + (key.hasPrefix("mod") ? "model" : key))
        #expect(RequestCheck.fault(in: request) == failure)
    }

    static let unsupported: [(String, String, Request)] = [
        ("openai", "top_k", .text { $0.sampling.topK = 4 }), ("groq", "choices", .text { $0.choices = 2 }),
        ("groq", "top_logprobs", .text { $0.topLogprobs = 1 }), ("mistral", "user", .text { $0.user = "u" }),
        (
            "deepseek", "response_format.schema_json",
            .text { $0.responseFormat = .schema(.init(name: "s", json: Array("{}".utf8))) }
        ),
        (
            "openai", "reasoning.budget_tokens",
            .text {
                $0.reasoning = ReasoningOptions()
                $0.reasoning?.budgetTokens = 100
            }
        ),
        ("groq", "tool_choice.names", .text { ($0.tools, $0.toolChoice) = ([Tool(name: "a")], .named(["a", "b"])) }),
    ]

    @Test(arguments: unsupported)
    func `what a provider can't be asked is refused by name or dropped`(
        provider: String,
        param: String,
        request: Request
    ) throws {
        let failure = #expect(throws: Failure.self) { try encoded(request, for: .of(provider)) }
        #expect(failure?.code == .unsupportedParameter && failure?.param == param)
        let body = try encoded(request, for: .of(provider) { $0.dropsUnsupported = true })
        guard case .chat(let chat)? = request.task else { throw Failure(.internal, "no chat") }
        let plain = Request.text { [tools = chat.tools] in $0.tools = tools }
        let expected = try encoded(plain, for: .of(provider))
        #expect(body == expected)
    }

    static let unsupportedParts: [(String, String, Part)] = [
        ("openai", "messages[0].parts[1]", Part(.video(Media(mimeType: "", source: .url("u"))))),
        ("openai", "messages[0].parts[1]", Part(.audio(Media(mimeType: "audio/wav", source: .url("u"))))),
        ("openai", "messages[0].parts[1]", Part(.document(Media(mimeType: "", source: .url("u"))))),
        ("deepseek", "messages[0].parts[1]", Part(.image(Media(mimeType: "", source: .url("u"))))),
        ("openai", "messages[0].parts[1]", Part(.opaque(Opaque(format: "gemini", type: "x", json: Array("{}".utf8))))),
        (
            "openai", "messages[0].parts[1].parts[0]",
            Part(.toolResult(ToolResult(callID: "c", pieces: [.init(.image(Media(mimeType: "", source: .url("u"))))])))
        ),
    ]

    @Test(arguments: unsupportedParts)
    func `a part is refused by its place and never dropped`(provider: String, param: String, part: Part) {
        let request = Request.chat([Message(role: .user, parts: [Part(.text(Text("a"))), part])])
        for drops in [false, true] {
            let failure = #expect(throws: Failure.self) {
                try encoded(request, for: .of(provider) { $0.dropsUnsupported = drops })
            }
            #expect(failure?.code == .unsupportedParameter && failure?.param == param)
        }
    }

    @Test func `reasoning goes back only where it is asked for`() throws {
        let call = Part(.toolCall(ToolCall(id: "c", name: "f", arguments: [])))
        let thought = Part(.reasoning(Reasoning(text: "hm")))
        func turn(_ provider: String, _ parts: [Part]) throws -> JSONValue? {
            try encoded(.chat([Message(role: .assistant, parts: parts)]), for: .of(provider))["messages"]?.elements?[0]
        }
        #expect(try turn("deepseek", [thought, call])?["reasoning_content"]?.text == "hm")
        #expect(try turn("deepseek", [thought, Part(.text(Text("a")))])?["reasoning_content"] == nil)
        #expect(try turn("openrouter", [thought, call])?["reasoning"]?.text == "hm")
        let openAI = try turn("openai", [thought, Part(.refusal(Text("no")))])
        #expect(try openAI == json(#"{"role":"assistant","content":null,"refusal":"no"}"#))
    }

    @Test func `paths and headers follow the endpoint`() throws {
        let key = Secret("k")
        let bearer = try Translator.encode(.text(), for: .of("openai") { $0.credential = .bearer(key) }, stream: true)
        #expect(bearer.path == "/v1/chat/completions")
        #expect(bearer.headers.map(\.name) == ["content-type", "accept", "authorization"])
        #expect(bearer.headers.map(\.value.revealed) == ["application/json", "text/event-stream", "Bearer k"])
        #expect(!"\(bearer)".contains("Bearer"))
        let azure = Endpoint.of("azure", model: "my dep") {
            $0.pathPrefix = ""
            $0.query = "api-version=2024-02-01"
            $0.credential = .header(name: "api-key", value: key)
            $0.headers = [.init(name: "x-a", value: Secret("b"))]
        }
        let request = try Translator.encode(
            Request(model: "g", task: .embedding(EmbeddingRequest(inputs: ["a"]))),
            for: azure,
            stream: false
        )
        #expect(request.path == "/openai/deployments/my%20dep/embeddings?api-version=2024-02-01")
        #expect(request.headers.map(\.name) == ["content-type", "accept", "api-key", "x-a"])
    }

    @Test func `canonical bytes tell requests apart that a provider would be sent the same`() throws {
        let plain = try Translator.canonicalBytes(of: .text())
        #expect(try Translator.canonicalBytes(of: .text()) == plain)
        #expect(try Translator.canonicalBytes(of: .text { $0.sampling.topK = 1 }) != plain)
        #expect(try Translator.canonicalBytes(of: .text { $0.user = "u" }) != plain)
        var other = Request.text()
        other.model = "h"
        #expect(try Translator.canonicalBytes(of: other) != plain)
    }

    @Test func `37: equal requests are known whatever the order of their extra parameters, and other ones told apart`()
        throws
    {
        func bytes(_ extra: String) throws -> [UInt8] {
            try Translator.canonicalBytes(of: .text().with(extra: extra))
        }
        #expect(try bytes(#"{"a":1,"b":{"c":[1, 2]}}"#) == bytes(#"{ "b":{"c":[1, 2]}, "a":1 }"#))
        #expect(try bytes(#"{"a":1,"a":2,"b":3}"#) == bytes(#"{"b":3,"a":2}"#), "the last of two counts")
        #expect(try bytes(#"{"a":1,"b":2}"#) != bytes(#"{"a":2,"b":1}"#))
        #expect(try bytes(#"{"a":1,"foo_custom":1}"#) != bytes(#"{"a":1}"#), "an unknown parameter counts")
    }

    @Test func `extra parameters of defaults are the base of an item's`() throws {
        let defaults = Request.text("system").with(extra: #"{"a":1,"b":{"c":1}}"#)
        let merged = try Request.text().with(extra: #"{"b":2,"d":3}"#).merged(over: defaults)
        #expect(String(decoding: merged.extraJSON, as: UTF8.self) == #"{"a":1,"b":2,"d":3}"#)
        #expect(try encoded(merged)["messages"]?.elements?.count == 2)
        #expect(try Request.text().merged(over: defaults).extraJSON == defaults.extraJSON)
        #expect(throws: Failure.self) {
            try Request.text().with(extra: "{}").merged(over: Request.text().with(extra: #"{"model":1}"#))
        }
    }
}
