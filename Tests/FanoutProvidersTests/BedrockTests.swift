// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutJSON
import FanoutModel
import FanoutProviders
import Testing

@Suite struct BedrockTests {
    static let claude = Endpoint.of("bedrock", model: "us.anthropic.claude-sonnet-4-5-20250929-v1:0") {
        $0.pathPrefix = ""
    }

    static func endpoint(_ model: String) -> Endpoint { .of("bedrock", model: model) { $0.pathPrefix = "" } }

    @Test func `a chat is written with everything that Converse can say`() throws {
        var call = Message(role: .assistant, text: "I look.")
        var reasoning = Reasoning(text: "hm")
        reasoning.signature = Array("c2ln".utf8)
        var hidden = Reasoning()
        hidden.encrypted = Array("aGlkZGVu".utf8)
        call.parts.insert(contentsOf: [Part(.reasoning(reasoning)), Part(.reasoning(hidden))], at: 0)
        call.parts.append(Part(.toolCall(ToolCall(id: "c1", name: "f", arguments: Array(#"{"a":1}"#.utf8)))))
        call.parts.append(Part(.toolCall(ToolCall(id: "c2", name: "f", arguments: []))))
        var failed = ToolResult(callID: "c2", pieces: [ToolResult.Piece(.json(Array(#"{"e":2}"#.utf8)))])
        failed.isError = true
        let picture = Media(mimeType: "image/jpg", source: .data([1, 2, 3]))
        let request = Request.chat([
            Message(role: .system, parts: [Part(.text(Text("Be brief.")), cache: CacheMarker())]),
            Message(role: .user, parts: [Part(.text(Text("Look."))), Part(.image(picture))]),
            call,
            Message(
                role: .tool,
                parts: [
                    Part(.toolResult(ToolResult(callID: "c1", pieces: [ToolResult.Piece(.text(Text("ok")))])))
                ]
            ),
            Message(
                role: .user,
                parts: [
                    Part(.text(Text("And?")), cache: CacheMarker(ttlMilliseconds: 3_600_000)),
                    Part(.toolResult(failed)),
                ]
            ),
        ]) {
            $0.sampling.maxTokens = 9_000
            $0.sampling.temperature = 0.5
            $0.sampling.topP = 0.25
            $0.sampling.topK = 4
            $0.sampling.stop = ["END"]
            var tool = Tool(name: "f")
            tool.description = "does"
            tool.strict = true
            tool.cache = CacheMarker()
            $0.tools = [tool]
            $0.toolChoice = .named(["f"])
            $0.serviceTier = "flex"
            $0.responseFormat = .schema(ResponseFormat.Schema(name: "n", json: Array(#"{"type":"object"}"#.utf8)))
            $0.reasoning = ReasoningOptions()
            $0.reasoning?.budgetTokens = 2_048
        }
        let expected = try json(
            #"""
            {"system":[{"text":"Be brief."},{"cachePoint":{"type":"default"}}],
             "messages":[
              {"role":"user","content":[{"text":"Look."},{"image":{"format":"jpeg","source":{"bytes":"AQID"}}}]},
              {"role":"assistant","content":[
               {"reasoningContent":{"reasoningText":{"text":"hm","signature":"c2ln"}}},
               {"reasoningContent":{"redactedContent":"aGlkZGVu"}},{"text":"I look."},
               {"toolUse":{"toolUseId":"c1","name":"f","input":{"a":1}}},
               {"toolUse":{"toolUseId":"c2","name":"f","input":{}}}]},
              {"role":"user","content":[
               {"toolResult":{"toolUseId":"c1","content":[{"text":"ok"}]}},
               {"toolResult":{"toolUseId":"c2","content":[{"json":{"e":2}}],"status":"error"}},
               {"text":"And?"},{"cachePoint":{"type":"default","ttl":"1h"}}]}],
             "inferenceConfig":{"maxTokens":9000,"temperature":0.5,"topP":0.25,"stopSequences":["END"]},
             "toolConfig":{"tools":[{"toolSpec":{"name":"f","description":"does","strict":true,
              "inputSchema":{"json":{"type":"object"}}}},{"cachePoint":{"type":"default"}}],
              "toolChoice":{"tool":{"name":"f"}}},
             "outputConfig":{"textFormat":{"type":"json_schema","structure":{"jsonSchema":{
              "schema":"{\"type\":\"object\"}","name":"n"}}}},
             "serviceTier":{"type":"flex"},
             "additionalModelRequestFields":{"top_k":4,"thinking":{"type":"enabled","budget_tokens":2048}}}
            """#
        )
        #expect(try encoded(request, for: Self.claude) == expected)
        #expect(try encoded(request, for: Self.claude, stream: true) == expected)
    }

    @Test(arguments: [
        ("amazon.nova-lite-v1:0", "/model/amazon.nova-lite-v1%3A0/converse"),
        (
            "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-sonnet-4-20250514-v1:0",
            "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2Fus.anthropic."
                + "claude-sonnet-4-20250514-v1%3A0/converse"
        ),
    ])
    func `a model's id is one segment of the path`(model: String, path: String) throws {
        #expect(try Translator.encode(.text(), for: Self.endpoint(model), stream: false).path == path)
        let streamed = try Translator.encode(.text(), for: Self.endpoint(model), stream: true)
        #expect(streamed.path == path + "-stream")
        let accept = streamed.headers.first { $0.name == "accept" }
        #expect(accept?.value.revealed == "application/vnd.amazon.eventstream")
    }

    @Test(arguments: [
        (
            "us.amazon.nova-2-lite-v1:0",
            #"{"inferenceConfig":{"topK":7},"reasoningConfig":{"type":"enabled","maxReasoningEffort":"low"}}"#
        ),
        ("openai.gpt-oss-120b-1:0", #"{"top_k":7,"reasoning_effort":"low"}"#),
        ("anthropic.claude-opus-4-6-v1", #"{"top_k":7,"output_config":{"effort":"low"}}"#),
    ])
    func `what only the model reads is said in its maker's words`(model: String, fields: String) throws {
        let request = Request.text {
            $0.sampling.topK = 7
            $0.reasoning = ReasoningOptions()
            $0.reasoning?.effort = "low"
        }
        #expect(try encoded(request, for: Self.endpoint(model))["additionalModelRequestFields"] == json(fields))
    }

    @Test func `what Converse has no word for goes to the model`() throws {
        let extra =
            #"{"guardrailConfig":{"guardrailIdentifier":"g"},"requestMetadata":{"a":"b"},"anthropic_beta":["x"],"#
            + #""additionalModelRequestFields":{"thinking":{"type":"disabled"}}}"#
        var endpoint = Self.claude
        endpoint.defaultsJSON = Array(
            #"{"temperature":0.5,"max_tokens":7,"stop":"X","top_k":3,"performanceConfig":{"latency":"optimized"},"seed":1}"#
                .utf8
        )
        let request = Request.text { $0.sampling.maxTokens = 9 }.with(extra: extra)
        let expected = try json(
            #"""
            {"messages":[{"role":"user","content":[{"text":"hi"}]}],
             "inferenceConfig":{"maxTokens":9,"temperature":0.5,"stopSequences":["X"]},
             "guardrailConfig":{"guardrailIdentifier":"g"},"requestMetadata":{"a":"b"},
             "performanceConfig":{"latency":"optimized"},
             "additionalModelRequestFields":{"thinking":{"type":"disabled"},"anthropic_beta":["x"],"top_k":3,"seed":1}}
            """#
        )
        #expect(try encoded(request, for: endpoint) == expected)
    }

    /// What Converse can't be asked, by name.
    static let unsaid: [(String, @Sendable (inout ChatRequest) -> Void)] = [
        ("seed", { $0.sampling.seed = 1 }),
        ("presence_penalty", { $0.sampling.presencePenalty = 1 }),
        ("frequency_penalty", { $0.sampling.frequencyPenalty = 1 }),
        ("choices", { $0.choices = 2 }),
        ("top_logprobs", { $0.topLogprobs = 1 }),
        ("user", { $0.user = "u" }),
        ("parallel_tool_calls", { $0.parallelToolCalls = false }),
        ("response_format json: give a schema", { $0.responseFormat = .json }),
    ]

    @Test(arguments: Self.unsaid)
    func `what can't be said is refused by name, or dropped where that is wanted`(
        param: String,
        ask: @Sendable (inout ChatRequest) -> Void
    ) throws {
        let request = Request.text(configure: ask)
        let failure = #expect(throws: Failure.self) { try encoded(request, for: Self.claude) }
        #expect(failure?.code == .unsupportedParameter && failure?.param == param)
        var lenient = Self.claude
        lenient.dropsUnsupported = true
        #expect(try encoded(request, for: lenient) == encoded(.text(), for: lenient))
    }

    @Test func `a call can be forbidden only where none was made`() throws {
        let tools = [Tool(name: "f")]
        let plain = Request.text {
            $0.tools = tools
            $0.toolChoice = ToolChoice.none
        }
        #expect(try encoded(plain, for: Self.claude)["toolConfig"] == nil)
        let called = Request.chat([
            Message(role: .user, text: "hi"),
            Message(role: .assistant, parts: [Part(.toolCall(ToolCall(id: "c", name: "f", arguments: [])))]),
            Message(role: .tool, parts: [Part(.toolResult(ToolResult(callID: "c", pieces: [])))]),
        ]) {
            $0.tools = tools
            $0.toolChoice = ToolChoice.none
        }
        #expect(throws: Failure.self) { try encoded(called, for: Self.claude) }
    }

    @Test func `media are bytes or in S3, and named as Bedrock takes it`() throws {
        var report = Media(mimeType: "application/pdf", source: .data([1]))
        report.name = "Q3  report (v1.2).pdf"
        let film = Media(mimeType: "", source: .url("s3://bucket/film.mp4"))
        let text = Media(mimeType: "text/plain; charset=utf-8", source: .data([65]))
        let request = Request.chat([
            Message(role: .user, parts: [Part(.document(report)), Part(.document(text)), Part(.video(film))])
        ])
        let expected = try json(
            #"""
            [{"document":{"format":"pdf","name":"Q3 report (v1-2)-pdf","source":{"bytes":"AQ=="}}},
             {"document":{"format":"txt","name":"Document 1","source":{"bytes":"QQ=="}}},
             {"video":{"format":"mp4","source":{"s3Location":{"uri":"s3://bucket/film.mp4"}}}}]
            """#
        )
        #expect(try encoded(request, for: Self.claude)["messages"]?.elements?[0]["content"] == expected)
        for (part, code) in [
            (
                Part(.image(Media(mimeType: "image/png", source: .url("https://x/y.png")))),
                FailureCode.unsupportedParameter
            ),
            (Part(.image(Media(mimeType: "image/bmp", source: .data([1])))), .invalidRequest),
            (Part(.audio(Media(mimeType: "audio/wav", source: .data([1])))), .unsupportedParameter),
            (Part(.opaque(Opaque(format: "anthropic", type: "x", json: Array("{}".utf8)))), .unsupportedParameter),
        ] {
            let failure = #expect(throws: Failure.self) {
                try encoded(.chat([Message(role: .user, parts: [part])]), for: Self.claude)
            }
            #expect(failure?.code == code && failure?.param.hasPrefix("messages[0].parts[0]") == true)
        }
    }

    @Test func `a turn without content is refused`() {
        let failure = #expect(throws: Failure.self) { try encoded(.text(""), for: Self.claude) }
        #expect(failure?.code == .invalidRequest && failure?.param == "messages[0]")
    }
}
