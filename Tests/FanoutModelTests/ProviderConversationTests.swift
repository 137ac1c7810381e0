// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import Testing

/// A conversation of each provider's format as values of the model.
///
/// Each test is a proof by types: if a field of a format had no place, it couldn't be written down here.
struct ProviderConversationTests {
    private static func json(_ text: String) -> [UInt8] { Array(text.utf8) }

    /// What each conversation is asked for: no part lost, each opaque item named for its format.
    private static func kinds(_ chat: ChatRequest) -> [String] {
        chat.messages.flatMap(\.parts).map { part in
            switch part.kind {
            case .text: "text"
            case .image: "image"
            case .document: "document"
            case .audio: "audio"
            case .video: "video"
            case .reasoning: "reasoning"
            case .toolCall: "call"
            case .toolResult: "result"
            case .refusal: "refusal"
            case .opaque(let opaque): opaque.format + "/" + opaque.type
            }
        }
    }

    @Test func `Anthropic messages fit`() {
        // messages[].content[]: thinking{thinking, signature}
        var thinking = Reasoning(text: "The user wants the weather.")
        thinking.signature = Self.json("EqQBCgIYAhIM")
        // redacted_thinking{data}
        var redacted = Reasoning()
        redacted.encrypted = Self.json("EmwKAhgBEgy3va3p")
        // text{text, citations[]}
        var cited = Text("It is 15 °C.")
        cited.annotationsJSON = Self.json(#"[{"type":"char_location","cited_text":"15","document_index":0}]"#)
        // document{source{type: base64, media_type, data}, title, cache_control{type: ephemeral, ttl: 1h}}
        var document = Media(mimeType: "application/pdf", source: .data([0x25, 0x50, 0x44, 0x46]))
        document.name = "report.pdf"
        // tool_use{id, name, input}
        let call = ToolCall(id: "toolu_01", name: "get_weather", arguments: Self.json(#"{"city":"Paris"}"#))
        // server_tool_use and web_search_tool_result: the provider ran them; carried whole.
        let search = Opaque(
            format: "anthropic",
            type: "server_tool_use",
            json: Self.json(#"{"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{"query":"x"}}"#)
        )
        let found = Opaque(
            format: "anthropic",
            type: "web_search_tool_result",
            json: Self.json(#"{"type":"web_search_tool_result","tool_use_id":"srvtoolu_1","content":[]}"#)
        )
        var chat = ChatRequest(messages: [
            // system[]{text, cache_control}
            Message(
                role: .system,
                parts: [Part(.text(Text("Be brief.")), cache: CacheMarker(ttlMilliseconds: 300_000))]
            ),
            Message(
                role: .user,
                parts: [
                    Part(.document(document), cache: CacheMarker(ttlMilliseconds: 3_600_000)), Part(.text(Text("?"))),
                ]
            ),
            Message(
                role: .assistant,
                parts: [
                    Part(.reasoning(thinking)), Part(.reasoning(redacted)), Part(.opaque(search)),
                    Part(.opaque(found)), Part(.text(cited)), Part(.toolCall(call)),
                ]
            ),
            Message(role: .tool, parts: [Part(.toolResult(Self.anthropicResult()))]),
        ])
        Self.setAnthropicParameters(&chat)
        #expect(
            Self.kinds(chat) == [
                "text", "document", "text", "reasoning", "reasoning", "anthropic/server_tool_use",
                "anthropic/web_search_tool_result", "text", "call", "result",
            ]
        )
        // stop_reason: stop_sequence with its stop_sequence; usage.cache_creation_input_tokens
        var choice = Choice(message: Message(role: .assistant, text: "done"))
        choice.nativeFinishReason = "stop_sequence"
        choice.stopSequence = "END"
        var response = Response(body: .chat([choice]))
        response.usage = Usage()
        response.usage?.cacheWriteTokens = 12
        #expect(response.usage?.cacheWriteTokens == 12)
    }

    private static func setAnthropicParameters(_ chat: inout ChatRequest) {
        // tools[]{name, description, input_schema, cache_control}; tools[]{type: web_search_20250305, …}
        var weather = Tool(name: "get_weather")
        weather.parametersJSON = Self.json(#"{"type":"object"}"#)
        weather.cache = CacheMarker()
        var builtIn = Tool(name: "web_search")
        builtIn.kind = .builtIn
        builtIn.specJSON = Self.json(#"{"type":"web_search_20250305","name":"web_search"}"#)
        chat.tools = [weather, builtIn]
        // tool_choice{type: tool, name, disable_parallel_tool_use}; thinking{budget_tokens}; metadata.user_id
        chat.toolChoice = .named(["get_weather"])
        chat.parallelToolCalls = false
        chat.reasoning = ReasoningOptions()
        chat.reasoning?.budgetTokens = 2_048
        chat.user = "user-7"
        // stop_sequences, top_k, max_tokens, service_tier
        chat.sampling.stop = ["END"]
        chat.sampling.topK = 40
        chat.sampling.maxTokens = 1_024
        chat.serviceTier = "standard_only"
    }

    private static func anthropicResult() -> ToolResult {
        // tool_result{tool_use_id, is_error, content: [text, image]}
        var result = ToolResult(
            callID: "toolu_01",
            pieces: [
                ToolResult.Piece(.text(Text("15 degrees"))),
                // image{source{type: url}}
                ToolResult.Piece(
                    .image(Media(mimeType: "image/png", source: .url("https://a.example/map.png"))),
                    cache: CacheMarker()
                ),
            ]
        )
        result.isError = false
        return result
    }

    @Test func `Gemini generateContent fits`() {
        // contents[].parts[]{thought: true, text, thoughtSignature}
        var thought = Reasoning(text: "I should call the tool.")
        thought.signature = Self.json("CiQBVKhc7")
        // parts[]{functionCall{id, name, args}, thoughtSignature}: the proof belongs to the call.
        var call = ToolCall(id: "", name: "lookup", arguments: Self.json(#"{"q":"x"}"#))
        call.signature = Self.json("CpoBVKhc8")
        // parts[]{functionResponse{name, response}}: one JSON object, and parts[] with media.
        var result = ToolResult(
            callID: "",
            pieces: [
                ToolResult.Piece(.json(Self.json(#"{"result":[1,2]}"#))),
                ToolResult.Piece(.image(Media(mimeType: "image/png", source: .data([1, 2])))),
            ]
        )
        result.name = "lookup"
        // executableCode and codeExecutionResult: the provider's own.
        let code = Opaque(
            format: "gemini",
            type: "executableCode",
            json: Self.json(#"{"executableCode":{"language":"PYTHON","code":"print(1)"}}"#)
        )
        let output = Opaque(
            format: "gemini",
            type: "codeExecutionResult",
            json: Self.json(#"{"codeExecutionResult":{"outcome":"OUTCOME_OK","output":"1"}}"#)
        )
        var chat = ChatRequest(messages: [
            // systemInstruction.parts[]
            Message(role: .system, text: "Be brief."),
            Message(
                role: .user,
                parts: [
                    // inlineData{mimeType, data}, fileData{mimeType, fileUri}, a film by its file
                    Part(.audio(Media(mimeType: "audio/mp3", source: .data([0xFF])))),
                    Part(.video(Media(mimeType: "video/mp4", source: .url("https://youtu.be/x")))),
                    Part(.image(Media(mimeType: "image/webp", source: .file("files/abc")))),
                ]
            ),
            Message(
                role: .assistant,
                parts: [
                    Part(.reasoning(thought)), Part(.opaque(code)), Part(.opaque(output)), Part(.toolCall(call)),
                ]
            ),
            Message(role: .tool, parts: [Part(.toolResult(result))]),
        ])
        Self.setGeminiParameters(&chat)
        #expect(
            Self.kinds(chat) == [
                "text", "audio", "video", "image", "reasoning", "gemini/executableCode", "gemini/codeExecutionResult",
                "call", "result",
            ]
        )
        // candidates[].groundingMetadata: beside the text it grounds; safetySettings: extra parameters.
        var grounded = Text("found")
        grounded.annotationsJSON = Self.json(#"[{"groundingMetadata":{}}]"#)
        var request = Request(model: "gemini", task: .chat(chat))
        request.extraJSON = Self.json(#"{"safetySettings":[],"cachedContent":"cachedContents/x"}"#)
        #expect(!request.extraJSON.isEmpty && !grounded.annotationsJSON.isEmpty)
    }

    private static func setGeminiParameters(_ chat: inout ChatRequest) {
        // toolConfig.functionCallingConfig{mode: ANY, allowedFunctionNames}; tools[]{googleSearch{}}
        chat.toolChoice = .named(["lookup", "other"])
        var search = Tool(name: "googleSearch")
        search.kind = .builtIn
        search.specJSON = Self.json(#"{"googleSearch":{}}"#)
        chat.tools = [search]
        // generationConfig{candidateCount, seed, presencePenalty, frequencyPenalty, responseLogprobs, logprobs,
        // responseMimeType, responseSchema, thinkingConfig{thinkingBudget, includeThoughts}}
        chat.choices = 2
        chat.sampling.seed = 7
        chat.sampling.presencePenalty = 0.5
        chat.sampling.frequencyPenalty = -0.5
        chat.topLogprobs = 3
        chat.responseFormat = .schema(.init(name: "", json: Self.json(#"{"type":"OBJECT"}"#)))
        chat.reasoning = ReasoningOptions()
        chat.reasoning?.include = true
    }
}
