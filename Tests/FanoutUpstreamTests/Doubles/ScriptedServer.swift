// Fanout
// SPDX-License-Identifier: Apache-2.0

import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import NIOSSL

/// A server over a real socket that does what its script says, byte for byte.
///
/// Each accepted connection takes the next script, the last one again and again.
final class ScriptedServer: Sendable {
    /// One thing a connection does.
    enum Step: Sendable {
        /// Waits until a whole request (head and content-length bytes) has come.
        case request
        /// Sends a text.
        case send(String)
        /// Sends bytes.
        case sendBytes([UInt8])
        /// Sends a text in pieces of this many bytes, each flushed.
        case trickle(String, Int)
        /// Sends the text again and again until the connection is gone.
        case flood(String)
        /// Waits until the test calls `release`.
        case wait
        /// Closes.
        case close
        /// Closes with a TCP reset.
        case reset
        /// Begins this script again.
        case again
    }

    /// What has happened so far.
    struct Log: Sendable {
        var accepted = 0
        var requests: [String] = []
        var closedByPeer = 0
        var releases = 0
        var isReset = false
    }

    let port: UInt16
    private let group: MultiThreadedEventLoopGroup
    private let channel: any Channel
    private let board: NoticeBoard<Log>

    init(_ scripts: [[Step]], tls: NIOSSLContext? = nil, host: String = "127.0.0.1") async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let board = NoticeBoard(Log())
        let left = NIOLockedValueBox(scripts)
        self.board = board
        self.group = group
        self.channel = try await ServerBootstrap(group: group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let script = left.withLockedValue { $0.count > 1 ? $0.removeFirst() : $0[0] }
                    if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls)) }
                    try channel.pipeline.syncOperations.addHandler(ScriptHandler(script, board: board))
                }
            }
            .bind(host: host, port: 0).get()
        self.port = UInt16(self.channel.localAddress?.port ?? 0)
    }

    /// What has happened so far.
    var log: Log { self.board.value }

    /// Waits until the log satisfies a condition.
    func wait(until condition: @escaping @Sendable (Log) -> Bool) async -> Log {
        await self.board.wait(until: condition)
    }

    /// Lets every connection that waits go on.
    func release() {
        self.board.update { $0.releases += 1 }
    }

    func stop() async throws {
        try await self.channel.close().get()
        try await self.group.shutdownGracefully()
    }
}

/// Carries a script out on one connection.
private final class ScriptHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let script: [ScriptedServer.Step]
    private let board: NoticeBoard<ScriptedServer.Log>
    private var next = 0
    private var received = ByteBuffer()
    private var isBlocked = false
    private var isClosing = false

    init(_ script: [ScriptedServer.Step], board: NoticeBoard<ScriptedServer.Log>) {
        self.script = script
        self.board = board
    }

    func channelActive(context: ChannelHandlerContext) {
        self.board.update { $0.accepted += 1 }
        self.advance(context)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = self.unwrapInboundIn(data)
        self.received.writeBuffer(&bytes)
        self.advance(context)
    }

    func channelInactive(context: ChannelHandlerContext) {
        if !self.isClosing { self.board.update { $0.closedByPeer += 1 } }
        self.isClosing = true
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func advance(_ context: ChannelHandlerContext) {
        while !self.isBlocked, !self.isClosing, self.next < self.script.count {
            let step = self.script[self.next]
            self.next += 1
            switch step {
            case .request:
                guard let request = self.takeRequest() else {
                    self.next -= 1
                    return
                }
                self.board.update { $0.requests.append(request) }
            case .send(let text): self.write(Array(text.utf8), context)
            case .sendBytes(let bytes): self.write(bytes, context)
            case .trickle(let text, let size): self.trickle(Array(text.utf8), size, context)
            case .flood(let text): self.flood(text, context)
            case .wait: self.hold(context)
            case .close:
                self.isClosing = true
                context.close(promise: nil)
            case .reset:
                self.isClosing = true
                guard let provider = context.channel as? any SocketOptionProvider else {
                    preconditionFailure("a socket has no socket options")
                }
                provider.setSoLinger(linger(l_onoff: 1, l_linger: 0))
                    .assumeIsolated().whenComplete { _ in context.close(promise: nil) }
            case .again: self.next = 0
            }
        }
    }

    private func takeRequest() -> String? {
        let bytes = Array(self.received.readableBytesView)
        let separator = Array("\r\n\r\n".utf8)
        guard let end = bytes.indices.first(where: { bytes[$0...].starts(with: separator) }) else { return nil }
        let lines = String(decoding: bytes[..<end], as: UTF8.self).lowercased().split(separator: "\r\n")
        let length = lines.compactMap { $0.hasPrefix("content-length: ") ? Int($0.dropFirst(16)) : nil }.first ?? 0
        let headBytes = end + separator.count
        guard self.received.readableBytes >= headBytes + length else { return nil }
        return self.received.readString(length: headBytes + length)
    }

    private func write(_ bytes: [UInt8], _ context: ChannelHandlerContext) {
        context.writeAndFlush(self.wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: nil)
    }

    /// One piece a tick, so that the client sees them one by one as far as the kernel lets it.
    private func trickle(_ bytes: [UInt8], _ size: Int, _ context: ChannelHandlerContext) {
        self.isBlocked = true
        guard !bytes.isEmpty, !self.isClosing else {
            self.isBlocked = false
            self.advance(context)
            return
        }
        let rest = Array(bytes.dropFirst(size))
        let done = context.eventLoop.makePromise(of: Void.self)
        context.writeAndFlush(self.wrapOutboundOut(ByteBuffer(bytes: bytes.prefix(size))), promise: done)
        self.next(context, after: done) { self.trickle(rest, size, context) }
    }

    private func flood(_ text: String, _ context: ChannelHandlerContext) {
        self.isBlocked = true
        let done = context.eventLoop.makePromise(of: Void.self)
        context.writeAndFlush(self.wrapOutboundOut(ByteBuffer(string: text)), promise: done)
        self.next(context, after: done) { self.flood(text, context) }
    }

    /// In a turn of its own: a write that completes at once would otherwise nest without end.
    private func next(
        _ context: ChannelHandlerContext,
        after done: EventLoopPromise<Void>,
        _ body: @escaping () -> Void
    ) {
        let loop = context.eventLoop
        done.futureResult.assumeIsolated().whenComplete { result in
            guard case .success = result, !self.isClosing else { return }
            loop.assumeIsolated().execute(body)
        }
    }

    private func hold(_ context: ChannelHandlerContext) {
        self.isBlocked = true
        let loop = context.eventLoop
        let bound = NIOLoopBound((self, context), eventLoop: loop)
        let board = self.board
        let releases = board.value.releases
        let released = loop.makePromise(of: Void.self)
        released.completeWithTask { _ = await board.wait { $0.releases > releases } }
        released.futureResult.whenComplete { _ in
            let (handler, context) = bound.value
            handler.isBlocked = false
            handler.advance(context)
        }
    }
}
