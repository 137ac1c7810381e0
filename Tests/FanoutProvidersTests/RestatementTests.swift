// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import Testing

@testable import FanoutProviders

/// Failures that providers give a wrong or no name.
@Suite struct RestatementTests {
    private static func code(_ status: UInt16, _ message: String, code: String = "null") -> FailureCode {
        FailureClassifier.failure(
            provider: "openai",
            head: AnswerHead(status: status),
            body: Array(ClassificationTests.error(message, code: code).utf8),
            wallClockSeconds: 0
        ).code
    }

    /// The words by which LiteLLM knows a context window, in sentences of those who use them.
    static let windows = [
        "input length and max_tokens exceed context limit: 199000 + 8192 > 200000",
        "This model's maximum context length is 4097 tokens. However, you requested 5000 tokens",
        "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length",
        "your request exceeds the model's maximum context limit",
        "The input (5000 tokens) is longer than the model's context length (4096 tokens).",
        "The input tokens exceed the configured limit of 128000 tokens.",
        "`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 `inputs` tokens",
        "the request exceeds the available context size, try increasing it",
        "The input token count (1100000) exceeds the maximum number of tokens allowed (1048576)",
        "The current length is 40000 while limit is 32768", "The maximum input length is 30720 tokens",
        "prompt is too long: 210000 tokens > 200000 maximum", "Input is too long for requested model.",
    ]

    @Test(arguments: windows)
    func `10793, 21647: a context window is known by the words of each provider`(words: String) {
        #expect(Self.code(400, words) == .contextWindow)
        #expect(Self.code(500, words) != .contextWindow, "a fault of the provider's is no word on the prompt")
    }

    @Test(
        arguments: [
            (400, "Your credit balance is too low to access the API", "null"), (402, "Payment Required", "null"),
            (403, "You have used all available credits", "null"), (403, "quota is gone", "\"insufficient_quota\""),
            (429, "You exceeded your current quota, please check your plan", "null"),
            (400, "This request requires more credits", "null"),
        ] as [(UInt16, String, String)]
    )
    func `16092: an account without money is told by its words, whatever the status`(
        status: UInt16,
        words: String,
        code: String
    ) {
        #expect(Self.code(status, words, code: code) == .quotaExhausted)
    }

    @Test func `27: loose words on rate limits make no rate limit of a bad request`() {
        for words in ["rate limit", "Rate_Limit of 429 exceeded", "the rate-limit parameter is wrong"] {
            #expect(Self.code(400, words) == .invalidRequest)
            #expect(!Self.code(400, words).traits.countsAgainstLane)
        }
        #expect(Self.code(400, "slow down", code: "\"rate_limit_exceeded\"") == .rateLimited)
    }

    @Test func `42432: a bad request keeps its class, whoever passes it on`() {
        let inner = #"{\"error\":{\"message\":\"messages[0].role is wrong\",\"type\":\"invalid_request_error\"}}"#
        for status in [400, 422] as [UInt16] {
            #expect(Self.code(status, inner) == .invalidRequest)
            #expect(Self.code(status, "messages[0].role is wrong") == .invalidRequest)
        }
        #expect(!FailureCode.invalidRequest.traits.countsAgainstLane)
    }
}
