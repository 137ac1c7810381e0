// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutModel
internal import FanoutProviders
package import FanoutRouter
internal import FanoutTelemetry
package import FanoutTokens
package import FanoutUpstream
package import Logging
package import NIOCore

/// Runs batches: the only place that ties router, translators and upstream together.
///
/// Everything in it is confined to one event loop, which is also the router's executor, so a call of the router is a
/// plain call. The engine holds the runs, and for each lease the attempt that it permits; it feeds the router events
/// and carries out the effects that come back, in order. Effects that arise while effects are carried out (an attempt
/// that fails at once) are appended and done in the same loop, not in a deeper one.
///
/// Ownership: a connection owns its runs, a run its items, an item its attempts by lease. A run ends only when each
/// lease has been settled, so nothing outlives its owner; there is no task to cancel.
package final class Engine: AttemptSink {
    let loop: any EventLoop
    let router: Router
    let runner: any AttemptRunner
    let logger: Logger
    /// The configuration in force.
    package private(set) var snapshot: Snapshot
    /// When it was loaded, in milliseconds since 1970, as Status says it.
    package var loadedMilliseconds: Int64 = 0
    /// Prompts, answers and providers' words are logged, too.
    package var logsBodies = false
    /// What the daemon holds for its clients.
    package var ledger: BufferLedger
    /// Totals since the start.
    package private(set) var succeeded: UInt64 = 0
    package private(set) var failed: UInt64 = 0
    package internal(set) var attemptsStarted: UInt64 = 0

    /// The snapshot's deployments, by reference.
    private(set) var targets: [LiveDeployment]
    var tenants = TenantTable()
    /// What prompts cost in tokens, by model.
    var tokens: TokenEstimator
    var runs: [UInt64: BatchRun] = [:]
    var attempts: [UInt64: ActiveAttempt] = [:]
    /// Attempts whose settle is being carried out; a delivery names them by lease.
    var settled: [SettledAttempt] = []
    /// The last failure of each lane, for words when the router refuses on a lane's behalf.
    var laneFailures: [LaneID: Failure] = [:]
    /// What came of attempts, by deployment.
    var laneCounts: [LaneCounts]
    /// What came of items.
    var itemCounts = CodeCounts()
    /// The items that were final last.
    var recent = RecentItems()

    /// Called after an attempt's end has been carried out, with nothing of the engine on the stack.
    package var afterAttempt: ((Instant) -> Void)?

    private var nextRun: UInt64 = 1
    private var queue: [Effect] = []
    private(set) var isPerforming = false
    private var timer: Scheduled<Void>?
    /// When the timer fires, and when the core wants to be woken.
    private var armed = Instant.never
    private var wakeUp = Instant.never

    /// Makes an engine on a loop, which must be the router's executor.
    package init(
        loop: any EventLoop,
        router: Router,
        runner: any AttemptRunner,
        snapshot: Snapshot,
        tokenizers: [Tokenizer] = [],
        logger: Logger
    ) {
        self.tokens = TokenEstimator(tokenizers: tokenizers)
        self.loop = loop
        self.router = router
        self.runner = runner
        self.snapshot = snapshot
        self.targets = snapshot.deployments.map(LiveDeployment.init)
        self.laneCounts = Array(repeating: LaneCounts(), count: snapshot.deployments.count)
        self.logger = logger
        self.ledger = BufferLedger(capacity: snapshot.limits.bufferedBytes)
    }

    /// The monotonic clock of the loop.
    package static func now() -> Instant {
        Instant(nanoseconds: NIODeadline.now().uptimeNanoseconds)
    }

    /// Opens a batch.
    package func open(
        label: String,
        options: BatchOptions,
        defaults: Request?,
        tenant: String,
        received: Instant,
        sink: any ResultSink
    ) -> BatchRun {
        let id = RunID(self.nextRun)
        self.nextRun += 1
        let run = BatchRun(
            id: id,
            label: label,
            options: options,
            defaults: defaults,
            tenant: tenant,
            received: received,
            sink: sink,
            snapshot: self.snapshot
        )
        self.runs[id.number] = run
        let terms = self.terms(of: tenant, options: options, received: received)
        self.perform(self.router.assumeIsolated { $0.open(id, terms, now: received) })
        if self.logger.logLevel <= .debug {
            self.logger.debug("batch opened", metadata: ["batch": "\(run.label)", "run": "\(run.number)"])
        }
        return run
    }

    /// What the router is told of a batch.
    func terms(of tenant: String, options: BatchOptions, received: Instant) -> RunTerms {
        var terms = RunTerms(tenant: self.tenants.id(of: tenant))
        terms.priorityClass = options.priorityClass
        terms.maxConcurrency = options.maxConcurrency
        terms.failFast = options.failFast
        terms.maxCostNanoUSD = options.maxCostNanoUSD
        terms.bounds = self.bounds(of: tenant)
        if options.batchDeadlineMilliseconds != 0 {
            terms.deadline = received.adding(milliseconds: options.batchDeadlineMilliseconds)
        }
        return terms
    }

    private func bounds(of tenant: String) -> TenantBounds {
        let policy = self.snapshot.tenants.policy(of: tenant)
        var bounds = TenantBounds()
        bounds.budget = policy.budget
        bounds.maxConcurrency = policy.maxConcurrency
        bounds.rates = policy.rates
        return bounds
    }

    /// Adds an item; ``submit(_:now:)`` hands it to the router.
    ///
    /// A request that can't be routed is final at once.
    package func add(_ item: Item, to run: BatchRun, uploadBytes: Int, now: Instant) {
        let index = run.nextIndex
        run.nextIndex += 1
        var item = item
        do throws(Failure) {
            if run.hasFailedFast { throw Self.notStarted(.failFast) }
            if let defaults = run.defaults { item.request = try item.request.merged(over: defaults) }
            if item.request.model.isEmpty, let first = item.race.first { item.request.model = first }
            try item.completeFallbackRequests(from: run.defaults)
            let (ticket, shape) = try run.tickets.ticket(
                index: index,
                item: item,
                received: now,
                tokens: &self.tokens
            )
            run.pendingTickets.append(ticket)
            let live = RunItem(index: index, item: item, received: now, uploadBytes: uploadBytes)
            live.shape = shape
            if run.tickets.usesDefaultFallback(item) { live.fallbacksBefore = 1 }
            run.items[index] = live
            self.ledger.charge(uploadBytes)
        } catch {
            let live = RunItem(index: index, item: item, received: now, uploadBytes: uploadBytes)
            self.refuse(live, of: run, with: error)
        }
    }

    /// Adds an item that was wrong on the wire: final at once.
    package func add(refused failure: Failure, id: String, to run: BatchRun, uploadBytes: Int, now: Instant) {
        let index = run.nextIndex
        run.nextIndex += 1
        var item = Item(request: Request(model: "", task: nil))
        item.id = id
        let live = RunItem(index: index, item: item, received: now, uploadBytes: uploadBytes)
        self.refuse(live, of: run, with: failure)
    }

    /// Hands the added items to the router.
    package func submit(_ run: BatchRun, now: Instant) {
        guard !run.pendingTickets.isEmpty else { return }
        let tickets = run.pendingTickets
        run.pendingTickets.removeAll(keepingCapacity: true)
        let id = run.id
        self.perform(self.router.assumeIsolated { $0.submit(id, tickets, now: now) })
    }

    /// No more items will be added.
    package func close(_ run: BatchRun, now: Instant) {
        guard !run.isClosed else { return }
        run.isClosed = true
        let id = run.id
        self.perform(self.router.assumeIsolated { $0.close(id, now: now) })
        self.endIfDone(run, now: now)
    }

    /// Ends items, or the whole run if `indexes` is `nil`.
    ///
    /// Each still gets its result.
    package func cancel(_ run: BatchRun, indexes: [UInt32]?, reason: CancelReason, now: Instant) {
        let id = run.id
        if indexes == nil { run.isClosed = true }
        self.perform(self.router.assumeIsolated { $0.cancel(id, items: indexes, reason: reason, now: now) })
        self.endIfDone(run, now: now)
    }

    /// Stops dispatching a run's items, but for one.
    package func pauseDispatch(of run: BatchRun, except head: UInt32?, now: Instant) {
        let id = run.id
        self.perform(self.router.assumeIsolated { $0.pause(id, except: head, now: now) })
    }

    /// Dispatches a run's items again.
    package func resumeDispatch(of run: BatchRun, now: Instant) {
        let id = run.id
        self.perform(self.router.assumeIsolated { $0.resume(id, now: now) })
    }

    /// Puts a new configuration in force.
    ///
    /// Attempts under way keep theirs, and batches the models that they were opened with; what tenants may do
    /// together changes at once. `tokenizers` = `nil` keeps those in force.
    package func reload(_ snapshot: Snapshot, tokenizers: [Tokenizer]? = nil, now: Instant) {
        if let tokenizers { self.tokens.use(tokenizers) }
        self.snapshot = snapshot
        self.targets = snapshot.deployments.map(LiveDeployment.init)
        // Deployments keep their places, and with them their counts.
        let added = max(0, snapshot.deployments.count - self.laneCounts.count)
        self.laneCounts += Array(repeating: LaneCounts(), count: added)
        self.perform(self.router.assumeIsolated { $0.reload(snapshot, now: now) })
        for (tenant, id) in self.tenants.all {
            let bounds = self.bounds(of: tenant)
            self.perform(self.router.assumeIsolated { $0.bound(id, bounds, now: now) })
        }
    }

    /// Ends every run: what waits was not started, what runs is cancelled.
    package func cancelAll(reason: CancelReason, now: Instant) {
        for run in self.runs.values.sorted(by: { $0.number < $1.number }) {
            self.cancel(run, indexes: nil, reason: reason, now: now)
        }
    }

    /// Carries out effects, and those that arise from them.
    func perform(_ effects: [Effect]) {
        if self.isPerforming {
            self.queue.append(contentsOf: effects)
            return
        }
        self.isPerforming = true
        for effect in effects { self.perform(effect) }
        var next = 0
        while next < self.queue.count {
            self.perform(self.queue[next])
            next += 1
        }
        self.queue.removeAll(keepingCapacity: true)
        self.settled.removeAll(keepingCapacity: true)
        self.isPerforming = false
    }

    private func perform(_ effect: Effect) {
        switch effect {
        case .start(let dispatch): self.start(dispatch)
        case .stop(let lease, let reason): self.attempts[lease.number]?.handle?.cancel(reason)
        case .deliver(let item, let verdict): self.deliver(item, verdict)
        case .follow: break
        case .restart(let item, let code): self.restart(item, code)
        case .sleepUntil(let instant): self.sleep(until: instant)
        case .laneChanged(let lane): self.laneChanged(lane)
        }
    }

    /// One timer for the whole core.
    ///
    /// A later instant than the armed one waits until that one fires, since the core
    /// asks anew with almost each event and arming costs more than an early wake-up.
    private func sleep(until instant: Instant) {
        self.wakeUp = instant
        guard instant < self.armed else { return }
        self.timer?.cancel()
        self.armed = instant
        let deadline = NIODeadline.uptimeNanoseconds(instant.nanoseconds)
        self.timer = self.loop.assumeIsolated().scheduleTask(deadline: deadline) { self.tick() }
    }

    private func tick() {
        self.timer = nil
        self.armed = .never
        let now = Engine.now()
        if self.wakeUp <= now {
            self.wakeUp = .never
            self.perform(self.router.assumeIsolated { $0.tick(now: now) })
        }
        if self.wakeUp != .never { self.sleep(until: self.wakeUp) }
    }

    /// Stops the timer; nothing may be called afterwards.
    package func shutdown() {
        self.timer?.cancel()
        self.timer = nil
        self.runner.shutdown()
    }

    func countFinal(_ result: ItemResult) {
        if case .failure(let failure) = result.outcome {
            self.failed += 1
            self.itemCounts.count(failure.code)
        } else {
            self.succeeded += 1
            self.itemCounts.count(nil)
        }
    }

    func endIfDone(_ run: BatchRun, now: Instant) {
        guard run.isClosed, run.items.isEmpty, run.pendingTickets.isEmpty, !run.hasEnded else { return }
        self.runs[run.number] = nil
        run.end(now: now)
        if self.logger.logLevel <= .debug {
            let summary = run.summary
            self.logger.debug(
                "batch ended",
                metadata: [
                    "batch": "\(run.label)", "run": "\(run.number)", "items": "\(summary.items)",
                    "succeeded": "\(summary.succeeded)", "failed": "\(summary.failed)",
                    "attempts": "\(summary.attempts)", "duration_us": "\(summary.durationMicroseconds)",
                ]
            )
        }
    }
}
