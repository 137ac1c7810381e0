// Fanout
// SPDX-License-Identifier: Apache-2.0

/// A count for each kind of failure: LiteLLM's `RetryPolicy` (`BadRequestErrorRetries`, …) and `AllowedFailsPolicy`
/// (`BadRequestErrorAllowedFails`, …).
///
/// `nil` = not named.
package struct FailureCounts: Sendable, Hashable {
    package var badRequest: UInt32?
    package var authentication: UInt32?
    package var timeout: UInt32?
    package var rateLimit: UInt32?
    package var contentPolicy: UInt32?
    package var internalServer: UInt32?
    package var serviceUnavailable: UInt32?
    package var notFound: UInt32?
    package var badGateway: UInt32?
    /// `DefaultRetries`, for what no other key names.
    package var others: UInt32?

    /// Names none.
    package init() {}

    /// Whether no key is named.
    package var isEmpty: Bool { self == FailureCounts() }

    /// The count for a failure; `nil` = none is named for it.
    ///
    /// A kind that isn't named falls to the more general one, as LiteLLM's classes inherit, and then to `others`.
    package func count(for code: FailureCode) -> UInt32? {
        switch code {
        case .contentPolicy: self.contentPolicy ?? self.badRequest ?? self.others
        case .invalidRequest, .unsupportedParameter, .tooLarge, .contextWindow, .schemaMismatch:
            self.badRequest ?? self.others
        case .authentication, .permission: self.authentication ?? self.others
        case .notFound, .noRoute: self.notFound ?? self.others
        case .rateLimited, .quotaExhausted: self.rateLimit ?? self.others
        case .timeout: self.timeout ?? self.others
        case .overloaded: self.serviceUnavailable ?? self.internalServer ?? self.others
        case .unreachable, .streamBroken, .invalidResponse:
            self.badGateway ?? self.internalServer ?? self.others
        case .providerError: self.internalServer ?? self.others
        default: self.others
        }
    }
}
