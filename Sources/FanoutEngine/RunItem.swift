// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import FanoutRouter
internal import FanoutTokens

/// One live item of a run: its request, and what has happened to it so far.
///
/// A class, so that the many small updates of an item's life touch no dictionary.
final class RunItem {
    let index: UInt32
    let item: Item
    /// When its frame came.
    let received: Instant
    /// Its share of its frame's bytes, charged to the connection's upload window until it leaves the queue.
    let uploadBytes: Int

    /// What its prompt's tokens were estimated from.
    var shape = PromptShape()
    var isQueued = true
    var firstStart: Instant?
    var attempts: UInt32 = 0
    var fallbacks: UInt32 = 0
    /// 1 = it began at a default fallback.
    var fallbacksBefore: UInt32 = 0
    var running: Int32 = 0
    /// The next delta's number.
    var sequence: UInt64 = 0
    /// The attempt whose pieces go to the client; 0 = none yet.
    var streamOwner: UInt64 = 0
    var costNanoUSD: Int64?
    var hasUnpricedAttempt = false
    /// Attempts that may have been billed for nothing.
    var possiblyBilled: UInt32 = 0
    /// Failures of attempts, oldest first; bounded by the attempts of an item.
    var failures: [(lease: LeaseID, failure: Failure)] = []
    /// One for each ended attempt, from the first that failed, or where the batch asked for a full trail.
    var details: [Trail.Attempt] = []

    init(index: UInt32, item: Item, received: Instant, uploadBytes: Int) {
        self.index = index
        self.item = item
        self.received = received
        self.uploadBytes = uploadBytes
    }

    func failure(of lease: LeaseID) -> Failure? {
        self.failures.last { $0.lease == lease }?.failure
    }
}
