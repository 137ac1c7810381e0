// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// Phrases by which providers say what their codes don't.
///
/// All are searched in lower case, each list for its own class.
enum FailurePatterns {
    /// The class that the words of an answer name; nil = they name none.
    static func code(in text: [UInt8], status: UInt16) -> FailureCode? {
        if status < 500, self.isContextWindow(text) { return .contextWindow }
        if self.isTooLargeEver(text) { return .tooLarge }
        if let code = self.accountCode(in: text, status: status) { return code }
        if status < 500, TextSearch.contains(self.contentPolicy, in: text) { return .contentPolicy }
        if status == 400, TextSearch.contains(self.authentication, in: text) { return .authentication }
        if status == 400, TextSearch.contains(self.permission, in: text) { return .permission }
        if self.saysOverloaded(status), TextSearch.contains(self.overloaded, in: text) { return .overloaded }
        if status == 422, TextSearch.contains(["is not a valid field"], in: text) { return .unsupportedParameter }
        if status == 400 || status == 422, TextSearch.contains(self.notFound, in: text) { return .notFound }
        if status == 200, TextSearch.contains(["rate limit", "too many requests"], in: text) { return .rateLimited }
        return nil
    }

    /// "Request too large … Limit 30000, Requested 40000": more than a whole period ever allows.
    static func isTooLargeEver(_ text: [UInt8]) -> Bool {
        guard TextSearch.firstIndex(of: "request too large", in: text) != nil else { return false }
        guard let limit = TextSearch.number(after: "limit ", in: text),
            let requested = TextSearch.number(after: "requested ", in: text)
        else { return true }
        return requested > limit
    }

    /// Which limit the words or codes of a 429 name: OpenAI's type is `tokens` or `requests`, others say it in words.
    static func exceededLimit(_ words: ProviderWords) -> ExceededLimit {
        let all = [words.message, words.inner, words.code, words.type].joined(separator: "\n")
        let text = TextSearch.lowercased(all)
        if TextSearch.contains(self.concurrency, in: text) { return .concurrency }
        if words.type == "tokens" || TextSearch.contains(self.tokens, in: text) { return .tokens }
        if words.type == "requests" || TextSearch.contains(self.requests, in: text) { return .requests }
        return .unknown
    }

    private static func isContextWindow(_ text: [UInt8]) -> Bool {
        if TextSearch.contains(self.contextWindow, in: text) { return true }
        return TextSearch.contains(["input token count"], in: text) && TextSearch.contains(["exceeds"], in: text)
            || TextSearch.contains(["must be <="], in: text) && TextSearch.contains(["max_new_tokens"], in: text)
            || TextSearch.contains(["current length is"], in: text) && TextSearch.contains(["while limit is"], in: text)
            || TextSearch.contains(["maximum input length is"], in: text) && TextSearch.contains(["tokens"], in: text)
    }

    private static func accountCode(in text: [UInt8], status: UInt16) -> FailureCode? {
        if status == 402 { return .quotaExhausted }
        if TextSearch.contains(["exceeded your current quota"], in: text) {
            // Google says so of a quota a minute, too, and then names the quota; one a day, or of nothing at all, isn't
            // worth the wait that it names beside it.
            let isOver =
                TextSearch.contains(["perday", "\"quotavalue\":\"0\""], in: text)
                || TextSearch.number(after: "limit: ", in: text) == 0
            return !isOver && TextSearch.contains(["perminute"], in: text) ? .rateLimited : .quotaExhausted
        }
        guard status == 400 || status == 403 || status == 429 || status == 200 else { return nil }
        return TextSearch.contains(self.quota, in: text) ? .quotaExhausted : nil
    }

    private static func saysOverloaded(_ status: UInt16) -> Bool {
        status >= 500 || status == 429 || status == 200
    }

    private static let concurrency: [StaticString] = [
        "concurrent request", "concurrent connection", "concurrency", "parallel request", "simultaneous request",
        "requests in flight",
    ]

    private static let tokens: [StaticString] = [
        "tokens per min", "(tpm)", "tokens per day", "(tpd)", "token rate limit", "tokensperminute",
        "tokens_per_minute",
        "token_limit", "tokencount", "token_count",
    ]

    private static let requests: [StaticString] = [
        "requests per min", "(rpm)", "requests per day", "(rpd)", "requests per second", "requestsperminute",
        "requestsperday", "requests_per_minute", "request rate limit",
    ]

    private static let contextWindow: [StaticString] = [
        "context_length_exceeded", "maximum context length", "prompt is too long",
        "prompt too long; exceeded max context",
        "exceed context", "exceed the context", "exceed max context", "exceeds context", "exceeds the context",
        "exceeds max context", "exceeded context", "exceeded the context", "exceeded max context",
        "too many tokens: size limit", "input is too long for requested model", "input tokens exceeded",
        "input tokens exceed the configured limit", "reduce the length of the messages",
        "reduce the length of the input",
        "maximum prompt length is", "context length is only", "the input length exceeds",
        "exceeds the available context",
        "too_many_prompt_tokens", "exceeds the maximum number of tokens allowed", "model's maximum context limit",
        "is longer than the model's context length", "`inputs` must have less than",
        "too many input tokens",
    ]

    private static let quota: [StaticString] = [
        "insufficient_quota", "credit balance is too low", "insufficient balance", "requires more credits",
        "included credits", "spending limit", "used all available credits", "api calls / month",
    ]

    private static let contentPolicy: [StaticString] = [
        "responsibleaipolicyviolation", "content management policy", "content_policy_violation",
        "violating our usage policy", "safety system", "content filtering policy",
    ]

    private static let authentication: [StaticString] = [
        "incorrect api key", "api key not valid", "api_key_invalid", "invalid api key",
    ]

    private static let permission: [StaticString] = [
        "user location is not supported", "is not available in your country",
    ]

    private static let overloaded: [StaticString] = [
        "overloaded", "at capacity", "capacity limit", "capacity exceeded", "currently loading",
        "insufficient_system_resource", "upstream connect error", "server busy",
    ]

    private static let notFound: [StaticString] = [
        "is not a valid model id", "the supported api model names are", "model not found", "invalid model:",
        "the provided model identifier is invalid", "on-demand throughput isn",
    ]
}
