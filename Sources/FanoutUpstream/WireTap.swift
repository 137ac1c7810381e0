// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
internal import NIOHTTP1

/// The lowest of the handlers that see plain bytes.
///
/// It tells the connection of bytes before they are decoded, holds reads back, and is where request bytes enter: below
/// the decoder, whose outbound side takes only request parts.
final class WireTap: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = HTTPClientRequestPart
    typealias OutboundOut = ByteBuffer

    private unowned let connection: UpstreamHandler
    private var context: ChannelHandlerContext?
    private var isPaused = false
    private var owesRead = false

    init(connection: UpstreamHandler) {
        self.connection = connection
    }

    /// Writes and flushes a whole request.
    func send(_ bytes: ByteBuffer) {
        self.context?.writeAndFlush(self.wrapOutboundOut(bytes), promise: nil)
    }

    /// Holds reads back.
    func pause() {
        self.isPaused = true
    }

    /// Lets reads through again.
    func resume() {
        self.isPaused = false
        guard self.owesRead else { return }
        self.owesRead = false
        self.context?.read()
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func read(context: ChannelHandlerContext) {
        guard !self.isPaused else {
            self.owesRead = true
            return
        }
        context.read()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard self.connection.received(byteCount: self.unwrapInboundIn(data).readableBytes) else { return }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        // A request's head, written only so that the decoder knows that an answer is due; its bytes go by `send`.
        promise?.succeed()
    }
}

/// The lowest handler of a TLS connection: closes the socket itself.
///
/// A close from above makes TLS say goodbye and wait for the peer's, which a cancelled request has no time for.
final class SocketFloor: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private var context: ChannelHandlerContext?

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    /// Closes the socket at once.
    func close() {
        self.context?.close(promise: nil)
    }
}
