// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import FanoutProviders

/// One attempt on the simulated provider.
final class SimulatedAttempt {
    private let order: AttemptOrder
    private let runner: SimulatedAttemptRunner
    private let startedAt = AlarmClock.now()
    private var sink: (any AttemptSink)?
    private var slot: Int32 = -1
    private var model: SimulatedModel?
    private var answer: SimulatedAnswer?
    private var failure: Failure?
    private var report = AttemptReport(result: .failure(Failure(.internal, "the attempt has no result.")))
    private var given = 0
    private var isPaused = false
    /// When the first content is due.
    private var firstDue = Instant.never
    /// The bound of the whole, and the failure past it.
    private var bound = Instant.never
    private var boundFailure: Failure?

    init(_ order: AttemptOrder, runner: SimulatedAttemptRunner, sink: any AttemptSink) {
        self.order = order
        self.runner = runner
        self.sink = sink
    }

    func start(number: UInt64) {
        self.slot = self.runner.clock.open(self)
        do throws(Failure) {
            let model = try self.runner.model(self.order.endpoint.model)
            self.model = model
            self.answer = try SimulatedAnswer(to: self.order.request, model: model)
            var luck = SimulatedLuck(seed: model.seed, number)
            let jitter = UInt64(luck.unit() * Double(model.jitterMilliseconds) * 1_000_000)
            self.firstDue = self.startedAt.adding(milliseconds: model.latencyMilliseconds).adding(nanoseconds: jitter)
            if luck.unit() < model.errorRate { self.failure = Self.failure(of: model) }
        } catch {
            self.end(.failure(error), wasNeverSent: true)
            return
        }
        self.setBound()
        self.advance(now: self.startedAt)
    }

    private static func failure(of model: SimulatedModel) -> Failure {
        var failure = Failure(model.error, "the simulated provider failed, as its error_rate says.")
        failure.providerStatus = model.error.traits.status
        if model.retryAfterMilliseconds != 0 { failure.retryAfterMilliseconds = model.retryAfterMilliseconds }
        return failure
    }

    private func setBound() {
        let timeouts = self.order.timeouts
        let key = RouteKey(host: "simulated", port: 0, isSecure: false)
        let total = timeouts.total == 0 ? .never : self.startedAt.adding(milliseconds: timeouts.total)
        self.bound = min(total, self.order.deadline)
        self.boundFailure =
            total <= self.order.deadline
            ? .timedOut(.total, key, milliseconds: timeouts.total) : .deadlinePassed(key)
        guard self.order.wantsDeltas, timeouts.firstContent != 0 else { return }
        let first = self.startedAt.adding(milliseconds: timeouts.firstContent)
        guard first < self.firstDue, first < self.bound else { return }
        self.bound = first
        self.boundFailure = .timedOut(.firstContent, key, milliseconds: timeouts.firstContent)
    }

    /// When the n-th piece is due, from 0.
    private func due(_ piece: Int) -> Instant {
        let rate = self.model?.tokensPerSecond ?? 0
        guard rate > 0 else { return self.firstDue }
        return self.firstDue.adding(nanoseconds: UInt64(piece) * (1_000_000_000 / rate))
    }

    private func advance(now: Instant) {
        guard let answer = self.answer, self.sink != nil else { return }
        guard now < self.bound else {
            self.end(.failure(self.boundFailure ?? Failure(.timeout, "the attempt took too long.")))
            return
        }
        guard now >= self.firstDue else {
            self.runner.clock.set(self.slot, min(self.firstDue, self.bound))
            return
        }
        if self.report.headersMicroseconds == 0 {
            self.report.headersMicroseconds = max(1, now.microseconds(since: self.startedAt))
        }
        if let failure = self.failure {
            self.end(.failure(failure))
            return
        }
        let last = self.due(max(0, answer.text.count - 1))
        if self.order.wantsDeltas, !self.isPaused { self.give(answer, now: now, isLast: now >= last) }
        guard self.sink != nil else { return }
        if now >= last, !(self.order.wantsDeltas && self.given < answer.text.count) {
            self.end(.success(answer.response))
            return
        }
        let next = self.order.wantsDeltas ? self.due(self.given) : last
        self.runner.clock.set(self.slot, self.isPaused ? self.bound : min(next, self.bound))
    }

    /// Gives the pieces that are due, in one go.
    private func give(_ answer: SimulatedAnswer, now: Instant, isLast: Bool) {
        let from = self.given
        while self.given < answer.text.count, isLast || self.due(self.given) <= now { self.given += 1 }
        guard self.given > from else { return }
        let choices: UInt32 =
            switch answer.response.body {
            case .chat(let choices): UInt32(clamping: choices.count)
            case .completion, .embedding: 1
            }
        let pieces = (from..<self.given).map { answer.text[$0] }
        let deltas = (0..<choices).flatMap { choice in pieces.map { Delta(choice: choice, .text($0)) } }
        if !self.report.hadContent {
            self.report.hadContent = true
            self.report.firstContentMicroseconds = max(1, now.microseconds(since: self.startedAt))
            self.sink?.attemptReachedFirstContent(self.order.id)
        }
        self.sink?.attempt(self.order.id, received: deltas)
    }

    private func end(_ result: Result<Response, Failure>, wasNeverSent: Bool = false) {
        guard let sink = self.sink else { return }
        self.sink = nil
        self.runner.clock.close(self.slot)
        self.report.result = result
        self.report.wasNeverSent = wasNeverSent
        self.report.totalMicroseconds = AlarmClock.now().microseconds(since: self.startedAt)
        if case .success = result, self.report.firstContentMicroseconds == 0 {
            self.report.firstContentMicroseconds = max(1, self.report.totalMicroseconds)
        }
        sink.attempt(self.order.id, finished: self.report)
    }
}

extension SimulatedAttempt: AttemptControl {
    func cancel(_ reason: CancelReason) {
        self.report.cancelled = self.sink == nil ? self.report.cancelled : reason
        self.end(.failure(.cancelled(reason)))
    }

    func pauseReading() {
        self.isPaused = true
    }

    func resumeReading() {
        guard self.isPaused else { return }
        self.isPaused = false
        self.advance(now: AlarmClock.now())
    }
}

extension SimulatedAttempt: AlarmTarget {
    func alarm(now: Instant) {
        self.advance(now: now)
    }

    func shutDown() {
        self.cancel(.drain)
    }
}
