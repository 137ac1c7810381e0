// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import FanoutWire
internal import NIOCore
internal import Synchronization

/// One connection: a ``ClientSession`` behind a lock, and whoever waits for it.
///
/// Frames come in on the channel's loop, calls on any thread. Each takes the lock, changes the session, and leaves;
/// what follows (resuming waiters, writing, pausing reads) is done here after the lock is free. Bytes leave in the
/// order in which the session made them, since only the loop takes them out.
final class ClientConnection: Sendable {
    private struct State: ~Copyable {
        var session: ClientSession
        var waiters: [ClientSession.Waiting: [CheckedContinuation<Void, Never>]] = [:]
        /// Rises with each wake-up, so that none is lost between asking and waiting.
        var revision: UInt64 = 0
        var isReading = true
        var writeIsScheduled = false
    }

    /// What is to be done when the lock is free.
    private struct Work {
        var resumed: [CheckedContinuation<Void, Never>] = []
        var reading: Bool?
        var writes = false
        var closes = false
    }

    private let state: Mutex<State>
    private let channel: any Channel

    init(channel: any Channel, client: String) {
        self.channel = channel
        self.state = Mutex(State(session: ClientSession(client: client)))
    }

    /// Changes the session, then does what follows from it.
    @discardableResult
    func update<Value: Sendable>(_ change: (inout ClientSession) -> Value) -> Value {
        var work = Work()
        let value = self.state.withLock { state in
            let value = change(&state.session)
            work = Self.work(&state)
            return value
        }
        self.perform(work)
        return value
    }

    /// Like ``update(_:)``, for a change that may be refused.
    func attempt<Value: Sendable>(
        _ change: (inout ClientSession) throws(FanoutError) -> Value
    ) throws(FanoutError) -> Value {
        let result = self.update { session in
            do throws(FanoutError) {
                return Result<Value, FanoutError>.success(try change(&session))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    /// Asks until there is an answer, and sleeps in between.
    /// - Throws: CANCELLED if the task is cancelled.
    func wait<Value: Sendable>(
        for waiting: ClientSession.Waiting,
        _ poll: (inout ClientSession) -> Value?
    ) async throws(FanoutError) -> Value {
        while true {
            if Task.isCancelled { throw .taskCancelled }
            var revision: UInt64 = 0
            var work = Work()
            let value = self.state.withLock { state in
                let value = poll(&state.session)
                work = Self.work(&state)
                revision = state.revision
                return value
            }
            self.perform(work)
            if let value { return value }
            await self.sleep(until: waiting, since: revision)
        }
    }

    private func sleep(until waiting: ClientSession.Waiting, since revision: UInt64) async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                var work = Work()
                let sleeps = self.state.withLock { state in
                    guard state.revision == revision, !Task.isCancelled else { return false }
                    state.waiters[waiting, default: []].append(continuation)
                    work = Self.work(&state)
                    return true
                }
                if !sleeps { work.resumed.append(continuation) }
                self.perform(work)
            }
        } onCancel: {
            self.update { $0.wake(waiting) }
        }
    }

    private static func work(_ state: inout State) -> Work {
        var work = Work()
        if state.session.hasWakes {
            state.revision += 1
            for waiting in state.session.takeWakes() {
                if let waiters = state.waiters.removeValue(forKey: waiting) { work.resumed += waiters }
            }
        }
        // While somebody waits for this connection, reading goes on however far another reader is behind: it may be
        // behind because it waits. Credit bounds what can gather then.
        let reads = !state.session.isBehind || !state.waiters.isEmpty
        if reads != state.isReading {
            state.isReading = reads
            work.reading = reads
        }
        if case .closed = state.session.state { work.closes = true }
        if state.session.hasOutput, !state.writeIsScheduled {
            state.writeIsScheduled = true
            work.writes = true
        }
        return work
    }

    private func perform(_ work: Work) {
        for continuation in work.resumed { continuation.resume() }
        if let reading = work.reading {
            self.channel.triggerUserOutboundEvent(ReadingChange(reads: reading), promise: nil)
        }
        if work.writes { self.channel.eventLoop.execute { self.write() } }
        if work.closes { self.channel.close(promise: nil) }
    }

    private func write() {
        let bytes = self.state.withLock { state in
            state.writeIsScheduled = false
            return state.session.takeOutbox()
        }
        guard !bytes.isEmpty else { return }
        self.channel.writeAndFlush(ByteBuffer(bytes: bytes), promise: nil)
    }

    /// Ends the connection with an error after a while, unless it is called off.
    func closeLater(after delay: Duration, _ error: FanoutError) -> Scheduled<Void> {
        self.channel.eventLoop.scheduleTask(in: TimeAmount(delay)) { self.update { $0.close(error) } }
    }

    /// Ends the connection and waits until it is closed.
    func close() async {
        self.update { $0.close(FanoutError(.cancelled, "the client was closed")) }
        // Closing fails only if it is closed already.
        try? await self.channel.closeFuture.get()
    }
}

/// Asks the ``ConnectionHandler`` to stop reading, or to go on.
struct ReadingChange: Sendable {
    var reads: Bool
}
