// Fanout
// SPDX-License-Identifier: Apache-2.0

/// How requests are routed: LiteLLM's `router_settings` and ours.
package struct RoutingSettings: Sendable, Hashable {
    /// How a lane is picked, unless a group says otherwise.
    package var strategy: RoutingStrategy = .simpleShuffle
    /// Of the strategy.
    package var strategyArguments = StrategyArguments()
    /// Retries by kind of failure; `nil` = `retries` for those that the failure table retries.
    package var retryPolicy: FailureCounts?
    /// Failures that are let pass, by kind; `nil` = `allowedFails`.
    package var allowedFailsPolicy: FailureCounts?
    /// `rpm`, `tpm` and their like are limits; otherwise they are weights only.
    package var enforcesRates = true
    /// An item whose prompt is estimated above a deployment's window isn't sent there: `enable_pre_call_checks`.
    package var checksBeforeCall = false
    /// `nil` = a deployment that has tags takes an item that has one of them, any other takes all.
    package var tagFiltering: TagFiltering?
    /// By provider name: `provider_budget_config`.
    package var providerBudgets: [String: Budget] = [:]
    /// By tag: `tag_budget_config`.
    package var tagBudgets: [String: Budget] = [:]
    /// By ``PriorityClass``, most urgent first.
    package var classes: [ClassSettings] = [
        ClassSettings(floor: 0.05, promotionMilliseconds: 5_000),
        ClassSettings(floor: 0.05, promotionMilliseconds: 5_000),
        ClassSettings(floor: 0, promotionMilliseconds: 30_000),
        ClassSettings(floor: 0, promotionMilliseconds: 120_000),
    ]
    /// Retries that each attempt earns; besides, one a second is always allowed, per lane and in all.
    package var retryBudgetRatio = 0.2
    /// Retries of an item after its first attempt.
    package var retries: UInt32 = 2
    /// The most attempts of an item, whatever else allows it more: 1 + `num_retries_per_request`; 0 = no such bound.
    package var attemptsMax: UInt32 = 0
    /// Of an item that names none, and whose batch names none or 0: `default_priority`.
    package var defaultPriority: Int32 = 0
    /// The most fallback groups that an item may enter.
    package var maxFallbacks: UInt32 = 5
    /// No retry on the same lane before this long.
    package var retryAfterMilliseconds: UInt64 = 0
    /// Failures that are let pass in a cooldown window; `nil` = five in a row, or half of ten in 30 s.
    package var allowedFails: UInt32?
    /// How long a lane cools; `nil` = ours, growing with the outage.
    package var cooldownMilliseconds: UInt64?
    /// Lanes never cool.
    package var disablesCooldowns = false
    /// The timers of an attempt.
    package var timeouts = Timeouts()
    /// The most attempts in flight in the daemon.
    package var daemonConcurrency: UInt32 = 4_096
    /// The most attempts in flight for one tenant.
    package var tenantConcurrency: UInt32 = 4_096
    /// The width of a batch that names none.
    package var batchConcurrency: UInt32 = 256
    /// The most attempts in flight on a lane that names no limit.
    ///
    /// How many a lane takes is learned below that, from eight on. By Little's law 600,000 tokens a minute in answers
    /// of 500 tokens and ten seconds are 200 in flight; a slower model is given twice that.
    package var laneConcurrency: UInt32 = 512

    /// The defaults.
    package init() {}
}

/// How much the daemon takes in.
///
/// Each is a bound that a test hits.
package struct Limits: Sendable, Hashable {
    /// Bytes of a frame, both ways; always under 16 MiB.
    package var frameBytes = 1 << 20
    /// Bytes of a frame before Hello.
    package var helloBytes = 16 << 10
    /// Until Hello.
    package var helloMilliseconds: UInt64 = 5_000
    /// From a frame's first byte to its last.
    package var frameMilliseconds: UInt64 = 30_000
    /// Items of one Submit or Append.
    package var itemsPerFrame = 4_096
    /// Items of one batch.
    package var itemsPerBatch: UInt64 = 100_000_000
    /// Batches of one connection at a time.
    package var batchesPerConnection = 10_000
    /// Connections in all.
    package var connections = 1_024
    /// Connections of one tenant.
    package var connectionsPerTenant = 256
    /// Connections that haven't said Hello.
    package var pendingConnections = 64
    /// Bytes of Submit and Append frames of one connection that are under way.
    package var uploadWindowBytes = 8 << 20
    /// The share of it that one open batch may hold.
    package var batchWindowBytes = 4 << 20
    /// Blob bytes of one connection.
    package var blobBytesPerConnection = 64 << 20
    /// Blob bytes of one tenant.
    package var blobBytesPerTenant = 128 << 20
    /// Unread output at which a connection's items are no longer dispatched.
    package var outputSoftBytes = 1 << 20
    /// Unread output at which a connection's upstream reads pause.
    package var outputHardBytes = 8 << 20
    /// Unread output at which a connection is closed.
    package var outputMaxBytes = 32 << 20
    /// Unread output without a byte drained for this long closes a connection.
    package var outputStallMilliseconds: UInt64 = 30_000
    /// Results that wait for their turn in input order.
    package var reorderResults = 1_024
    /// Bytes of them.
    package var reorderBytes = 4 << 20
    /// Decoded items, blobs, reorder buffers and unread output of the daemon together.
    package var bufferedBytes = 256 << 20
    /// An open batch without a frame and without a result for this long is closed.
    package var batchIdleMilliseconds: UInt64 = 600_000
    /// Until SIGTERM becomes final.
    package var drainMilliseconds: UInt64 = 60_000
    /// Bytes of a provider's answer.
    package var answerBytes = 64 << 20

    /// The defaults.
    package init() {}
}
