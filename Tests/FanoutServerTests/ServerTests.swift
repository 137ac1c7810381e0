// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import FanoutServer
import FanoutTestKit
import FanoutWire
import Testing

@Suite(.serialized, .timeLimit(.minutes(2))) struct ServerTests {
    @Test func `a batch brings Accepted, each Result as it is final, and the Summary last`() async throws {
        try await ServerKit.run { kit in
            let peer = try await kit.peer()
            try await peer.send(.chats(1, ["x", "y"]))
            try await kit.waitForAttempts(2)
            try await kit.upstream { runner in
                runner.attempts[1].succeed("second")
                runner.attempts[0].succeed("first")
            }
            let frames = try await peer.framesThroughSummary(of: 1)
            #expect(frames.count == 4)
            guard case .accepted = frames[0].body, case .result(let first) = frames[1].body,
                case .summary(let summary) = frames[3].body
            else {
                Issue.record("unexpected \(frames)")
                return
            }
            #expect(first.index == 1)
            #expect(summary.succeeded == 2)
            try await peer.close()
        }
    }

    @Test func `in input order a fast item waits for a slow one before it`() async throws {
        try await ServerKit.run { kit in
            let peer = try await kit.peer()
            var options = BatchOptions()
            options.ordering = .input
            try await peer.send(.chats(1, ["slow", "fast"], options: options))
            try await kit.waitForAttempts(2)
            try await kit.upstream { $0.attempts[1].succeed() }
            try await kit.upstream { $0.attempts[0].succeed() }
            let indexes = try await peer.framesThroughSummary(of: 1).compactMap { frame -> UInt32? in
                if case .result(let result) = frame.body { result.index } else { nil }
            }
            #expect(indexes == [0, 1])
            try await peer.close()
        }
    }

    @Test func `without credit results wait, and nothing is started but what was decided already`() async throws {
        try await ServerKit.run { kit in
            let peer = try await kit.peer()
            var options = BatchOptions()
            options.initialCredit = 1
            options.maxConcurrency = 1
            try await peer.send(.chats(1, ["x", "y", "z"], options: options))
            try await kit.waitForAttempts(1)
            try await kit.upstream { $0.attempts[0].succeed() }
            _ = try await peer.frames { if case .result = $0.body { true } else { false } }
            // The settle of the first item started the second before its result was spent.
            try await kit.upstream { $0.attempts[1].succeed() }
            #expect(try await kit.upstream { $0.attempts.count } == 2)
            try await peer.send(ClientFrame(id: 1, body: .ping([1])))
            #expect(try await peer.nextAnswer() == ServerFrame(id: 1, body: .pong([1])))
            try await peer.send(ClientFrame(id: 1, body: .credit(results: 5)))
            try await kit.waitForAttempts(3)
            try await kit.upstream { $0.attempts[2].succeed() }
            let rest = try await peer.framesThroughSummary(of: 1)
            #expect(rest.count == 3)
            try await peer.close()
        }
    }

    @Test func `batches of one connection interleave`() async throws {
        try await ServerKit.run { kit in
            let peer = try await kit.peer()
            try await peer.send(.chats(1, ["slow"]), .chats(2, ["fast"]))
            try await kit.waitForAttempts(2)
            try await kit.upstream { $0.attempts[1].succeed() }
            let frames = try await peer.framesThroughSummary(of: 2)
            #expect(!frames.contains { if case .summary = $0.body { $0.id == 1 } else { false } })
            try await kit.upstream { $0.attempts[0].succeed() }
            _ = try await peer.framesThroughSummary(of: 1)
            try await peer.close()
        }
    }

    @Test func `an open batch takes items until the last Append`() async throws {
        try await ServerKit.run { kit in
            let peer = try await kit.peer()
            try await kit.upstream { $0.onStart = { $0.succeed($0.prompt) } }
            try await peer.send(.chats(1, ["x"], isOpen: true))
            let more = ClientFrame.Append(items: ClientFrame.items(["y"]), isLast: false)
            let last = ClientFrame.Append(items: ClientFrame.items(["z"]), isLast: true)
            try await peer.send(ClientFrame(id: 1, body: .append(more)), ClientFrame(id: 1, body: .append(last)))
            let frames = try await peer.framesThroughSummary(of: 1)
            #expect(frames.count == 5)
            try await peer.send(ClientFrame(id: 1, body: .append(last)))
            guard case .rejected(let rejection) = try await peer.nextAnswer()?.body else {
                Issue.record("an Append to a finished batch wasn't refused")
                return
            }
            #expect(rejection.code == .invalidRequest)
            try await peer.close()
        }
    }

    @Test func `an empty batch ends at once with a Summary`() async throws {
        try await ServerKit.run { kit in
            let peer = try await kit.peer()
            try await peer.send(.chats(1, []))
            let frames = try await peer.framesThroughSummary(of: 1)
            #expect(frames.count == 2)
            try await peer.close()
        }
    }

    @Test func `closing the connection cancels its attempts upstream`() async throws {
        try await ServerKit.run { kit in
            let peer = try await kit.peer()
            try await peer.send(.chats(1, ["x", "y"]))
            try await kit.waitForAttempts(2)
            try await peer.close()
            while try await kit.upstream({ !$0.live.isEmpty }) { await Task.yield() }
            #expect(try await kit.upstream { $0.attempts.allSatisfy { $0.cancelled == .disconnect } })
        }
    }

    @Test func `after half-close the results still come, then the connection ends`() async throws {
        try await ServerKit.run { kit in
            let peer = try await kit.peer()
            try await peer.send(.chats(1, ["x"]))
            try await kit.waitForAttempts(1)
            try await peer.closeOutput()
            try await Task.sleep(for: .milliseconds(20))
            try await kit.upstream { $0.attempts[0].succeed() }
            let frames = try await peer.frames { _ in false }
            guard case .summary = frames.last?.body else {
                Issue.record("no Summary: \(frames)")
                return
            }
        }
    }

    @Test func `uploaded bytes are given back, all of them`() async throws {
        try await ServerKit.run { kit in
            let peer = try await kit.peer()
            try await kit.upstream { $0.onStart = { $0.succeed() } }
            var bytes: [UInt8] = []
            var encoder = WireEncoder()
            try encoder.encode(.chats(1, (0..<50).map { "prompt \($0)" }), into: &bytes)
            try await peer.send(bytes: bytes)
            var given: UInt64 = 0
            let charged = UInt64(bytes.count - 4)
            while given < charged, let frame = try await peer.next() {
                if case .window(let back) = frame.body { given += back }
            }
            #expect(given == charged)
            try await peer.close()
        }
    }

    @Test func `a drain finishes what is accepted, refuses the rest, and ends`() async throws {
        try await ServerKit.run { kit in
            let peer = try await kit.peer()
            try await peer.send(.chats(1, ["x"]))
            try await kit.waitForAttempts(1)
            async let shutdown: Void = kit.beginShutdown()
            let early = try await peer.frames { if case .goAway = $0.body { true } else { false } }
            guard case .goAway(let last, _, _) = early.last?.body else {
                Issue.record("no GoAway: \(early)")
                return
            }
            #expect(last == 1)
            try await peer.send(.chats(2, ["late"]))
            guard case .rejected(let rejection) = try await peer.nextAnswer()?.body else {
                Issue.record("a late batch wasn't refused")
                return
            }
            #expect(rejection.code == .notStarted)
            #expect(rejection.notStarted)
            try await kit.upstream { $0.attempts[0].succeed() }
            let frames = try await peer.frames { _ in false }
            guard case .summary(let summary) = frames.last?.body else {
                Issue.record("no Summary: \(frames)")
                return
            }
            #expect(summary.succeeded == 1)
            await shutdown
        }
    }

    @Test func `who connects as a drain begins is greeted and told to come again`() async throws {
        try await ServerKit.run { kit in
            let busy = try await kit.peer()
            try await busy.send(.chats(1, ["x"]))
            try await kit.waitForAttempts(1)
            let late = try await kit.stranger()
            try await busy.waitForConnections(2)
            async let shutdown: Void = kit.beginShutdown()
            _ = try await busy.frames { if case .goAway = $0.body { true } else { false } }
            try await late.send(ClientFrame(id: 0, body: .hello(.init(major: 1, minor: 0, client: "test"))))
            let frames = try await late.frames { _ in false }
            guard frames.count == 2, case .welcome = frames[0].body, case .goAway(let last, _, _) = frames[1].body
            else {
                Issue.record("unexpected \(frames)")
                return
            }
            #expect(last == 0)
            try await kit.upstream { $0.attempts[0].succeed() }
            _ = try await busy.frames { _ in false }
            await shutdown
        }
    }

    @Test func `what hasn't ended at the drain's bound is not started or cancelled`() async throws {
        var snapshot = SampleSnapshot.make([("a", 1)])
        snapshot.limits.drainMilliseconds = 30
        try await ServerKit.run(snapshot) { kit in
            let peer = try await kit.peer()
            var options = BatchOptions()
            options.maxConcurrency = 1
            try await peer.send(.chats(1, ["x", "y"], options: options))
            try await kit.waitForAttempts(1)
            async let shutdown: Void = kit.beginShutdown()
            let frames = try await peer.frames { _ in false }
            let codes = frames.compactMap { frame -> FailureCode? in
                guard case .result(let result) = frame.body, case .failure(let failure) = result.outcome else {
                    return nil
                }
                return failure.code
            }
            #expect(Set(codes) == [.cancelled, .notStarted])
            await shutdown
        }
    }

    @Test func `a status tells of connections and lanes`() async throws {
        try await ServerKit.run { kit in
            let peer = try await kit.peer()
            try await peer.send(ClientFrame(id: 77, body: .statusQuery(lanes: true)))
            let frame = try await peer.nextAnswer()
            guard case .status(let status) = frame?.body else {
                Issue.record("no Status: \(String(describing: frame))")
                return
            }
            #expect(frame?.id == 77)
            #expect(status.connections == 1)
            #expect(status.lanes.map(\.deployment) == ["a-0"])
            try await peer.close()
        }
    }
}
