// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import FanoutServer
import FanoutTestKit
import FanoutWire
import Testing

/// What a batch is told before it runs.
@Suite(.serialized, .timeLimit(.minutes(2))) struct ForecastTests {
    @Test func `Accepted says when the batch will be done, once answers were seen, and nothing of an open batch`()
        async throws
    {
        try await ServerKit.run { kit in
            let peer = try await kit.peer()
            #expect(try await Self.finish(of: 1, isOpen: false, peer) == 0)
            try await kit.waitForAttempts(8)
            try await kit.upstream { runner in for attempt in runner.attempts { attempt.succeed() } }
            _ = try await peer.framesThroughSummary(of: 1)
            #expect(try await Self.finish(of: 2, isOpen: false, peer) ?? 0 > 0)
            #expect(try await Self.finish(of: 3, isOpen: true, peer) == 0)
            try await peer.close()
        }
    }

    private static func finish(of id: UInt64, isOpen: Bool, _ peer: TestPeer) async throws -> UInt64? {
        let prompts = (0..<8).map { "\(id)/\($0)" }
        try await peer.send(.chats(id, prompts, isOpen: isOpen))
        let frames = try await peer.frames { frame in
            if frame.id == id, case .accepted = frame.body { true } else { false }
        }
        guard case .accepted(let milliseconds)? = frames.last?.body else { return nil }
        return milliseconds
    }

    @Test func `a batch of which nothing can be answered before its deadline is rejected, with the time to wait`()
        async throws
    {
        try await ServerKit.run { kit in
            let peer = try await kit.peer()
            try await peer.send(.chats(1, ["x"]))
            try await kit.waitForAttempts(1)
            try await kit.upstream { $0.attempts[0].fail(.overloaded, retryAfterMilliseconds: 60_000) }
            var options = BatchOptions()
            options.batchDeadlineMilliseconds = 10_000
            try await peer.send(.chats(2, ["y", "z"], options: options))
            let frames = try await peer.frames { frame in
                if frame.id == 2, case .rejected = frame.body { true } else { false }
            }
            guard case .rejected(let rejection)? = frames.last?.body else {
                Issue.record("unexpected \(frames)")
                return
            }
            #expect(rejection.code == .admissionRefused)
            #expect((40_000...50_000).contains(rejection.retryAfterMilliseconds))
            #expect(rejection.message.contains("batch_deadline_ms"))
            try await peer.close()
        }
    }
}
