// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutModel

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
    /// `x-ratelimit-reset` or one of its kin that name no meter, as it came.
    package var rateReset = ""
    /// `x-should-retry`; nil = not given.
    package var shouldRetry: Bool?
    /// The class of a failure as a header or a frame names it (`x-amzn-errortype`); empty = none.
    package var errorType = ""
    /// The provider's id of the request; empty = none.
    package var requestID = ""
    /// Tokens of the prompt, from servers whose bodies don't say; nil = not given.
    package var promptTokens: UInt64?
    /// What the provider says of its limits; nil = nothing.
    package var rates: RateReport?

    package init(status: UInt16) {
        self.status = status
    }

    /// Whether a header of that length and first letter may count: most don't, and needn't be made strings.
    package static func mayTake(name first: UInt8, count: Int) -> Bool {
        switch (count, first | 0x20) {
        case (11, UInt8(ascii: "r")), (12, UInt8(ascii: "c")), (14, UInt8(ascii: "r")), (15, UInt8(ascii: "a")),
            (22, UInt8(ascii: "m")), (12...40, UInt8(ascii: "x")):
            true
        default: false
        }
    }

    /// Takes a header if it counts.
    package mutating func take(name: String, value: String) {
        switch name.utf8.count {
        case 11 where Self.same(name, "retry-after"): self.retryAfter = value
        case 10 where Self.same(name, "request-id"): self.requestID = value
        case 12 where Self.same(name, "content-type"): self.contentType = value
        case 12 where Self.same(name, "x-request-id"): self.requestID = value
        case 13 where Self.same(name, "x-ds-trace-id") && self.requestID.isEmpty: self.requestID = value
        case 14 where Self.same(name, "retry-after-ms"): self.retryAfterMilliseconds = value
        case 14 where Self.same(name, "x-should-retry"): self.shouldRetry = Self.boolean(value)
        case 16 where Self.same(name, "x-debug-trace-id") && self.requestID.isEmpty: self.requestID = value
        case 15 where Self.same(name, "x-prompt-tokens"): self.promptTokens = UInt64(value)
        case 32 where Self.same(name, "x-amzn-bedrock-input-token-count"): self.promptTokens = UInt64(value)
        // What follows the colon is the address of a schema.
        case 16 where Self.same(name, "x-amzn-errortype"): self.errorType = String(value.prefix { $0 != ":" })
        case 16 where Self.same(name, "x-amzn-requestid") && self.requestID.isEmpty: self.requestID = value
        case 15 where Self.same(name, "apim-request-id") && self.requestID.isEmpty: self.requestID = value
        case 22 where Self.same(name, "mistral-correlation-id") && self.requestID.isEmpty: self.requestID = value
        case 15 where Self.same(name, "ratelimit-reset"): self.rateReset = value
        case 17 where Self.same(name, "x-ratelimit-reset"): self.rateReset = value
        case 23 where Self.same(name, "x-ratelimit-reset-after"): self.rateReset = value
        // Cohere's, of calls a minute.
        case 27 where Self.same(name, "x-trial-endpoint-call-limit"): self.change { $0.requests.limit = UInt64(value) }
        case 31 where Self.same(name, "x-trial-endpoint-call-remaining"):
            self.change { $0.requests.remaining = UInt64(value) }
        case 17...48 where Self.hasPrefix(name, "x-ratelimit-") || Self.hasPrefix(name, "anthropic-ratelimit-"):
            var rates = self.rates ?? RateReport()
            if rates.take(name: name, value: value) { self.rates = rates }
        default: break
        }
    }

    private mutating func change(_ body: (inout RateReport) -> Void) {
        var rates = self.rates ?? RateReport()
        body(&rates)
        self.rates = rates
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

extension RateReport {
    /// Takes an `x-ratelimit-PART-METER` or `anthropic-ratelimit-METER-PART` header; false if it isn't one of those
    /// known.
    ///
    /// Mistral writes `…-tokens-minute` and `…-req-minute`. When Anthropic's limits are full again is a date, which
    /// says less than what is left of a bucket that fills all the time, and isn't read.
    mutating func take(name: String, value: String) -> Bool {
        var rest = name.lowercased()[...]
        let part: Substring
        if rest.hasPrefix("x-ratelimit-") {
            rest = rest.dropFirst("x-ratelimit-".count)
            guard let dash = rest.firstIndex(of: "-") else { return false }
            part = rest[..<dash]
            rest = rest[rest.index(after: dash)...]
        } else {
            rest = rest.dropFirst("anthropic-ratelimit-".count)
            guard let dash = rest.lastIndex(of: "-") else { return false }
            part = rest[rest.index(after: dash)...]
            rest = rest[..<dash]
        }
        let meter: WritableKeyPath<RateReport, Meter>
        switch rest {
        case "requests", "req-minute": meter = \.requests
        case "tokens", "tokens-minute": meter = \.tokens
        case "input-tokens": meter = \.promptTokens
        case "output-tokens": meter = \.completionTokens
        default: return false
        }
        switch part {
        case "limit": self[keyPath: meter].limit = UInt64(value)
        case "remaining": self[keyPath: meter].remaining = UInt64(value)
        case "reset": self[keyPath: meter].resetMilliseconds = RetryHint.milliseconds(ofDuration: value)
        default: return false
        }
        return true
    }
}
