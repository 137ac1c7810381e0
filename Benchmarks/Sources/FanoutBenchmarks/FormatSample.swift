// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// One wire format's part of the benchmarks: the same text asked and answered in its own words.
struct FormatSample {
    var name: String
    var endpoint: Endpoint
    var request = Samples.request
    /// A whole answer of about 1 KiB.
    var completion: [UInt8]
    /// A streamed answer, cut where its events end: what begins it, ``deltaCount`` pieces of text, what ends it.
    var stream: [[UInt8]]

    /// The pieces of text of a streamed answer.
    static let deltaCount = 256

    static let all = [
        Self.openAI, Self.anthropic, Self.gemini, Self.bedrock, Self.cohere, Self.ollama, Self.textGeneration,
    ]

    /// The sample of a format that streams server-sent events; `event` is asked once for each piece of text.
    private init(
        _ name: String,
        _ format: WireFormat,
        request: Request = Samples.request,
        completion: String,
        begin: [String],
        end: [String],
        event: (_ index: Int) -> String
    ) {
        self.name = name
        self.endpoint = Endpoint(
            provider: name,
            format: format,
            isSecure: false,
            host: "127.0.0.1",
            port: 80,
            pathPrefix: "/v1",
            model: "bench"
        )
        self.request = request
        self.completion = Array(completion.utf8)
        self.stream = (begin + (0..<Self.deltaCount).map(event) + end).map { Array($0.utf8) }
    }

    private static func data(_ json: String) -> String { "data: \(json)\n\n" }

    private static func named(_ event: String, _ json: String) -> String { "event: \(event)\ndata: \(json)\n\n" }

    // MARK: The formats

    private static let text = Samples.escapedText

    private static let openAI = FormatSample(
        "openai",
        .openAI,
        completion: Samples.completion,
        begin: [Self.data(Self.openAIChunk(#"{"role":"assistant","content":""}"#))],
        end: [
            Self.data(Self.openAIChunk("{}", finish: #""stop""#)),
            Self.data(
                #"{"id":"chatcmpl-bench0001","object":"chat.completion.chunk","choices":[],"#
                    + #""usage":{"prompt_tokens":210,"completion_tokens":205,"total_tokens":415}}"#
            ),
            "data: [DONE]\n\n",
        ],
        event: { _ in Self.data(Self.openAIChunk(#"{"content":" word or two"}"#)) }
    )

    private static func openAIChunk(_ delta: String, finish: String = "null") -> String {
        #"{"id":"chatcmpl-bench0001","object":"chat.completion.chunk","created":1790000000,"model":"bench","#
            + #""system_fingerprint":"fp_bench","choices":[{"index":0,"delta":\#(delta),"logprobs":null,"#
            + #""finish_reason":\#(finish)}]}"#
    }

    private static let anthropic = FormatSample(
        "anthropic",
        .anthropic,
        completion: #"{"id":"msg_bench0001","type":"message","role":"assistant","model":"bench","content":[{"type":"#
            + #""text","text":"\#(Self.text)"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"#
            + #""input_tokens":210,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":205}}"#,
        begin: [
            Self.named(
                "message_start",
                #"{"type":"message_start","message":{"id":"msg_bench0001","type":"message","role":"assistant","#
                    + #""content":[],"model":"bench","stop_reason":null,"usage":{"input_tokens":210}}}"#
            ),
            Self.named(
                "content_block_start",
                #"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#
            ),
        ],
        end: [
            Self.named("content_block_stop", #"{"type":"content_block_stop","index":0}"#),
            Self.named(
                "message_delta",
                #"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":205}}"#
            ),
            Self.named("message_stop", #"{"type":"message_stop"}"#),
        ],
        event: { _ in
            Self.named(
                "content_block_delta",
                #"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" word or two"}}"#
            )
        }
    )

    private static let geminiUsage =
        #""usageMetadata":{"promptTokenCount":210,"candidatesTokenCount":205,"totalTokenCount":415,"#
        + #""promptTokensDetails":[{"modality":"TEXT","tokenCount":210}]},"modelVersion":"bench","responseId":"r1"}"#

    private static let gemini = FormatSample(
        "gemini",
        .gemini,
        completion: #"{"candidates":[{"content":{"parts":[{"text":"\#(Self.text)"}],"role":"model"},"#
            + #""finishReason":"STOP","index":0,"avgLogprobs":-0.1}],\#(Self.geminiUsage)"#,
        begin: [],
        end: [
            Self.data(
                #"{"candidates":[{"content":{"parts":[{"text":""}],"role":"model"},"finishReason":"STOP","#
                    + #""index":0}],\#(Self.geminiUsage)"#
            )
        ],
        event: { _ in
            Self.data(
                #"{"candidates":[{"content":{"parts":[{"text":" word or two"}],"role":"model"},"index":0}],"#
                    + Self.geminiUsage
            )
        }
    )

    private static let bedrock: FormatSample = {
        var sample = FormatSample(
            "bedrock",
            .bedrock,
            completion: #"{"metrics":{"latencyMs":900},"output":{"message":{"content":[{"text":"\#(Self.text)"}],"#
                + #""role":"assistant"}},"stopReason":"end_turn","usage":{"inputTokens":210,"outputTokens":205,"#
                + #""totalTokens":415,"cacheReadInputTokens":0,"cacheWriteInputTokens":0}}"#,
            begin: [],
            end: [],
            event: { _ in "" }
        )
        let delta = AmazonFrame.event(
            "contentBlockDelta",
            #"{"contentBlockIndex":0,"delta":{"text":" word or two"},"p":"abcdefghijklm"}"#
        )
        sample.stream = [AmazonFrame.event("messageStart", #"{"p":"abcdef","role":"assistant"}"#)]
        sample.stream += Array(repeating: delta, count: Self.deltaCount)
        sample.stream += [
            AmazonFrame.event("contentBlockStop", #"{"contentBlockIndex":0,"p":"ab"}"#),
            AmazonFrame.event("messageStop", #"{"p":"abcd","stopReason":"end_turn"}"#),
            AmazonFrame.event(
                "metadata",
                #"{"metrics":{"latencyMs":900},"p":"a","usage":{"inputTokens":210,"outputTokens":205,"#
                    + #""totalTokens":415}}"#
            ),
        ]
        return sample
    }()

    private static let cohere = FormatSample(
        "cohere",
        .cohere,
        completion: #"{"id":"bench0001","message":{"role":"assistant","content":[{"type":"text","#
            + #""text":"\#(Self.text)"}]},"finish_reason":"COMPLETE","usage":{"billed_units":{"input_tokens":200,"output_tokens":205},"#
            + #""tokens":{"input_tokens":210,"output_tokens":205}}}"#,
        begin: [
            Self.named("message-start", #"{"id":"b","type":"message-start","delta":{"message":{"role":"assistant"}}}"#),
            Self.named(
                "content-start",
                #"{"type":"content-start","index":0,"delta":{"message":{"content":{"type":"text","text":""}}}}"#
            ),
        ],
        end: [
            Self.named("content-end", #"{"type":"content-end","index":0}"#),
            Self.named(
                "message-end",
                #"{"type":"message-end","delta":{"finish_reason":"COMPLETE","usage":{"tokens":{"input_tokens":210,"#
                    + #""output_tokens":205}}}}"#
            ),
            "data: [DONE]\n\n",
        ],
        event: { _ in
            Self.named(
                "content-delta",
                #"{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":" word or two"}}}}"#
            )
        }
    )

    private static let ollamaCounts =
        #""done_reason":"stop","done":true,"total_duration":900000000,"load_duration":90000,"#
        + #""prompt_eval_count":210,"prompt_eval_duration":90000,"eval_count":205,"eval_duration":800000000}"#

    private static let ollama = FormatSample(
        "ollama",
        .ollama,
        completion: #"{"model":"bench","created_at":"2026-05-24T20:48:36.211325291Z","message":{"role":"assistant","#
            + #""content":"\#(Self.text)"},\#(Self.ollamaCounts)"#,
        begin: [],
        end: [
            #"{"model":"bench","created_at":"2026-05-24T20:48:36.211325291Z","message":{"role":"assistant","#
                + #""content":""},\#(Self.ollamaCounts)"# + "\n"
        ],
        event: { _ in
            #"{"model":"bench","created_at":"2026-05-24T20:48:36.211325291Z","message":{"role":"assistant","#
                + #""content":" word or two"},"done":false}"# + "\n"
        }
    )

    private static let textGeneration = FormatSample(
        "huggingface",
        .huggingFace,
        request: Request(model: "plain", task: .completion(CompletionRequest(prompts: [Samples.text]))),
        completion: #"{"generated_text":"\#(Self.text)","details":{"finish_reason":"eos_token","#
            + #""generated_tokens":205,"seed":null,"prefill":[],"tokens":[],"input_length":210}}"#,
        begin: [],
        end: [
            Self.data(
                #"{"index":257,"token":{"id":2,"text":"</s>","logprob":-0.1,"special":true},"generated_text":"#
                    + #""x","details":{"finish_reason":"eos_token","generated_tokens":257,"input_length":210}}"#
            )
        ],
        event: { index in
            Self.data(
                #"{"index":\#(index + 1),"token":{"id":1234,"text":" word or two","logprob":-0.25,"special":false},"#
                    + #""generated_text":null,"details":null}"#
            )
        }
    )
}
