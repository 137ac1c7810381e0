// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import FanoutRouter

/// What providers do.
extension ExperimentRun {
    mutating func start(_ dispatch: Dispatch) {
        let place = Int(dispatch.item.run.number) - 1
        let row = self.rows[place][Int(dispatch.item.index)]
        let item = self.report.items[row]
        self.report.items[row].started = item.started ?? self.now.nanoseconds
        self.report.items[row].attempts += 1
        self.fold(UInt64(row) << 24 | UInt64(dispatch.lane.index) << 1)
        let lane = Int(dispatch.lane.index)
        var attempt = Attempt(
            lease: dispatch.lease,
            call: self.report.calls.count,
            lane: lane,
            prompt: item.promptTokens,
            completion: item.completionTokens,
            begins: self.now
        )
        self.report.calls.append(
            ExperimentReport.Call(
                lane: dispatch.lane,
                item: row,
                start: self.now.nanoseconds,
                promptTokens: item.promptTokens,
                completionTokens: 0
            )
        )
        let isStreamed = self.experiment.loads[item.load].isStreamed
        self.answer(&attempt, isStreamed: isStreamed)
        self.limitTime(&attempt, deadline: Instant(nanoseconds: item.deadline), isStreamed: isStreamed)
        self.enter(attempt, isStreamed: isStreamed)
    }

    /// Decides the attempt's fate: how long it takes and how it ends.
    private mutating func answer(_ attempt: inout Attempt, isStreamed: Bool) {
        let lane = attempt.lane
        let provider = self.providers[lane].provider
        let isStruck =
            self.providers[lane].faultShare >= 1
            || self.providers[lane].generator.fraction() < self.providers[lane].faultShare
        let fault = isStruck ? self.providers[lane].fault : nil
        switch fault {
        case .fails(let code, let milliseconds, let hint):
            attempt.whole = milliseconds * 1_000_000
            attempt.outcome = Outcome(code: code, retryAfterMilliseconds: hint)
            return
        case .hangs:
            attempt.whole = .max
            attempt.outcome = Outcome(code: .timeout)
            return
        case .cuts, .slows, nil: break
        }
        if self.refuses(&attempt, provider) { return }
        attempt.isAdmitted = true
        self.providers[lane].inFlight += 1
        let time = provider.latency.draw(
            &self.providers[lane].generator,
            promptTokens: attempt.prompt,
            completionTokens: attempt.completion,
            inFlight: self.providers[lane].inFlight
        )
        attempt.firstContent = isStreamed ? time.first : time.whole
        attempt.whole = time.whole
        switch fault {
        case .cuts(let share):
            attempt.whole = time.first + UInt64(Double(time.whole - time.first) * share)
            attempt.completion = UInt32(Double(attempt.completion) * share)
            attempt.outcome = Outcome(code: .streamBroken)
            attempt.outcome.hadContent = isStreamed && share > 0
        case .slows(let factor):
            attempt.firstContent = UInt64(Double(attempt.firstContent) * factor)
            attempt.whole = UInt64(Double(attempt.whole) * factor)
        case .fails, .hangs, nil: break
        }
    }

    /// Whether a limit stands against it.
    private mutating func refuses(_ attempt: inout Attempt, _ provider: SimulatedProvider) -> Bool {
        let lane = attempt.lane
        if let most = provider.concurrency, self.providers[lane].inFlight >= most {
            attempt.whole = provider.refusalMilliseconds * 1_000_000
            attempt.outcome = Outcome(code: provider.crowdedCode)
            if provider.crowdedCode == .rateLimited { attempt.outcome.exceeded = .concurrency }
            return true
        }
        let limits = self.providers[lane].limits
        let wait = self.limits[limits].admit(
            prompt: attempt.prompt,
            completion: attempt.completion,
            provider.charging,
            countsRefusals: provider.countsRefusals,
            now: self.now
        )
        if provider.rateHeaders == .ofArrival { attempt.rates = self.limits[limits].report(now: self.now) }
        guard let wait else { return false }
        attempt.whole = provider.refusalMilliseconds * 1_000_000
        attempt.outcome = Outcome(code: .rateLimited)
        if provider.namesLimits { attempt.outcome.exceeded = self.limits[limits].exceeded }
        switch provider.retryAfter {
        case .none: break
        case .exact: attempt.outcome.retryAfterMilliseconds = (wait + 999_999) / 1_000_000
        case .seconds: attempt.outcome.retryAfterMilliseconds = (wait + 999_999_999) / 1_000_000_000 * 1_000
        }
        return true
    }

    /// The attempt's own timers and the item's deadline end what takes too long.
    private func limitTime(_ attempt: inout Attempt, deadline: Instant, isStreamed: Bool) {
        let timeouts =
            self.experiment.snapshot.deployments[attempt.lane].timeouts ?? self.experiment.snapshot.routing.timeouts
        var most = deadline.nanoseconds(since: self.now)
        if timeouts.total > 0 { most = min(most, timeouts.total * 1_000_000) }
        if isStreamed && attempt.whole == .max && timeouts.headers > 0 {
            most = min(most, timeouts.headers * 1_000_000)
        }
        if isStreamed && attempt.isAdmitted && timeouts.firstContent > 0 {
            let bound = timeouts.firstContent * 1_000_000
            if attempt.firstContent > bound { most = min(most, bound) }
        }
        guard attempt.whole > most else { return }
        if attempt.isAdmitted && attempt.whole > attempt.firstContent {
            let written = Double(most) - Double(attempt.firstContent)
            let share = max(0, written / Double(attempt.whole - attempt.firstContent))
            attempt.completion = UInt32(Double(attempt.completion) * min(1, share))
        }
        attempt.whole = most
        attempt.outcome = Outcome(code: .timeout)
        attempt.outcome.hadContent = isStreamed && attempt.isAdmitted && attempt.firstContent < most
    }

    private mutating func enter(_ attempt: Attempt, isStreamed: Bool) {
        let place: Int
        if let free = self.freeAttempts.popLast() {
            place = free
            self.attempts[place] = attempt
        } else {
            place = self.attempts.count
            self.attempts.append(attempt)
        }
        self.attemptOf[attempt.lease] = place
        let hasHeaders = self.providers[attempt.lane].provider.rateHeaders != .none && attempt.whole != .max
        let isAnswer = attempt.isAdmitted
        let first = self.now.adding(nanoseconds: min(isAnswer ? attempt.firstContent : .max, attempt.whole))
        let isRefusal = attempt.outcome.code == .rateLimited || attempt.outcome.code == .overloaded
        if hasHeaders && (isAnswer || isRefusal) { self.plan(.headers, place, at: first, lease: attempt.lease) }
        if isAnswer && isStreamed && attempt.firstContent < attempt.whole {
            self.plan(.firstContent, place, at: first, lease: attempt.lease)
        }
        self.plan(.end, place, at: self.now.adding(nanoseconds: attempt.whole), lease: attempt.lease)
    }

    mutating func sendHeaders(_ event: Event) {
        let attempt = self.attempts[event.number]
        guard attempt.lease == event.lease else { return }
        var rates = attempt.rates
        if self.providers[attempt.lane].provider.rateHeaders == .ofSending {
            rates = self.limits[self.providers[attempt.lane].limits].report(now: self.now)
        }
        if !rates.isEmpty { self.core.headers(event.lease, rates, now: self.now, into: &self.effects) }
    }

    mutating func end(_ event: Event) {
        guard self.attempts[event.number].lease == event.lease else { return }
        self.finish(event.number, self.attempts[event.number].outcome)
    }

    /// The router wants no more of it: it ends in the same millisecond, with what was written so far.
    mutating func stop(_ lease: LeaseID) {
        guard let place = self.attemptOf[lease] else { return }
        let attempt = self.attempts[place]
        let elapsed = Double(self.now.nanoseconds(since: attempt.begins))
        let writing = Double(attempt.whole) - Double(attempt.firstContent)
        let share = writing > 0 ? min(1, max(0, (elapsed - Double(attempt.firstContent)) / writing)) : 0
        self.attempts[place].completion = UInt32(Double(attempt.completion) * share)
        self.attempts[place].outcome = Outcome(code: .cancelled)
        self.plan(.end, place, at: self.now.adding(milliseconds: 1), lease: lease)
    }

    private mutating func finish(_ place: Int, _ result: Outcome) {
        let attempt = self.attempts[place]
        self.attempts[place].lease = LeaseID(0)
        self.attemptOf[attempt.lease] = nil
        self.freeAttempts.append(place)
        var outcome = result
        if attempt.isAdmitted {
            self.providers[attempt.lane].inFlight -= 1
            self.limits[self.providers[attempt.lane].limits].finish(
                prompt: attempt.prompt,
                completion: attempt.completion,
                self.providers[attempt.lane].provider.charging,
                now: self.now
            )
            let item = self.report.calls[attempt.call].item
            if self.experiment.loads[self.report.items[item].load].isStreamed, outcome.code != .timeout {
                outcome.firstContentMicroseconds = UInt32(clamping: max(1, attempt.firstContent / 1_000))
            }
            self.report.calls[attempt.call].completionTokens = attempt.completion
        }
        if outcome.code == nil {
            outcome.promptTokens = attempt.prompt
            outcome.completionTokens = attempt.completion
            if let price = self.experiment.snapshot.deployments[attempt.lane].price {
                let dollars =
                    price.promptToken * Double(attempt.prompt) + price.completionToken * Double(attempt.completion)
                outcome.costNanoUSD = Int64(dollars * 1e9)
            }
        }
        self.report.calls[attempt.call].end = self.now.nanoseconds
        self.report.calls[attempt.call].code = outcome.code
        if let code = outcome.code { self.lastCodes[attempt.lease] = code }
        self.core.settle(attempt.lease, outcome, now: self.now, into: &self.effects)
    }

    // MARK: - What changes

    mutating func change(_ lane: Int) {
        guard !self.providers[lane].changes.isEmpty else { return }
        switch self.providers[lane].changes.removeFirst().kind {
        case .rates(let rates):
            self.limits[lane].configure(rates, now: self.now)
            self.report.limits[lane].append((self.now.nanoseconds, rates))
        case .concurrency(let most): self.providers[lane].provider.concurrency = most
        case .fault(let fault, let share):
            self.providers[lane].fault = fault
            self.providers[lane].faultShare = share
        case .latency(let law): self.providers[lane].provider.latency = law
        case .others(let others):
            let hadOthers = self.providers[lane].provider.others != nil
            self.providers[lane].provider.others = others
            if !hadOthers { self.planConsumer(lane) }
        }
    }

    mutating func planConsumer(_ lane: Int) {
        guard let others = self.providers[lane].provider.others, others.requestsPerSecond > 0 else { return }
        let gap = self.providers[lane].generator.exponential(mean: 1e9 / others.requestsPerSecond)
        self.plan(.consume, lane, at: self.now.adding(nanoseconds: UInt64(gap)))
    }

    mutating func consume(_ lane: Int) {
        guard let others = self.providers[lane].provider.others else { return }
        let prompt = others.prompt.draw(&self.providers[lane].generator)
        let completion = others.completion.draw(&self.providers[lane].generator)
        let wait = self.limits[self.providers[lane].limits].admit(
            prompt: prompt,
            completion: completion,
            .onArrival,
            countsRefusals: self.providers[lane].provider.countsRefusals,
            now: self.now
        )
        if wait == nil {
            self.report.others[self.providers[lane].limits].append((self.now.nanoseconds, (prompt, completion)))
        }
        self.planConsumer(lane)
    }
}
