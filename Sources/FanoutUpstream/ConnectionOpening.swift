// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import NIOCore
internal import NIOPosix

/// Addresses that are already known, as happy eyeballs wants them (RFC 8305).
private struct KnownAddresses: Resolver, Sendable {
    let addresses: [SocketAddress]
    let eventLoop: any EventLoop

    func initiateAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> {
        self.eventLoop.makeSucceededFuture(self.addresses.filter { $0.protocol == .inet })
    }

    func initiateAAAAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> {
        self.eventLoop.makeSucceededFuture(self.addresses.filter { $0.protocol == .inet6 })
    }

    func cancelQueries() {}
}

/// One new connection for one user: name, TCP, the tunnel through a proxy, TLS.
///
/// A connect can't be cancelled, so an abandoned opening closes its channels where they exist and the others as they
/// appear.
final class ConnectionOpening {
    private enum Step {
        case resolving
        case connecting
        case tunnelling
        case securing(UpstreamHandler)
        case over
    }

    private let route: Route
    private let runner: HTTPAttemptRunner
    private var user: (any ConnectionUser)?
    private var step = Step.resolving
    private var channels: [any Channel] = []

    init(route: Route, runner: HTTPAttemptRunner, user: any ConnectionUser) {
        self.route = route
        self.runner = runner
        self.user = user
    }

    /// Begins; ends in the user's `connected` or `connectFailed`, possibly before this returns.
    func start(connectMilliseconds: UInt64) {
        let key = self.route.key
        let (host, port) = self.route.proxy.map { ($0.host, $0.port) } ?? (key.host, key.port)
        self.runner.names.addresses(of: host, port: port) { result in
            guard case .resolving = self.step else { return }
            switch result {
            case .success(let addresses):
                self.connect(to: addresses, milliseconds: connectMilliseconds)
            case .failure(let error):
                self.fail(self.route.nameUnknown(error))
            }
        }
    }

    /// Nobody wants the connection any more.
    func abandon() {
        self.user = nil
        let step = self.step
        self.step = .over
        if case .securing(let handler) = step { handler.abandon() }
        for channel in self.channels { channel.close(promise: nil) }
        self.channels = []
    }

    /// The connection stands and can take a request.
    func established(_ handler: UpstreamHandler) {
        let user = self.user
        self.user = nil
        self.step = .over
        self.channels = []
        user?.connected(handler)
    }

    /// A connection was lost before it stood.
    func lost(_ handler: UpstreamHandler, error: (any Error)?) {
        // Losers of happy eyeballs come by here too; the connect's own result speaks for them.
        guard case .securing(let winner) = self.step, winner === handler else { return }
        self.fail(.handshakeFailed(self.route.key, error))
    }

    private func connect(to addresses: [SocketAddress], milliseconds: UInt64) {
        self.step = .connecting
        let loop = self.runner.eventLoop
        let bound = NIOLoopBound(self, eventLoop: loop)
        // The user's own timer is the one that counts; this one only ends connects that nobody waits for.
        let seconds = milliseconds == 0 ? 75 : Int64(min(milliseconds / 1_000, 600)) + 1
        ClientBootstrap(group: loop)
            .resolver(KnownAddresses(addresses: addresses, eventLoop: loop))
            .connectTimeout(.seconds(seconds))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try bound.value.install(on: channel) }
            }
            .connect(host: self.route.key.host, port: Int(self.route.key.port))
            .assumeIsolated()
            .whenComplete { self.connected($0) }
    }

    private func install(on channel: any Channel) throws {
        guard case .connecting = self.step else { throw ChannelError.ioOnClosedChannel }
        if let proxy = self.route.tunnel {
            try channel.pipeline.syncOperations.addHandler(ProxyTunnel(to: self.route.key, through: proxy))
        } else {
            _ = try self.installHandler(on: channel)
        }
        self.channels.append(channel)
    }

    private func installHandler(on channel: any Channel) throws -> UpstreamHandler {
        let tls = self.route.key.isSecure ? try self.runner.tls.handler(host: self.route.key.host) : nil
        let handler = UpstreamHandler(route: self.route, runner: self.runner, opening: self)
        try handler.install(on: channel, tls: tls)
        return handler
    }

    private func connected(_ result: Result<any Channel, any Error>) {
        switch result {
        case .success(let channel):
            guard case .connecting = self.step else {
                channel.close(promise: nil)
                return
            }
            do {
                if let proxy = self.route.tunnel {
                    try self.openTunnel(through: proxy, on: channel)
                } else {
                    let handler = try channel.pipeline.syncOperations.handler(type: UpstreamHandler.self)
                    self.step = .securing(handler)
                    handler.connected()
                }
            } catch {
                self.fail(self.route.connectFailed(error))
            }
        case .failure(let error):
            guard case .connecting = self.step else { return }
            self.fail(self.route.connectFailed(error))
        }
    }

    /// What is said beyond the tunnel is as if there were none.
    private func openTunnel(through proxy: ProxyAddress, on channel: any Channel) throws {
        let tunnel = try channel.pipeline.syncOperations.handler(type: ProxyTunnel.self)
        self.step = .tunnelling
        tunnel.open { result in
            guard case .tunnelling = self.step else { return }
            do throws(ProxyTunnel.Fault) {
                try result.get()
            } catch {
                self.fail(.noTunnel(error, proxy, to: self.route.key))
                return
            }
            do {
                // The handshake begins as its handler is added, so the step is known before that.
                let handler = try self.installHandler(on: channel)
                if case .tunnelling = self.step { self.step = .securing(handler) }
            } catch {
                self.fail(self.route.connectFailed(error))
            }
        }
    }

    private func fail(_ failure: Failure) {
        let user = self.user
        self.user = nil
        self.abandon()
        user?.connectFailed(failure)
    }
}
