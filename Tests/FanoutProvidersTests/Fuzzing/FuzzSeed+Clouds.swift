// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel

// MARK: Gemini's format

extension FuzzSeed {
    static let gemini: [FuzzSeed] = [
        FuzzSeed(
            "gemini whole",
            "gemini",
            #"""
            {"candidates":[{"content":{"parts":[{"text":"hm","thought":true},{"text":"caf\u00e9"},{"functionCall":
            {"id":"i","name":"f","args":{"a":[1,{"b":null}]}},"thoughtSignature":"QQ=="},{"inlineData":{"mimeType":
            "image/png","data":"AA=="}},{"executableCode":{"language":"PYTHON","code":"1"}}],"role":"model"},
            "finishReason":"STOP","index":0,"avgLogprobs":-0.5,"logprobsResult":{"topCandidates":[{"candidates":
            [{"token":"a","tokenId":1,"logProbability":-0.5}]}],"chosenCandidates":[{"token":"a","logProbability":-1}]},
            "citationMetadata":{"citations":[]},"safetyRatings":[{"category":"C","probability":"LOW"}],
            "groundingMetadata":{"webSearchQueries":["q"]}}],"promptFeedback":{"safetyRatings":[]},"usageMetadata":
            {"promptTokenCount":5,"cachedContentTokenCount":2,"toolUsePromptTokenCount":7,"candidatesTokenCount":3,
            "thoughtsTokenCount":4,"totalTokenCount":19,"promptTokensDetails":[{"modality":"AUDIO","tokenCount":1}],
            "serviceTier":"standard"},"modelVersion":"m","responseId":"r/1","createTime":"2026-01-02T03:04:05.6Z"}
            """#
        ),
        FuzzSeed(
            "gemini stream",
            "gemini",
            events: [
                #"{"candidates":[{"content":{"parts":[{"text":"h","thought":true}],"role":"model"},"index":0}],"#
                    + #""usageMetadata":{"promptTokenCount":5,"totalTokenCount":5},"responseId":"r"}"#,
                #"{"candidates":[{"content":{"parts":[{"text":"Hel"}]}},{"index":1,"content":{"parts":[{"text":"x"}]}}]}"#,
                #"{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":{}},"thoughtSignature":"QQ=="}]}}]}"#,
                #"{"candidates":[{"index":1,"finishReason":"MAX_TOKENS"},{"content":{},"finishReason":"STOP"}],"#
                    + #""usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":3,"totalTokenCount":8}}"#,
            ]
        ),
        FuzzSeed(
            "gemini array in place of a stream",
            "vertex_ai",
            stream: true,
            #"""
            [{"candidates":[{"content":{"parts":[{"text":"a"}]}}]},
            {"candidates":[{"content":{"parts":[{"text":"b"}]},"finishReason":"SAFETY","finishMessage":"no"}]}]
            """#
        ),
        FuzzSeed(
            "gemini blocked prompt",
            "gemini",
            #"{"promptFeedback":{"blockReason":"OTHER","blockReasonMessage":"m"},"usageMetadata":{"promptTokenCount":1}}"#
        ),
        FuzzSeed(
            "gemini failure",
            "gemini",
            status: 429,
            #"""
            [{"error":{"code":429,"message":"Quota exceeded","status":"RESOURCE_EXHAUSTED","details":[{"@type":
            "type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaId":"PerMinute","quotaValue":"15"}]},
            {"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"48.5s"}]}}]
            """#
        ),
        FuzzSeed(
            "gemini vectors",
            "gemini",
            #"{"embeddings":[{"values":[0.5,-1e-3]},{"values":[1,2]}],"usageMetadata":{"promptTokenCount":4}}"#
        ).answering(Self.twoTexts),
        FuzzSeed(
            "vertex vectors",
            "vertex_ai",
            #"""
            {"predictions":[{"embeddings":{"values":[0.5],"statistics":{"token_count":2,"truncated":false}}},
            {"embeddings":{"values":[1],"statistics":{"token_count":3}}}],"metadata":{"billableCharacterCount":9}}
            """#
        ).answering(Self.twoTexts),
    ]

    static let twoTexts = Request(model: "g", task: .embedding(EmbeddingRequest(inputs: ["a", "b"])))
}

// MARK: Bedrock's format

extension FuzzSeed {
    private static let frames: [(String, String)] = [
        ("messageStart", #"{"p":"abc","role":"assistant"}"#),
        ("contentBlockDelta", #"{"contentBlockIndex":0,"delta":{"reasoningContent":{"text":"hm"}}}"#),
        ("contentBlockDelta", #"{"contentBlockIndex":0,"delta":{"reasoningContent":{"signature":"QQ=="}}}"#),
        ("contentBlockStop", #"{"contentBlockIndex":0}"#),
        ("contentBlockDelta", #"{"contentBlockIndex":1,"delta":{"text":"caf\u00e9"}}"#),
        ("contentBlockStop", #"{"contentBlockIndex":1}"#),
        ("contentBlockStart", #"{"contentBlockIndex":2,"start":{"toolUse":{"name":"f","toolUseId":"t"}}}"#),
        ("contentBlockDelta", #"{"contentBlockIndex":2,"delta":{"toolUse":{"input":"{\"a\""}}}"#),
        ("contentBlockDelta", #"{"contentBlockIndex":2,"delta":{"toolUse":{"input":":1}"}}}"#),
        ("contentBlockStop", #"{"contentBlockIndex":2}"#), ("messageStop", #"{"stopReason":"tool_use"}"#),
        (
            "metadata",
            #"{"metrics":{"latencyMs":9},"usage":{"inputTokens":3,"outputTokens":4,"cacheReadInputTokens":2}}"#
        ),
    ]

    static let bedrock: [FuzzSeed] = [
        FuzzSeed(
            "bedrock whole",
            "bedrock",
            #"""
            {"metrics":{"latencyMs":9},"output":{"message":{"content":[{"reasoningContent":{"reasoningText":{"text":
            "hm","signature":"s"}}},{"reasoningContent":{"redactedContent":"AA=="}},{"text":"caf\u00e9"},{"toolUse":
            {"input":{"a":[1]},"name":"f","toolUseId":"t"}},{"citationsContent":{"content":[{"text":"c"}]}}],"role":
            "assistant"}},"stopReason":"tool_use","usage":{"inputTokens":3,"outputTokens":4,"totalTokens":12,
            "cacheReadInputTokens":2,"cacheWriteInputTokens":3},"trace":{"guardrail":{}}}
            """#
        ),
        FuzzSeed("bedrock events", "bedrock", frames: Self.frames),
        FuzzSeed(
            "bedrock exception after text",
            "bedrock",
            frames: Self.frames.prefix(6) + [("throttlingException", #"{"message":"slow down"}"#)]
        ),
        FuzzSeed(
            "bedrock frames as they are",
            "bedrock",
            stream: true,
            bytes: Self.frames.flatMap { AmazonFrame.event($0.0, $0.1) }
        ),
        FuzzSeed("bedrock failure", "bedrock", status: 400, #"{"message":"Input is too long for requested model."}"#),
    ]
}
