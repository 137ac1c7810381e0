// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutJSON
import FanoutModel
import FanoutProviders
import Testing

/// What only some of those that speak OpenAI's format have a word for.
@Suite struct OpenAIDialectTests {
    static let call = ToolCall(id: "c", name: "f", arguments: [])

    /// The last of the messages that are sent.
    static func lastTurn(_ messages: [Message], at provider: String, extra: String = "") throws -> JSONValue {
        let body = try encoded(Request.chat(messages).with(extra: extra), for: .of(provider))
        return try #require(body["messages"]?.elements?.last)
    }

    @Test(arguments: [
        ("openrouter", "", #"{"type":"text","text":"a","cache_control":{"type":"ephemeral","ttl":"1h"}}"#),
        (
            "openai", #"{"prompt_cache_options":{"mode":"explicit"}}"#,
            #"{"type":"text","text":"a","prompt_cache_breakpoint":{"mode":"explicit"}}"#
        ),
    ])
    func `a mark of the prompt cache is sent where it has a word`(provider: String, extra: String, part: String) throws
    {
        let marked = Part(.text(Text("a")), cache: CacheMarker(ttlMilliseconds: 3_600_000))
        let turn = try Self.lastTurn([Message(role: .user, parts: [marked])], at: provider, extra: extra)
        #expect(try turn["content"] == json("[\(part)]"))
    }

    @Test(arguments: ["openai", "mistral", "hosted_vllm"])
    func `a mark of the prompt cache changes nothing where it has no word`(provider: String) throws {
        let marked = Message(role: .user, parts: [Part(.text(Text("a")), cache: CacheMarker())])
        #expect(try Self.lastTurn([marked], at: provider)["content"] == .string("a"))
    }

    @Test func `calls, tools and results are marked, too`() throws {
        var tool = Tool(name: "f")
        tool.cache = CacheMarker()
        let piece = ToolResult.Piece(.text(Text("r")), cache: CacheMarker())
        let request = Request.chat([
            Message(role: .assistant, parts: [Part(.toolCall(Self.call), cache: CacheMarker())]),
            Message(role: .tool, parts: [Part(.toolResult(ToolResult(callID: "c", pieces: [piece])))]),
        ]) { $0.tools = [tool] }
        let body = try encoded(request, for: .of("openrouter"))
        let mark = try json(#"{"type":"ephemeral"}"#)
        #expect(body["tools"]?.elements?[0]["cache_control"] == mark)
        #expect(body["messages"]?.elements?[0]["tool_calls"]?.elements?[0]["cache_control"] == mark)
        #expect(body["messages"]?.elements?[1]["content"]?.elements?[0]["cache_control"] == mark)
    }

    @Test(arguments: [
        ("mistral", #"{"role":"assistant","content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]}],"#),
        ("hosted_vllm", #"{"role":"assistant","content":null,"reasoning_content":"hm","#),
        ("xai", #"{"role":"assistant","content":null,"reasoning_content":"hm","#),
        ("openrouter", #"{"role":"assistant","content":null,"reasoning":"hm","#),
        ("openai", #"{"role":"assistant","content":null,"#),
    ])
    func `reasoning goes back with its calls by the provider's name for it`(provider: String, turn: String) throws {
        let message = Message(
            role: .assistant,
            parts: [Part(.reasoning(Reasoning(text: "hm"))), Part(.toolCall(Self.call))]
        )
        let calls = #""tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]}"#
        #expect(try Self.lastTurn([message], at: provider) == json(turn + calls))
    }

    @Test func `mistral continues an assistant's last turn, and no other`() throws {
        let turns = [Message(role: .assistant, text: "1, 2,"), Message(role: .user, text: "go on")]
        #expect(try Self.lastTurn([turns[1], turns[0]], at: "mistral")["prefix"] == .bool(true))
        let body = try encoded(.chat(turns), for: .of("mistral"))
        #expect(body["messages"]?.elements?[0]["prefix"] == nil)
        #expect(try Self.lastTurn([turns[0]], at: "hosted_vllm")["prefix"] == nil)
    }

    @Test func `deepseek's reasoning is switched off by an object`() throws {
        var none = ReasoningOptions()
        none.effort = "none"
        let body = try encoded(.text { $0.reasoning = none }, for: .of("deepseek"))
        #expect(try body["thinking"] == json(#"{"type":"disabled"}"#) && body["reasoning_effort"] == nil)
        none.effort = "high"
        let other = try encoded(.text { $0.reasoning = none }, for: .of("deepseek"))
        #expect(other["thinking"] == nil && other["reasoning_effort"] == .string("high"))
    }

    @Test func `an image from a tool is sent to servers that may take it`() throws {
        let piece = ToolResult.Piece(.image(Media(mimeType: "", source: .url("https://x/y.png"))))
        let messages = [
            Message(role: .assistant, parts: [Part(.toolCall(Self.call))]),
            Message(role: .tool, parts: [Part(.toolResult(ToolResult(callID: "c", pieces: [piece])))]),
        ]
        let turn = try Self.lastTurn(messages, at: "hosted_vllm")
        #expect(try turn["content"] == json(#"[{"type":"image_url","image_url":{"url":"https://x/y.png"}}]"#))
        let refusal = #expect(throws: Failure.self) { try Self.lastTurn(messages, at: "openai") }
        #expect(refusal?.code == .unsupportedParameter && refusal?.param == "messages[1].parts[0].parts[0]")
    }

    static let details = #"""
        {"type":"reasoning.text","index":0,"text":"one two","format":"anthropic-claude-v1","signature":"sig"}
        """#

    @Test func `sealed reasoning of openrouter comes whole from a stream and goes back unchanged`() throws {
        let pieces = [
            #"{"reasoning":"one","reasoning_details":[{"type":"reasoning.text","index":0,"text":"one","signature":null}]}"#,
            #"{"reasoning":" two","reasoning_details":[{"type":"reasoning.text","index":0,"text":" two"}]}"#,
            #"{"reasoning_details":[{"type":"reasoning.text","index":0,"format":"anthropic-claude-v1","signature":"sig"}]}"#,
            #"{"content":"x","reasoning_details":[{"type":"reasoning.summary","index":1,"summary":"plain"}]}"#,
        ]
        let chunks = pieces.map { "data: {\"choices\":[{\"index\":0,\"delta\":\($0)}]}\n\n" }
        let end = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"
        let endpoint = Endpoint.of("openrouter")
        let streamed = try decode(chunks.joined() + end, endpoint: endpoint, stream: true).result.get()
        let whole = try decode(
            #"{"choices":[{"message":{"content":"x","reasoning":"one two","reasoning_details":["# + Self.details
                + #"]},"finish_reason":"stop"}]}"#,
            endpoint: endpoint
        ).result.get()
        for response in [streamed, whole] {
            let turn = try Self.lastTurn([response.chatChoices[0].message], at: "openrouter")
            #expect(try turn["reasoning_details"] == json("[\(Self.details)]"))
            #expect(turn["reasoning"] == .string("one two") && turn["content"] == .string("x"))
        }
    }

    @Test(arguments: ["openai", "mistral", "anthropic", "hosted_vllm"])
    func `sealed reasoning of openrouter is left out elsewhere`(provider: String) throws {
        let sealed = Opaque(format: "openai", type: "reasoning.encrypted", json: Array(#"{"data":"x"}"#.utf8))
        let turn = Message(role: .assistant, parts: [Part(.opaque(sealed)), Part(.text(Text("a")))])
        let written = try Self.lastTurn([Message(role: .user, text: "q"), turn], at: provider)
        #expect(!String(decoding: written.serialized(), as: UTF8.self).contains("data"))
    }
}
