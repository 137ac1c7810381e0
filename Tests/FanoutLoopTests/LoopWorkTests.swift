// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import NIOCore
import NIOPosix
import Testing

@testable import FanoutLoop

@Suite struct LoopWorkTests {
    /// What happened on a loop, in order.
    private final class Diary {
        var lines: [String] = []
        var work: LoopWork?
        var bell: Bell?
    }

    /// Runs `body` on a loop of its own; it ends by fulfilling the promise.
    private func onLoop(
        _ body: @escaping @Sendable (any EventLoop, EventLoopPromise<[String]>) -> Void
    ) async throws -> [String] {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        let promise = loop.makePromise(of: [String].self)
        loop.execute { body(loop, promise) }
        let lines = try await promise.futureResult.get()
        try await group.shutdownGracefully()
        return lines
    }

    /// Runs `body` once the loop has looked at its sockets twice.
    private static func afterTwoLooks(_ loop: any EventLoop, _ body: @escaping () -> Void) {
        var looks = 0
        var bell: Bell?
        bell = Bell(loop: loop) {
            looks += 1
            guard looks == 2 else {
                #expect(bell?.ring() == true)
                return
            }
            bell?.close()
            bell = nil
            body()
        }
        #expect(bell?.ring() == true)
    }

    @Test func `a descriptor that became ready in a turn is served before the turn after the next`() async throws {
        let lines = try await self.onLoop { loop, promise in
            let diary = Diary()
            diary.bell = Bell(loop: loop) { diary.lines.append("socket") }
            diary.work = LoopWork(loop: loop, turnNanoseconds: 0, now: { .zero }) {
                diary.lines.append("turn")
                if diary.lines.count == 1 { #expect(diary.bell?.ring() == true) }
                guard diary.lines.count == 6 else { return true }
                diary.bell?.close()
                promise.succeed(diary.lines)
                return false
            }
            diary.work?.arm()
        }
        let served = try #require(lines.firstIndex(of: "socket"))
        #expect(served <= 2, "\(lines)")
        #expect(lines.filter { $0 == "socket" }.count == 1)
    }

    @Test func `a turn goes on until its time is over`() async throws {
        let lines = try await self.onLoop { loop, promise in
            let diary = Diary()
            var nanoseconds: UInt64 = 0
            diary.work = LoopWork(loop: loop, turnNanoseconds: 25, now: { .init(nanoseconds: nanoseconds) }) {
                nanoseconds += 10
                diary.lines.append("step at \(nanoseconds)")
                // Runs between turns.
                if nanoseconds == 10 { loop.assumeIsolated().execute { diary.lines.append("pause") } }
                guard nanoseconds == 50 else { return true }
                promise.succeed(diary.lines)
                return false
            }
            diary.work?.arm()
        }
        #expect(lines == ["step at 10", "step at 20", "step at 30", "pause", "step at 40", "step at 50"])
    }

    @Test func `work that has ended can be armed again, and one that is cancelled can't`() async throws {
        let lines = try await self.onLoop { loop, promise in
            let diary = Diary()
            diary.work = LoopWork(loop: loop, turnNanoseconds: 0, now: { .zero }) {
                diary.lines.append("step")
                return false
            }
            diary.work?.arm()
            diary.work?.arm()
            Self.afterTwoLooks(loop) {
                #expect(diary.lines.count == 1)
                diary.work?.arm()
                Self.afterTwoLooks(loop) {
                    #expect(diary.lines.count == 2)
                    diary.work?.arm()
                    diary.work?.cancel()
                    diary.work?.arm()
                    Self.afterTwoLooks(loop) { promise.succeed(diary.lines) }
                }
            }
        }
        #expect(lines == ["step", "step"])
    }

    @Test func `a bell that is closed isn't answered`() async throws {
        let lines = try await self.onLoop { loop, promise in
            let diary = Diary()
            diary.bell = Bell(loop: loop) { diary.lines.append("answered") }
            #expect(diary.bell?.ring() == true)
            diary.bell?.close()
            #expect(diary.bell?.ring() == false)
            Self.afterTwoLooks(loop) { promise.succeed(diary.lines) }
        }
        #expect(lines == [])
    }

    @Test func `a bell whose descriptor is lost answers for the last time, and work goes on with another`() async throws
    {
        let lines = try await self.onLoop { loop, promise in
            let diary = Diary()
            diary.work = LoopWork(loop: loop, turnNanoseconds: 0, now: { .zero }) {
                diary.lines.append("turn")
                guard diary.lines.count < 3 else { return false }
                // As an error of the descriptor does, while the next turn is due.
                loop.assumeIsolated().execute { diary.work?.bell?.channel?.close(promise: nil) }
                return true
            }
            diary.work?.arm()
            Self.afterTwoLooks(loop) { promise.succeed(diary.lines) }
        }
        #expect(lines == ["turn", "turn", "turn"])
    }
}
