// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutModel
internal import FanoutRouter
internal import FanoutTokens
package import FanoutUpstream
internal import Logging

/// An attempt that holds a lease.
struct ActiveAttempt {
    let run: BatchRun
    let item: RunItem
    let dispatch: Dispatch
    let target: LiveDeployment
    let started: Instant
    var handle: AttemptHandle?
    /// Its pieces go to the client.
    var ownsStream = false
    /// Its pieces are dropped: another attempt of the item owns the stream.
    var isVoid = false
    var sentContent = false
}

extension ActiveAttempt {
    /// What an answer costs here, in 10^-9 US dollars; nil = the price isn't known.
    func cost(of usage: Usage) -> Int64? {
        guard let price = self.deployment.price else { return nil }
        return price.nanoUSD(for: usage, images: price.image == nil ? 0 : self.images)
    }

    /// The images that were sent.
    private var images: Int {
        guard case .chat(let chat)? = self.item.item.request(for: self.dispatch).task else { return 0 }
        return chat.messages.reduce(0) { count, message in
            count + message.parts.count { if case .image = $0.kind { true } else { false } }
        }
    }
}

/// A deployment by reference, since its many fields would cost a count each with every attempt that copies them.
final class LiveDeployment {
    let deployment: Deployment
    let servesAnyModel: Bool

    init(_ deployment: Deployment) {
        self.deployment = deployment
        self.servesAnyModel = deployment.servesAnyModel
    }
}

extension ActiveAttempt {
    var deployment: Deployment { self.target.deployment }
}

extension AttemptReport {
    fileprivate var hasFailed: Bool {
        if case .failure = self.result { true } else { false }
    }
}

/// An attempt that has ended, while the router's answer to that is carried out.
struct SettledAttempt {
    let attempt: ActiveAttempt
    let report: AttemptReport
}

extension Engine {
    /// Starts the attempt that a lease permits.
    func start(_ dispatch: Dispatch) {
        guard let run = self.runs[dispatch.item.run.number], let item = run.items[dispatch.item.index] else {
            // The router starts only items that it has not delivered, and a run forgets an item only at delivery.
            preconditionFailure("started \(dispatch) of an item that the run doesn't have")
        }
        let now = Engine.now()
        self.leaveQueue(item, of: run)
        if item.firstStart == nil { item.firstStart = now }
        if item.running == 0 { run.running += 1 }
        item.running += 1
        item.attempts += 1
        item.fallbacks = max(item.fallbacks, UInt32(dispatch.fallback))
        self.attemptsStarted += 1
        let target = self.targets[Int(dispatch.lane.index)]
        let lease = dispatch.lease.number
        self.attempts[lease] = ActiveAttempt(
            run: run,
            item: item,
            dispatch: dispatch,
            target: target,
            started: now
        )
        if self.logger.logLevel <= .debug { self.logStart(dispatch, of: item, run: run, on: target.deployment) }
        let order = self.order(for: dispatch, item: item, run: run, target: target)
        let handle = self.runner.start(order, sink: self)
        // The attempt may have ended inside `start`.
        guard self.attempts[lease] != nil else { return }
        self.attempts[lease]?.handle = handle
        if run.readingIsPaused { handle.pauseReading() }
    }

    private func order(
        for dispatch: Dispatch,
        item: RunItem,
        run: BatchRun,
        target: LiveDeployment
    ) -> AttemptOrder {
        var timeouts = target.deployment.timeouts ?? self.snapshot.routing.timeouts
        let asked =
            item.item.attemptTimeoutMilliseconds != 0
            ? item.item.attemptTimeoutMilliseconds : run.options.attemptTimeoutMilliseconds
        if asked != 0 { timeouts.total = asked }
        let wait =
            item.item.deadlineMilliseconds == 0
            ? run.options.itemDeadlineMilliseconds : item.item.deadlineMilliseconds
        var deadline = item.received.adding(milliseconds: wait)
        if run.options.batchDeadlineMilliseconds != 0 {
            deadline = min(deadline, run.received.adding(milliseconds: run.options.batchDeadlineMilliseconds))
        }
        let endpoint =
            target.servesAnyModel
            ? self.snapshot.endpoint(of: target.deployment, for: dispatch, of: item.item) : target.deployment.endpoint
        var order = AttemptOrder(
            id: dispatch.lease.number,
            endpoint: endpoint,
            request: item.item.request(for: dispatch),
            wantsDeltas: run.options.stream,
            timeouts: timeouts,
            deadline: deadline,
            traceparent: item.item.traceparent
        )
        order.isUrgent = run.options.priorityClass <= .interactive
        return order
    }

    /// The item waits no longer: its upload bytes are given back.
    func leaveQueue(_ item: RunItem, of run: BatchRun) {
        guard item.isQueued else { return }
        item.isQueued = false
        run.sink.run(run, releasedUploadBytes: item.uploadBytes)
    }

    package func attempt(_ id: UInt64, reported rates: RateReport) {
        guard let lease = self.attempts[id]?.dispatch.lease else { return }
        let now = Engine.now()
        self.perform(self.router.assumeIsolated { $0.headers(lease, rates, now: now) })
    }

    package func attemptReachedFirstContent(_ id: UInt64) {
        guard let attempt = self.attempts[id], attempt.run.options.stream else { return }
        let lease = attempt.dispatch.lease
        if !attempt.item.item.race.isEmpty {
            let now = Engine.now()
            let answer = self.router.assumeIsolated { router -> (Bool, [Effect]) in
                router.firstContent(lease, now: now)
            }
            if !answer.0 { self.attempts[id]?.isVoid = true }
            self.perform(answer.1)
            guard answer.0 else { return }
        }
        attempt.item.streamOwner = id
        self.attempts[id]?.ownsStream = true
    }

    package func attempt(_ id: UInt64, received deltas: [Delta]) {
        guard let attempt = self.attempts[id], attempt.ownsStream, attempt.item.streamOwner == id else { return }
        self.attempts[id]?.sentContent = true
        for delta in deltas { self.send(delta, of: attempt.item, run: attempt.run) }
    }

    /// A streamed item's pieces are void; it begins anew.
    func restart(_ id: ItemID, _ code: FailureCode) {
        guard let run = self.runs[id.run.number], let item = run.items[id.index] else { return }
        item.streamOwner = 0
        let words = item.failures.last?.failure.message ?? "the stream broke"
        self.send(Delta(.restart(code, words)), of: item, run: run)
    }

    private func send(_ delta: Delta, of item: RunItem, run: BatchRun) {
        for piece in delta.split() {
            let sequence = item.sequence
            item.sequence += 1
            run.sink.run(run, index: item.index, sequence: sequence, delta: piece)
        }
    }

    package func attempt(_ id: UInt64, finished report: AttemptReport) {
        guard let attempt = self.attempts.removeValue(forKey: id) else { return }
        let item = attempt.item
        item.running -= 1
        if item.running == 0 { attempt.run.running -= 1 }
        var outcome = self.outcome(of: report, attempt: attempt)
        var usage: Usage?
        if case .success(let response) = report.result { usage = response.usage }
        let report = self.judged(report, of: attempt)
        if case .failure(let failure) = report.result { outcome.code = failure.code }
        self.record(report, usage: usage, of: attempt)
        self.count(report, usage: usage, of: attempt)
        if self.logger.logLevel <= .debug { self.logFinish(report, of: attempt) }
        let lease = attempt.dispatch.lease
        let now = Engine.now()
        self.settled.append(SettledAttempt(attempt: attempt, report: report))
        self.perform(self.router.assumeIsolated { $0.settle(lease, outcome, now: now) })
        if !self.isPerforming { self.afterAttempt?(now) }
    }

    private func outcome(of report: AttemptReport, attempt: ActiveAttempt) -> Outcome {
        var outcome = Outcome(code: nil)
        outcome.hadContent = attempt.sentContent
        outcome.wasNeverSent = report.wasNeverSent
        // The first byte of an answer that isn't streamed comes with its last: that is no time to first content.
        if attempt.run.options.stream {
            outcome.firstContentMicroseconds = UInt32(clamping: report.firstContentMicroseconds)
        }
        switch report.result {
        case .success(let response):
            if let usage = response.usage {
                outcome.promptTokens = UInt32(clamping: usage.promptTokens)
                outcome.completionTokens = UInt32(clamping: usage.completionTokens)
                outcome.costNanoUSD = attempt.cost(of: usage) ?? 0
            }
        case .failure(let failure):
            outcome.code = failure.code
            outcome.retryAfterMilliseconds = failure.retryAfterMilliseconds
            outcome.shouldRetry = failure.shouldRetry
            outcome.exceeded = failure.exceeded
        }
        return outcome
    }

    /// Keeps what an item's trail, cost and causes need of an ended attempt.
    private func record(_ report: AttemptReport, usage: Usage?, of attempt: ActiveAttempt) {
        let item = attempt.item
        if report.mayHaveBeenBilled { item.possiblyBilled += 1 }
        if let usage { self.learnTokens(from: usage, of: attempt) }
        if case .failure(let failure) = report.result {
            item.failures.append((attempt.dispatch.lease, failure))
            if failure.code != .cancelled { self.laneFailures[attempt.dispatch.lane] = failure }
        }
        if let usage, let cost = attempt.cost(of: usage) {
            item.costNanoUSD = (item.costNanoUSD ?? 0) &+ cost
        } else if usage != nil {
            item.hasUnpricedAttempt = true
        }
        // Of an item that goes well at once its trail says all.
        if attempt.run.options.trail == .full || report.hasFailed || !item.details.isEmpty {
            item.details.append(self.detail(of: report, attempt: attempt, usage: usage))
        }
    }

    /// Corrects the estimate of prompts by what a provider reports of one.
    ///
    /// Not by a fallback's report or by another leg's: theirs is the tokenizer of another model, and perhaps another
    /// prompt.
    private func learnTokens(from usage: Usage, of attempt: ActiveAttempt) {
        guard attempt.dispatch.fallback == 0, attempt.dispatch.leg == 0 else { return }
        self.tokens.correct(
            attempt.item.shape,
            model: attempt.item.item.request.model,
            tokens: usage.promptTokens
        )
    }

    private func detail(of report: AttemptReport, attempt: ActiveAttempt, usage: Usage?) -> Trail.Attempt {
        var detail = Trail.Attempt()
        detail.number = UInt32(attempt.dispatch.attempt)
        detail.group = self.snapshot.groups[Int(attempt.dispatch.group.index)].name
        detail.deployment = attempt.deployment.name
        detail.startedMicroseconds = attempt.started.microseconds(since: attempt.item.received)
        detail.connectMicroseconds = report.connectMicroseconds
        detail.headersMicroseconds = report.headersMicroseconds
        detail.firstContentMicroseconds = report.firstContentMicroseconds
        detail.totalMicroseconds = report.totalMicroseconds
        detail.usage = usage
        detail.leg = UInt32(attempt.dispatch.leg)
        if case .failure(let failure) = report.result {
            detail.code = failure.code
            detail.message = failure.message
            detail.providerStatus = failure.providerStatus
            detail.retryAfterMilliseconds = failure.retryAfterMilliseconds ?? 0
        }
        detail.stopped = report.cancelled != nil
        detail.possiblyBilled = report.mayHaveBeenBilled
        return detail
    }
}
