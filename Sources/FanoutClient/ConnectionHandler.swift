// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import FanoutWire
internal import NIOCore

/// Cuts the daemon's bytes into frames for the ``ClientConnection``, and holds reads back while it is told to.
final class ConnectionHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let connection: ClientConnection
    private var frames = FrameDecoder(frameBytesMax: FrameDecoder.frameBytesCeiling)
    private var decoder = WireDecoder()
    private var reads = true
    private var hasHeldRead = false

    init(_ connection: ClientConnection) {
        self.connection = connection
    }

    func channelActive(context: ChannelHandlerContext) {
        // Hello is in the outbox since the connection was made.
        self.connection.update { _ in }
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = self.unwrapInboundIn(data)
        var received: [(ServerFrame, Int)] = []
        var fault: WireError?
        buffer.withUnsafeReadableBytes { bytes in
            var rest = bytes
            do throws(WireError) {
                while let body = try self.frames.next(&rest) {
                    received.append((try self.decoder.decodeServer(body), body.count))
                }
            } catch {
                fault = error
            }
        }
        guard !received.isEmpty || fault != nil else { return }
        self.connection.update { session in
            for (frame, bytes) in received { session.receive(frame, bytes: bytes) }
            if let fault {
                session.close(FanoutError(fault.code, "the daemon sent what this library can't read: \(fault.message)"))
            }
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        let words =
            self.frames.isMidFrame
            ? "the daemon closed the connection in the middle of a frame"
            : "the daemon closed the connection before the answer was complete: see its log, then connect again"
        self.connection.update { $0.close(FanoutError(.unreachable, words)) }
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.connection.update { $0.close(FanoutError(.unreachable, "the connection to the daemon broke: \(error)")) }
    }

    func read(context: ChannelHandlerContext) {
        if self.reads { context.read() } else { self.hasHeldRead = true }
    }

    func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
        guard let change = event as? ReadingChange else {
            return context.triggerUserOutboundEvent(event, promise: promise)
        }
        self.reads = change.reads
        if self.reads, self.hasHeldRead {
            self.hasHeldRead = false
            context.read()
        }
        promise?.succeed()
    }
}
