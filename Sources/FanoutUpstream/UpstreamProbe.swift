// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutModel
internal import Logging
internal import NIOCore
internal import NIOPosix

/// Tries endpoints one by one, the way the daemon reaches them, for somebody who wants to know which step fails.
package struct UpstreamProbe: Sendable {
    private struct Parts {
        let http: HTTPAttemptRunner
        let all: DispatchingRunner
    }

    private let loop: any EventLoop
    private let parts: NIOLoopBound<Parts>
    private let resolver: SystemNameResolver
    private let proxies: ProxyChoice

    /// Makes a probe that trusts what the daemon does and goes through the same proxies.
    /// - Throws: A ``FanoutModel/Failure`` if the certificates can't be loaded.
    package init(trust: TLSSettings, proxies: ProxySettings) async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let resolver = SystemNameResolver()
        self.loop = loop
        self.resolver = resolver
        self.proxies = ProxyChoice(proxies)
        self.parts = try await loop.submit {
            let tls = UpstreamTLS(settings: trust)
            try tls.prepare()
            let logger = Logger(label: "fanout.probe") { _ in SwiftLogNoOpLogHandler() }
            var settings = UpstreamSettings()
            settings.proxies = proxies
            let http = HTTPAttemptRunner(
                eventLoop: loop,
                tls: tls,
                resolver: resolver,
                logger: logger,
                settings: settings
            )
            let all = DispatchingRunner(http: http, simulated: SimulatedAttemptRunner(eventLoop: loop))
            return NIOLoopBound(Parts(http: http, all: all), eventLoop: loop)
        }.get()
    }

    /// Whether a proxy leads to an endpoint, and finds its name then.
    package func isProxied(_ endpoint: Endpoint) -> Bool {
        let key = RouteKey(host: endpoint.host, port: endpoint.port, isSecure: endpoint.isSecure)
        return self.proxies.proxy(for: key) != nil
    }

    /// How many addresses a name has.
    /// - Throws: ``NameResolutionError``.
    package func addresses(of host: String, port: UInt16) async throws -> Int {
        try await self.resolver.addresses(of: host, port: port, on: self.loop).get().count
    }

    /// Connects, over TLS where the endpoint wants it, and gives what that took in microseconds.
    /// - Throws: A ``FanoutModel/Failure`` that says which step failed.
    package func connect(to endpoint: Endpoint, milliseconds: UInt64) async throws -> UInt64 {
        let parts = self.parts
        let loop = self.loop
        return try await loop.flatSubmit {
            let attempt = ConnectAttempt(endpoint, runner: parts.value.http, promise: loop.makePromise(of: UInt64.self))
            attempt.start(milliseconds: milliseconds)
            return attempt.result
        }.get()
    }

    /// Sends one request and gives how it ended.
    package func call(_ endpoint: Endpoint, _ request: Request, timeouts: Timeouts) async throws -> AttemptReport {
        let parts = self.parts
        let loop = self.loop
        return try await loop.flatSubmit {
            let order = AttemptOrder(
                id: 1,
                endpoint: endpoint,
                request: request,
                wantsDeltas: false,
                timeouts: timeouts,
                deadline: .never,
                traceparent: ""
            )
            let call = ProbeCall(promise: loop.makePromise(of: AttemptReport.self))
            let handle = parts.value.all.start(order, sink: call)
            call.result.assumeIsolated().whenComplete { _ in withExtendedLifetime((call, handle)) {} }
            return call.result
        }.get()
    }

    /// Closes what is open; nothing may be called afterwards.
    package func end() async throws {
        let parts = self.parts
        try await self.loop.submit { parts.value.all.shutdown() }.get()
    }
}

/// One connection that is made and closed.
private final class ConnectAttempt: ConnectionUser {
    private let started = AlarmClock.now()
    private let runner: HTTPAttemptRunner
    private let route: Route
    private let promise: EventLoopPromise<UInt64>
    private var opening: ConnectionOpening?
    private var timer: Scheduled<Void>?
    /// It keeps itself until its end.
    private var own: ConnectAttempt?

    var result: EventLoopFuture<UInt64> { self.promise.futureResult }

    init(_ endpoint: Endpoint, runner: HTTPAttemptRunner, promise: EventLoopPromise<UInt64>) {
        self.runner = runner
        self.route = runner.route(RouteKey(host: endpoint.host, port: endpoint.port, isSecure: endpoint.isSecure))
        self.promise = promise
    }

    func start(milliseconds: UInt64) {
        self.own = self
        self.timer = self.runner.eventLoop.assumeIsolated().scheduleTask(
            in: .milliseconds(Int64(clamping: milliseconds))
        ) {
            self.opening?.abandon()
            self.end(.failure(Failure(.timeout, "no connection within \(milliseconds) ms")))
        }
        let opening = ConnectionOpening(route: self.route, runner: self.runner, user: self)
        self.opening = opening
        opening.start(connectMilliseconds: milliseconds)
    }

    func connected(_ connection: UpstreamHandler) {
        connection.abandon()
        self.end(.success(AlarmClock.now().microseconds(since: self.started)))
    }

    func connectFailed(_ failure: Failure) { self.end(.failure(failure)) }

    private func end(_ result: Result<UInt64, Failure>) {
        guard self.own != nil else { return }
        self.own = nil
        self.opening = nil
        self.timer?.cancel()
        self.promise.completeWith(result.mapError { $0 as any Error })
    }

    // No request is ever sent, so nothing of an answer comes.

    func received(_ head: ResponseHead) -> Bool { true }
    func received(_ bytes: UnsafeRawBufferPointer) -> Bool { true }
    func answered() {}
    func lostReusedConnection(_ error: (any Error)?) {}
    func lostConnection(amidAnswer: Bool, error: (any Error)?) {}
    func refused(_ refusal: UpstreamConnection.Refusal) {}
}

/// Waits for the end of one attempt.
private final class ProbeCall: AttemptSink {
    private let promise: EventLoopPromise<AttemptReport>

    var result: EventLoopFuture<AttemptReport> { self.promise.futureResult }

    init(promise: EventLoopPromise<AttemptReport>) {
        self.promise = promise
    }

    func attempt(_ id: UInt64, reported rates: RateReport) {}
    func attempt(_ id: UInt64, received deltas: [Delta]) {}
    func attemptReachedFirstContent(_ id: UInt64) {}
    func attempt(_ id: UInt64, finished report: AttemptReport) { self.promise.succeed(report) }
}
