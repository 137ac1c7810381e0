// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import NIOCore

/// Lets connections wait in the listener's queue for a moment when one can't be accepted, as when there are no
/// descriptors left: at once would be in vain, and again and again.
///
/// NIO's `AcceptBackoffHandler` delays the next read alone. A read that failed is still pending, and the listener's
/// descriptor readable, so the loop would try without a pause; switching reads off takes it out of the selector.
final class AcceptPause: ChannelInboundHandler {
    typealias InboundIn = any Channel

    private static let pause = TimeAmount.milliseconds(100)
    private let tell: (IOError) -> Void

    /// `tell` hears of each failure.
    init(tell: @escaping (IOError) -> Void) {
        self.tell = tell
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let failure = error as? IOError, let options = context.channel.syncOptions else {
            context.fireErrorCaught(error)
            return
        }
        self.tell(failure)
        do {
            try options.setOption(.autoRead, value: false)
        } catch {
            context.fireErrorCaught(error)
            return
        }
        context.eventLoop.assumeIsolated().scheduleTask(in: Self.pause) {
            // A listener that was closed meanwhile has no options to set, and nothing to accept.
            try? options.setOption(.autoRead, value: true)
        }
    }
}
