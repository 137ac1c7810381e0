// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutEngine
internal import FanoutModel
internal import FanoutWire
internal import Glibc
internal import NIOCore

/// The frames of one connection that are not read yet: encoded here, written once a tick in pieces of 256 KiB.
///
/// A class, since writing may call back at once.
final class SessionOutput {
    private var outbox: [UInt8] = []
    /// Bytes given to the channel that the kernel hasn't taken.
    private var unflushed = 0
    private var flushIsScheduled = false
    private var closesAfterFlush = false
    /// Bytes given to the channel, ever.
    private var given = 0
    /// When bytes were last seen to move; what the kernel had taken then, and what it still had.
    private var lastProgress = Instant.zero
    private var lastTaken = 0
    private var lastQueue: CInt = 0

    private static let pieceBytes = 256 << 10

    /// Bytes that the client hasn't taken.
    var unreadBytes: Int { self.outbox.count + self.unflushed }

    /// Adds a frame.
    ///
    /// One that nobody waits for goes with the next that somebody does, or a few milliseconds later:
    /// a write of its own would wake the client for nothing.
    func append(_ frame: ServerFrame, of session: Session, isUrgent: Bool = true) {
        guard !session.isClosed, !self.closesAfterFlush else { return }
        let before = self.outbox.count
        session.core.codec.encode(frame, into: &self.outbox)
        session.engine.ledger.charge(self.outbox.count - before)
        if isUrgent { self.scheduleFlush(of: session) } else { session.core.flushSoon(session) }
        // The end of the tick may be too late: much can end within one.
        if self.unreadBytes > session.core.limits.outputSoftBytes { session.outputChanged() }
    }

    func append(_ text: String, of session: Session) {
        guard !session.isClosed, !self.closesAfterFlush else { return }
        self.outbox.append(contentsOf: text.utf8)
        session.engine.ledger.charge(text.utf8.count)
        self.scheduleFlush(of: session)
    }

    func scheduleFlush(of session: Session) {
        guard !self.flushIsScheduled, !session.isClosed else { return }
        self.flushIsScheduled = true
        session.core.flushThisTurn(session)
    }

    func flushScheduled(of session: Session) {
        session.sendWindows()
        self.flush(of: session, thenClose: false)
        session.outputChanged()
    }

    func flush(of session: Session, thenClose: Bool) {
        self.flushIsScheduled = false
        if thenClose { self.closesAfterFlush = true }
        if !self.outbox.isEmpty {
            if self.unflushed == 0 { self.lastProgress = session.now }
            var start = 0
            while start < self.outbox.count {
                let end = min(start + Self.pieceBytes, self.outbox.count)
                self.write(self.outbox[start..<end], of: session)
                start = end
            }
            self.outbox.removeAll(keepingCapacity: self.outbox.capacity <= 4 << 20)
            session.channel.flush()
        }
        if self.closesAfterFlush && self.unflushed == 0 { session.channel.close(promise: nil) }
    }

    private func write(_ piece: ArraySlice<UInt8>, of session: Session) {
        let count = piece.count
        self.unflushed += count
        self.given += count
        let promise = session.channel.eventLoop.makePromise(of: Void.self)
        session.channel.write(ByteBuffer(bytes: piece), promise: promise)
        promise.futureResult.assumeIsolated().whenComplete { _ in
            session.output.wrote(count, of: session)
        }
    }

    private func wrote(_ count: Int, of session: Session) {
        self.unflushed -= count
        session.engine.ledger.release(count)
        self.lastProgress = session.now
        guard !session.isClosed else { return }
        if self.closesAfterFlush && self.unflushed == 0 && self.outbox.isEmpty {
            session.channel.close(promise: nil)
        }
        // Not from inside this call: the marks may lead back to this output.
        if session.outputIsOverSoftMark { session.output.scheduleFlush(of: session) }
    }

    /// Whether there is output and none of it has moved for this long.
    func hasStalled(now: Instant, after milliseconds: UInt64, channel: any Channel) -> Bool {
        guard self.unflushed > 0 else { return false }
        let taken = self.given - Self.bufferedBytes(of: channel)
        // A full queue of the kernel's takes more only once three quarters of it are read, unix(7)'s unix_writable();
        // who reads slowly is seen to read by what leaves the queue.
        let queue = Self.queuedBytes(of: channel)
        if taken != self.lastTaken || queue < self.lastQueue { self.lastProgress = max(self.lastProgress, now) }
        self.lastTaken = taken
        self.lastQueue = queue
        return now >= self.lastProgress.adding(milliseconds: milliseconds)
    }

    private static func bufferedBytes(of channel: any Channel) -> Int {
        guard let options = channel.syncOptions else { return 0 }
        do {
            return try options.getOption(.bufferedWritableBytes)
        } catch {
            // A channel without the option: only whole pieces count as progress.
            return 0
        }
    }

    /// What the client hasn't read of what the kernel has, with the kernel's own share (SIOCOUTQ).
    private static func queuedBytes(of channel: any Channel) -> CInt {
        var count: CInt = 0
        // Without the number only what the kernel takes counts as progress.
        _ = try? channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: CInt.self) { socket in
            ioctl(socket, UInt(TIOCOUTQ), &count)
        }
        return count
    }

    /// The connection is gone.
    func discard(of session: Session) {
        session.engine.ledger.release(self.outbox.count)
        self.outbox = []
    }
}
