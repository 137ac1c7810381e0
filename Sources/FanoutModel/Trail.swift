// Fanout
// SPDX-License-Identifier: Apache-2.0

/// What a cache said.
///
/// The numbers are the wire's.
public enum CacheOutcome: UInt8, Sendable, Hashable {
    case notAsked = 0
    case miss = 1
    case hit = 2
}

/// What happened to an item, truthfully.
public struct Trail: Sendable, Hashable {
    /// Attempts that were started.
    public var attempts: UInt32 = 0
    /// Fallback groups that were entered.
    public var fallbacks: UInt32 = 0
    /// The deployment that gave the result; empty = none did.
    public var deployment = ""
    /// Its model group.
    public var group = ""
    /// Its provider.
    public var provider = ""
    /// From receipt to the first start.
    public var queuedMicroseconds: UInt64 = 0
    /// From receipt to the result.
    public var totalMicroseconds: UInt64 = 0
    /// Of the attempt that gave the result: from its start to the first content.
    public var firstContentMicroseconds: UInt64 = 0
    /// Over all attempts, in 10^-9 US dollars; `nil` = no price is known.
    public var costNanoUSD: Int64?
    /// What the cache said.
    public var cache: CacheOutcome = .notAsked
    /// The result was shared with an identical request.
    public var coalesced = false
    /// Attempts that may have been billed for nothing: failed or stopped without a word that the request was refused,
    /// or sent twice over a connection that was lost.
    public var possiblyBilled: UInt32 = 0
    /// One for each attempt, only where asked for.
    public var details: [Attempt] = []

    /// An empty trail.
    public init() {}

    /// One request to one deployment.
    public struct Attempt: Sendable, Hashable {
        /// Counts from 1.
        public var number: UInt32 = 0
        /// The model group.
        public var group = ""
        /// The deployment.
        public var deployment = ""
        /// `nil` = success.
        public var code: FailureCode?
        /// The failure's words.
        public var message = ""
        /// 0 = no answer.
        public var providerStatus: UInt16 = 0
        /// From the item's receipt.
        public var startedMicroseconds: UInt64 = 0
        /// From the start; 0 = a connection was reused.
        public var connectMicroseconds: UInt64 = 0
        /// From the start.
        public var headersMicroseconds: UInt64 = 0
        /// From the start.
        public var firstContentMicroseconds: UInt64 = 0
        /// From the start.
        public var totalMicroseconds: UInt64 = 0
        /// What the provider asked for; 0 = nothing.
        public var retryAfterMilliseconds: UInt64 = 0
        /// `nil` = not reported.
        public var usage: Usage?
        /// The leg of a race, from 0.
        public var leg: UInt32 = 0
        /// A second copy for speed.
        public var hedge = false
        /// Stopped by Fanout before its end.
        public var stopped = false
        /// It may have been billed for nothing.
        public var possiblyBilled = false

        /// An empty record.
        public init() {}
    }
}
