// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import NIOCore
import NIOEmbedded
import Testing

@testable import FanoutUpstream

@Suite struct AnswerQueueTests {
    /// Answers that take a given time each, on a clock that only they move.
    private final class Bench {
        final class Answer: WholeAnswer {
            let number: Int
            unowned let bench: Bench

            init(_ number: Int, _ bench: Bench) {
                self.number = number
                self.bench = bench
            }

            func conclude() {
                self.bench.concluded.append(self.number)
                self.bench.now = self.bench.now.adding(nanoseconds: 200_000)
            }
        }

        let loop = EmbeddedEventLoop()
        var now = Instant(nanoseconds: 1_000_000)
        var concluded: [Int] = []
        private(set) lazy var queue = AnswerQueue(loop: self.loop) { self.now }

        /// Comes whole.
        func take(_ number: Int) {
            let answer = Answer(number, self)
            if !self.queue.holds(answer) { answer.conclude() }
        }
    }

    @Test func `a turn concludes answers for half a millisecond, and leaves the others in their order`() {
        let bench = Bench()
        for number in 0..<8 { bench.take(number) }
        #expect(bench.concluded == [0, 1, 2])
        bench.loop.advanceTime(by: .microseconds(50))
        #expect(bench.concluded == Array(0..<6))
        bench.take(8)
        #expect(bench.concluded == Array(0..<6), "none overtakes those that wait")
        bench.loop.advanceTime(by: .microseconds(50))
        #expect(bench.concluded == Array(0..<9))
    }

    @Test func `an answer of a new turn doesn't wait for the time that the last one spent`() {
        let bench = Bench()
        for number in 0..<3 { bench.take(number) }
        bench.loop.run()
        bench.take(3)
        #expect(bench.concluded == [0, 1, 2, 3])
    }

    @Test func `after the end nothing is concluded`() {
        let bench = Bench()
        for number in 0..<8 { bench.take(number) }
        bench.queue.cancel()
        bench.loop.advanceTime(by: .seconds(1))
        #expect(bench.concluded == [0, 1, 2])
    }
}
