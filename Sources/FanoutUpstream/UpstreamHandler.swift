// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import NIOCore
internal import NIOSSL
internal import NIOTLS

/// One connection to a provider: the last handler of its channel, and the shell of ``UpstreamConnection``.
///
/// It speaks HTTP itself: a request is one write of ready bytes, and answers go through a ``ResponseParser``.
final class UpstreamHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = Never
    typealias OutboundOut = ByteBuffer

    /// How long the end of a message is awaited after a stream's end marker.
    private static let drainMilliseconds: UInt64 = 250

    let route: Route
    let isSecure: Bool
    private let runner: HTTPAttemptRunner
    private var machine: UpstreamConnection
    private var parser = ResponseParser()
    private var context: ChannelHandlerContext?
    private var readingIsPaused = false
    private var owesRead = false
    private var floor: SocketFloor?
    private var user: (any ConnectionUser)?
    private var opening: ConnectionOpening?
    private var drainSlot: Int32?
    private var firstError: (any Error)?

    init(route: Route, runner: HTTPAttemptRunner, opening: ConnectionOpening) {
        self.route = route
        self.isSecure = route.key.isSecure
        self.runner = runner
        self.opening = opening
        self.machine = UpstreamConnection(bodyBytesMax: runner.settings.answerBytesMax)
    }

    /// Fills a new channel's pipeline.
    func install(on channel: any Channel, tls: NIOSSLClientHandler?) throws {
        let pipeline = channel.pipeline.syncOperations
        if let tls {
            let floor = SocketFloor()
            self.floor = floor
            try pipeline.addHandler(floor)
            try pipeline.addHandler(tls)
        }
        try pipeline.addHandler(self)
    }

    /// The TCP connection stands, and nothing more is needed.
    func connected() {
        guard !self.isSecure else { return }
        self.becomeReady()
    }

    /// Sends a request; the connection is idle.
    func send(_ bytes: ByteBuffer, for user: any ConnectionUser) {
        _ = self.machine.begin()
        self.parser.begin()
        self.user = user
        self.context?.writeAndFlush(self.wrapOutboundOut(bytes), promise: nil)
    }

    /// Closes the socket within this tick; nothing more is told to its user.
    func abandon() {
        self.user = nil
        self.opening = nil
        self.endDrain()
        guard self.machine.abandon() else { return }
        self.closeSocket()
    }

    /// Holds reads back.
    func pauseReading() {
        self.readingIsPaused = true
    }

    /// Lets reads through again.
    func resumeReading() {
        self.readingIsPaused = false
        guard self.owesRead else { return }
        self.owesRead = false
        self.context?.read()
    }

    func read(context: ChannelHandlerContext) {
        guard !self.readingIsPaused else {
            self.owesRead = true
            return
        }
        context.read()
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted? = event as? TLSUserEvent {
            if self.isForHost(context) { self.becomeReady() } else { self.fail(CertificateFault()) }
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = self.unwrapInboundIn(data)
        if case .refuse(let refusal) = self.machine.received(byteCount: buffer.readableBytes) {
            self.refuse(refusal)
            return
        }
        buffer.withUnsafeReadableBytes { bytes in self.parse(bytes) }
    }

    /// Reads what there is of the answer.
    ///
    /// Whatever an event leads to, even the end of this connection, the bytes stay valid: the caller holds them.
    private func parse(_ bytes: UnsafeRawBufferPointer) {
        let buffer = bytes.assumingMemoryBound(to: UInt8.self)
        var offset = 0
        do throws(ResponseFault) {
            while let event = try self.parser.next(buffer.span, from: &offset) {
                switch event {
                case .head: self.take(self.parser.takeHead())
                case .body(let range): self.takeBody(UnsafeRawBufferPointer(rebasing: bytes[range]))
                case .end: _ = self.machine.end()
                }
            }
        } catch {
            self.fail(error)
            return
        }
        if offset < bytes.count { self.machine.receivedSurplus() }
    }

    private func take(_ head: ResponseHead) {
        switch self.machine.head(status: UInt(head.status), keepAlive: head.keepsAlive) {
        case .deliver:
            if let user = self.user, user.received(head) { self.machine.answerComplete() }
        case .ignore: break
        case .refuse(let refusal): self.refuse(refusal)
        }
    }

    private func takeBody(_ bytes: UnsafeRawBufferPointer) {
        switch self.machine.body(byteCount: bytes.count) {
        case .deliver:
            if let user = self.user, user.received(bytes) { self.machine.answerComplete() }
        case .ignore: break
        case .refuse(let refusal): self.refuse(refusal)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        switch self.machine.readCompleted() {
        case .nothing: break
        case .finishAndKeep: self.finish { self.runner.keep(self) }
        case .finishAndDrain: self.finish { self.beginDrain() }
        case .finishAndClose: self.finish { self.closeSocket() }
        case .keep:
            self.endDrain()
            self.runner.keep(self)
        case .close:
            self.endDrain()
            self.closeSocket()
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.fail(error)
    }

    func channelInactive(context: ChannelHandlerContext) {
        if self.parser.endsWithConnection() { _ = self.machine.end() }
        self.lose()
    }

    private func fail(_ error: any Error) {
        if self.firstError == nil { self.firstError = error }
        self.lose()
        self.closeSocket()
    }

    /// Whether the certificate is for the host, not merely for the address that was connected to.
    private func isForHost(_ context: ChannelHandlerContext) -> Bool {
        guard let certificate = try? context.pipeline.syncOperations.nioSSL_peerCertificate() else { return false }
        return CertificateNames(certificate)?.include(self.route.key.host) ?? true
    }

    private func becomeReady() {
        guard self.machine.established() else { return }
        let opening = self.opening
        self.opening = nil
        opening?.established(self)
    }

    /// The connection goes its way first, so that what the sink starts next finds it idle.
    private func finish(_ dispose: () -> Void) {
        let user = self.user
        self.user = nil
        // A pause was the user's; the next one must not inherit it.
        self.resumeReading()
        dispose()
        user?.answered()
    }

    private func lose() {
        let user = self.user
        switch self.machine.lost() {
        case .nothing: break
        case .opening:
            let opening = self.opening
            self.opening = nil
            opening?.lost(self, error: self.firstError)
        case .idle: self.runner.forget(self)
        case .draining: self.endDrain()
        case .finish: self.finish {}
        case .beforeAnswerOnReused:
            self.user = nil
            user?.lostReusedConnection(self.firstError)
        case .beforeAnswer:
            self.user = nil
            user?.lostConnection(amidAnswer: false, error: self.firstError)
        case .amidAnswer:
            self.user = nil
            user?.lostConnection(amidAnswer: true, error: self.firstError)
        }
    }

    private func refuse(_ refusal: UpstreamConnection.Refusal) {
        let user = self.user
        let wasIdle = self.machine.lost() == .idle
        self.user = nil
        self.closeSocket()
        if wasIdle { self.runner.forget(self) }
        user?.refused(refusal)
    }

    private func closeSocket() {
        if let floor = self.floor {
            floor.close()
        } else {
            self.context?.close(promise: nil)
        }
    }
}

extension UpstreamHandler: AlarmTarget {
    func alarm(now: Instant) {
        self.abandon()
    }

    func shutDown() {
        self.abandon()
    }

    private func beginDrain() {
        let slot = self.runner.clock.open(self)
        self.drainSlot = slot
        self.runner.clock.set(slot, AlarmClock.now().adding(milliseconds: Self.drainMilliseconds))
    }

    private func endDrain() {
        guard let slot = self.drainSlot else { return }
        self.drainSlot = nil
        self.runner.clock.close(slot)
    }
}
