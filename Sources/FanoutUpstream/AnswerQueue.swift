// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import DequeModule
internal import FanoutLoop
internal import FanoutModel
internal import NIOCore

/// An answer of which all bytes are there.
protocol WholeAnswer: AnyObject {
    /// Decodes it and ends its attempt.
    func conclude()
}

/// Whole answers that wait to be decoded, so that a socket on which something urgent comes waits for less than all the
/// answers that came with it.
///
/// Most of what an item costs follows from the end of its answer: decoding, the router's next choice, and the next
/// request. Each turn of the loop spends a bounded time on that; what is left waits for the next one. Holds at most one
/// answer for each attempt under way. Confined to the loop.
final class AnswerQueue {
    /// How long a turn of the loop is spent here, beyond one answer.
    private static let turnNanoseconds: UInt64 = 500_000

    private let loop: any EventLoop
    private let now: () -> Instant
    private var waiting: Deque<any WholeAnswer> = []
    /// The end of what this turn may spend; nil = no answer has come in it.
    private var turnEnd: Instant?
    private lazy var work = LoopWork(loop: self.loop, turnNanoseconds: Self.turnNanoseconds, now: self.now) {
        [unowned self] in
        self.waiting.popFirst()?.conclude()
        return !self.waiting.isEmpty
    }

    init(loop: any EventLoop, now: @escaping () -> Instant = AlarmClock.now) {
        self.loop = loop
        self.now = now
    }

    /// Whether an answer must wait: this turn's time is spent, or others wait already.
    ///
    /// If not, it is to be concluded now.
    func holds(_ answer: any WholeAnswer) -> Bool {
        guard self.waiting.isEmpty else {
            self.waiting.append(answer)
            return true
        }
        guard let turnEnd = self.turnEnd else {
            self.turnEnd = Instant(nanoseconds: self.now().nanoseconds + Self.turnNanoseconds)
            // Runs when the sockets of this turn have been served.
            self.loop.assumeIsolated().execute { self.turnEnd = nil }
            return false
        }
        guard self.now() >= turnEnd else { return false }
        self.waiting.append(answer)
        self.work.arm()
        return true
    }

    func cancel() {
        self.work.cancel()
        self.waiting = []
    }
}
