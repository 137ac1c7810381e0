// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import CFanoutSystem
internal import Glibc
internal import NIOCore
internal import NIOPosix

/// A descriptor among a loop's own, readable once it is rung: answered when the loop next looks at its sockets.
///
/// An `eventfd(2)`. Confined to the loop.
final class Bell: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let descriptor: CInt
    private(set) var channel: (any Channel)?
    private var isOpen = true
    /// It was rung and hasn't answered.
    private var isDue = false
    private let answer: () -> Void

    /// `nil` = the loop has no selector, or there are no descriptors left.
    init?(loop: any EventLoop, answer: @escaping () -> Void) {
        guard let bootstrap = NIOPipeBootstrap(validatingGroup: loop) else { return nil }
        self.descriptor = fanout_event_descriptor()
        self.answer = answer
        guard self.descriptor >= 0 else { return nil }
        let bell = NIOLoopBound(self, eventLoop: loop)
        bootstrap
            .channelOption(.maxMessagesPerRead, value: 1)
            .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 8))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(bell.value)
                }
            }
            .takingOwnershipOfDescriptor(input: self.descriptor)
            .assumeIsolated()
            .whenComplete { result in
                switch result {
                case .success(let channel): self.opened(channel)
                case .failure:
                    Glibc.close(self.descriptor)
                    self.lose()
                }
            }
    }

    /// Has the bell answered; false = it can't be any more.
    func ring() -> Bool {
        guard self.isOpen else { return false }
        var count: UInt64 = 1
        guard Glibc.write(self.descriptor, &count, MemoryLayout<UInt64>.size) > 0 else { return false }
        self.isDue = true
        return true
    }

    func close() {
        self.isOpen = false
        self.channel?.close(promise: nil)
        self.channel = nil
    }

    private func opened(_ channel: any Channel) {
        guard self.isOpen else {
            channel.close(promise: nil)
            return
        }
        self.channel = channel
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {}

    func channelReadComplete(context: ChannelHandlerContext) {
        guard self.isOpen, self.isDue else { return }
        self.isDue = false
        self.answer()
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.lose()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    /// The descriptor is gone: who waits for the answer has it now, since no other will come.
    private func lose() {
        guard self.isOpen else { return }
        self.isOpen = false
        self.channel = nil
        guard self.isDue else { return }
        self.isDue = false
        self.answer()
    }
}
