// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import NIOCore
internal import NIOHTTP1
internal import NIOSSL
internal import NIOTLS

/// One connection to a provider: the last handler of its channel, and the shell of ``UpstreamConnection``.
final class UpstreamHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    /// Tells the decoder that an answer to a POST is due; no byte of it is sent.
    private static let expectation = HTTPClientRequestPart.head(
        HTTPRequestHead(version: .http1_1, method: .POST, uri: "/")
    )

    /// How long the end of a message is awaited after a stream's end marker.
    private static let drainMilliseconds: UInt64 = 250

    let route: Route
    let isSecure: Bool
    private let runner: HTTPAttemptRunner
    private var machine: UpstreamConnection
    private var context: ChannelHandlerContext?
    private lazy var tap = WireTap(connection: self)
    private var floor: SocketFloor?
    private var attempt: HTTPAttempt?
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
        try pipeline.addHandler(self.tap)
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldSize = 32 << 10
        limits.maxHeaderListSize = UpstreamConnection.headBytesMax
        limits.maxHeaderFieldCount = 128
        let decoder = HTTPResponseDecoder(
            leftOverBytesStrategy: .dropBytes,
            informationalResponseStrategy: .forward,
            limitConfiguration: limits
        )
        try pipeline.addHandler(ByteToMessageHandler(decoder))
        try pipeline.addHandler(self)
    }

    /// The TCP connection stands, and nothing more is needed.
    func connected() {
        guard !self.isSecure else { return }
        self.becomeReady()
    }

    /// Sends a request; the connection is idle.
    func send(_ bytes: ByteBuffer, for attempt: HTTPAttempt) {
        _ = self.machine.begin()
        self.attempt = attempt
        self.context?.write(self.wrapOutboundOut(Self.expectation), promise: nil)
        self.tap.send(bytes)
    }

    /// Closes the socket within this tick; nothing more is told to the attempt.
    func abandon() {
        self.attempt = nil
        self.opening = nil
        self.endDrain()
        guard self.machine.abandon() else { return }
        self.closeSocket()
    }

    /// Stops reads.
    func pauseReading() {
        self.tap.pause()
    }

    /// Reads again.
    func resumeReading() {
        self.tap.resume()
    }

    /// Bytes came off the wire; `false` = they are refused.
    func received(byteCount: Int) -> Bool {
        switch self.machine.received(byteCount: byteCount) {
        case .pass: return true
        case .refuse(let refusal):
            self.refuse(refusal)
            return false
        }
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted? = event as? TLSUserEvent { self.becomeReady() }
        context.fireUserInboundEventTriggered(event)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch self.unwrapInboundIn(data) {
        case .head(let head):
            switch self.machine.head(status: head.status.code, keepAlive: head.isKeepAlive) {
            case .deliver:
                if let attempt = self.attempt, attempt.received(head) { self.machine.answerComplete() }
            case .ignore: break
            case .refuse(let refusal): self.refuse(refusal)
            }
        case .body(let bytes):
            switch self.machine.body(byteCount: bytes.readableBytes) {
            case .deliver:
                if let attempt = self.attempt, attempt.received(bytes) { self.machine.answerComplete() }
            case .ignore: break
            case .refuse(let refusal): self.refuse(refusal)
            }
        case .end:
            _ = self.machine.end()
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
        if self.firstError == nil { self.firstError = error }
        self.lose()
        self.closeSocket()
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.lose()
    }

    private func becomeReady() {
        guard self.machine.established() else { return }
        let opening = self.opening
        self.opening = nil
        opening?.established(self)
    }

    /// The connection goes its way first, so that what the sink starts next finds it idle.
    private func finish(_ dispose: () -> Void) {
        let attempt = self.attempt
        self.attempt = nil
        // A pause was the attempt's; the next one must not inherit it.
        self.tap.resume()
        dispose()
        attempt?.answered()
    }

    private func lose() {
        let attempt = self.attempt
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
            self.attempt = nil
            attempt?.lostReusedConnection(self.firstError)
        case .beforeAnswer:
            self.attempt = nil
            attempt?.lostConnection(amidAnswer: false, error: self.firstError)
        case .amidAnswer:
            self.attempt = nil
            attempt?.lostConnection(amidAnswer: true, error: self.firstError)
        }
    }

    private func refuse(_ refusal: UpstreamConnection.Refusal) {
        let attempt = self.attempt
        let wasIdle = self.machine.lost() == .idle
        self.attempt = nil
        self.closeSocket()
        if wasIdle { self.runner.forget(self) }
        attempt?.refused(refusal)
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
