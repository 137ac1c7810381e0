// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import FanoutWire
import NIOCore
import NIOPosix

/// A client made of raw frames, which may be as wrong as a test wants.
final class TestPeer: Sendable {
    let channel: any Channel
    private let inbox: Inbox

    private init(channel: any Channel, inbox: Inbox) {
        self.channel = channel
        self.inbox = inbox
    }

    static func connect(_ path: String, group: MultiThreadedEventLoopGroup) async throws -> TestPeer {
        let inbox = Inbox()
        let channel = try await ClientBootstrap(group: group)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(PeerHandler(inbox: inbox))
                }
            }
            .connect(unixDomainSocketPath: path)
            .get()
        return TestPeer(channel: channel, inbox: inbox)
    }

    /// Connects and says Hello; the Welcome has come.
    static func greeted(_ path: String, group: MultiThreadedEventLoopGroup) async throws -> TestPeer {
        let peer = try await Self.connect(path, group: group)
        try await peer.send(ClientFrame(id: 0, body: .hello(.init(major: 1, minor: 0, client: "test"))))
        _ = try await peer.next()
        return peer
    }

    func send(_ frames: ClientFrame...) async throws {
        var bytes: [UInt8] = []
        var encoder = WireEncoder()
        for frame in frames { try encoder.encode(frame, into: &bytes) }
        try await self.send(bytes: bytes)
    }

    func send(bytes: [UInt8]) async throws {
        try await self.channel.writeAndFlush(ByteBuffer(bytes: bytes))
    }

    /// The next frame; `nil` = the daemon has closed.
    func next() async throws -> ServerFrame? {
        await self.inbox.next()
    }

    /// The next frame that isn't a Window.
    func nextAnswer() async throws -> ServerFrame? {
        while let frame = try await self.next() {
            if case .window = frame.body { continue }
            return frame
        }
        return nil
    }

    /// Frames up to and with the first that satisfies the condition, or to the end.
    func frames(through isLast: (ServerFrame) -> Bool) async throws -> [ServerFrame] {
        var frames: [ServerFrame] = []
        while let frame = try await self.nextAnswer() {
            frames.append(frame)
            if isLast(frame) { break }
        }
        return frames
    }

    func framesThroughSummary(of id: UInt64) async throws -> [ServerFrame] {
        try await self.frames { frame in
            if case .summary = frame.body { frame.id == id } else { false }
        }
    }

    /// Waits until the daemon has accepted so many connections; drops the answers before that.
    func waitForConnections(_ count: UInt64) async throws {
        while true {
            try await self.send(ClientFrame(id: 1 << 40, body: .statusQuery(lanes: false)))
            let frames = try await self.frames { if case .status = $0.body { true } else { false } }
            if case .status(let status) = frames.last?.body, status.connections >= count { return }
        }
    }

    /// Raw bytes that came and were no frame.
    var rawText: String { get async { await self.inbox.raw } }

    func close() async throws {
        try await self.channel.close()
    }

    func closeOutput() async throws {
        try await self.channel.close(mode: .output)
    }
}

/// Frames that came and were not asked for yet.
actor Inbox {
    private var frames: [ServerFrame] = []
    private var waiter: CheckedContinuation<ServerFrame?, Never>?
    private var isClosed = false
    private(set) var raw = ""

    func put(_ frame: ServerFrame) {
        if let waiter = self.waiter {
            self.waiter = nil
            waiter.resume(returning: frame)
        } else {
            self.frames.append(frame)
        }
    }

    func put(raw text: String) { self.raw += text }

    func close() {
        self.isClosed = true
        self.waiter?.resume(returning: nil)
        self.waiter = nil
    }

    /// The next frame; nil = the connection is closed, or the task is cancelled, as one past its time limit is.
    func next() async -> ServerFrame? {
        if !self.frames.isEmpty { return self.frames.removeFirst() }
        if self.isClosed || Task.isCancelled { return nil }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { self.waiter = $0 }
        } onCancel: {
            Task { await self.giveUp() }
        }
    }

    private func giveUp() {
        self.waiter?.resume(returning: nil)
        self.waiter = nil
    }
}

private final class PeerHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let inbox: Inbox
    private let events: AsyncStream<Event>
    private let feed: AsyncStream<Event>.Continuation
    private var decoder = FrameDecoder(frameBytesMax: FrameDecoder.frameBytesCeiling)
    private var codec = WireDecoder()

    private enum Event: Sendable {
        case frame(ServerFrame)
        case raw(String)
        case closed
    }

    init(inbox: Inbox) {
        self.inbox = inbox
        (self.events, self.feed) = AsyncStream.makeStream(of: Event.self)
        let events = self.events
        // Ends with the stream, which the handler finishes when the channel closes.
        Task {
            for await event in events {
                switch event {
                case .frame(let frame): await inbox.put(frame)
                case .raw(let text): await inbox.put(raw: text)
                case .closed: await inbox.close()
                }
            }
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = self.unwrapInboundIn(data)
        buffer.withUnsafeReadableBytes { bytes in
            var rest = bytes
            do {
                while let frame = try self.decoder.next(&rest) {
                    self.feed.yield(.frame(try self.codec.decodeServer(frame)))
                }
            } catch {
                self.feed.yield(.raw(String(decoding: bytes, as: UTF8.self)))
            }
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelEvent, event == .inputClosed { context.close(promise: nil) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.feed.yield(.closed)
        self.feed.finish()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
