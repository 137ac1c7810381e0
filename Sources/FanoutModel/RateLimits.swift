// Fanout
// SPDX-License-Identifier: Apache-2.0

/// What may be asked of a deployment, or of all deployments of one key together.
///
/// `nil` = no limit known.
package struct RateLimits: Sendable, Hashable {
    /// `rpm`.
    package var requestsPerMinute: Double?
    /// `tpm`: prompt and completion tokens together.
    package var tokensPerMinute: Double?
    /// `itpm`.
    package var promptTokensPerMinute: Double?
    /// `otpm`.
    package var completionTokensPerMinute: Double?

    /// No limit known.
    package init() {}

    /// Whether no limit is known.
    package var isEmpty: Bool { self == RateLimits() }
}

/// The limits that all deployments of one key share.
package struct AccountLimits: Sendable, Hashable {
    /// What status and logs call it; never the key.
    package var name: String
    package var rates = RateLimits()
    /// The most attempts in flight; `nil` = no limit known.
    package var maxConcurrency: UInt32?

    /// Makes limits.
    package init(name: String) {
        self.name = name
    }
}

/// What a provider says of its own limits, in the headers of any answer.
///
/// The numbers are hints: OpenAI has been seen to report 196 requests left beside a 429 for requests.
package struct RateReport: Sendable, Hashable {
    package var requests = Meter()
    /// Prompt and completion tokens together.
    package var tokens = Meter()
    package var promptTokens = Meter()
    package var completionTokens = Meter()

    /// One limit.
    package struct Meter: Sendable, Hashable {
        /// The most in a period (a minute, unless the provider says otherwise); `nil` = not said.
        package var limit: UInt64?
        /// What is left; `nil` = not said.
        package var remaining: UInt64?
        /// Until it is full again; `nil` = not said.
        package var resetMilliseconds: UInt64?

        /// Says nothing.
        package init() {}

        /// Whether anything is said.
        package var isEmpty: Bool { self == Meter() }
    }

    /// Says nothing.
    package init() {}

    /// Whether anything is said.
    package var isEmpty: Bool { self == RateReport() }
}
