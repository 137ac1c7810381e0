// Fanout
// SPDX-License-Identifier: Apache-2.0

/// The order in which results are sent.
///
/// The numbers are the wire's.
public enum Ordering: UInt8, Sendable, Hashable {
    case completion = 1
    case input = 2
}

/// What becomes of a streamed item whose stream breaks after content.
///
/// The numbers are the wire's.
public enum OnStreamBreak: UInt8, Sendable, Hashable {
    case restart = 1
    case fail = 2
}

/// How urgent a batch is.
///
/// The numbers are the wire's.
public enum PriorityClass: UInt8, Sendable, Hashable, CaseIterable, Comparable {
    case system = 1
    case interactive = 2
    case standard = 3
    case bulk = 4

    /// The more urgent one first.
    public static func < (left: PriorityClass, right: PriorityClass) -> Bool {
        left.rawValue < right.rawValue
    }
}

/// How much of a trail a result carries.
///
/// The numbers are the wire's.
public enum TrailLevel: UInt8, Sendable, Hashable {
    case none = 1
    case brief = 2
    case full = 3
}

/// How a batch is run.
public struct BatchOptions: Sendable, Hashable {
    /// The most items in flight at once; 0 = automatic.
    public var maxConcurrency: UInt32 = 0
    /// The first failed item ends the batch.
    public var failFast = false
    /// The order of results.
    public var ordering: Ordering = .completion
    /// Send deltas.
    public var stream = false
    /// After content, restart elsewhere or fail.
    public var onStreamBreak: OnStreamBreak = .restart
    /// For each item, from the receipt of its frame; 0 = the class's default.
    public var deadlineMilliseconds: UInt64 = 0
    /// For the batch, from its receipt; 0 = none.
    public var batchDeadlineMilliseconds: UInt64 = 0
    /// Results that may be sent before a credit; 0 = unlimited.
    public var initialCredit: UInt32 = 0
    /// For one attempt, from its dispatch; 0 = as configured.
    public var attemptTimeoutMilliseconds: UInt64 = 0
    /// How urgent it is.
    public var priorityClass: PriorityClass = .standard
    /// Lower first, inside the class.
    public var priority: Int32 = 0
    /// Send progress.
    public var progress = false
    /// No attempt starts once this is spent, in 10^-9 US dollars; 0 = no bound.
    public var maxCostNanoUSD: Int64 = 0
    /// How much of a trail each result carries.
    public var trail: TrailLevel = .brief
    /// Identical requests in flight may share one attempt.
    public var coalesce = false

    /// The defaults.
    public init() {}

    /// The deadline of an item that names none: ten minutes, for class bulk 24 hours.
    package var itemDeadlineMilliseconds: UInt64 {
        if self.deadlineMilliseconds != 0 { return self.deadlineMilliseconds }
        return self.priorityClass == .bulk ? 86_400_000 : 600_000
    }
}

/// What an item asks of a response cache.
public struct CacheControl: Sendable, Hashable {
    /// Don't read.
    public var noCache = false
    /// Don't write.
    public var noStore = false
    /// How long an entry lives; 0 = as configured.
    public var ttlMilliseconds: UInt64 = 0
    /// The oldest entry accepted; 0 = any.
    public var maxAgeMilliseconds: UInt64 = 0
    /// A separate room in the cache; empty = the common one.
    public var namespace = ""

    /// The defaults.
    public init() {}
}

/// One request of a batch.
public struct Item: Sendable, Hashable {
    /// The caller's own name for it.
    public var id = ""
    /// What is asked.
    public var request: Request
    /// From the receipt of its frame; 0 = the batch's.
    public var deadlineMilliseconds: UInt64 = 0
    /// For one attempt; 0 = the batch's.
    public var attemptTimeoutMilliseconds: UInt64 = 0
    /// The most attempts in all; 0 = as configured.
    public var maxAttempts: UInt32 = 0
    /// Model groups to try after its own, in place of the configured ones.
    public var fallbacks: [String] = []
    /// No fallback group at all.
    public var disableFallbacks = false
    /// What it asks of the cache.
    public var cache = CacheControl()
    /// Tags that deployments may be filtered by.
    public var tags: [String] = []
    /// The caller's own notes; never sent to a provider.
    public var metadata: [Metadata] = []
    /// The model groups that race for it; empty = no race.
    public var race: [String] = []
    /// How many of them run at once; 0 = all.
    public var raceWidth: UInt32 = 0
    /// Lower first; `nil` = the batch's.
    public var priority: Int32?
    /// W3C Trace Context; empty = none.
    public var traceparent = ""
    /// The only region that a deployment may be in: `eu`, `us`, or a provider's own name of one; empty = any.
    public var region = ""
    /// Goes to a deployment that is cooling rather than wait for it, where no other can serve.
    ///
    /// Never to one whose key doesn't work, or whose account has run dry.
    public var triesUnhealthy = false
    /// What some of the fallbacks are asked in place of `request`, at most one for each.
    ///
    /// Such an item shares no answer with others: it is neither cached nor coalesced.
    public var fallbackRequests: [FallbackRequest] = []

    /// What a fallback is asked in place of the item's request.
    public struct FallbackRequest: Sendable, Hashable {
        /// Its place in ``Item/fallbacks``, from 0.
        public var fallback: UInt32
        /// All of it, of the kind that the item's is; its model is the fallback's.
        ///
        /// Which deployments may take the item, and what is reserved for it, follows from the item's own request.
        public var request: Request

        /// Makes one.
        public init(fallback: UInt32, request: Request) {
            self.fallback = fallback
            self.request = request
        }
    }

    /// A note of the caller.
    public struct Metadata: Sendable, Hashable {
        /// At most 256 bytes.
        public var key: String
        /// The note.
        public var value: String

        /// Makes a note.
        public init(key: String, value: String) {
            self.key = key
            self.value = value
        }
    }

    /// Makes an item.
    public init(request: Request) {
        self.request = request
    }
}

/// One item's end.
public struct ItemResult: Sendable, Hashable {
    /// The item's index in its batch.
    public var index: UInt32
    /// The caller's own name for it.
    public var id: String
    /// What came of it.
    public var outcome: Result<Response, Failure>
    /// What happened to it; `nil` = not asked for.
    public var trail: Trail?

    /// Makes a result.
    public init(index: UInt32, id: String, outcome: Result<Response, Failure>, trail: Trail?) {
        self.index = index
        self.id = id
        self.outcome = outcome
        self.trail = trail
    }
}

/// A batch's end.
public struct BatchSummary: Sendable, Hashable {
    /// Items in all.
    public var items: UInt64 = 0
    /// Items with a response.
    public var succeeded: UInt64 = 0
    /// Items with a failure.
    public var failed: UInt64 = 0
    /// Of those: cancelled or not started.
    public var cancelled: UInt64 = 0
    /// Failures by code.
    public var failures: [FailureCode: UInt64] = [:]
    /// From the batch's receipt.
    public var durationMicroseconds: UInt64 = 0
    /// Over all items.
    public var usage = Usage()
    /// Over all attempts, in 10^-9 US dollars; `nil` = no price is known for any.
    public var costNanoUSD: Int64?
    /// Items whose price is not known.
    public var unpriced: UInt64 = 0
    /// Attempts in all.
    public var attempts: UInt64 = 0
    /// Items answered by the cache.
    public var cacheHits: UInt64 = 0

    /// An empty summary.
    public init() {}
}

/// Where a batch stands.
public struct BatchProgress: Sendable, Hashable {
    /// Items so far.
    public var items: UInt64 = 0
    /// Items with a response.
    public var succeeded: UInt64 = 0
    /// Items with a failure.
    public var failed: UInt64 = 0
    /// Items with an attempt under way.
    public var running: UInt64 = 0
    /// Items that wait.
    public var waiting: UInt64 = 0
    /// Results a second over the last ten seconds, in thousandths.
    public var rateMilli: UInt64 = 0
    /// Over all items so far.
    public var usage = Usage()
    /// Until the last result; 0 = not known.
    public var etaMilliseconds: UInt64 = 0
    /// Probably not before.
    public var etaLowMilliseconds: UInt64 = 0
    /// Probably not after.
    public var etaHighMilliseconds: UInt64 = 0
    /// No more items will come.
    public var closed = false

    /// Nothing yet.
    public init() {}
}
