// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import FanoutWire
internal import Synchronization
internal import Testing

@testable internal import FanoutClient

/// The client against a scripted daemon over a real socket.
@Suite(.timeLimit(.minutes(1))) struct ClientTests {
    private static let prompt = [Message(role: .user, text: "hello")]

    @Test func `an open batch of 2,000 items goes up in slices and comes back whole`() async throws {
        let daemon = try await FakeDaemon.listen()
        let (indexes, summary) = try await daemon.serving { peer in
            try await peer.greet()
            var index: UInt32 = 0
            var credit = 0
            var waiting: [ServerFrame.Body] = []
            while let frame = try await peer.next() {
                switch frame.body {
                case .credit(let results): credit += Int(results)
                case .submit(let submit):
                    credit += Int(submit.options.initialCredit)
                    try await peer.send(frame.id, .accepted(predictedFinishMilliseconds: 0))
                default: break
                }
                for _ in frame.items {
                    waiting.append(.result(SessionDouble.result(index)))
                    index += 1
                }
                if frame.isLast {
                    var summary = BatchSummary()
                    summary.items = UInt64(index)
                    waiting.append(.summary(summary))
                    // A summary needs no credit.
                    credit += 1
                }
                let count = min(credit, waiting.count)
                for body in waiting.prefix(count) { try await peer.send(frame.id, body) }
                waiting.removeFirst(count)
                credit -= count
            }
        } while: { path in
            try await withFanoutClient(socketPath: path) { client in
                #expect(client.models == ["m"])
                let batch = try client.batch([], open: true)
                return try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        for _ in 0..<20 {
                            let item = Item(
                                request: Request(model: "m", task: .chat(ChatRequest(messages: Self.prompt)))
                            )
                            try await batch.append(Array(repeating: item, count: 100))
                        }
                        try await batch.finish()
                    }
                    var indexes: [UInt32] = []
                    var summary: BatchSummary?
                    for try await event in batch {
                        switch event {
                        case .result(let result): indexes.append(result.index)
                        case .summary(let end): summary = end
                        default: break
                        }
                    }
                    return (indexes, summary)
                }
            }
        }
        #expect(indexes == Array(0..<2_000))
        #expect(summary?.items == 2_000)
    }

    @Test func `a streamed answer comes in pieces, a restart among them`() async throws {
        let daemon = try await FakeDaemon.listen()
        let deltas = try await daemon.serving { peer in
            try await peer.greet()
            guard let frame = try await peer.next(), case .submit(let submit) = frame.body else { return }
            #expect(submit.options.stream)
            try await peer.send(
                frame.id,
                .accepted(predictedFinishMilliseconds: 0),
                .delta(index: 0, sequence: 0, Delta(.text("no"))),
                .delta(index: 0, sequence: 1, Delta(.restart(.streamBroken, "cut"))),
                .delta(index: 0, sequence: 2, Delta(.text("yes"))),
                .result(SessionDouble.result(0)),
                .summary(BatchSummary())
            )
            while try await peer.next() != nil {}
        } while: { path in
            try await withFanoutClient(socketPath: path) { client in
                var deltas: [Delta] = []
                let stream = try client.streamChat("m", Self.prompt)
                for try await delta in stream { deltas.append(delta) }
                #expect(stream.result?.index == 0)
                return deltas
            }
        }
        #expect(deltas == [Delta(.text("no")), Delta(.restart(.streamBroken, "cut")), Delta(.text("yes"))])
    }

    @Test func `an answer that comes whole is one piece`() async throws {
        let daemon = try await FakeDaemon.listen()
        let deltas = try await daemon.serving { peer in
            try await peer.greet()
            guard let frame = try await peer.next() else { return }
            try await peer.send(frame.id, .result(SessionDouble.result(0, "whole")), .summary(BatchSummary()))
            while try await peer.next() != nil {}
        } while: { path in
            try await withFanoutClient(socketPath: path) { client in
                var deltas: [Delta] = []
                for try await delta in try client.streamChat("m", Self.prompt) { deltas.append(delta) }
                return deltas
            }
        }
        #expect(deltas == [Delta(.text("whole"))])
    }

    @Test func `a failed item is thrown with the failure inside`() async throws {
        let daemon = try await FakeDaemon.listen()
        let error = try await daemon.serving { peer in
            try await peer.greet()
            guard let frame = try await peer.next() else { return }
            var failure = Failure(.rateLimited, "wait")
            failure.retryAfterMilliseconds = 2_000
            let result = ItemResult(index: 0, id: "", outcome: .failure(failure), trail: nil)
            try await peer.send(frame.id, .result(result), .summary(BatchSummary()))
            while try await peer.next() != nil {}
        } while: { path in
            try await withFanoutClient(socketPath: path) { client in
                await #expect(throws: FanoutError.self) { try await client.chat("m", Self.prompt) }
            }
        }
        #expect(error?.code == .rateLimited)
        #expect(error?.retryAfter == .seconds(2))
        #expect(error?.failure != nil)
    }

    @Test func `cancelling the task that reads sends Cancel`() async throws {
        let daemon = try await FakeDaemon.listen()
        let (started, start) = AsyncStream.makeStream(of: Void.self)
        let seen = FrameLog()
        try await daemon.serving { peer in
            try await peer.greet()
            guard let submit = try await peer.next() else { return }
            try await peer.send(submit.id, .accepted(predictedFinishMilliseconds: 0))
            start.finish()
            guard let frame = try await peer.next() else { return }
            seen.add(frame)
            while let frame = try await peer.next() {
                if case .ping(let data) = frame.body { try await peer.send(frame.id, .pong(data)) }
            }
        } while: { path in
            try await withFanoutClient(socketPath: path) { client in
                let call = Task { try await client.chat("m", Self.prompt) }
                for await _ in started {}
                call.cancel()
                let error = await #expect(throws: FanoutError.self) { try await call.value }
                #expect(error?.code == .cancelled)
                // Its answer comes behind the daemon's reading of the Cancel.
                try await client.ping()
            }
        }
        #expect(seen.all.map { $0.body } == [.cancel(indexes: [])])
    }

    @Test func `dropping a batch sends Cancel`() async throws {
        let daemon = try await FakeDaemon.listen()
        let seen = FrameLog()
        try await daemon.serving { peer in
            try await peer.greet()
            _ = try await peer.next()
            while let frame = try await peer.next() {
                seen.add(frame)
                if case .ping(let data) = frame.body { try await peer.send(frame.id, .pong(data)) }
            }
        } while: { path in
            try await withFanoutClient(socketPath: path) { client in
                _ = try client.batch([Item(request: Request(model: "m", task: nil))])
                try await client.ping()
            }
        }
        #expect(seen.all.map { $0.body } == [.cancel(indexes: []), .ping([])])
    }

    @Test func `a daemon that closes in the middle fails the batch after what came`() async throws {
        let daemon = try await FakeDaemon.listen()
        let results = try await daemon.serving { peer in
            try await peer.greet()
            guard let frame = try await peer.next() else { return }
            try await peer.send(frame.id, .result(SessionDouble.result(0)))
        } while: { path in
            try await withFanoutClient(socketPath: path) { client in
                let item = Item(request: Request(model: "m", task: .chat(ChatRequest(messages: Self.prompt))))
                let batch = try client.batch([item, item])
                var results = 0
                let error = await #expect(throws: FanoutError.self) {
                    for try await event in batch {
                        if case .result = event { results += 1 }
                    }
                }
                #expect(error?.code == .unreachable)
                return results
            }
        }
        #expect(results == 1)
    }

    @Test func `status is asked and answered`() async throws {
        let daemon = try await FakeDaemon.listen()
        let status = try await daemon.serving { peer in
            try await peer.greet()
            guard let frame = try await peer.next() else { return }
            #expect(frame.body == .statusQuery(lanes: true))
            var status = DaemonStatus()
            status.queued = 7
            try await peer.send(frame.id, .status(status))
            while try await peer.next() != nil {}
        } while: { path in
            try await withFanoutClient(socketPath: path) { client in try await client.status() }
        }
        #expect(status.queued == 7)
    }

    @Test(arguments: [
        ("/nonexistent/s", FailureCode.unreachable),
        ("/" + String(repeating: "x", count: 200), .invalidRequest),
        ("/etc/hostname", .unreachable),
    ])
    func `a daemon that isn't there is explained`(path: String, code: FailureCode) async throws {
        let error = await #expect(throws: FanoutError.self) { try await FanoutClient.connect(socketPath: path) }
        #expect(error?.code == code && error?.notStarted == true)
    }

    @Test func `something that says no Welcome is given up on`() async throws {
        let daemon = try await FakeDaemon.listen()
        try await daemon.serving { peer in
            while try await peer.next() != nil {}
        } while: { path in
            let error = await #expect(throws: FanoutError.self) {
                try await FanoutClient.connect(socketPath: path, timeout: .milliseconds(50))
            }
            #expect(error?.code == .timeout)
        }
    }
}

/// Frames that a fake daemon was sent.
final class FrameLog: Sendable {
    private let frames = Mutex<[ClientFrame]>([])

    var all: [ClientFrame] { self.frames.withLock { $0 } }

    func add(_ frame: ClientFrame) { self.frames.withLock { $0.append(frame) } }
}
