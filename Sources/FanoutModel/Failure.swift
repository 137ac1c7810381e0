// Fanout
// SPDX-License-Identifier: Apache-2.0

/// Which timer of an attempt ran out.
public enum TimeoutPhase: UInt8, Sendable, Hashable {
    case none = 0
    case connect = 1
    case headers = 2
    case firstContent = 3
    case idle = 4
    case total = 5
}

/// What a provider has too little of, when it answers that it has too many requests.
package enum ExceededLimit: UInt8, Sendable, Hashable {
    /// It doesn't say.
    case unknown
    /// Requests in a span of time.
    case requests
    /// Tokens in a span of time.
    case tokens
    /// Requests at a time.
    case concurrency
}

/// Who or what ended an item that was cancelled.
public enum CancelReason: UInt8, Sendable, Hashable {
    case none = 0
    case client = 1
    case failFast = 2
    case disconnect = 3
    case race = 4
    case drain = 5
    case batchDeadline = 6
    case batchIdle = 7
}

/// Why an item, a message or a connection failed.
///
/// A large value: it is boxed by its owner where it travels often.
public struct Failure: Error, Sendable, Hashable {
    /// The class of the failure.
    public var code: FailureCode
    /// What happened and what to do, for a person.
    public var message: String
    /// Not before this many milliseconds from the moment it was made; `nil` = waiting isn't known to help.
    public var retryAfterMilliseconds: UInt64?
    /// Of a rate limit: which one, as far as the provider says.
    package var exceeded = ExceededLimit.unknown
    /// The provider's own "should be retried" (`x-should-retry`), where it gave one.
    public var shouldRetry: Bool?
    /// The provider's HTTP status; 0 = none.
    public var providerStatus: UInt16 = 0
    /// The provider's own code, untouched.
    public var providerCode = ""
    /// The provider's own type, untouched.
    public var providerType = ""
    /// The provider's own words, untouched; at most 16 KiB.
    public var providerMessage = ""
    /// The parameter or field at fault, for example `messages[2].parts[0]`.
    public var param = ""
    /// The provider's id of the request.
    public var providerRequestID = ""
    /// Which timer ran out.
    public var phase: TimeoutPhase = .none
    /// Who ended it.
    public var cancelReason: CancelReason = .none
    /// No attempt was made.
    public var notStarted = false
    /// An attempt that failed may have been billed.
    public var possibleDoubleSpend = false
    /// One for each leg or group that failed before the last.
    public var causes: [Cause] = []
    /// For `deadlineExceeded`: milliseconds until the earliest start that would have been possible, or, of an item that
    /// was refused before its deadline, until it could have had its turn; 0 = unknown.
    public var earliestMilliseconds: UInt64 = 0

    /// One earlier failure.
    public struct Cause: Sendable, Hashable {
        /// Its class.
        public var code: FailureCode
        /// Its words.
        public var message: String
        /// The model group that was tried.
        public var group: String
        /// The deployment that was tried; empty if none was.
        public var deployment: String
        /// The provider's HTTP status; 0 = none.
        public var providerStatus: UInt16

        /// Makes a cause.
        public init(
            code: FailureCode,
            message: String,
            group: String = "",
            deployment: String = "",
            providerStatus: UInt16 = 0
        ) {
            self.code = code
            self.message = message
            self.group = group
            self.deployment = deployment
            self.providerStatus = providerStatus
        }
    }

    /// Makes a failure.
    public init(_ code: FailureCode, _ message: String, param: String = "") {
        self.code = code
        self.message = message
        self.param = param
    }
}
