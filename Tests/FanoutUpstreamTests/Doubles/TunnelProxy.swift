// Fanout
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix

@testable import FanoutUpstream

/// An HTTP proxy that makes tunnels, all of them to one port of this machine, whatever host is asked for.
final class TunnelProxy: Sendable {
    let port: UInt16
    private let group: MultiThreadedEventLoopGroup
    private let channel: any Channel
    private let board = NoticeBoard<[String]>([])

    init(to target: UInt16) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let board = self.board
        self.group = group
        self.channel = try await ServerBootstrap(group: group)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Entrance(target: target, board: board))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        self.port = UInt16(self.channel.localAddress?.port ?? 0)
    }

    /// The heads of the requests for tunnels.
    var requests: [String] { self.board.value }

    func stop() async throws {
        try await self.channel.close().get()
        try await self.group.shutdownGracefully()
    }

    /// The side of the client.
    private final class Entrance: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let target: UInt16
        private let board: NoticeBoard<[String]>
        private var head = ""
        private var exit: (any Channel)?

        init(target: UInt16, board: NoticeBoard<[String]>) {
            self.target = target
            self.board = board
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let bytes = self.unwrapInboundIn(data)
            if let exit = self.exit {
                exit.writeAndFlush(bytes, promise: nil)
                return
            }
            self.head += String(buffer: bytes)
            guard self.head.hasSuffix("\r\n\r\n") else { return }
            let head = self.head
            self.board.update { $0.append(head) }
            let client = context.channel
            ClientBootstrap(group: context.eventLoop)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(Exit(client: client))
                    }
                }
                .connect(host: "127.0.0.1", port: Int(self.target)).assumeIsolated().whenSuccess { exit in
                    self.exit = exit
                    client.writeAndFlush(
                        ByteBuffer(string: "HTTP/1.1 200 Connection established\r\n\r\n"),
                        promise: nil
                    )
                }
        }

        func channelInactive(context: ChannelHandlerContext) {
            self.exit?.close(promise: nil)
        }
    }

    /// The side of the host.
    private final class Exit: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private let client: any Channel

        init(client: any Channel) {
            self.client = client
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            self.client.writeAndFlush(self.unwrapInboundIn(data), promise: nil)
        }

        func channelInactive(context: ChannelHandlerContext) {
            self.client.close(promise: nil)
        }
    }
}
