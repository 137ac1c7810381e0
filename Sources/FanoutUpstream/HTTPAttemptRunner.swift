// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutCredentials
internal import FanoutModel
internal import FanoutProviders
package import Logging
package import NIOCore

/// Runs attempts over HTTP/1.1 connections of its own.
///
/// Confined to one event loop. There is no queue: an attempt takes the connection that became idle last, or opens one.
/// The router has reserved its slot already, so a lane's limit is the limit of its connections.
package final class HTTPAttemptRunner: AttemptRunner {
    let eventLoop: any EventLoop
    let tls: UpstreamTLS
    let settings: UpstreamSettings
    let clock: AlarmClock
    let answers: AnswerQueue
    let names: NameCache
    private let proxies: ProxyChoice
    private let logger: Logger
    private(set) lazy var credentials = CredentialKeeper(runner: self, logger: self.logger)
    private var routes: [RouteKey: Route] = [:]
    private var sweep: Sweep?
    private var isShutDown = false
    private var scratch = ByteBuffer()

    /// Past this many the routes without idle connections are forgotten; a reload may bring new hosts for ever.
    private static let routesMax = 4_096

    /// Makes a runner on a loop; a resolver may serve several.
    package init(
        eventLoop: any EventLoop,
        tls: UpstreamTLS,
        resolver: any NameResolver,
        logger: Logger,
        settings: UpstreamSettings = UpstreamSettings()
    ) {
        self.eventLoop = eventLoop
        self.tls = tls
        self.settings = settings
        self.proxies = ProxyChoice(settings.proxies)
        self.logger = logger
        self.clock = AlarmClock(eventLoop: eventLoop)
        self.answers = AnswerQueue(loop: eventLoop)
        self.names = NameCache(eventLoop: eventLoop, resolver: resolver, settings: settings)
    }

    package func start(_ order: AttemptOrder, sink: any AttemptSink) -> AttemptHandle {
        self.eventLoop.assertInEventLoop()
        precondition(!self.isShutDown, "an attempt was started after shutdown")
        let endpoint = order.endpoint
        if let parts = EmbeddingParts(order.request, at: endpoint) {
            let attempt = PartedAttempt(order, parts: parts, runner: self, sink: sink)
            attempt.start()
            return AttemptHandle(control: attempt)
        }
        let key = RouteKey(host: endpoint.host, port: endpoint.port, isSecure: endpoint.isSecure)
        let attempt = HTTPAttempt(order, route: self.route(key), runner: self, sink: sink)
        attempt.start()
        return AttemptHandle(control: attempt)
    }

    package func shutdown() {
        self.eventLoop.assertInEventLoop()
        guard !self.isShutDown else { return }
        self.isShutDown = true
        self.logger.debug(
            "closing upstream connections",
            metadata: ["idle": "\(self.idleConnections)", "timers": "\(self.clock.openCount)"]
        )
        self.names.shutDown()
        self.credentials.shutDown()
        self.clock.shutDown()
        self.answers.cancel()
        for route in self.routes.values {
            while let handler = route.pop() { handler.abandon() }
        }
        self.routes = [:]
        self.sweep = nil
    }

    /// Idle connections, for status and tests.
    package var idleConnections: Int {
        self.routes.values.reduce(0) { $0 + $1.idleCount }
    }

    /// Timers in use and whether the loop holds a wake-up, for tests.
    package var timers: (open: Int, isArmed: Bool) {
        (self.clock.openCount, self.clock.isArmed)
    }

    /// Takes a connection that has become idle.
    func keep(_ handler: UpstreamHandler) {
        guard !self.isShutDown else {
            handler.abandon()
            return
        }
        let now = AlarmClock.now()
        handler.route.push(handler, now: now, most: self.settings.idleConnectionsMax)?.abandon()
        if self.sweep == nil {
            let sweep = Sweep(runner: self)
            self.sweep = sweep
            sweep.slot = self.clock.open(sweep)
            self.clock.set(sweep.slot, now.adding(milliseconds: self.settings.idleMilliseconds))
        }
    }

    /// Drops an idle connection that was lost.
    func forget(_ handler: UpstreamHandler) {
        handler.route.remove(handler)
    }

    /// A request's bytes, in a buffer that is reused as soon as the last one is written.
    func bytes(of request: ProviderRequest, route: Route, traceparent: String) throws(Failure) -> ByteBuffer {
        let head = try route.head(of: request)
        self.scratch.clear()
        head.write(body: request.body, traceparent: traceparent, into: &self.scratch)
        return self.scratch
    }

    /// The same of a request for a token; its values change each time, so its head isn't kept.
    func bytes(of request: TokenRequest, route: Route) throws(Failure) -> ByteBuffer {
        let method =
            switch request.method {
            case .get: "GET"
            case .post: "POST"
            case .put: "PUT"
            }
        let head = try RequestHead(
            method: method,
            path: request.address.path,
            headers: request.headers,
            key: route.key,
            proxy: route.forwarder
        )
        self.scratch.clear()
        head.write(body: request.body, traceparent: "", into: &self.scratch)
        return self.scratch
    }

    /// What is kept for a host and port.
    func route(_ key: RouteKey) -> Route {
        if let route = self.routes[key] { return route }
        if self.routes.count >= Self.routesMax { self.routes = self.routes.filter { $0.value.idleCount > 0 } }
        let route = Route(key: key, proxy: self.proxies.proxy(for: key))
        self.routes[key] = route
        return route
    }

    /// Closes what has been idle for too long, by one timer for all.
    fileprivate func closeIdle(now: Instant) -> Instant {
        var next = Instant.never
        let wait = self.settings.idleMilliseconds
        for route in self.routes.values {
            guard let oldest = route.idleSince else { continue }
            if oldest.adding(milliseconds: wait) <= now {
                let nanoseconds = wait.multipliedReportingOverflow(by: 1_000_000).partialValue
                let limit = Instant(nanoseconds: now.nanoseconds - min(now.nanoseconds, nanoseconds))
                for handler in route.removeIdle(upTo: limit) { handler.abandon() }
            }
            if let oldest = route.idleSince { next = min(next, oldest.adding(milliseconds: wait)) }
        }
        if next == .never { self.sweep = nil }
        return next
    }
}

/// The timer of all idle connections.
private final class Sweep: AlarmTarget {
    private unowned let runner: HTTPAttemptRunner
    var slot: Int32 = 0

    init(runner: HTTPAttemptRunner) {
        self.runner = runner
    }

    func alarm(now: Instant) {
        let next = self.runner.closeIdle(now: now)
        if next == .never {
            self.runner.clock.close(self.slot)
        } else {
            self.runner.clock.set(self.slot, next)
        }
    }

    func shutDown() {
        self.runner.clock.close(self.slot)
    }
}
