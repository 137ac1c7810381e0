// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import NIOCore

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
