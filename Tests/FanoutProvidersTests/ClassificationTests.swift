// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import FanoutProviders
import Testing

@Suite struct ClassificationTests {
    /// An answer and its class.
    struct Answer: Sendable, CustomTestStringConvertible {
        var status: UInt16
        var body: String
        var code: FailureCode
        var provider = "openai"

        init(_ status: UInt16, _ body: String, _ code: FailureCode, _ provider: String = "openai") {
            (self.status, self.body, self.code, self.provider) = (status, body, code, provider)
        }

        var testDescription: String { "\(self.status) \(self.body)" }
    }

    static func error(_ message: String, code: String = "null", type: String = "null") -> String {
        #"{"error":{"message":"\#(message)","type":\#(type),"param":null,"code":\#(code)}}"#
    }

    static let answers: [Answer] = [
        Answer(400, error("x", code: #""context_length_exceeded""#), .contextWindow),
        Answer(400, error("This model's maximum context length is 4097 tokens"), .contextWindow),
        Answer(400, error("the rate limit of your tone is too low"), .invalidRequest),
        Answer(400, error("Rate limit parameter must be positive", code: #""invalid_value""#), .invalidRequest),
        Answer(429, error("Rate limit reached", code: #""rate_limit_exceeded""#), .rateLimited),
        Answer(429, error("You exceeded your current quota", code: #""insufficient_quota""#), .quotaExhausted),
        Answer(429, error("You exceeded your current quota"), .quotaExhausted),
        Answer(
            429,
            #"{"error":{"code":429,"message":"You exceeded your current quota","status":"RESOURCE_EXHAUSTED","details":"#
                + #"[{"violations":[{"quotaId":"GenerateRequestsPerMinutePerProject"}]},{"retryDelay":"48s"}]}}"#,
            .rateLimited
        ),
        Answer(
            429,
            #"{"error":{"code":429,"message":"You exceeded your current quota","status":"RESOURCE_EXHAUSTED","details":"#
                + #"[{"violations":[{"quotaId":"GenerateRequestsPerDayPerProject"},{"quotaId":"XPerMinute"}]},"#
                + #"{"retryDelay":"48s"}]}}"#,
            .quotaExhausted,
            "gemini"
        ),
        Answer(
            429,
            #"[{"error":{"code":429,"message":"You exceeded your current quota. limit: 0, model: m","status":"#
                + #""RESOURCE_EXHAUSTED","details":[{"violations":[{"quotaId":"XPerMinute"}]}]}}]"#,
            .quotaExhausted,
            "gemini"
        ),
        Answer(
            400,
            #"{"error":{"code":400,"message":"User location is not supported for the API use.","#
                + #""status":"FAILED_PRECONDITION"}}"#,
            .permission,
            "gemini"
        ),
        Answer(504, #"{"error":{"code":504,"status":"DEADLINE_EXCEEDED","message":"late"}}"#, .timeout, "gemini"),
        Answer(503, #"{"error":{"code":503,"status":"UNAVAILABLE","message":"x"}}"#, .overloaded, "vertex_ai"),
        Answer(
            429,
            error("Request too large for m: Limit 30,000, Requested 40000.", code: #""rate_limit_exceeded""#),
            .tooLarge
        ),
        Answer(
            429,
            error("Request too large for m: Limit 30000, Requested 4000.", code: #""rate_limit_exceeded""#),
            .rateLimited
        ),
        Answer(413, error("Request too large for model", code: #""rate_limit_exceeded""#), .tooLarge, "groq"),
        Answer(
            402,
            #"{"error":{"message":"Insufficient Balance","type":"unknown_error"}}"#,
            .quotaExhausted,
            "deepseek"
        ),
        Answer(400, #"{"code":"invalid-argument","error":"Incorrect API key provided"}"#, .authentication, "xai"),
        Answer(400, #"{"code":"invalid-argument","error":"Model not found: grok-9"}"#, .notFound, "xai"),
        Answer(429, #"{"code":"x","error":"Your team reached its monthly spending limit"}"#, .quotaExhausted, "xai"),
        Answer(503, #"{"code":"x","error":"at capacity"}"#, .overloaded, "xai"),
        Answer(400, error("Your request was rejected as a result of our safety system"), .contentPolicy),
        Answer(
            400,
            #"{"error":{"code":null,"message":"no","innererror":{"code":"ResponsibleAIPolicyViolation"}}}"#,
            .contentPolicy,
            "azure"
        ),
        Answer(403, error("Country not supported", code: #""unsupported_country_region_territory""#), .permission),
        Answer(429, #"{"object":"error","message":"capacity exceeded","code":"3505"}"#, .overloaded, "mistral"),
        Answer(400, #"{"error":{"message":"xyz is not a valid model ID","code":400}}"#, .notFound, "openrouter"),
        Answer(
            400,
            #"{"error":{"message":"Provider returned error","code":400,"metadata":{"raw":"{\"error\":{\"code\":"#
                + #"\"context_length_exceeded\",\"message\":\"too long\"}}"}}}"#,
            .contextWindow,
            "openrouter"
        ),
        Answer(200, #"{"error":{"code":429,"message":"slow down"}}"#, .rateLimited, "openrouter"),
        Answer(200, #"{"error":{"message":"boom","type":"server_error"}}"#, .providerError),
        Answer(400, #"{"object":"error","message":"context length is only 4096","code":400}"#, .contextWindow, "vllm"),
        Answer(503, "upstream connect error or disconnect/reset before headers", .overloaded),
        Answer(502, "<html><body>Bad gateway</body></html>", .providerError),
        Answer(404, "", .notFound), Answer(401, "{", .authentication),
        Answer(422, #"{"detail":"no"}"#, .invalidRequest),
        Answer(500, error("The server is overloaded"), .overloaded), Answer(529, "", .overloaded),
        Answer(500, error("maximum context length is a phrase of ours"), .providerError),
        Answer(504, "", .timeout), Answer(408, "", .timeout), Answer(409, "", .providerError),
        Answer(302, "<a>moved</a>", .invalidResponse), Answer(418, "teapot", .invalidRequest),
        Answer(429, "\u{FFFD}\u{0}", .rateLimited),
    ]

    @Test(
        arguments: [
            ("Rate limit reached for m on tokens per min (TPM): Limit 10000, Used 9000", "null", ExceededLimit.tokens),
            ("This request would exceed your rate limit of 40,000 input tokens per minute", "null", .tokens),
            ("Rate limit reached", #""tokens""#, .tokens),
            ("Rate limit reached for m on requests per min (RPM): Limit 3, Used 3", "null", .requests),
            ("Rate limit reached", #""requests""#, .requests),
            ("Too many concurrent requests for this model", "null", .concurrency),
            ("You have exceeded the number of parallel requests", "null", .concurrency),
            ("Number of concurrent connections has exceeded your rate limit", "null", .concurrency),
            ("Slow down", "null", .unknown),
        ]
    )
    func `a rate limit says which one it is`(message: String, type: String, limit: ExceededLimit) {
        let failure = FailureClassifier.failure(
            provider: "openai",
            head: AnswerHead(status: 429),
            body: Array(Self.error(message, code: #""rate_limit_exceeded""#, type: type).utf8),
            wallClockSeconds: 0
        )
        #expect(failure.code == .rateLimited)
        #expect(failure.exceeded == limit)
    }

    @Test(arguments: answers)
    func `code first, words second, status last`(answer: Answer) {
        let failure = FailureClassifier.failure(
            provider: answer.provider,
            head: AnswerHead(status: answer.status),
            body: Array(answer.body.utf8),
            wallClockSeconds: 0
        )
        #expect(failure.code == answer.code, "\(failure)")
        #expect(failure.providerStatus == answer.status && !failure.message.isEmpty)
    }

    @Test func `the provider's words are kept untouched and bounded`() {
        let body = #"{"error":{"message":"a \"b\" é","type":"t","param":"messages[0]","code":"c"}}"#
        var head = AnswerHead(status: 400)
        head.take(name: "X-Request-Id", value: "r1")
        head.take(name: "x-should-retry", value: "false")
        let failure = FailureClassifier.failure(
            provider: "openai",
            head: head,
            body: Array(body.utf8),
            wallClockSeconds: 0
        )
        #expect(failure.providerMessage == "a \"b\" é" && failure.providerType == "t" && failure.providerCode == "c")
        #expect(failure.param == "messages[0]" && failure.providerRequestID == "r1" && failure.shouldRetry == false)
        let long = Array(String(repeating: "é", count: 20_000).utf8)
        let cut = FailureClassifier.failure(provider: "x", head: head, body: long, wallClockSeconds: 0)
        #expect(cut.providerMessage.utf8.count == 16 << 10 && cut.message.utf8.count < 500)
    }

    /// Headers, words, and the wait they mean at 1994-11-06 08:49:37.
    static let waits: [([(String, String)], String, UInt64?)] = [
        ([("retry-after", "2")], "", 2_000), ([("Retry-After", "0.5")], "", 500),
        ([("retry-after-ms", "1500.2")], "", 1_501),
        ([("retry-after-ms", "0"), ("retry-after", "1")], "", 1_000),
        ([("retry-after-ms", "1500"), ("retry-after", "1")], "", 1_500),
        ([("retry-after", "Sun, 06 Nov 1994 08:50:07 GMT")], "", 30_000),
        ([("retry-after", "Sun, 06 Nov 1994 08:49:07 GMT")], "", 0), ([("retry-after", "soon")], "", nil),
        ([("retry-after", "-5")], "", nil), ([("retry-after", "1e300")], "", .max), ([("retry-after", "nan")], "", nil),
        ([], "Please try again in 6.36s. Need more?", 6_360), ([], "Please try again in 120ms.", 120),
        ([], "quota will reset after 2m 13s", 133_000), ([], "Please retry after 20 seconds.", 20_000),
        ([], "try again in 1h0m2.5s", 3_602_500), ([], "try again in a while", nil), ([], "try again in 5", nil),
        ([("retry-after", "3")], "Please try again in 6s", 3_000),
        ([], "Your limit will reset in 1 minute, 5 seconds", 65_000), ([], "Please wait 30 seconds", 30_000),
        ([], "please wait for your turn", nil),
        ([("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-reset-requests", "1.5s")], "", 1_500),
        ([("x-ratelimit-remaining-requests", "3"), ("x-ratelimit-reset-requests", "20s")], "", nil),
        (
            [
                ("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-reset-requests", "2s"),
                ("x-ratelimit-remaining-tokens", "0"), ("x-ratelimit-reset-tokens", "6m0s"),
            ], "", 360_000
        ),
        ([("x-ratelimit-remaining-tokens", "0"), ("x-ratelimit-reset-tokens", "60")], "try again in 2s", 2_000),
        ([("X-RateLimit-Reset", "784111780500")], "", 3_500), ([("x-ratelimit-reset", "784111790")], "", 13_000),
        ([("x-ratelimit-reset", "784111700")], "", 0), ([("ratelimit-reset", "7")], "", 7_000),
        ([("x-ratelimit-reset-after", "0.25")], "", 250), ([("x-ratelimit-reset", "1m2s")], "", 62_000),
        ([("x-ratelimit-reset", "soon")], "", nil), ([("x-ratelimit-reset", "1e300")], "", .max),
        ([("x-ratelimit-reset", "nan")], "", nil), ([("x-ratelimit-reset", "-1")], "", nil),
    ]

    @Test(arguments: waits)
    func `the wait is read from headers, else from words`(headers: [(String, String)], words: String, wait: UInt64?) {
        var head = AnswerHead(status: 429)
        for (name, value) in headers { head.take(name: name, value: value) }
        let failure = FailureClassifier.failure(
            provider: "openai",
            head: head,
            body: Array(Self.error(words, code: #""rate_limit_exceeded""#).utf8),
            wallClockSeconds: 784_111_777
        )
        #expect(failure.retryAfterMilliseconds == wait)
    }

    @Test func `the limits of a provider are read from its headers`() {
        var head = AnswerHead(status: 200)
        for (name, value) in [
            ("x-ratelimit-limit-requests", "10"), ("X-RateLimit-Remaining-Requests", "9"),
            ("x-ratelimit-reset-requests", "1m30s"), ("x-ratelimit-limit-tokens", "1000"),
            ("x-ratelimit-remaining-tokens", "none"), ("x-ratelimit-reset-tokens", "21m36.001s"), ("x-other", "1"),
        ] { head.take(name: name, value: value) }
        #expect(head.rates?.requests.limit == 10 && head.rates?.requests.remaining == 9)
        #expect(head.rates?.requests.resetMilliseconds == 90_000 && head.rates?.tokens.limit == 1_000)
        #expect(head.rates?.tokens.remaining == nil && head.rates?.tokens.resetMilliseconds == 1_296_001)
    }
}
