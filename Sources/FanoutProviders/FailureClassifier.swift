// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutModel

/// Puts a provider's failed answer into a class of the failure table.
///
/// The body's own code and type count first, patterns in its words second, the status last: 429 carries rate limits and
/// empty accounts alike, and 400 carries whatever you like. Words such as "rate limit" in a 400 decide nothing.
package enum FailureClassifier {
    /// The failure that an answer means.
    /// - Parameters:
    ///   - provider: The provider's name.
    ///   - head: Status and headers; status 200 for an error inside a stream.
    ///   - body: The body, or the event's data.
    ///   - wallClockSeconds: Seconds since 1970, for a `retry-after` that is a date.
    /// - Returns: The class, a sentence, the provider's words untouched and bounded, and the wait it asks for.
    package static func failure(
        provider: String,
        head: AnswerHead,
        body: [UInt8],
        wallClockSeconds: Int64
    ) -> Failure {
        var words = ProviderWords(body: body)
        if words.type.isEmpty { words.type = TextSearch.cut(head.errorType, toBytes: 256) }
        // Inside a stream the HTTP status was 200 long before; OpenRouter and others give the real one as the code.
        let status = head.isSuccess ? (UInt16(words.code).flatMap { $0 >= 400 ? $0 : nil } ?? head.status) : head.status
        let code = self.code(words: words, status: status, provider: provider)
        let place = head.isSuccess ? "inside its answer" : "with status \(head.status)"
        var failure = Failure(code, self.message(code, provider, place, words.message))
        failure.providerStatus = head.status
        failure.providerCode = words.code
        failure.providerType = words.type
        failure.providerMessage = words.message
        failure.param = words.param
        failure.providerRequestID = head.requestID
        failure.shouldRetry = head.shouldRetry
        if code == .rateLimited { failure.exceeded = FailurePatterns.exceededLimit(words) }
        failure.retryAfterMilliseconds = RetryHint.milliseconds(of: head, wallClockSeconds: wallClockSeconds)
        if failure.retryAfterMilliseconds == nil, code == .rateLimited || code == .overloaded {
            failure.retryAfterMilliseconds =
                RetryHint.milliseconds(ofDuration: words.retryDelay)
                ?? RetryHint.milliseconds(inText: words.message) ?? RetryHint.milliseconds(inText: words.inner)
                ?? RetryHint.milliseconds(ofReset: head, wallClockSeconds: wallClockSeconds)
        }
        return failure
    }

    /// The sentence of a failure: who, where, in which words, and what to do.
    static func message(_ code: FailureCode, _ provider: String, _ place: String, _ words: String) -> String {
        let spoken = self.summary(words)
        return spoken.isEmpty
            ? "\(provider) failed \(place) and without words; \(self.advice(code))"
            : "\(provider) failed \(place): \(spoken); \(self.advice(code))"
    }

    static func code(words: ProviderWords, status: UInt16, provider: String) -> FailureCode {
        let text = TextSearch.lowercased(words.message + "\n" + words.inner)
        if let code = self.code(byName: words.code, words: words, text: text, status: status)
            ?? self.code(byName: words.type, words: words, text: text, status: status)
        {
            return code
        }
        if !words.inner.isEmpty {
            // The words of a provider behind a gateway may be an error body of their own.
            let inner = ProviderWords(body: Array(words.inner.utf8))
            if let code = self.code(byName: inner.code, words: inner, text: text, status: status)
                ?? self.code(byName: inner.type, words: inner, text: text, status: status)
            {
                return code
            }
        }
        if provider == "mistral", words.code == "3505" { return .overloaded }
        // Cohere's for a token that isn't valid; Groq's means something else.
        if provider.hasPrefix("cohere"), status == 498 { return .authentication }
        return FailurePatterns.code(in: text, status: status) ?? self.code(ofStatus: status)
    }

    /// A provider's code or type that means one thing wherever it occurs.
    private static func code(
        byName name: String,
        words: ProviderWords,
        text: [UInt8],
        status: UInt16
    ) -> FailureCode? {
        switch name {
        case "context_length_exceeded", "exceed_context_size_error", "TOO_MANY_TOKENS", "too_many_prompt_tokens":
            return .contextWindow
        case "insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "insufficient_balance":
            return .quotaExhausted
        case "content_filter", "content_policy_violation", "ResponsibleAIPolicyViolation":
            return .contentPolicy
        case "invalid_api_key", "authentication_error", "UNAUTHENTICATED", "API_KEY_INVALID":
            return .authentication
        case "permission_error", "PERMISSION_DENIED", "unsupported_country_region_territory", "request_forbidden":
            return .permission
        case "model_not_found", "DeploymentNotFound", "unknown_model", "invalid_model", "not_found_error",
            "NotFoundError":
            return .notFound
        case "unsupported_parameter", "unknown_parameter":
            return .unsupportedParameter
        case "tool_use_failed", "INVALID_TOOL_GENERATION":
            // The model's own call didn't follow the tool's schema; another try may.
            return .schemaMismatch
        case "rate_limit_exceeded", "rate_limited", "RateLimitReached", "rate_limit_error", "too_many_requests_error":
            return FailurePatterns.isTooLargeEver(text) || status == 413 ? .tooLarge : .rateLimited
        case "overloaded_error", "overloaded", "insufficient_system_resource":
            return .overloaded
        // The last two are text-generation-inference's.
        case "model_error", "generation", "incomplete_generation":
            return .providerError
        default:
            return AWSException.code(of: name, text: text)
        }
    }

    private static func code(ofStatus status: UInt16) -> FailureCode {
        switch status {
        case 401: .authentication
        case 402: .quotaExhausted
        case 403: .permission
        case 404, 405, 410: .notFound
        case 408, 504: .timeout
        case 413: .tooLarge
        case 429: .rateLimited
        // 498 is Groq's for no capacity, 529 Anthropic's for overload.
        case 498, 503, 529: .overloaded
        // A conflict or a closed request at the provider's own gateway; OpenAI's clients try 409 again.
        case 409, 499: .providerError
        case 400..<500: .invalidRequest
        case 300..<400: .invalidResponse
        default: .providerError
        }
    }

    private static func summary(_ message: String) -> String {
        let cut = TextSearch.cut(message, toBytes: 300)
        let line = cut.split(whereSeparator: \.isNewline).joined(separator: " ")
        return cut.utf8.count < message.utf8.count ? line + " …" : line
    }

    private static func advice(_ code: FailureCode) -> String {
        switch code {
        case .contextWindow: "shorten the messages or take a model with a larger context window"
        case .quotaExhausted: "the account has nothing left: waiting doesn't help, its owner must add credit"
        case .contentPolicy: "the provider's content policy refused it"
        case .authentication: "check the key that the configuration names"
        case .permission: "the key may not do this: check its rights and the region"
        case .notFound: "check the model's name and the base URL in the configuration"
        case .tooLarge: "it can't succeed unchanged: make the request smaller"
        case .unsupportedParameter: "leave the parameter out or set drop_params"
        case .rateLimited, .overloaded: "it can be tried again later"
        case .invalidRequest: "correct the request"
        case .invalidResponse: "check the base URL in the configuration"
        default: "it can be tried again"
        }
    }
}
