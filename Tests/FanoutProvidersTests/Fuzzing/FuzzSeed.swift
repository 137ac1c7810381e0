// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import Testing

/// An answer to start from, written by hand, that has as many features of its format as fit.
struct FuzzSeed: Sendable, CustomTestStringConvertible {
    var name: String
    var provider: String
    var request: Request = .text()
    var isStream = false
    var status: UInt16 = 200
    /// The answer; where it is framed, a line for each frame: its event's name, a blank, its JSON.
    var bytes: [UInt8]
    /// Whether its lines become frames of an Amazon event stream once they are broken: a frame that was broken itself
    /// fails by its checksum, and nothing behind that would be tried.
    var isFramed = false

    /// All of them; a further format adds its own.
    static let all =
        Self.openAI + Self.anthropic + Self.gemini + Self.bedrock + Self.cohere + Self.ollama + Self.textGeneration

    var testDescription: String { self.name }

    init(_ name: String, _ provider: String, stream: Bool = false, status: UInt16 = 200, _ text: String) {
        self.init(name, provider, stream: stream, status: status, bytes: Array(text.utf8))
    }

    init(_ name: String, _ provider: String, stream: Bool, status: UInt16 = 200, bytes: [UInt8]) {
        self.name = name
        self.provider = provider
        self.isStream = stream
        self.status = status
        self.bytes = bytes
    }

    /// A stream of events of data alone.
    init(_ name: String, _ provider: String, events: [String]) {
        self.init(name, provider, stream: true, events.map { "data: \($0)\n\n" }.joined())
    }

    /// A stream of Amazon's frames, of a name and a JSON each.
    init(_ name: String, _ provider: String, frames: [(String, String)]) {
        self.init(name, provider, stream: true, frames.map { "\($0.0) \($0.1)\n" }.joined())
        self.isFramed = true
    }

    /// What goes to the decoder for a broken answer.
    func sent(_ bytes: [UInt8]) -> [UInt8] {
        guard self.isFramed else { return bytes }
        return Array(
            bytes.split(separator: UInt8(ascii: "\n")).map { line in
                let blank = line.firstIndex(of: UInt8(ascii: " ")) ?? line.endIndex
                let name = String(decoding: line[..<blank].prefix(1_000), as: UTF8.self)
                let json = String(decoding: line[blank...].dropFirst(), as: UTF8.self)
                let isException = name.hasSuffix("Exception")
                return isException ? AmazonFrame.exception(name, json) : AmazonFrame.event(name, json)
            }.joined()
        )
    }

    /// This seed as the answer to another request.
    func answering(_ request: Request) -> FuzzSeed {
        var seed = self
        seed.request = request
        return seed
    }
}

// MARK: OpenAI's format

extension FuzzSeed {
    static let openAI: [FuzzSeed] = [
        FuzzSeed(
            "openai whole",
            "openai",
            #"""
            {"id":"c1","object":"chat.completion","created":1700000000,"model":"m","choices":[{"index":0,"message":
            {"role":"assistant","content":"caf\u00e9 \ud83d\ude00 \"x\"","refusal":null,"annotations":[{"type":"u"}],
            "audio":{"id":"a","data":"AA=="},"tool_calls":[{"id":"t1","type":"function","function":{"name":"f",
            "arguments":"{\"a\":[1,2]}"}},{"id":"t2","type":"custom","custom":{"name":"g","input":"raw"}}]},
            "logprobs":{"content":[{"token":"a","logprob":-0.1,"top_logprobs":[]}]},"finish_reason":"tool_calls"}],
            "usage":{"prompt_tokens":10,"completion_tokens":20,"total_tokens":30,"prompt_tokens_details":
            {"cached_tokens":4,"audio_tokens":1},"completion_tokens_details":{"reasoning_tokens":5}},
            "system_fingerprint":"fp","service_tier":"default"}
            """#
        ),
        FuzzSeed(
            "openai stream",
            "openai",
            events: [
                #"{"id":"c1","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#,
                #"{"choices":[{"index":0,"delta":{"content":"one \u00e9"}},{"index":1,"delta":{"refusal":"no"}}]}"#,
                #"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{"}}]}}]}"#,
                #"{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"}"}}]},"index":0}]}"#,
                #"{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"},{"index":1,"finish_reason":"stop"}]}"#,
                #"{"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}}"#, "[DONE]",
            ]
        ),
        FuzzSeed(
            "openrouter stream",
            "openrouter",
            stream: true,
            """
            : OPENROUTER PROCESSING\r\n\r\n\
            data: {"choices":[{"index":0,"delta":{"reasoning":"hm","reasoning_details":[{"type":"reasoning.text",\
            "index":0,"text":"hm"}]}}]}\r\n\r\n\
            data: {"choices":[{"index":0,"delta":{"reasoning_details":[{"type":"reasoning.text","index":0,\
            "signature":"s"}]}}]}\r\n\r\n\
            data: {"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"stop","native_finish_reason":\
            "end_turn"}],"usage":{"prompt_tokens":1,"cost":0.1}}\r\n\r\ndata: [DONE]\r\n\r\n
            """
        ),
        FuzzSeed(
            "mistral whole",
            "mistral",
            #"""
            {"choices":[{"index":0,"finish_reason":"model_length","message":{"role":"assistant","content":[{"type":
            "thinking","thinking":[{"type":"text","text":"hm"}],"closed":true},{"type":"text","text":"x"}]}}],
            "usage":{"prompt_audio_seconds":1,"prompt_tokens":1,"total_tokens":4,"completion_tokens":2}}
            """#
        ),
        FuzzSeed(
            "groq error in a stream",
            "groq",
            stream: true,
            """
            data: {"choices":[{"index":0,"delta":{"content":"a"}}],"x_groq":{"id":"r"}}

            event: error
            data: {"error":{"message":"m","type":"t","code":"tool_use_failed","failed_generation":"<f>","status_code":400}}


            """
        ),
        FuzzSeed(
            "openai failure",
            "openai",
            status: 429,
            #"{"error":{"message":"Limit 3, please try again in 1m20.5s","type":"requests","code":"rate_limit_exceeded"}}"#
        ),
        FuzzSeed(
            "xai failure",
            "xai",
            status: 400,
            #"{"code":"invalid-argument","error":"maximum prompt length is 5"}"#
        ),
        FuzzSeed("page of a proxy", "openai", status: 503, "<html><body>upstream connect error</body></html>"),
        FuzzSeed(
            "openai vectors",
            "openai",
            #"""
            {"object":"list","data":[{"index":1,"embedding":"AACAPwAAAEA="},{"index":0,"embedding":[0.5,-1e0]}],
            "model":"m","usage":{"prompt_tokens":2,"total_tokens":2}}
            """#
        ).answering(Request(model: "g", task: .embedding(EmbeddingRequest(inputs: ["a", "b"])))),
        FuzzSeed(
            "openai completion",
            "openai",
            events: [
                #"{"choices":[{"index":0,"text":"a","logprobs":{"tokens":["a"],"text_offset":[0]}}]}"#,
                #"{"choices":[{"index":0,"text":"","finish_reason":"length"}]}"#, "[DONE]",
            ]
        ).answering(Request(model: "g", task: .completion(CompletionRequest(prompts: ["p"])))),
    ]
}

// MARK: Anthropic's format

extension FuzzSeed {
    static let anthropic: [FuzzSeed] = [
        FuzzSeed(
            "anthropic whole",
            "anthropic",
            #"""
            {"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"thinking","thinking":
            "hm","signature":"s"},{"type":"redacted_thinking","data":"e"},{"type":"text","text":"caf\u00e9",
            "citations":[{"type":"c"}]},{"type":"tool_use","id":"t","name":"f","input":{"a":[1]}},{"type":
            "server_tool_use","id":"u","name":"web_search","input":{}}],"stop_reason":"tool_use","stop_sequence":null,
            "usage":{"input_tokens":3,"cache_creation_input_tokens":1,"cache_read_input_tokens":2,"output_tokens":4}}
            """#
        ),
        FuzzSeed(
            "anthropic stream",
            "anthropic",
            stream: true,
            [
                ("message_start", #"{"type":"message_start","message":{"id":"m","usage":{"input_tokens":3}}}"#),
                ("ping", #"{"type":"ping"}"#),
                (
                    "content_block_start",
                    #"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#
                ),
                (
                    "content_block_delta",
                    #"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"one"}}"#
                ),
                ("content_block_stop", #"{"type":"content_block_stop","index":0}"#),
                (
                    "content_block_start",
                    #"{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"t","name":"f"}}"#
                ),
                (
                    "content_block_delta",
                    #"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{}"}}"#
                ),
                ("content_block_stop", #"{"type":"content_block_stop","index":1}"#),
                (
                    "message_delta",
                    #"{"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":9}}"#
                ),
                ("message_stop", #"{"type":"message_stop"}"#),
            ].map { "event: \($0.0)\ndata: \($0.1)\n\n" }.joined()
        ),
        FuzzSeed(
            "anthropic error in a stream",
            "anthropic",
            stream: true,
            "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"O\"}}\n\n"
        ),
        FuzzSeed(
            "anthropic failure",
            "anthropic",
            status: 400,
            #"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 9 tokens > 5"}}"#
        ),
    ]
}
