// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutEngine
internal import FanoutModel
package import Logging
package import NIOCore
internal import NIOPosix
internal import ServiceLifecycle

/// Serves the Unix socket: accepts, hands each connection to a session, and drains at shutdown.
package struct FanoutServer: Service, CustomStringConvertible {
    private let loop: any EventLoop
    private let engine: NIOLoopBound<Engine>
    private let settings: ServerSettings
    private let manager: ServiceManager
    private let logger: Logger

    /// Makes a server on the engine's loop.
    package init(
        loop: any EventLoop,
        engine: NIOLoopBound<Engine>,
        settings: ServerSettings,
        manager: ServiceManager = .none,
        logger: Logger
    ) {
        self.loop = loop
        self.engine = engine
        self.settings = settings
        self.manager = manager
        self.logger = logger
    }

    /// What the lifecycle's logs call it.
    package var description: String { "FanoutServer" }

    /// Serves until graceful shutdown has drained, or the task is cancelled.
    package func run() async throws {
        let activated = try self.manager.activation.listener()
        let file = activated == nil ? try SocketFile(path: self.settings.socketPath) : nil
        let core = try await self.makeCore()
        let listener: any Channel
        if let activated {
            listener = try await self.bootstrap(core).withBoundSocket(activated).get()
        } else if let file {
            listener = try await file.bind(mode: self.settings.socketMode, group: self.settings.socketGroup) {
                try await self.bootstrap(core).bind(unixDomainSocketPath: self.settings.socketPath).get()
            }
        } else {
            preconditionFailure("neither a handed-over socket nor a path")
        }
        let metrics: MetricsListener?
        if let settings = self.settings.metrics {
            metrics = try await MetricsListener.open(settings, core: core, loop: self.loop)
        } else {
            metrics = nil
        }
        let socket = activated == nil ? self.settings.socketPath : "handed over by systemd"
        self.logger.info("serving", metadata: ["socket": "\(socket)"])
        let manager = self.manager
        try await self.onLoop(core) { $0.beat(for: manager) }
        manager.tell(.ready("serving"))
        await self.waitForShutdown()
        manager.tell(.stopping)
        try await self.close(listener)
        file?.remove()
        await self.drain(core)
        try await metrics?.close()
        try await self.onLoop(core) { $0.engine.shutdown() }
        self.logger.info("stopped")
    }

    private func close(_ listener: any Channel) async throws {
        do {
            try await listener.close()
        } catch ChannelError.alreadyClosed {
            // The loop has closed it: nothing is left to do.
        }
    }

    private func makeCore() async throws -> LoopBox<ServerCore> {
        let loop = self.loop
        let engine = self.engine
        let settings = self.settings
        let logger = self.logger
        return try await loop.submit {
            LoopBox(ServerCore(loop: loop, engine: engine.value, settings: settings, logger: logger), loop: loop)
        }.get()
    }

    private func bootstrap(_ core: LoopBox<ServerCore>) -> ServerBootstrap {
        // One read of at most 128 KiB a tick, so that a bulk upload doesn't hold up the answers beside it.
        let received = AdaptiveRecvByteBufferAllocator(minimum: 4_096, initial: 16_384, maximum: 131_072)
        return ServerBootstrap(group: self.loop)
            .serverChannelOption(.backlog, value: 512)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let core = core.value
                    try channel.pipeline.syncOperations.addHandler(AcceptPause { core.acceptFailed($0) })
                }
            }
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            // Not inherited from the listener, see unix(7).
            .childChannelOption(.socketOption(.so_sndbuf), value: 1 << 20)
            .childChannelOption(.recvAllocator, value: received)
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(SessionHandler(core: core.value))
                }
            }
    }

    private func waitForShutdown() async {
        do {
            try await gracefulShutdown()
        } catch {
            // The task was cancelled: shut down at once.
        }
    }

    /// Waits until every connection has gone.
    ///
    /// Cancelling the task ends them now.
    private func drain(_ core: LoopBox<ServerCore>) async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
                core.execute { core in core.drain { continuation.resume() } }
            }
        } onCancel: {
            core.execute { $0.abandon() }
        }
    }

    private func onLoop(_ core: LoopBox<ServerCore>, _ body: @escaping @Sendable (ServerCore) -> Void) async throws {
        try await self.loop.submit { body(core.value) }.get()
    }
}

/// Carries a loop-confined object across code that isn't on the loop.
struct LoopBox<Value>: Sendable {
    private let bound: NIOLoopBound<Value>
    private let loop: any EventLoop

    init(_ value: Value, loop: any EventLoop) {
        self.bound = NIOLoopBound(value, eventLoop: loop)
        self.loop = loop
    }

    /// The object; only on the loop.
    var value: Value { self.bound.value }

    func execute(_ body: @escaping @Sendable (Value) -> Void) {
        self.loop.execute { body(self.bound.value) }
    }
}
