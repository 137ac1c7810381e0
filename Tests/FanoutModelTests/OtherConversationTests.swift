// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import Testing

/// More formats as values of the model: see ``ProviderConversationTests``.
struct OtherConversationTests {
    private static func json(_ text: String) -> [UInt8] { Array(text.utf8) }

    @Test func `Bedrock Converse fits`() {
        // reasoningContent{reasoningText{text, signature}} and reasoningContent{redactedContent}
        var reasoning = Reasoning(text: "Steps.")
        reasoning.signature = Self.json("sig")
        var redacted = Reasoning()
        redacted.encrypted = [1, 2, 3]
        // toolUse{toolUseId, name, input}; toolResult{toolUseId, status: error, content[]{json}, {document}, {video}}
        let call = ToolCall(id: "tooluse_1", name: "top_song", arguments: Self.json(#"{"sign":"WZPZ"}"#))
        var document = Media(mimeType: "text/csv", source: .data([65]))
        document.name = "table"
        var result = ToolResult(
            callID: "tooluse_1",
            pieces: [
                ToolResult.Piece(.json(Self.json(#"{"song":"x"}"#))),
                ToolResult.Piece(.document(document)),
                ToolResult.Piece(.video(Media(mimeType: "video/mp4", source: .url("s3://bucket/film.mp4")))),
            ]
        )
        result.isError = true
        let chat = ChatRequest(messages: [
            // system[]{text}, {cachePoint{type: default}}: the marker of the part before it.
            Message(role: .system, parts: [Part(.text(Text("Be brief.")), cache: CacheMarker())]),
            // content[]{image{format, source{bytes}}}, {guardContent{text}}: carried whole.
            Message(
                role: .user,
                parts: [
                    Part(.image(Media(mimeType: "image/jpeg", source: .data([0xFF, 0xD8]))), cache: CacheMarker()),
                    Part(
                        .opaque(
                            Opaque(
                                format: "bedrock",
                                type: "guardContent",
                                json: Self.json(#"{"guardContent":{"text":{"text":"x"}}}"#)
                            )
                        )
                    ),
                ]
            ),
            Message(
                role: .assistant,
                parts: [Part(.reasoning(reasoning)), Part(.reasoning(redacted)), Part(.toolCall(call))]
            ),
            Message(role: .tool, parts: [Part(.toolResult(result))]),
        ])
        var request = Request(model: "claude", task: .chat(chat))
        // additionalModelRequestFields, guardrailConfig, performanceConfig
        request.extraJSON = Self.json(#"{"guardrailConfig":{"guardrailIdentifier":"g"}}"#)
        // metrics and stopReason: guardrail_intervened
        var choice = Choice(message: Message(role: .assistant, parts: []))
        choice.finishReason = .contentFilter
        choice.nativeFinishReason = "guardrail_intervened"
        #expect(chat.messages.count == 4)
        #expect(choice.nativeFinishReason == "guardrail_intervened")
    }

    @Test func `Cohere v2 fits`() {
        // messages[assistant]{tool_plan, tool_calls[]{id, function{name, arguments}}}
        let plan = Reasoning(text: "I will search.")
        let call = ToolCall(id: "search_1", name: "search", arguments: Self.json(#"{"q":"x"}"#))
        // messages[tool]{tool_call_id, content[]{type: document, document{id, data}}}
        let result = ToolResult(
            callID: "search_1",
            pieces: [
                ToolResult.Piece(
                    .opaque(
                        Opaque(
                            format: "cohere",
                            type: "document",
                            json: Self.json(#"{"type":"document","document":{"id":"d1","data":{"text":"x"}}}"#)
                        )
                    )
                )
            ]
        )
        // messages[assistant]{content[], citations[]{start, end, text, sources[]}}
        var cited = Text("It is x.")
        cited.annotationsJSON = Self.json(#"[{"start":6,"end":7,"sources":[{"type":"tool","id":"search_1"}]}]"#)
        var chat = ChatRequest(messages: [
            Message(role: .user, text: "What?"),
            Message(role: .assistant, parts: [Part(.reasoning(plan)), Part(.toolCall(call))]),
            Message(role: .tool, parts: [Part(.toolResult(result))]),
            Message(role: .assistant, parts: [Part(.text(cited))]),
        ])
        // p, k, stop_sequences, tool_choice: REQUIRED, strict_tools, response_format{json_object, schema}
        chat.sampling.topP = 0.75
        chat.sampling.topK = 5
        chat.toolChoice = .required
        var schema = ResponseFormat.Schema(name: "", json: Self.json(#"{"type":"object"}"#))
        schema.strict = true
        chat.responseFormat = .schema(schema)
        // embed{texts, input_type, output_dimension}
        var embedding = EmbeddingRequest(inputs: ["a"])
        embedding.inputType = "search_document"
        embedding.dimensions = 256
        // documents[], citation_options, safety_mode
        var request = Request(model: "command-a", task: .chat(chat))
        request.extraJSON = Self.json(#"{"safety_mode":"OFF","documents":["x"]}"#)
        #expect(chat.messages[3].text == "It is x.")
        #expect(embedding.dimensions == 256)
    }

    @Test func `OpenAI's Responses fits`() {
        // input[]{type: reasoning, id, summary[]{text}, encrypted_content}
        var reasoning = Reasoning()
        reasoning.id = "rs_1"
        reasoning.summaries = ["Thought about it."]
        reasoning.encrypted = Self.json("gAAAAABo")
        // {type: function_call, id: fc_1, call_id: call_1, name, arguments}: an id of the item and one of the call.
        var call = ToolCall(id: "call_1", name: "get_weather", arguments: Self.json("{}"))
        call.itemID = "fc_1"
        // {type: custom_tool_call, id: ctc_1, call_id, name, input}: raw text in.
        var custom = ToolCall(id: "call_2", name: "shell", arguments: Self.json("ls -l"))
        custom.kind = .custom
        custom.itemID = "ctc_1"
        // {type: message, id: msg_1, role: assistant, content[]{output_text{annotations[]}, refusal}}
        var said = Text("See here.")
        said.annotationsJSON = Self.json(#"[{"type":"url_citation","url":"https://a.example"}]"#)
        var message = Message(role: .assistant, parts: [Part(.text(said)), Part(.refusal(Text("No.")))])
        message.id = "msg_1"
        // {type: function_call_output, call_id, output: [input_text, input_image, input_file]}
        let output = ToolResult(
            callID: "call_1",
            pieces: [
                ToolResult.Piece(.text(Text("15"))),
                ToolResult.Piece(.image(Media(mimeType: "", source: .file("file-1")))),
            ]
        )
        // {type: web_search_call, id: ws_1, …}, {type: item_reference, id}: carried whole, in their place.
        let search = Opaque(
            format: "openai.responses",
            type: "web_search_call",
            json: Self.json(#"{"type":"web_search_call","id":"ws_1","status":"completed"}"#)
        )
        var seen = Media(mimeType: "image/png", source: .url("https://a.example/x.png"))
        seen.detail = "high"
        var chat = ChatRequest(messages: [
            // instructions
            Message(role: .developer, text: "Be brief."),
            Message(role: .user, parts: [Part(.image(seen)), Part(.text(Text("?")))]),
            Message(
                role: .assistant,
                parts: [
                    Part(.reasoning(reasoning)), Part(.opaque(search)), Part(.toolCall(call)), Part(.toolCall(custom)),
                ]
            ),
            Message(role: .tool, parts: [Part(.toolResult(output))]),
            message,
        ])
        // tools[]{type: web_search}, {type: custom, format{type: grammar}}; reasoning{effort, summary};
        // include[reasoning.encrypted_content]; text.format{json_schema, strict}; parallel_tool_calls
        var grammar = Tool(name: "shell")
        grammar.kind = .custom
        grammar.specJSON = Self.json(#"{"type":"custom","format":{"type":"grammar","syntax":"lark"}}"#)
        var web = Tool(name: "web_search")
        web.kind = .builtIn
        web.specJSON = Self.json(#"{"type":"web_search"}"#)
        chat.tools = [grammar, web]
        chat.reasoning = ReasoningOptions()
        chat.reasoning?.effort = "minimal"
        chat.reasoning?.summary = "detailed"
        chat.reasoning?.include = true
        chat.parallelToolCalls = true
        // previous_response_id, store, truncation
        var request = Request(model: "gpt-5", task: .chat(chat))
        request.extraJSON = Self.json(#"{"previous_response_id":"resp_1","store":false}"#)
        #expect(chat.messages.map(\.parts.count) == [1, 2, 4, 1, 2])
        #expect(request.model == "gpt-5")
    }
}
