// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutEngine
internal import FanoutModel
internal import FanoutWire
internal import Logging
internal import NIOCore

/// One connection: its protocol, its batches, its windows and its output.
///
/// Confined to the server's loop.
///
/// Bytes come in by ``receive(_:)`` and go out by the channel, once a tick. The session owns its batches: when it ends
/// they are cancelled, and each of them ends when its last attempt has.
final class Session {
    let id: UInt64
    let peer: PeerIdentity
    /// As of the connect: its connection and its blobs are counted under it.
    ///
    /// Each batch belongs to the tenant that the configuration then in force says.
    let tenant: String
    let channel: any Channel
    let core: ServerCore
    var engine: Engine { self.core.engine }
    var now: Instant { Engine.now() }

    var conversation: SessionProtocol
    var decoder: FrameDecoder
    var batches: [UInt64: SessionBatch] = [:]
    let output = SessionOutput()
    var isClosed = false
    /// What the client calls itself.
    private(set) var clientName = ""

    var blobs: BlobStore
    let windowBytes: Int
    private var batchWindowBytes: Int { min(self.core.limits.batchWindowBytes, self.windowBytes / 2) }
    var upload: UploadWindow
    /// Batches that have given bytes back since the last tick.
    var giving: Set<UInt64> = []
    private let connected: Instant
    /// When the first byte of an unfinished frame came.
    private var frameStarted: Instant?
    /// Bytes of an unfinished frame that are charged.
    private(set) var unfinishedBytes = 0
    var inputIsClosed = false
    /// Output is over the soft mark: nothing more is dispatched for this connection.
    private(set) var outputIsOverSoftMark = false
    private var readingIsPaused = false

    init(
        id: UInt64,
        peer: PeerIdentity,
        tenant: String,
        channel: any Channel,
        core: ServerCore,
        now: Instant
    ) {
        self.id = id
        self.peer = peer
        self.tenant = tenant
        self.channel = channel
        self.core = core
        self.connected = now
        self.conversation = SessionProtocol(now: now)
        let limits = core.limits
        self.decoder = FrameDecoder(frameBytesMax: limits.helloBytes)
        self.blobs = BlobStore(capacity: limits.blobBytesPerConnection, chunkBytesMax: 256 << 10)
        // Memory is short: a connection that comes now gets a small window.
        self.windowBytes = core.engine.ledger.isTight ? 256 << 10 : limits.uploadWindowBytes
        // 1 MiB may be used before Welcome says how much it is.
        self.upload = UploadWindow(
            bytesMax: max(self.windowBytes, 1 << 20),
            batchBytesMax: max(min(limits.batchWindowBytes, self.windowBytes / 2), 1 << 20)
        )
    }

    // MARK: Input

    /// Takes bytes from the socket.
    func receive(_ bytes: UnsafeRawBufferPointer) {
        guard self.conversation.state != .closing, !self.isClosed else { return }
        var rest = bytes
        do {
            while let frame = try self.decoder.next(&rest) {
                self.receive(frame: frame)
                guard self.conversation.state != .closing else { return }
            }
        } catch {
            self.fail(error)
        }
        self.countUnfinishedFrame()
        let isMidFrame = self.decoder.isMidFrame
        self.frameStarted = isMidFrame ? (self.frameStarted ?? self.now) : nil
        self.sendWindows()
    }

    /// What has come of a frame counts for the daemon's bound.
    private func countUnfinishedFrame() {
        let bytes = self.decoder.bufferedBytes
        guard bytes != self.unfinishedBytes else { return }
        if bytes > self.unfinishedBytes {
            self.hold(bytes - self.unfinishedBytes)
        } else {
            self.forgetUnfinishedFrame(but: bytes)
        }
        self.unfinishedBytes = bytes
        if bytes > 0 { self.core.makeRoom() }
    }

    func forgetUnfinishedFrame(but bytes: Int = 0) {
        self.release(self.unfinishedBytes - bytes)
        self.unfinishedBytes = bytes
    }

    private func fail(_ error: WireError) {
        if error.foreign == .http1 {
            self.answerHTTP()
        } else {
            self.fail(SessionProtocol.Fault(error.code, error.message, limit: error.limit))
        }
    }

    private func receive(frame bytes: UnsafeRawBufferPointer) {
        let frame: ClientFrame
        do {
            frame = try self.core.codec.decode(bytes)
        } catch {
            self.fail(error)
            return
        }
        let now = self.now
        self.frameStarted = nil
        switch self.conversation.receive(frame, now: now) {
        case .ignore: return
        case .fatal(let fault): self.close(with: fault)
        case .reject(let rejection): self.reject(frame, rejection, byteCount: bytes.count)
        case .proceed: self.carryOut(frame, byteCount: bytes.count, now: now)
        }
    }

    private func carryOut(_ frame: ClientFrame, byteCount: Int, now: Instant) {
        switch frame.body {
        case .hello(let hello):
            self.clientName = hello.client
            self.welcome()
        case .submit(let submit): self.submit(frame, submit, byteCount: byteCount, now: now)
        case .append(let append): self.append(frame, append, byteCount: byteCount, now: now)
        case .blob(let blob): self.take(blob, id: frame.id, now: now)
        case .cancel(let indexes):
            guard let batch = self.batches[frame.id] else { return }
            self.cancel(batch, indexes: indexes, now: now)
        case .credit(let results):
            guard let batch = self.batches[frame.id] else { return }
            do {
                try batch.addCredit(results, now: now)
            } catch {
                self.fail(error)
            }
        case .statusQuery(let lanes, let peers):
            self.sendStatus(id: frame.id, lanes: lanes, peers: peers)
        case .explainQuery(let batch, let index, let session):
            self.explain(id: frame.id, batch: batch, index: index, session: session, now: now)
        case .metricsQuery: self.sendMetrics(id: frame.id, now: now)
        case .ping(let data): self.send(ServerFrame(id: frame.id, body: .pong(data)))
        case .unknown, .refused: break
        }
    }

    private func welcome() {
        self.decoder.frameBytesMax = self.core.limits.frameBytes
        self.core.sessionSaidHello(self)
        self.send(ServerFrame(id: 0, body: .welcome(self.core.welcome(for: self, windowBytes: self.windowBytes))))
        if self.core.isDraining { self.goAway(deadlineMilliseconds: self.core.limits.drainMilliseconds) }
    }

    // MARK: Windows

    func charge(_ bytes: Int, batch: UInt64, isOpen: Bool) -> Bool {
        do {
            try self.upload.charge(bytes, batch: batch, isOpen: isOpen)
            return true
        } catch {
            self.fail(SessionProtocol.Fault(error.code, error.message, limit: error.limit))
            return false
        }
    }

    /// A batch's upload bytes are free again; the client is told soon, in amounts worth a frame.
    func giveBack(_ bytes: Int, of batch: UInt64) {
        self.upload.giveBack(bytes, batch: batch)
        guard self.giving.insert(batch).inserted, self.giving.count == 1 else { return }
        self.core.flushSoon(self)
    }

    func sendWindows() {
        guard !self.giving.isEmpty else { return }
        let least = max(1, self.batchWindowBytes / 16)
        for batch in self.giving {
            // An open batch may be waiting for just these bytes; a closed one is told at its end.
            let mayWait = self.batches[batch]?.run?.isClosed == false && self.upload.isAllReturned(batch: batch)
            self.announce(batch, atLeast: mayWait ? 1 : least)
        }
        self.giving.removeAll(keepingCapacity: true)
    }

    func announce(_ batch: UInt64, atLeast least: Int) {
        let bytes = self.upload.announce(batch: batch, atLeast: least)
        guard bytes > 0 else { return }
        self.send(ServerFrame(id: batch, body: .window(bytes: UInt64(bytes))))
    }

    /// Bytes of results that are held back count for the daemon's bound.
    func hold(_ bytes: Int) { self.engine.ledger.charge(bytes) }

    func release(_ bytes: Int) { self.engine.ledger.release(bytes) }

    /// The output has grown or shrunk: compares it with its marks.
    func outputChanged() {
        guard !self.isClosed else { return }
        let limits = self.core.limits
        let unread = self.output.unreadBytes
        let now = self.now
        if unread > limits.outputMaxBytes {
            let words =
                "more than \(limits.outputMaxBytes) bytes of results are unread: read faster, or give less credit"
            self.fail(SessionProtocol.Fault(.slowReader, words, limit: UInt64(limits.outputMaxBytes)))
            self.channel.close(promise: nil)
            return
        }
        if unread > limits.outputSoftBytes { self.core.makeRoom() }
        guard !self.isClosed, self.conversation.state != .closing else { return }
        let isOver = self.outputIsOverSoftMark ? unread > limits.outputSoftBytes / 2 : unread > limits.outputSoftBytes
        if isOver != self.outputIsOverSoftMark {
            self.outputIsOverSoftMark = isOver
            for batch in Array(self.batches.values) { batch.updateDispatch(now: now) }
        }
        let isHard = self.readingIsPaused ? unread > limits.outputHardBytes / 2 : unread > limits.outputHardBytes
        if isHard != self.readingIsPaused {
            self.readingIsPaused = isHard
            for batch in self.batches.values {
                if let run = batch.run { self.engine.setReading(of: run, isPaused: isHard) }
            }
        }
    }

    // MARK: Output

    func send(_ frame: ServerFrame, isUrgent: Bool = true) {
        self.output.append(frame, of: self, isUrgent: isUrgent)
    }

    func send(_ result: ItemResult, of batch: UInt64) {
        self.output.append(ServerFrame(id: batch, body: .result(result)), of: self)
    }

    /// Looks after what only time brings; called about once a second.
    func sweep(now: Instant) {
        let limits = self.core.limits
        if self.conversation.state == .fresh, now >= self.connected.adding(milliseconds: limits.helloMilliseconds) {
            let words = "no Hello within \(limits.helloMilliseconds) ms"
            self.fail(SessionProtocol.Fault(.helloTimeout, words, limit: limits.helloMilliseconds))
        }
        if let start = self.frameStarted, now >= start.adding(milliseconds: limits.frameMilliseconds) {
            let words = "a frame took longer than \(limits.frameMilliseconds) ms"
            self.fail(SessionProtocol.Fault(.frameTimeout, words, limit: limits.frameMilliseconds))
        }
        if self.output.hasStalled(now: now, after: limits.outputStallMilliseconds, channel: self.channel) {
            let words = "no byte was read for \(limits.outputStallMilliseconds) ms"
            self.fail(SessionProtocol.Fault(.slowReader, words, limit: limits.outputStallMilliseconds))
            self.channel.close(promise: nil)
        }
        let before = self.blobs.held
        self.blobs.dropIdle(now: now)
        self.settleBlobs(before: before)
        for batch in Array(self.batches.values) {
            batch.sendProgress(now: now)
            guard let run = batch.run, !run.isClosed, run.liveItems == 0, batch.intake.isEmpty else { continue }
            if now >= batch.lastActivity.adding(milliseconds: limits.batchIdleMilliseconds) {
                self.engine.cancel(run, indexes: nil, reason: .batchIdle, now: now)
            }
        }
    }
}
