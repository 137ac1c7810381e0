// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import FanoutProviders
import Testing

/// Signatures go back to whoever made them, and to nobody else.
@Suite struct SignerTests {
    private static let claude = BedrockTests.endpoint("us.anthropic.claude-sonnet-4-5-20250929-v1:0")
    private static let nova = BedrockTests.endpoint("amazon.nova-lite-v1:0")

    private static func history(signer: String) -> Request {
        var signed = Reasoning(text: "the thought")
        (signed.signature, signed.signer) = (Array("c2lnbmVk".utf8), signer)
        var hidden = Reasoning()
        (hidden.encrypted, hidden.signer) = (Array("aGlkZGVu".utf8), signer)
        var call = ToolCall(id: "c", name: "f", arguments: Array("{}".utf8))
        (call.signature, call.signer) = (Array("Y2FsbGVk".utf8), signer)
        let result = ToolResult(callID: "c", pieces: [ToolResult.Piece(.text(Text("5")))])
        return .chat([
            Message(role: .user, text: "q"),
            Message(
                role: .assistant,
                parts: [Part(.reasoning(signed)), Part(.reasoning(hidden)), Part(.toolCall(call))]
            ),
            Message(role: .tool, parts: [Part(.toolResult(result))]),
        ])
    }

    private static func sent(_ request: Request, to endpoint: Endpoint) throws -> [String] {
        let body = String(decoding: try Translator.encode(request, for: endpoint, stream: false).body, as: UTF8.self)
        return ["c2lnbmVk", "aGlkZGVu", "Y2FsbGVk"].filter { body.contains($0) }
    }

    @Test(arguments: [
        ("anthropic", Endpoint.of("anthropic"), ["c2lnbmVk", "aGlkZGVu"]),
        ("anthropic", claude, ["c2lnbmVk", "aGlkZGVu"]),
        ("gemini", .of("gemini"), ["c2lnbmVk", "Y2FsbGVk"]), ("bedrock", nova, ["c2lnbmVk", "aGlkZGVu"]),
    ])
    func `a signature goes back to its signer, and one that nobody claims anywhere`(
        signer: String,
        endpoint: Endpoint,
        kept: [String]
    ) throws {
        #expect(try Self.sent(Self.history(signer: signer), to: endpoint) == kept)
        #expect(try Self.sent(Self.history(signer: ""), to: endpoint) == kept)
    }

    @Test(arguments: [
        ("gemini", Endpoint.of("anthropic")), ("anthropic", .of("gemini")), ("anthropic", nova), ("bedrock", claude),
        ("openrouter", .of("anthropic")), ("anthropic", .of("openai")), ("anthropic", .of("cohere")),
        ("gemini", .of("ollama")), ("anthropic", .of("deepseek")),
    ])
    func `a signature never goes to anybody else`(signer: String, endpoint: Endpoint) throws {
        #expect(try Self.sent(Self.history(signer: signer), to: endpoint) == [])
    }

    @Test func `the words of reasoning stay where they may be said`() throws {
        let request = Self.history(signer: "anthropic")
        let body = try Translator.encode(request, for: .of("deepseek"), stream: false).body
        #expect(String(decoding: body, as: UTF8.self).contains(#""reasoning_content":"the thought""#))
    }

    @Test func `an answer names the signer beside each signature, and beside nothing else`() throws {
        func signers(_ body: String, _ endpoint: Endpoint) throws -> [String] {
            try decode(body, endpoint: endpoint).result.get().chatChoices.flatMap(\.message.parts).map { part in
                switch part.kind {
                case .reasoning(let reasoning): reasoning.signer
                case .toolCall(let call): call.signer
                default: "-"
                }
            }
        }
        let anthropic =
            #"{"type":"message","role":"assistant","content":[{"type":"thinking","thinking":"a","signature":"s"},"#
            + #"{"type":"redacted_thinking","data":"e"},{"type":"text","text":"b"}],"stop_reason":"end_turn"}"#
        #expect(try signers(anthropic, .of("anthropic")) == ["anthropic", "anthropic", "-"])
        let gemini =
            #"{"candidates":[{"content":{"parts":[{"text":"a","thought":true},{"functionCall":{"name":"f"},"#
            + #""thoughtSignature":"QQ=="}]},"finishReason":"STOP"}]}"#
        #expect(try signers(gemini, .of("vertex_ai")) == ["", "gemini"])
        let converse =
            #"{"output":{"message":{"role":"assistant","content":[{"reasoningContent":{"reasoningText":{"text":"a","#
            + #""signature":"s"}}}]}},"stopReason":"end_turn"}"#
        #expect(try signers(converse, Self.claude) == ["anthropic"])
        #expect(try signers(converse, Self.nova) == ["bedrock"])
    }
}
