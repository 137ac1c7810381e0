// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import FanoutWire
internal import NIOCore

/// The client's side of one connection, as a value: frames and calls go in, bytes and wake-ups come out.
///
/// The connection's state only moves forward: `greeting` → `ready` → `draining` → `closed`, and to `closed` from each.
/// Beside it each batch has its own ``SessionBatch``. The machine does no I/O and knows no task: what must be written
/// gathers in ``outbox``, and ``wakes`` names what somebody may be waiting for. A waiter asks again after a wake-up, so
/// one too many is harmless.
///
/// Upload. The bodies of Submit and Append count against the window of the connection, and those of an open batch also
/// against its share of it, until Window gives them back. Items wait here until there is room, and batches take turns.
///
/// Download. Credit bounds results, and a reader that falls behind by ``bufferedBytesMax`` shows in ``isBehind``.
///
/// Late frames of a batch that is gone are ignored: they cross our Cancel on the way.
struct ClientSession: ~Copyable {
    /// Where the conversation stands.
    enum State: Sendable, Hashable {
        /// Hello was sent; goes to `ready` by Welcome.
        case greeting
        /// Welcome came.
        case ready
        /// GoAway came: batches up to this id go on, no new one is taken.
        case draining(lastAcceptedID: UInt64)
        /// Nothing comes any more. Final.
        case closed(FanoutError)
    }

    /// What somebody may wait for.
    enum Waiting: Sendable, Hashable {
        case welcome
        case events(UInt64)
        case upload(UInt64)
        case answer(UInt64)
    }

    /// What came of a query.
    enum Answer: Sendable, Hashable {
        case status(DaemonStatus)
        case explanation(ServerFrame.Explanation)
        case metrics(String)
        case pong
        case failed(FanoutError)
    }

    /// Results that may be under way to a reader that said no number.
    static let creditDefault: UInt32 = 256
    /// Items of a frame.
    static let sliceItemsMax = 256
    /// Bytes of a frame that is filled with small items.
    static let sliceBytes = 256 << 10
    /// What may be sent before Welcome says how much it is.
    static let firstWindowBytes = 1 << 20
    /// Unread events of all batches at which the reader is behind.
    static let bufferedBytesMax = 8 << 20
    /// Items that one Cancel names.
    static let cancelIndexesMax = 65_536
    /// Bytes of a response that comes in parts.
    static let responseBytesMax = 256 << 20
    /// Bytes of the metrics, which come in pieces.
    static let metricsBytesMax = 64 << 20

    private(set) var state = State.greeting
    private(set) var welcome: ServerFrame.Welcome?
    /// Bytes to be written.
    private(set) var outbox: [UInt8] = []
    /// What became ready since ``takeWakes()``.
    private var wakes: [Waiting] = []
    /// Unread events are over the mark; ends at half of it.
    private(set) var isBehind = false

    var batches: [UInt64: SessionBatch] = [:]
    /// Batches that have something to send, in the order of their turns.
    var senders = CircularBuffer<UInt64>()
    /// Bytes of Submit and Append that Window hasn't given back.
    var outstanding = 0
    var bufferedBytes = 0 {
        didSet {
            self.isBehind = self.bufferedBytes > (self.isBehind ? Self.bufferedBytesMax / 2 : Self.bufferedBytesMax)
        }
    }
    private var queries: [UInt64: Answer?] = [:]
    /// What has come of answers that come in pieces.
    var pieces: [UInt64: String] = [:]
    private var lastID: UInt64 = 0
    private var encoder = WireEncoder()
    var decoder = WireDecoder()

    /// Opens the conversation.
    init(client: String, grant: String = "") {
        let hello = ClientFrame.Hello(major: 1, minor: 0, client: client, features: [], grant: grant)
        self.send(ClientFrame(id: 0, body: .hello(hello)))
    }

    /// The most bytes that a frame may have.
    var frameBytesMax: Int {
        guard let limit = self.welcome?.limits.frameBytesMax, limit > 0 else { return Self.firstWindowBytes }
        return Int(limit)
    }

    /// The upload window of the connection.
    var windowBytes: Int {
        guard let bytes = self.welcome?.uploadWindowBytes, bytes > 0 else { return Self.firstWindowBytes }
        return Int(clamping: bytes)
    }

    /// The share of it that an open batch may hold.
    var batchWindowBytes: Int {
        guard let bytes = self.welcome?.batchWindowBytes, bytes > 0 else { return self.windowBytes }
        return min(Int(clamping: bytes), self.windowBytes)
    }

    // MARK: What the shell takes

    /// Whether there are bytes to write.
    var hasOutput: Bool { !self.outbox.isEmpty }

    /// The bytes to write, which are then the caller's.
    mutating func takeOutbox() -> [UInt8] {
        var bytes: [UInt8] = []
        swap(&bytes, &self.outbox)
        return bytes
    }

    /// What became ready.
    mutating func takeWakes() -> [Waiting] {
        var wakes: [Waiting] = []
        swap(&wakes, &self.wakes)
        return wakes
    }

    /// Whether anything became ready that nobody was told of.
    var hasWakes: Bool { !self.wakes.isEmpty }

    mutating func wake(_ waiting: Waiting) { self.wakes.append(waiting) }

    // MARK: Calls

    /// An id above all earlier ones: batches need rising ones, and queries share them.
    mutating func nextID() -> UInt64 {
        self.lastID += 1
        return self.lastID
    }

    /// Asks the daemon something; the answer waits under the id.
    mutating func ask(_ body: ClientFrame.Body) throws(FanoutError) -> UInt64 {
        if case .closed(let error) = self.state { throw error }
        let id = self.nextID()
        self.queries[id] = .some(nil)
        self.send(ClientFrame(id: id, body: body))
        return id
    }

    /// The answer to a query, once; `nil` = not yet.
    mutating func takeAnswer(_ id: UInt64) -> Answer? {
        guard let entry = self.queries[id] else {
            return .failed(FanoutError(.wrongState, "the answer to query \(id) was taken already"))
        }
        guard let answer = entry else { return nil }
        self.queries[id] = nil
        return answer
    }

    /// Nobody waits for the answer any more.
    mutating func forget(_ query: UInt64) {
        self.queries[query] = nil
        self.pieces[query] = nil
    }

    mutating func answer(_ id: UInt64, _ answer: Answer) {
        guard let entry = self.queries[id], entry == nil else { return }
        self.queries[id] = .some(answer)
        self.wake(.answer(id))
    }

    func isQuery(_ id: UInt64) -> Bool { self.queries[id] != nil }

    // MARK: State

    mutating func welcomed(_ welcome: ServerFrame.Welcome) {
        guard self.state == .greeting else {
            return self.close(FanoutError(.wrongState, "the daemon said Welcome twice"))
        }
        guard welcome.major == 1 else {
            let words = "the daemon speaks version \(welcome.major) of the protocol, this library version 1: update one"
            return self.close(FanoutError(.unsupportedVersion, words))
        }
        self.welcome = welcome
        self.encoder.frameBytesMax = self.frameBytesMax
        self.state = .ready
        self.wake(.welcome)
        self.pump()
    }

    /// The daemon drains: batches above `lastAcceptedID` were not taken.
    mutating func goAway(lastAcceptedID: UInt64, message: String) {
        if case .closed = self.state { return }
        self.state = .draining(lastAcceptedID: lastAcceptedID)
        let words = message.isEmpty ? "the daemon is shutting down" : message
        for id in self.batches.keys.sorted() where id > lastAcceptedID {
            let error = FanoutError(.notStarted, "\(words): send the batch again to its successor", notStarted: true)
            self.end(id, with: error)
        }
    }

    /// Ends the connection: each batch and query that isn't over fails.
    ///
    /// The first reason counts.
    mutating func close(_ error: FanoutError) {
        if case .closed = self.state { return }
        self.state = .closed(error)
        for id in self.batches.keys.sorted() { self.end(id, with: error) }
        for id in self.queries.keys.sorted() { self.answer(id, .failed(error)) }
        self.senders.removeAll()
        self.wake(.welcome)
    }

    /// Encodes a small frame behind the others.
    mutating func send(_ frame: ClientFrame) {
        do throws(WireError) {
            try self.encoder.encode(frame, into: &self.outbox)
        } catch {
            self.close(FanoutError(.internal, "a message of this library can't be sent: \(error.message)"))
        }
    }

    /// Encodes a frame of items behind the others and gives the size of its body; `nil` = it is over the daemon's
    /// limit.
    mutating func sendItems(_ frame: ClientFrame) -> Int? {
        let before = self.outbox.count
        do throws(WireError) {
            try self.encoder.encode(frame, into: &self.outbox)
        } catch {
            // Nothing else can be wrong with a Submit or an Append.
            return nil
        }
        return self.outbox.count - before - 4
    }

    /// Takes back the frame that was encoded last, by the size of its body.
    mutating func unsend(_ bytes: Int) { self.outbox.removeLast(bytes + 4) }
}
