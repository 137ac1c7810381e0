// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutModel
internal import FanoutRouter

/// One batch that is under way: its items' bodies, what has happened to them, and its totals.
///
/// The run knows neither sockets nor stores. Its owner adds items and reads results from a ``ResultSink``; the router
/// decides, by ticket, when an item is started and when it is final; the engine carries the router's effects here.
/// Bodies stay here, by index, and are freed at the item's result. A run ends when it is closed and each item it was
/// given is final; it is confined to the engine's loop.
///
/// An item is in one of three places: waiting (in the router's queues, its upload bytes still charged), running (one
/// or more attempts hold leases), or final (forgotten here). ``items`` holds the first two.
package final class BatchRun {
    /// Its number in this process, for logs.
    package let number: UInt64
    /// How it is run.
    package let options: BatchOptions
    /// Whose it is.
    package let tenant: String
    /// What its owner calls it, for logs.
    package let label: String
    /// What has come of it so far.
    package private(set) var summary = BatchSummary()

    let id: RunID
    let defaults: Request?
    let received: Instant
    let sink: any ResultSink
    let tickets: TicketBuilder

    var items: [UInt32: RunItem] = [:]
    var nextIndex: UInt32 = 0
    var running = 0
    /// No more items will be added.
    package internal(set) var isClosed = false
    /// Every item is final, and its owner knows.
    package private(set) var hasEnded = false
    var readingIsPaused = false
    /// An item that never reached the router has failed the batch: no further one is started.
    var hasFailedFast = false
    /// Tickets built and not yet handed to the router.
    var pendingTickets: [Ticket] = []

    init(
        id: RunID,
        label: String,
        options: BatchOptions,
        defaults: Request?,
        tenant: String,
        received: Instant,
        sink: any ResultSink,
        snapshot: Snapshot
    ) {
        self.id = id
        self.number = id.number
        self.label = label
        self.options = options
        self.defaults = defaults
        self.tenant = tenant
        self.received = received
        self.sink = sink
        self.tickets = TicketBuilder(snapshot: snapshot, tenant: tenant, options: options)
    }

    /// Items that are not final.
    package var liveItems: Int { self.items.count }

    /// Whether an item of this index is not final yet.
    package func isLive(_ index: UInt32) -> Bool {
        self.items[index] != nil
    }

    /// The index that the next item will get.
    package var itemCount: UInt32 { self.nextIndex }

    /// Where the batch stands at `now`.
    package func progress(now: Instant) -> BatchProgress {
        var progress = BatchProgress()
        progress.items = UInt64(self.nextIndex)
        progress.succeeded = self.summary.succeeded
        progress.failed = self.summary.failed
        progress.running = UInt64(self.running)
        progress.waiting = UInt64(self.items.count - self.running)
        progress.usage = self.summary.usage
        progress.closed = self.isClosed
        let done = self.summary.succeeded + self.summary.failed
        let elapsed = now.milliseconds(since: self.received)
        guard done > 0, elapsed > 0 else { return progress }
        progress.rateMilli = done * 1_000_000 / elapsed
        if self.isClosed {
            // With n results seen, the rate's relative error is about 1/sqrt(n); twice that covers most cases.
            let left = Double(self.items.count)
            let eta = left * Double(elapsed) / Double(done)
            let spread = min(0.9, 2 / Double(done).squareRoot())
            progress.etaMilliseconds = UInt64(eta)
            progress.etaLowMilliseconds = UInt64(eta * (1 - spread))
            progress.etaHighMilliseconds = UInt64(eta * (1 + spread))
        }
        return progress
    }

    /// Counts a final item into the totals.
    func count(_ result: ItemResult, of item: RunItem?) {
        self.summary.items += 1
        switch result.outcome {
        case .success(let response):
            self.summary.succeeded += 1
            if let usage = response.usage { self.summary.usage.add(usage) }
        case .failure(let failure):
            self.summary.failed += 1
            self.summary.failures[failure.code, default: 0] += 1
            if failure.code == .cancelled || failure.code == .notStarted { self.summary.cancelled += 1 }
        }
        guard let item else { return }
        self.summary.attempts += UInt64(item.attempts)
        if let cost = item.costNanoUSD {
            self.summary.costNanoUSD = (self.summary.costNanoUSD ?? 0) &+ cost
        }
        if item.attempts > 0 && (item.hasUnpricedAttempt || item.costNanoUSD == nil) { self.summary.unpriced += 1 }
    }

    func end(now: Instant) {
        self.hasEnded = true
        self.summary.durationMicroseconds = now.microseconds(since: self.received)
        self.sink.runEnded(self)
    }
}
