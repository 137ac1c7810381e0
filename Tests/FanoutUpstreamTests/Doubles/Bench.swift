// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import Logging
import NIOCore
import NIOPosix

@testable import FanoutUpstream

/// A runner on a real loop, and everything its sink was told.
actor Bench {
    /// What the sink was told.
    struct Heard: Sendable {
        var rates: [UInt64: [RateReport]] = [:]
        var deltas: [UInt64: [Delta]] = [:]
        var firstContents: [UInt64: Int] = [:]
        var reports: [UInt64: [AttemptReport]] = [:]
    }

    private final class Sink: AttemptSink {
        let board: NoticeBoard<Heard>
        var handles: [UInt64: AttemptHandle] = [:]
        /// Attempts that are paused from inside their first content.
        var pausing: Set<UInt64> = []

        init(board: NoticeBoard<Heard>) {
            self.board = board
        }

        func attempt(_ id: UInt64, reported rates: RateReport) {
            self.board.update { heard in
                // Headers come before all else.
                guard heard.reports[id] == nil, heard.deltas[id] == nil else { return }
                heard.rates[id, default: []].append(rates)
            }
        }

        func attempt(_ id: UInt64, received deltas: [Delta]) {
            self.board.update { $0.deltas[id, default: []] += deltas }
        }

        func attemptReachedFirstContent(_ id: UInt64) {
            if self.pausing.contains(id) { self.handles[id]?.pauseReading() }
            self.board.update { $0.firstContents[id, default: 0] += 1 }
        }

        func attempt(_ id: UInt64, finished report: AttemptReport) {
            self.board.update { $0.reports[id, default: []].append(report) }
        }
    }

    nonisolated let loop: any EventLoop
    nonisolated let heard = NoticeBoard(Heard())
    private let group: MultiThreadedEventLoopGroup
    private let sink: Sink
    private let runner: HTTPAttemptRunner
    private let simulated: SimulatedAttemptRunner
    private let both: DispatchingRunner
    private var lastID: UInt64 = 0

    nonisolated var unownedExecutor: UnownedSerialExecutor { self.loop.executor.asUnownedSerialExecutor() }

    init(
        settings: UpstreamSettings = UpstreamSettings(),
        trust: String? = nil,
        resolver: any NameResolver = SystemNameResolver(threadCount: 2)
    ) {
        self.group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = self.group.next()
        self.loop = loop
        self.sink = Sink(board: self.heard)
        var tls = TLSSettings()
        tls.additionalTrustFile = trust
        self.runner = HTTPAttemptRunner(
            eventLoop: loop,
            tls: UpstreamTLS(settings: tls),
            resolver: resolver,
            logger: Logger(label: "test"),
            settings: settings
        )
        self.simulated = SimulatedAttemptRunner(eventLoop: loop)
        self.both = DispatchingRunner(http: self.runner, simulated: self.simulated)
    }

    /// Runs one attempt to its end.
    func run(_ order: AttemptOrder) async -> AttemptReport {
        let id = self.start(order)
        return await self.report(of: id)
    }

    /// Starts an attempt and gives its number.
    @discardableResult
    func start(_ order: AttemptOrder, pausing: Bool = false) -> UInt64 {
        var order = order
        self.lastID += 1
        if pausing { self.sink.pausing.insert(self.lastID) }
        order.id = self.lastID
        self.sink.handles[order.id] = self.both.start(order, sink: self.sink)
        return order.id
    }

    /// Waits for the end of an attempt.
    nonisolated func report(of id: UInt64) async -> AttemptReport {
        let heard = await self.heard.wait { $0.reports[id] != nil }
        return heard.reports[id]?.first ?? AttemptReport(result: .failure(Failure(.internal, "nothing was heard")))
    }

    /// One turn of the loop.
    func turn() async {
        try? await self.loop.submit {}.get()
    }

    /// Turns of the loop until a condition holds.
    nonisolated func turn(until condition: () async -> Bool) async {
        while !Task.isCancelled, !(await condition()) { await self.turn() }
    }

    func cancel(_ id: UInt64, _ reason: CancelReason = .client) {
        self.sink.handles[id]?.cancel(reason)
    }

    func pauseReading(_ id: UInt64) {
        self.sink.handles[id]?.pauseReading()
    }

    func resumeReading(_ id: UInt64) {
        self.sink.handles[id]?.resumeReading()
    }

    var idleConnections: Int { self.runner.idleConnections }

    var openTimers: Int { self.runner.timers.open }

    var openSimulatedTimers: Int { self.simulated.openTimers }

    /// Moves the clock of credentials to this many milliseconds from now.
    func setCredentialClock(ahead milliseconds: UInt64) {
        let now = AlarmClock.now().adding(milliseconds: milliseconds)
        self.runner.credentials.now = { now }
    }

    var isArmed: Bool { self.runner.timers.isArmed }

    func shutdownRunner() {
        self.sink.handles = [:]
        self.both.shutdown()
    }

    /// Ends everything; not on the loop, which doesn't outlive this.
    nonisolated func stop() async throws {
        await self.shutdownRunner()
        try await self.group.shutdownGracefully()
    }
}
