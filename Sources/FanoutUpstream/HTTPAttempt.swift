// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import FanoutProviders
internal import NIOCore

#if canImport(Musl)
internal import Musl
#else
internal import Glibc
#endif

/// One attempt over HTTP, from `start` to its one `finished`.
final class HTTPAttempt {
    enum Phase {
        /// Waits for a credential. Can transition to: `connecting`, `asking`, `finished`.
        case authenticating
        /// Waits for a connection. Can transition to: `asking`, `finished`.
        case connecting
        /// The request is out. Can transition to: `answering`, `connecting` (once, after a stale connection),
        /// `finished`.
        case asking
        /// The headers are there. Can transition to: `answered`, `finished`.
        case answering
        /// All bytes are there. Can transition to: `authenticating` (once, after a refused credential), `finished`.
        case answered
        /// Terminal.
        case finished
    }

    var order: AttemptOrder
    let route: Route
    let runner: HTTPAttemptRunner
    private var sink: (any AttemptSink)?
    private let started: Instant
    var phase = Phase.connecting
    private var slot: Int32 = -1
    private var decoder: AnswerDecoder
    private var connection: UpstreamHandler?
    private var opening: ConnectionOpening?
    private var request: ByteBuffer?
    private var wasSent = false
    private var report = AttemptReport(result: .failure(Failure(.internal, "the attempt has no result.")))
    private var hasFirstContent = false
    private var isPaused = false
    private var deltas: [Delta] = []
    private var hasRates = false
    /// What the answer turned out to be amid its body.
    private var failure: Failure?
    /// The credential, where it is one that ends.
    var renewable: RenewableCredential?
    /// The timer of the present phase, and its deadline.
    private var phaseTimer = TimeoutPhase.none
    private var phaseDeadline = Instant.never
    /// The bound of the whole.
    private let totalDeadline: Instant
    /// When the request went out, or reading was resumed: headers and first content count from here.
    private var asked = Instant.zero

    init(_ order: AttemptOrder, route: Route, runner: HTTPAttemptRunner, sink: any AttemptSink) {
        self.order = order
        self.route = route
        self.runner = runner
        self.sink = sink
        let now = AlarmClock.now()
        self.started = now
        self.totalDeadline = min(Self.after(order.timeouts.total, now), order.deadline)
        self.decoder = Self.decoder(for: order, runner: runner)
        self.slot = runner.clock.open(self)
    }

    /// Forgets an answer: the same will be asked again.
    func forgetAnswer() {
        self.decoder = Self.decoder(for: self.order, runner: self.runner)
        self.failure = nil
        self.hasFirstContent = false
        self.phase = .connecting
    }

    private static func decoder(for order: AttemptOrder, runner: HTTPAttemptRunner) -> AnswerDecoder {
        AnswerDecoder(
            for: order.request,
            endpoint: order.endpoint,
            stream: order.wantsDeltas,
            bodyBytesMax: runner.settings.answerBytesMax
        )
    }

    /// Sends the request at once, unless its credential is one that has to be fetched first.
    func start() {
        guard case .renewed(let source) = self.order.endpoint.credential else {
            self.dispatch()
            return
        }
        self.renewable = RenewableCredential(source: source)
        self.take(self.runner.credentials.ask(source, for: self))
    }

    /// Encodes and sends the request, or opens a connection for it.
    func dispatch() {
        guard let bytes = self.encoded() else { return }
        if let idle = self.route.pop() {
            self.arm(.none, .never)
            self.send(bytes, on: idle)
        } else {
            self.open(with: bytes)
        }
    }

    private static func after(_ milliseconds: UInt64, _ now: Instant) -> Instant {
        milliseconds == 0 ? .never : now.adding(milliseconds: milliseconds)
    }

    private func encoded() -> ByteBuffer? {
        do throws(Failure) {
            var request = try Translator.encode(
                self.order.request,
                for: self.order.endpoint,
                stream: self.order.wantsDeltas
            )
            Translator.sign(&request, for: self.order.endpoint, wallClockSeconds: Int64(time(nil)))
            return try self.runner.bytes(of: request, route: self.route, traceparent: self.order.traceparent)
        } catch {
            self.end(.failure(error))
            return nil
        }
    }

    private func open(with bytes: ByteBuffer) {
        self.request = bytes
        // What was waited for a credential is part of the same wait.
        if self.phase != .authenticating { self.armConnect() }
        self.phase = .connecting
        let opening = ConnectionOpening(route: self.route, runner: self.runner, user: self)
        self.opening = opening
        opening.start(connectMilliseconds: self.order.timeouts.connect)
    }

    private func send(_ bytes: ByteBuffer, on connection: UpstreamHandler) {
        self.phase = .asking
        self.connection = connection
        self.wasSent = true
        if self.order.wantsDeltas {
            self.asked = AlarmClock.now()
            self.armPhase(now: self.asked)
        }
        if self.isPaused { connection.pauseReading() }
        connection.send(bytes, for: self)
    }

    /// Arms the timer of the present phase; only a stream's phases have one once the request is out.
    private func armPhase(now: Instant) {
        guard self.order.wantsDeltas, !self.isPaused else { return }
        let timeouts = self.order.timeouts
        let firstContent = Self.after(timeouts.firstContent, self.asked)
        let headers = Self.after(timeouts.headers, self.asked)
        switch self.phase {
        case .asking where headers < firstContent: self.arm(.headers, headers)
        case .asking: self.arm(.firstContent, firstContent)
        case .answering where self.hasFirstContent: self.arm(.idle, Self.after(timeouts.idle, now))
        case .answering: self.arm(.firstContent, firstContent)
        case .authenticating, .connecting, .answered, .finished: break
        }
    }

    func armConnect() {
        self.arm(.connect, Self.after(self.order.timeouts.connect, AlarmClock.now()))
    }

    private func arm(_ timer: TimeoutPhase, _ deadline: Instant) {
        self.phaseTimer = timer
        self.phaseDeadline = deadline
        self.runner.clock.set(self.slot, min(deadline, self.totalDeadline))
    }

    /// Ends the attempt; the connection, where it still has one, is closed.
    func end(_ result: Result<Response, Failure>) {
        guard self.phase != .finished else { return }
        self.phase = .finished
        let connection = self.connection
        let opening = self.opening
        self.connection = nil
        self.opening = nil
        self.request = nil
        self.stopWaiting()
        self.runner.clock.close(self.slot)
        connection?.abandon()
        opening?.abandon()
        // The provider's words go on to the client, to status and logs; the key in the order is the one that was sent.
        self.report.result = result.mapError { $0.hidingSecrets(of: self.order.endpoint) }
        self.report.totalMicroseconds = AlarmClock.now().microseconds(since: self.started)
        self.report.wasNeverSent = !self.wasSent
        let sink = self.sink
        self.sink = nil
        sink?.attempt(self.order.id, finished: self.report)
    }
}

extension HTTPAttempt: AttemptControl {
    func cancel(_ reason: CancelReason) {
        guard self.phase != .finished else { return }
        self.report.cancelled = reason
        self.end(.failure(.cancelled(reason)))
    }

    func pauseReading() {
        guard !self.isPaused, self.phase != .finished else { return }
        self.isPaused = true
        self.connection?.pauseReading()
        if self.phase == .asking || self.phase == .answering { self.arm(.none, .never) }
    }

    func resumeReading() {
        guard self.isPaused else { return }
        self.isPaused = false
        guard self.phase == .asking || self.phase == .answering else { return }
        self.asked = AlarmClock.now()
        self.armPhase(now: self.asked)
        self.connection?.resumeReading()
    }
}

extension HTTPAttempt: ConnectionUser, WholeAnswer {
    func connected(_ connection: UpstreamHandler) {
        self.opening = nil
        guard self.phase == .connecting, let request = self.request else {
            connection.abandon()
            return
        }
        self.request = nil
        self.report.connectMicroseconds = max(1, AlarmClock.now().microseconds(since: self.started))
        self.arm(.none, .never)
        self.send(request, on: connection)
    }

    func connectFailed(_ failure: Failure) {
        self.opening = nil
        self.end(.failure(failure))
    }

    func received(_ head: ResponseHead) -> Bool {
        guard self.phase == .asking else { return true }
        self.phase = .answering
        let now = AlarmClock.now()
        self.report.headersMicroseconds = max(1, now.microseconds(since: self.started))
        if let refusal = self.refusal(of: head) {
            self.end(.failure(refusal))
            return true
        }
        self.decoder.head(head.answer, wallClockSeconds: Int64(time(nil)))
        self.armPhase(now: now)
        guard let rates = head.answer.rates, !self.hasRates else { return false }
        self.hasRates = true
        self.sink?.attempt(self.order.id, reported: rates)
        // The sink may have cancelled.
        return self.phase == .finished
    }

    func received(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard self.phase == .answering else { return true }
        do throws(Failure) {
            try self.decoder.body(bytes, deltas: &self.deltas)
        } catch {
            self.failure = error
        }
        if self.order.wantsDeltas {
            if !self.deltas.isEmpty { self.deliver() }
        } else if !self.hasFirstContent {
            self.hasFirstContent = true
            self.report.firstContentMicroseconds = max(1, AlarmClock.now().microseconds(since: self.started))
        }
        return self.decoder.isComplete || self.failure != nil
    }

    func answered() {
        guard self.phase != .finished else { return }
        self.connection = nil
        self.phase = .answered
        if self.order.isUrgent || !self.runner.answers.holds(self) {
            self.conclude()
        } else {
            // What is whole is no longer waited for.
            self.runner.clock.set(self.slot, .never)
        }
    }

    func conclude() {
        guard self.phase == .answered else { return }
        let result = self.failure.map { .failure($0) } ?? self.decoder.end(deltas: &self.deltas)
        if self.failure == nil, !self.deltas.isEmpty { self.deliver() }
        if case .failure(let failure) = result, self.isRenewed(after: failure) { return }
        self.end(result)
    }

    func lostReusedConnection(_ error: (any Error)?) {
        guard self.phase != .finished else { return }
        self.connection = nil
        self.report.wasRepeated = true
        guard let bytes = self.encoded() else { return }
        self.open(with: bytes)
    }

    func lostConnection(amidAnswer: Bool, error: (any Error)?) {
        self.connection = nil
        self.end(
            .failure(
                .connectionLost(
                    self.route.key,
                    amidAnswer: amidAnswer,
                    streamed: self.order.wantsDeltas,
                    error: error
                )
            )
        )
    }

    func refused(_ refusal: UpstreamConnection.Refusal) {
        self.connection = nil
        self.end(.failure(.refused(self.route.key, refusal, bodyBytesMax: self.runner.settings.answerBytesMax)))
    }

    private func refusal(of head: ResponseHead) -> Failure? {
        let status = head.status
        if (300..<400).contains(status) || status == 101 {
            return .redirected(self.route.key, status: status, location: head.location)
        }
        guard let encoding = head.contentEncoding, !encoding.isEmpty, encoding.lowercased() != "identity" else {
            return nil
        }
        return .encoded(self.route.key, status: status, encoding: encoding)
    }

    private func deliver() {
        let deltas = self.deltas
        self.deltas = []
        let now = AlarmClock.now()
        if !self.hasFirstContent {
            self.hasFirstContent = true
            self.report.firstContentMicroseconds = max(1, now.microseconds(since: self.started))
            self.armPhase(now: now)
            self.report.hadContent = true
            self.sink?.attemptReachedFirstContent(self.order.id)
        } else {
            self.armPhase(now: now)
        }
        // The sink may have cancelled at the first content.
        self.sink?.attempt(self.order.id, received: deltas)
    }
}

extension HTTPAttempt: AlarmTarget {
    func alarm(now: Instant) {
        guard self.totalDeadline > now else {
            let total = self.order.timeouts.total
            let isTimeout = total != 0 && self.started.adding(milliseconds: total) <= self.order.deadline
            self.end(
                .failure(
                    isTimeout
                        ? .timedOut(.total, self.route.key, milliseconds: total) : .deadlinePassed(self.route.key)
                )
            )
            return
        }
        // A stale wake-up: the phase's bound moved or is off.
        guard self.phaseDeadline <= now else {
            self.runner.clock.set(self.slot, min(self.phaseDeadline, self.totalDeadline))
            return
        }
        let timeouts = self.order.timeouts
        if self.phase == .authenticating, let name = self.renewable?.source.name {
            self.end(.failure(.tokenTimedOut(name, milliseconds: timeouts.connect)))
            return
        }
        let milliseconds =
            switch self.phaseTimer {
            case .connect: timeouts.connect
            case .headers: timeouts.headers
            case .firstContent: timeouts.firstContent
            case .idle: timeouts.idle
            case .total, .none: timeouts.total
            }
        self.end(.failure(.timedOut(self.phaseTimer, self.route.key, milliseconds: milliseconds)))
    }

    func shutDown() {
        self.cancel(.drain)
    }
}
