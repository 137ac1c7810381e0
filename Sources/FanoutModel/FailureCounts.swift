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

    /// One of its keys.
    package enum Kind: UInt8, Sendable, Hashable {
        case badRequest
        case authentication
        case timeout
        case rateLimit
        case contentPolicy
        case internalServer
        case serviceUnavailable
        case notFound
        case badGateway
        case others
    }

    /// Names none.
    package init() {}

    /// Whether no key is named.
    package var isEmpty: Bool { self == FailureCounts() }

    /// The count for a failure; `nil` = none is named for it.
    ///
    /// A kind that isn't named falls to the more general one, as LiteLLM's classes inherit, and then to `others`.
    package func count(for code: FailureCode) -> UInt32? {
        self.entry(for: code)?.count
    }

    /// The key that says something of a failure, and what it says; `nil` = none does.
    package func entry(for code: FailureCode) -> (kind: Kind, count: UInt32)? {
        switch code {
        case .contentPolicy: self.first(.contentPolicy, .badRequest)
        case .invalidRequest, .unsupportedParameter, .tooLarge, .contextWindow, .schemaMismatch:
            self.first(.badRequest)
        case .authentication, .permission: self.first(.authentication)
        case .notFound, .noRoute: self.first(.notFound)
        case .rateLimited, .quotaExhausted: self.first(.rateLimit)
        case .timeout: self.first(.timeout)
        case .overloaded: self.first(.serviceUnavailable, .internalServer)
        case .unreachable, .streamBroken, .invalidResponse: self.first(.badGateway, .internalServer)
        case .providerError: self.first(.internalServer)
        default: self.first(.others)
        }
    }

    private func first(_ kind: Kind, _ general: Kind = .others) -> (kind: Kind, count: UInt32)? {
        for kind in [kind, general, .others] {
            if let count = self[kind] { return (kind, count) }
        }
        return nil
    }

    private subscript(kind: Kind) -> UInt32? {
        switch kind {
        case .badRequest: self.badRequest
        case .authentication: self.authentication
        case .timeout: self.timeout
        case .rateLimit: self.rateLimit
        case .contentPolicy: self.contentPolicy
        case .internalServer: self.internalServer
        case .serviceUnavailable: self.serviceUnavailable
        case .notFound: self.notFound
        case .badGateway: self.badGateway
        case .others: self.others
        }
    }
}
