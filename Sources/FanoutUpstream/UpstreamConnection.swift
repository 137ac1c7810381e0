// Fanout
// SPDX-License-Identifier: Apache-2.0

/// One HTTP/1.1 connection, as far as it can be known without a socket.
///
/// Two dimensions, each only moving forward within one exchange: what was asked (nothing, a request) and what has come
/// back (nothing, a head, the whole answer). `closed` is terminal. Ignored on purpose: whatever the decoder still
/// gives out of a buffer after the connection was closed by us.
///
/// An exchange ends only when the loop has finished a read (``readCompleted()``), never amid one: bytes that follow the
/// answer in the same read belong to nobody, and a request that was written meanwhile would take them for its answer.
struct UpstreamConnection: ~Copyable {
    private enum State {
        /// Until the connection and its TLS stand. Can transition to: `idle`, `closed`.
        case opening
        /// Nothing is asked. Can transition to: `waiting`, `closed`.
        case idle(exchanges: UInt64)
        /// A request is written, no final head is there. Can transition to: `answering`, `closed`.
        case waiting(Waiting)
        /// The final head is there. Can transition to: `answered`, `closed`.
        case answering(Answering)
        /// The answer is whole, or has all that is wanted of it. Can transition to: `idle`, `draining`, `closed`.
        case answered(Answered)
        /// The attempt is over, the message isn't: its end is awaited. Can transition to: `idle`, `closed`.
        case draining(Draining)
        /// Terminal.
        case closed
    }

    private struct Waiting {
        var exchanges: UInt64
        var bytes = 0
        var interimHeads = 0
    }

    private struct Answering {
        var exchanges: UInt64
        var bytes = 0
        var keepAlive: Bool
    }

    private struct Answered {
        var exchanges: UInt64
        var hasEnded: Bool
        var keepAlive: Bool
    }

    private struct Draining {
        var exchanges: UInt64
        var bytes = 0
        var hasEnded = false
        var keepAlive: Bool
    }

    /// What to do with bytes off the wire.
    enum Received: Equatable {
        case pass
        /// The head is larger than allowed, or nobody asked for anything: close.
        case refuse(Refusal)
    }

    /// What to do with a head.
    enum Head: Equatable {
        case deliver
        case ignore
        case refuse(Refusal)
    }

    /// What to do with a piece of the body.
    enum Body: Equatable {
        case deliver
        case ignore
        case refuse(Refusal)
    }

    /// What the end of a read means.
    enum ReadCompleted: Equatable {
        case nothing
        /// Give the answer; the connection is idle now.
        case finishAndKeep
        /// Give the answer; the connection is of no more use.
        case finishAndClose
        /// Give the answer; the end of the message is awaited.
        case finishAndDrain
        /// The end of the message has come late but well: the connection is idle now.
        case keep
        /// No use in it any more.
        case close
    }

    /// What the loss of the connection means.
    enum Lost: Equatable {
        case nothing
        /// It never stood.
        case opening
        /// It was idle.
        case idle
        /// The peer had closed a reused connection: nothing of an answer was seen.
        case beforeAnswerOnReused
        /// Nothing of an answer was seen.
        case beforeAnswer
        /// Part of an answer was seen.
        case amidAnswer
        /// The answer was whole: give it.
        case finish
        /// Only the end of the message was awaited.
        case draining
    }

    /// Why the peer's bytes are refused.
    enum Refusal: Equatable {
        case unsolicited
        case headTooLarge
        case tooManyInterimHeads
        case bodyTooLarge
    }

    /// Bytes of the status line and headers, interim ones included.
    static let headBytesMax = 128 << 10
    /// Interim (1xx) heads of one answer.
    static let interimHeadsMax = 16
    /// Bytes that are read past a stream's end marker.
    static let drainBytesMax = 64 << 10

    private var state: State
    private let bodyBytesMax: Int

    /// A connection that is being opened.
    init(bodyBytesMax: Int) {
        self.state = .opening
        self.bodyBytesMax = bodyBytesMax
    }

    /// The connection stands, TLS included; `false` = too late, it is closed.
    mutating func established() -> Bool {
        switch self.state {
        case .opening:
            self.state = .idle(exchanges: 0)
            return true
        case .closed:
            return false
        case .idle, .waiting, .answering, .answered, .draining:
            preconditionFailure("a connection was established twice")
        }
    }

    /// A request is about to be written; gives whether the connection has served one before.
    mutating func begin() -> Bool {
        switch self.state {
        case .idle(let exchanges):
            self.state = .waiting(Waiting(exchanges: exchanges))
            return exchanges > 0
        case .opening, .waiting, .answering, .answered, .draining, .closed:
            preconditionFailure("a request began on a connection that isn't idle")
        }
    }

    /// Bytes came off the wire, before they are decoded.
    mutating func received(byteCount: Int) -> Received {
        switch self.state {
        case .waiting(var waiting):
            waiting.bytes += byteCount
            // A read may bring a small head and a large part of the body; only what comes before the head's end counts.
            let refused = waiting.bytes - byteCount > Self.headBytesMax
            self.state = .waiting(waiting)
            return refused ? .refuse(.headTooLarge) : .pass
        case .idle, .opening:
            return .refuse(.unsolicited)
        case .answering, .closed:
            break
        case .answered(var answered):
            if answered.hasEnded { answered.keepAlive = false }
            self.state = .answered(answered)
        case .draining(var draining):
            draining.bytes += byteCount
            if draining.hasEnded || draining.bytes > Self.drainBytesMax { draining.keepAlive = false }
            self.state = .draining(draining)
        }
        return .pass
    }

    /// The answer has ended amid a read: what follows it belongs to nobody, and nothing more is asked here.
    mutating func receivedSurplus() {
        switch self.state {
        case .answered(var answered):
            answered.keepAlive = false
            self.state = .answered(answered)
        case .draining(var draining):
            draining.keepAlive = false
            self.state = .draining(draining)
        case .closed: break
        case .opening, .idle, .waiting, .answering:
            preconditionFailure("bytes were left over before the answer had ended")
        }
    }

    /// A head was decoded; 1xx are tolerated and dropped.
    mutating func head(status: UInt, keepAlive: Bool) -> Head {
        switch self.state {
        case .waiting(var waiting):
            guard status < 200, status != 101 else {
                self.state = .answering(Answering(exchanges: waiting.exchanges, keepAlive: keepAlive))
                return .deliver
            }
            waiting.interimHeads += 1
            let refused = waiting.interimHeads > Self.interimHeadsMax
            self.state = .waiting(waiting)
            return refused ? .refuse(.tooManyInterimHeads) : .ignore
        case .closed:
            return .ignore
        case .idle, .opening, .answering, .answered, .draining:
            // The decoder pairs heads with requests, so this is a second answer in one read.
            self.state = .closed
            return .refuse(.unsolicited)
        }
    }

    /// A piece of the body was decoded.
    mutating func body(byteCount: Int) -> Body {
        switch self.state {
        case .answering(var answering):
            answering.bytes += byteCount
            let refused = answering.bytes > self.bodyBytesMax
            self.state = .answering(answering)
            return refused ? .refuse(.bodyTooLarge) : .deliver
        case .answered, .draining, .closed:
            return .ignore
        case .opening, .idle, .waiting:
            preconditionFailure("a body came before its head")
        }
    }

    /// The translator has all it wants, for example a stream's end marker.
    mutating func answerComplete() {
        switch self.state {
        case .answering(let answering):
            self.state = .answered(
                Answered(exchanges: answering.exchanges, hasEnded: false, keepAlive: answering.keepAlive)
            )
        case .answered, .closed:
            break
        case .opening, .idle, .waiting, .draining:
            preconditionFailure("an answer was complete before its head")
        }
    }

    /// The end of the message was decoded; gives whether it ends the answer.
    mutating func end() -> Bool {
        switch self.state {
        case .answering(let answering):
            self.state = .answered(
                Answered(exchanges: answering.exchanges, hasEnded: true, keepAlive: answering.keepAlive)
            )
            return true
        case .answered(var answered):
            answered.hasEnded = true
            self.state = .answered(answered)
        case .draining(var draining):
            draining.hasEnded = true
            self.state = .draining(draining)
        case .closed:
            break
        case .opening, .idle, .waiting:
            preconditionFailure("an answer ended before its head")
        }
        return false
    }

    /// The loop has read what was there.
    mutating func readCompleted() -> ReadCompleted {
        switch self.state {
        case .answered(let answered) where !answered.hasEnded && answered.keepAlive:
            self.state = .draining(Draining(exchanges: answered.exchanges, keepAlive: true))
            return .finishAndDrain
        case .answered(let answered) where answered.hasEnded && answered.keepAlive:
            self.state = .idle(exchanges: answered.exchanges + 1)
            return .finishAndKeep
        case .answered:
            self.state = .closed
            return .finishAndClose
        case .draining(let draining) where !draining.keepAlive:
            self.state = .closed
            return .close
        case .draining(let draining) where draining.hasEnded:
            self.state = .idle(exchanges: draining.exchanges + 1)
            return .keep
        case .opening, .idle, .waiting, .answering, .draining, .closed:
            return .nothing
        }
    }

    /// The connection failed, or the peer closed it; terminal.
    mutating func lost() -> Lost {
        let old = self.state
        self.state = .closed
        switch old {
        case .opening: return .opening
        case .idle: return .idle
        case .waiting(let waiting) where waiting.bytes > 0: return .amidAnswer
        case .waiting(let waiting): return waiting.exchanges > 0 ? .beforeAnswerOnReused : .beforeAnswer
        case .answering: return .amidAnswer
        case .answered: return .finish
        case .draining: return .draining
        case .closed: return .nothing
        }
    }

    /// We close it; terminal.
    ///
    /// Gives `false` if it was closed already.
    mutating func abandon() -> Bool {
        if case .nothing = self.lost() { return false }
        return true
    }
}
