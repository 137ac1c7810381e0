// Fanout
// SPDX-License-Identifier: Apache-2.0

public import FanoutModel

/// A batch under way: an asynchronous sequence of what the daemon says of it.
///
/// Events come as they happen; the last one is ``BatchEvent/summary(_:)``. Results are asked for as they are taken, so
/// a reader that takes none holds the daemon back, and nobody else. A batch has one reader at a time.
///
/// Cancelling the task that reads or appends, or dropping the batch, cancels it in the daemon, and with it every call
/// of a model that is under way for it.
public final class Batch: AsyncSequence, Sendable {
    /// What the daemon says.
    public typealias Element = BatchEvent
    /// Why it ends early.
    public typealias Failure = FanoutError

    /// Its number on this connection, as the daemon's logs have it.
    public let id: UInt64
    private let connection: ClientConnection

    init(id: UInt64, connection: ClientConnection) {
        self.id = id
        self.connection = connection
    }

    deinit {
        let id = self.id
        self.connection.update { $0.abandon(id) }
    }

    /// Puts more items into a batch that was opened for it; returns when they are sent.
    ///
    /// It waits for upload room, which comes back as items are started; so a batch of more than a few MiB must be read
    /// while it is filled.
    /// - Parameters:
    ///   - items: What follows; their indexes go on from the items before.
    ///   - last: No more items come. A batch ends only after its last items.
    /// - Throws: ``FanoutError``: the batch is over or takes no more items, the connection broke, the task was
    /// cancelled.
    public func append(_ items: [Item], last: Bool = false) async throws(FanoutError) {
        try await self.append(entries: items.map { .item($0) }, last: last)
    }

    /// Says that no more items come.
    public func finish() async throws(FanoutError) {
        try await self.append(entries: [], last: true)
    }

    /// Like ``append(_:last:)``, with places for items that are known to be wrong.
    package func append(entries: [BatchEntry], last: Bool) async throws(FanoutError) {
        let id = self.id
        let count = try self.connection.attempt { (session) throws(FanoutError) in
            try session.append(id, entries, isLast: last)
        }
        do throws(FanoutError) {
            let end = try await self.connection.wait(for: .upload(id)) { session in
                switch session.uploaded(id, upTo: count) {
                case .waiting: Optional<ClientSession.Uploaded>.none
                case .done: .done
                case .failed(let error): .failed(error)
                }
            }
            if case .failed(let error) = end { throw error }
        } catch {
            if error.code == .cancelled { self.cancel() }
            throw error
        }
    }

    /// Cancels the whole batch; what isn't sent yet is dropped.
    ///
    /// Each item that was sent still gets its result, and the summary comes. Does nothing if it is over.
    public func cancel() {
        let id = self.id
        self.connection.update { $0.cancel(id) }
    }

    /// Cancels some items; they still get their results.
    ///
    /// The daemon takes 1,000 such messages a second: name many items in one. Does nothing for items that are final.
    public func cancel(_ indexes: [UInt32]) {
        guard !indexes.isEmpty else { return }
        let id = self.id
        self.connection.update { $0.cancel(id, indexes: indexes) }
    }

    /// Takes what is there, waiting for the first event; `nil` = the batch is over.
    package func nextEvents() async throws(FanoutError) -> [BatchEvent]? {
        let id = self.id
        let events: ClientSession.Events
        do throws(FanoutError) {
            events = try await self.connection.wait(for: .events(id)) { session in
                let events = session.takeEvents(id, max: Self.chunk)
                if case .none = events { return Optional<ClientSession.Events>.none }
                return events
            }
        } catch {
            self.cancel()
            throw error
        }
        switch events {
        case .some(let events): return events
        case .over, .none: return nil
        case .failed(let error): throw error
        }
    }

    /// Events that are taken at once, to spare the lock.
    private static let chunk = 64

    /// Reads the batch's events.
    public func makeAsyncIterator() -> Iterator {
        Iterator(batch: self)
    }

    /// Reads the events of a batch.
    public struct Iterator: AsyncIteratorProtocol {
        private let batch: Batch
        private var events: [BatchEvent] = []
        private var position = 0

        init(batch: Batch) {
            self.batch = batch
        }

        /// The next event; `nil` after the summary.
        /// - Throws: ``FanoutError``: the batch was refused, the connection broke, the task was cancelled.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws(FanoutError) -> BatchEvent? {
            if self.position == self.events.count {
                guard let events = try await self.batch.nextEvents() else { return nil }
                self.events = events
                self.position = 0
            }
            defer { self.position += 1 }
            return self.events[self.position]
        }

        /// The next event; `nil` after the summary.
        /// - Throws: ``FanoutError``: the batch was refused, the connection broke, the task was cancelled.
        public mutating func next() async throws(FanoutError) -> BatchEvent? {
            try await self.next(isolation: #isolation)
        }
    }
}
