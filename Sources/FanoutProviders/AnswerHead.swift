// Fanout
// SPDX-License-Identifier: Apache-2.0

/// What counts of an HTTP answer's head: its status and the few headers that mean something.
///
/// The headers are taken one by one as the connection's codec has them, so that nothing is copied that nobody reads.
package struct AnswerHead: Sendable, Hashable {
    /// The HTTP status.
    package var status: UInt16
    /// `content-type`; empty = none.
    package var contentType = ""
    /// `retry-after`, as it came.
    package var retryAfter = ""
    /// `retry-after-ms`, as it came.
    package var retryAfterMilliseconds = ""
    /// `x-should-retry`; nil = not given.
    package var shouldRetry: Bool?
    /// The provider's id of the request; empty = none.
    package var requestID = ""
    /// What the provider says of its limits; nil = nothing.
    package var rates: RateReport?

    package init(status: UInt16) {
        self.status = status
    }

    /// Takes a header if it counts.
    package mutating func take(name: String, value: String) {
        switch name.utf8.count {
        case 11 where Self.same(name, "retry-after"): self.retryAfter = value
        case 12 where Self.same(name, "content-type"): self.contentType = value
        case 12 where Self.same(name, "x-request-id"): self.requestID = value
        case 13 where Self.same(name, "x-ds-trace-id") && self.requestID.isEmpty: self.requestID = value
        case 14 where Self.same(name, "retry-after-ms"): self.retryAfterMilliseconds = value
        case 14 where Self.same(name, "x-should-retry"): self.shouldRetry = Self.boolean(value)
        case 15 where Self.same(name, "apim-request-id") && self.requestID.isEmpty: self.requestID = value
        case 22 where Self.same(name, "mistral-correlation-id") && self.requestID.isEmpty: self.requestID = value
        case 17...40 where Self.hasPrefix(name, "x-ratelimit-"):
            var rates = self.rates ?? RateReport()
            if rates.take(name: name, value: value) { self.rates = rates }
        default: break
        }
    }

    /// Whether the status says success.
    package var isSuccess: Bool { (200..<300).contains(self.status) }

    private static func boolean(_ value: String) -> Bool? {
        switch value {
        case "true": true
        case "false": false
        default: nil
        }
    }

    static func same(_ name: String, _ lowercase: StaticString) -> Bool {
        name.utf8.count == lowercase.utf8CodeUnitCount && self.hasPrefix(name, lowercase)
    }

    static func hasPrefix(_ name: String, _ lowercase: StaticString) -> Bool {
        var index = 0
        for byte in name.utf8 {
            guard index < lowercase.utf8CodeUnitCount else { return true }
            let letter = (0x41...0x5A).contains(byte) ? byte | 0x20 : byte
            guard letter == lowercase.utf8Start[index] else { return false }
            index += 1
        }
        return index == lowercase.utf8CodeUnitCount
    }
}

/// What a provider says of its own limits, in the headers of any answer.
///
/// The numbers are hints: OpenAI has been seen to report 196 requests left beside a 429 for requests.
package struct RateReport: Sendable, Hashable {
    /// Requests a period; nil = not said.
    package var limitRequests: UInt64?
    /// Requests left.
    package var remainingRequests: UInt64?
    /// Milliseconds until the requests are full again.
    package var resetRequestsMilliseconds: UInt64?
    /// Tokens a period.
    package var limitTokens: UInt64?
    /// Tokens left.
    package var remainingTokens: UInt64?
    /// Milliseconds until the tokens are full again.
    package var resetTokensMilliseconds: UInt64?

    package init() {}

    /// Takes an `x-ratelimit-…` header; false if it isn't one of those known.
    mutating func take(name: String, value: String) -> Bool {
        if AnswerHead.same(name, "x-ratelimit-limit-requests") || AnswerHead.same(name, "x-ratelimit-limit-req-minute")
        {
            self.limitRequests = UInt64(value)
        } else if AnswerHead.same(name, "x-ratelimit-remaining-requests")
            || AnswerHead.same(name, "x-ratelimit-remaining-req-minute")
        {
            self.remainingRequests = UInt64(value)
        } else if AnswerHead.same(name, "x-ratelimit-reset-requests") {
            self.resetRequestsMilliseconds = RetryHint.milliseconds(ofDuration: value)
        } else if AnswerHead.same(name, "x-ratelimit-limit-tokens")
            || AnswerHead.same(name, "x-ratelimit-limit-tokens-minute")
        {
            self.limitTokens = UInt64(value)
        } else if AnswerHead.same(name, "x-ratelimit-remaining-tokens")
            || AnswerHead.same(name, "x-ratelimit-remaining-tokens-minute")
        {
            self.remainingTokens = UInt64(value)
        } else if AnswerHead.same(name, "x-ratelimit-reset-tokens") {
            self.resetTokensMilliseconds = RetryHint.milliseconds(ofDuration: value)
        } else {
            return false
        }
        return true
    }
}
