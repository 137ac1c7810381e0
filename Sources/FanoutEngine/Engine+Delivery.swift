// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import FanoutRouter
internal import FanoutUpstream
internal import Logging

extension Engine {
    /// An item is final: its result goes to the run's owner and its body is freed.
    func deliver(_ id: ItemID, _ verdict: Verdict) {
        guard let run = self.runs[id.run.number], let item = run.items.removeValue(forKey: id.index) else {
            preconditionFailure("delivered \(id), which the run doesn't have")
        }
        self.leaveQueue(item, of: run)
        self.ledger.release(item.uploadBytes)
        let now = Engine.now()
        var trail = self.trail(of: item, run: run, now: now)
        let outcome = self.outcome(of: verdict, item: item, run: run, trail: &trail)
        let result = ItemResult(
            index: item.index,
            id: item.item.id,
            outcome: outcome,
            trail: run.options.trail == .none ? nil : trail
        )
        self.remember(result, item: item, run: run, trail: trail, now: now)
        self.finish(result, item: item, run: run, now: now)
    }

    /// An item that never reached the router is final.
    func refuse(_ item: RunItem, of run: BatchRun, with failure: Failure) {
        item.isQueued = false
        run.sink.run(run, releasedUploadBytes: item.uploadBytes)
        var failure = failure
        failure.notStarted = true
        let now = Engine.now()
        let trail = self.trail(of: item, run: run, now: now)
        let result = ItemResult(
            index: item.index,
            id: item.item.id,
            outcome: .failure(failure),
            trail: run.options.trail == .none ? nil : trail
        )
        self.remember(result, item: item, run: run, trail: trail, now: now)
        self.finish(result, item: item, run: run, now: now)
        if run.options.failFast, !run.hasFailedFast {
            // The router doesn't know this item, so the engine ends those that it does know. The run stays open for
            // what its owner still adds: each of those has its result, too.
            run.hasFailedFast = true
            self.submit(run, now: now)
            self.cancel(run, indexes: run.items.keys.sorted(), reason: .failFast, now: now)
        }
    }

    private func finish(_ result: ItemResult, item: RunItem, run: BatchRun, now: Instant) {
        run.count(result, of: item)
        self.countFinal(result)
        if self.logger.logLevel <= .debug { self.logResult(result, of: item, run: run) }
        run.sink.run(run, finished: result)
        self.endIfDone(run, now: now)
    }

    private func outcome(
        of verdict: Verdict,
        item: RunItem,
        run: BatchRun,
        trail: inout Trail
    ) -> Result<Response, Failure> {
        switch verdict {
        case .success(let lease):
            guard let winner = self.settled(lease), case .success(let response) = winner.report.result else {
                preconditionFailure("delivered the success of \(lease), which isn't being settled")
            }
            trail.firstContentMicroseconds = winner.report.firstContentMicroseconds
            trail.deployment = winner.attempt.deployment.name
            trail.group = self.snapshot.groups[Int(winner.attempt.dispatch.group.index)].name
            trail.provider = winner.attempt.deployment.endpoint.provider
            trail.coalesced = winner.attempt.item !== item
            return .success(response)
        case .failure(let lease, let causes):
            var failure =
                item.failure(of: lease) ?? self.settledFailure(lease)
                ?? Failure(.internal, "an attempt failed and its reason was lost: please report this")
            failure.causes = causes.map { self.cause($0, item: item) }
            failure.causes += self.unknownLegs(of: item, run: run)
            failure.possibleDoubleSpend = item.possiblyBilled > 0
            return .failure(failure)
        case .refused(let refusal):
            return .failure(self.failure(for: refusal, item: item, run: run))
        }
    }

    /// One cause for each model group of a race that doesn't exist.
    private func unknownLegs(of item: RunItem, run: BatchRun) -> [Failure.Cause] {
        run.tickets.unknownLegs(of: item.item).map { name in
            let unknown = TicketBuilder.unknown(name, param: "race.groups")
            return Failure.Cause(code: unknown.code, message: unknown.message, group: name)
        }
    }

    private func settled(_ lease: LeaseID) -> SettledAttempt? {
        self.settled.last { $0.attempt.dispatch.lease == lease }
    }

    private func settledFailure(_ lease: LeaseID) -> Failure? {
        guard case .failure(let failure)? = self.settled(lease)?.report.result else { return nil }
        return failure
    }

    private func cause(_ cause: Verdict.Cause, item: RunItem) -> Failure.Cause {
        let failure = item.failure(of: cause.lease)
        return Failure.Cause(
            code: cause.code,
            message: failure?.message ?? "",
            group: self.snapshot.groups[Int(cause.group.index)].name,
            deployment: self.snapshot.deployments[Int(cause.lane.index)].name,
            providerStatus: failure?.providerStatus ?? 0
        )
    }

    /// The words for an end that the router itself decided.
    private func failure(for refusal: Refusal, item: RunItem, run: BatchRun) -> Failure {
        let group = item.item.request.model
        var failure = Failure(refusal.code, "")
        failure.cancelReason = refusal.reason
        failure.notStarted = !refusal.hadAttempt
        failure.earliestMilliseconds = refusal.earliestMilliseconds
        failure.causes = refusal.causes.map { self.cause($0, item: item) } + self.unknownLegs(of: item, run: run)
        failure.possibleDoubleSpend = item.possiblyBilled > 0
        switch refusal.code {
        case .notStarted:
            failure.message = Self.notStartedWords(for: refusal.reason)
        case .cancelled:
            failure.message = "cancelled: \(Self.words(for: refusal.reason))"
        case .deadlineExceeded:
            failure.retryAfterMilliseconds = refusal.retryMilliseconds == 0 ? nil : refusal.retryMilliseconds
            failure.message = refusal.wordsOfDeadline(group: group, tenant: run.tenant)
        case .budgetExceeded:
            failure.retryAfterMilliseconds =
                refusal.earliestMilliseconds == 0 ? nil : refusal.earliestMilliseconds
            failure.message = refusal.words(group: group, tenant: run.tenant) ?? "a budget is spent"
        case .noRoute:
            failure.message =
                refusal.words(group: group, tenant: run.tenant)
                ?? "no deployment of '\(group)' can serve this request: see `fanout status` for what they offer"
        default:
            failure.message =
                refusal.words(group: group, tenant: run.tenant) ?? "'\(group)' can't be served: \(refusal.code.name)"
        }
        if let lane = refusal.lane {
            let deployment = self.snapshot.deployments[Int(lane.index)].name
            failure.message += " (\(deployment)"
            if let last = self.laneFailures[lane] {
                failure.message += " said: \(last.message)"
                failure.providerStatus = last.providerStatus
                failure.providerCode = last.providerCode
                failure.providerMessage = last.providerMessage
            }
            failure.message += ")"
        }
        return failure
    }

    /// The failure of an item that is never handed to the router, since its batch has come to an end.
    static func notStarted(_ reason: CancelReason) -> Failure {
        var failure = Failure(.notStarted, Self.notStartedWords(for: reason))
        failure.cancelReason = reason
        return failure
    }

    private static func notStartedWords(for reason: CancelReason) -> String {
        "not started: \(Self.words(for: reason)); it is safe to send it again"
    }

    private static func words(for reason: CancelReason) -> String {
        switch reason {
        case .none, .client: "the client asked for it"
        case .failFast: "another item of this fail-fast batch failed"
        case .disconnect: "the client's connection closed"
        case .race: "another model group won the race"
        case .drain: "the daemon is shutting down"
        case .batchDeadline: "the batch's deadline passed"
        case .batchIdle: "the open batch saw no frame and no result for too long"
        }
    }

    private func trail(of item: RunItem, run: BatchRun, now: Instant) -> Trail {
        var trail = Trail()
        trail.attempts = item.attempts
        trail.fallbacks = item.fallbacksBefore + item.fallbacks
        trail.queuedMicroseconds = (item.firstStart ?? now).microseconds(since: item.received)
        trail.totalMicroseconds = now.microseconds(since: item.received)
        trail.costNanoUSD = item.hasUnpricedAttempt ? nil : item.costNanoUSD
        trail.possiblyBilled = item.possiblyBilled
        if run.options.trail == .full { trail.details = item.details }
        return trail
    }
}
