// Fanout
// SPDX-License-Identifier: Apache-2.0

/// Why something failed: the one closed list, with the numbers of the wire.
///
/// docs/failures.md has the same table for readers; a test compares them.
public enum FailureCode: UInt16, Sendable, Hashable, CaseIterable {
    case invalidRequest = 100
    case unsupportedParameter = 101
    case tooLarge = 102
    case contextWindow = 103
    case contentPolicy = 104
    case noRoute = 105

    case authentication = 200
    case permission = 201
    case notFound = 202
    case quotaExhausted = 203

    case rateLimited = 300
    case overloaded = 301
    case admissionRefused = 302
    case budgetExceeded = 303
    case deadlineExceeded = 304

    case providerError = 400
    case unreachable = 401
    case timeout = 402
    case streamBroken = 403
    case invalidResponse = 404
    case schemaMismatch = 405

    case cancelled = 500
    case notStarted = 501

    case `internal` = 600

    case badFrame = 700
    case frameTooLarge = 701
    case wrongState = 702
    case unsupportedVersion = 703
    case helloTimeout = 704
    case frameTimeout = 705
    case windowExceeded = 706
    case slowReader = 707
    case flood = 708
    case tooManyConnections = 709

    /// The code as the wire and the logs spell it, for example `RATE_LIMITED`.
    public var name: String { self.traits.name }
}

/// Whose fault a failure is.
public enum Fault: UInt8, Sendable, Hashable {
    case caller
    case account
    case capacity
    case provider
    case lifeCycle
    case fanout
    case connection
}

/// What follows from a failure code.
public struct FailureTraits: Sendable, Hashable {
    /// The spelling of the wire and the logs.
    public var name: String
    /// Whose fault it is.
    public var fault: Fault
    /// Whether the same lane may be tried again for the item.
    public var retriesSameLane: Bool
    /// Whether another lane of the same model group may be tried.
    public var retriesOtherLane: Bool
    /// Whether a configured fallback group may be tried.
    public var fallsBack: Bool
    /// Whether the lane's breaker counts it.
    public var countsAgainstLane: Bool
    /// The HTTP status that a client of HTTP would be given.
    public var status: UInt16
    /// The exception class of LiteLLM that means the same.
    public var exception: String
}

extension FailureCode {
    /// What follows from this code.
    public var traits: FailureTraits {
        switch self {
        case .invalidRequest, .unsupportedParameter, .tooLarge, .contextWindow, .contentPolicy, .noRoute:
            self.callerTraits
        case .authentication, .permission, .notFound, .quotaExhausted:
            self.accountTraits
        case .rateLimited, .overloaded, .admissionRefused, .budgetExceeded, .deadlineExceeded:
            self.capacityTraits
        case .providerError, .unreachable, .timeout, .streamBroken, .invalidResponse, .schemaMismatch:
            self.providerTraits
        case .cancelled:
            Self.row("CANCELLED", .lifeCycle, "----", 499, "APIError")
        case .notStarted:
            Self.row("NOT_STARTED", .lifeCycle, "----", 503, "ServiceUnavailableError")
        case .internal:
            Self.row("INTERNAL", .fanout, "----", 500, "InternalServerError")
        case .badFrame, .frameTooLarge, .wrongState, .unsupportedVersion, .helloTimeout, .frameTimeout,
            .windowExceeded, .slowReader, .flood, .tooManyConnections:
            self.connectionTraits
        }
    }

    private var callerTraits: FailureTraits {
        switch self {
        case .unsupportedParameter:
            Self.row("UNSUPPORTED_PARAMETER", .caller, "-of-", 400, "UnsupportedParamsError")
        case .tooLarge: Self.row("TOO_LARGE", .caller, "--f-", 413, "BadRequestError")
        case .contextWindow: Self.row("CONTEXT_WINDOW", .caller, "--f-", 400, "ContextWindowExceededError")
        case .contentPolicy: Self.row("CONTENT_POLICY", .caller, "----", 400, "ContentPolicyViolationError")
        case .noRoute: Self.row("NO_ROUTE", .caller, "--f-", 404, "NotFoundError")
        default: Self.row("INVALID_REQUEST", .caller, "--f-", 400, "BadRequestError")
        }
    }

    private var accountTraits: FailureTraits {
        switch self {
        case .permission: Self.row("PERMISSION", .account, "-of-", 403, "PermissionDeniedError")
        case .notFound: Self.row("NOT_FOUND", .account, "-of-", 404, "NotFoundError")
        case .quotaExhausted: Self.row("QUOTA_EXHAUSTED", .account, "-of-", 402, "RateLimitError")
        default: Self.row("AUTHENTICATION", .account, "-of-", 401, "AuthenticationError")
        }
    }

    private var capacityTraits: FailureTraits {
        switch self {
        case .overloaded: Self.row("OVERLOADED", .capacity, "sofb", 503, "ServiceUnavailableError")
        case .admissionRefused: Self.row("ADMISSION_REFUSED", .capacity, "----", 429, "RateLimitError")
        case .budgetExceeded: Self.row("BUDGET_EXCEEDED", .capacity, "-of-", 402, "RateLimitError")
        case .deadlineExceeded: Self.row("DEADLINE_EXCEEDED", .capacity, "----", 408, "Timeout")
        default: Self.row("RATE_LIMITED", .capacity, "sof-", 429, "RateLimitError")
        }
    }

    private var providerTraits: FailureTraits {
        switch self {
        case .unreachable: Self.row("UNREACHABLE", .provider, "sofb", 502, "APIConnectionError")
        case .timeout: Self.row("TIMEOUT", .provider, "sofb", 408, "Timeout")
        case .streamBroken: Self.row("STREAM_BROKEN", .provider, "sofb", 502, "APIConnectionError")
        case .invalidResponse: Self.row("INVALID_RESPONSE", .provider, "sofb", 502, "APIError")
        case .schemaMismatch: Self.row("SCHEMA_MISMATCH", .provider, "sof-", 422, "APIError")
        default: Self.row("PROVIDER_ERROR", .provider, "sofb", 500, "InternalServerError")
        }
    }

    private var connectionTraits: FailureTraits {
        let name =
            switch self {
            case .frameTooLarge: "FRAME_TOO_LARGE"
            case .wrongState: "WRONG_STATE"
            case .unsupportedVersion: "UNSUPPORTED_VERSION"
            case .helloTimeout: "HELLO_TIMEOUT"
            case .frameTimeout: "FRAME_TIMEOUT"
            case .windowExceeded: "WINDOW_EXCEEDED"
            case .slowReader: "SLOW_READER"
            case .flood: "FLOOD"
            case .tooManyConnections: "TOO_MANY_CONNECTIONS"
            default: "BAD_FRAME"
            }
        return Self.row(name, .connection, "----", 400, "APIConnectionError")
    }

    /// `rules` holds s (same lane), o (other lane), f (fallback group), b (breaker), or a dash for each.
    private static func row(
        _ name: String,
        _ fault: Fault,
        _ rules: StaticString,
        _ status: UInt16,
        _ exception: String
    ) -> FailureTraits {
        let bits = rules.withUTF8Buffer { buffer in buffer.map { $0 != UInt8(ascii: "-") } }
        return FailureTraits(
            name: name,
            fault: fault,
            retriesSameLane: bits[0],
            retriesOtherLane: bits[1],
            fallsBack: bits[2],
            countsAgainstLane: bits[3],
            status: status,
            exception: exception
        )
    }
}
