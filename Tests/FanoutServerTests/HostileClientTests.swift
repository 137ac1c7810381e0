// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutEngine
import FanoutModel
import FanoutServer
import FanoutTestKit
import FanoutWire
import Foundation
import NIOCore
import Testing

@Suite(.serialized, .timeLimit(.minutes(2))) struct HostileClientTests {
    /// Sends bytes on a fresh connection; gives the Error's code that ends it, after checking that another client
    /// goes on undisturbed.
    func ending(_ bytes: [UInt8]) async throws -> FailureCode? {
        var code: FailureCode?
        try await ServerKit.run { kit in
            let good = try await kit.peer()
            let bad = try await kit.stranger()
            try await bad.send(bytes: bytes)
            let frames = try await bad.frames { _ in false }
            if case .error(let found, _, _) = frames.last?.body { code = found }
            try await good.send(.chats(1, ["x"]))
            try await kit.waitForAttempts(1)
            try await kit.upstream { $0.attempts[0].succeed() }
            _ = try await good.framesThroughSummary(of: 1)
            try await good.close()
        }
        return code
    }

    func encoded(_ frames: ClientFrame...) throws -> [UInt8] {
        var bytes: [UInt8] = []
        var encoder = WireEncoder()
        for frame in frames { try encoder.encode(frame, into: &bytes) }
        return bytes
    }

    var hello: ClientFrame { ClientFrame(id: 0, body: .hello(.init(major: 1, minor: 0, client: "t"))) }

    @Test func `a frame of length 0 is BAD_FRAME`() async throws {
        #expect(try await self.ending([0, 0, 0, 0]) == .badFrame)
    }

    @Test func `a huge length is refused by its four bytes`() async throws {
        #expect(try await self.ending([0xFF, 0xFF, 0xFF, 0xFF]) == .frameTooLarge)
    }

    @Test func `before Hello a frame over 16 KiB is refused`() async throws {
        #expect(try await self.ending([0, 0, 0x40, 0x01]) == .frameTooLarge)
    }

    @Test func `after Hello a frame over the limit is refused`() async throws {
        #expect(try await self.ending(try self.encoded(self.hello) + [0, 0x10, 0, 1]) == .frameTooLarge)
    }

    @Test func `garbage inside a good frame is BAD_FRAME`() async throws {
        #expect(try await self.ending([0, 0, 0, 3, 0xFF, 0xFF, 0xFF]) == .badFrame)
    }

    @Test func `a batch before Hello is WRONG_STATE`() async throws {
        #expect(try await self.ending(try self.encoded(.chats(1, ["x"]))) == .wrongState)
    }

    @Test func `TLS on the socket is BAD_FRAME`() async throws {
        #expect(try await self.ending([0x16, 0x03, 0x01, 0x02, 0x00, 0x01]) == .badFrame)
    }

    @Test func `silence is HELLO_TIMEOUT`() async throws {
        var snapshot = SampleSnapshot.make([("a", 1)])
        snapshot.limits.helloMilliseconds = 50
        try await ServerKit.run(snapshot) { kit in
            let bad = try await kit.stranger()
            let frames = try await bad.frames { _ in false }
            guard case .error(let code, _, _) = frames.last?.body else {
                Issue.record("no Error: \(frames)")
                return
            }
            #expect(code == .helloTimeout)
        }
    }

    @Test func `a frame that never ends is FRAME_TIMEOUT`() async throws {
        var snapshot = SampleSnapshot.make([("a", 1)])
        snapshot.limits.frameMilliseconds = 50
        try await ServerKit.run(snapshot) { kit in
            let bad = try await kit.peer()
            try await bad.send(bytes: [0, 0, 1])
            let frames = try await bad.frames { _ in false }
            guard case .error(let code, _, _) = frames.last?.body else {
                Issue.record("no Error: \(frames)")
                return
            }
            #expect(code == .frameTimeout)
        }
    }

    @Test func `input that ends inside a frame is BAD_FRAME`() async throws {
        try await ServerKit.run { kit in
            let bad = try await kit.peer()
            try await bad.send(bytes: [0, 0, 1])
            try await bad.closeOutput()
            let frames = try await bad.frames { _ in false }
            guard case .error(let code, _, _) = frames.last?.body else {
                Issue.record("no Error: \(frames)")
                return
            }
            #expect(code == .badFrame)
        }
    }

    @Test func `an HTTP request gets a plain-text 400`() async throws {
        try await ServerKit.run { kit in
            let bad = try await kit.stranger()
            try await bad.send(bytes: Array("GET / HTTP/1.1\r\nHost: x\r\n\r\n".utf8))
            _ = try await bad.frames { _ in false }
            #expect(await bad.rawText.hasPrefix("HTTP/1.1 400 Bad Request\r\n"))
        }
    }

    @Test func `going past the upload window ends the connection`() async throws {
        var snapshot = SampleSnapshot.make([("a", 1)])
        snapshot.limits.uploadWindowBytes = 1 << 20
        snapshot.limits.batchWindowBytes = 4 << 20
        try await ServerKit.run(snapshot) { kit in
            let bad = try await kit.peer()
            var options = BatchOptions()
            options.maxConcurrency = 1
            let text = String(repeating: "x", count: 400_000)
            // The connection may end while the last ones are on their way.
            for id in 1...4 { try? await bad.send(.chats(UInt64(id), [text, text], options: options)) }
            let frames = try await bad.frames { _ in false }
            guard case .error(let code, _, _) = frames.last?.body else {
                Issue.record("no Error: \(frames.count)")
                return
            }
            #expect(code == .windowExceeded)
        }
    }

    @Test func `one open batch can't take the whole window`() async throws {
        var snapshot = SampleSnapshot.make([("a", 1)])
        snapshot.limits.batchWindowBytes = 1 << 20
        try await ServerKit.run(snapshot) { kit in
            let bad = try await kit.peer()
            var options = BatchOptions()
            options.maxConcurrency = 1
            let text = String(repeating: "x", count: 400_000)
            try await bad.send(.chats(1, [text, text], options: options, isOpen: true))
            let more = ClientFrame.Append(items: ClientFrame.items([text, text]), isLast: false)
            try? await bad.send(ClientFrame(id: 1, body: .append(more)))
            let frames = try await bad.frames { _ in false }
            guard case .error(let code, _, _) = frames.last?.body else {
                Issue.record("no Error: \(frames.count)")
                return
            }
            #expect(code == .windowExceeded)
        }
    }

    @Test func `a reused batch id is refused, and the live batch of that id goes on`() async throws {
        try await ServerKit.run { kit in
            let peer = try await kit.peer()
            try await peer.send(.chats(3, ["x"]), .chats(3, ["y"]))
            try await kit.waitForAttempts(1)
            let early = try await peer.frames { if case .rejected = $0.body { true } else { false } }
            #expect(early.last?.id == 3)
            try await kit.upstream { $0.attempts[0].succeed() }
            _ = try await peer.framesThroughSummary(of: 3)
            #expect(try await kit.upstream { $0.attempts.count } == 1)
            try await peer.close()
        }
    }

    @Test func `cancelling what isn't there is no fault`() async throws {
        try await ServerKit.run { kit in
            let peer = try await kit.peer()
            try await peer.send(
                ClientFrame(id: 99, body: .cancel(indexes: [1, 2])),
                ClientFrame(id: 5, body: .ping([7]))
            )
            #expect(try await peer.nextAnswer() == ServerFrame(id: 5, body: .pong([7])))
            try await peer.close()
        }
    }

    @Test func `a bad item fails by itself`() async throws {
        try await ServerKit.run { kit in
            let peer = try await kit.peer()
            let empty = ChatRequest(messages: [])
            var hot = ChatRequest(messages: [Message(role: .user, text: "x")])
            hot.sampling.temperature = 9
            var items = ClientFrame.items(["fine"])
            items.append(.item(Item(request: Request(model: "a", task: .chat(empty)))))
            items.append(.item(Item(request: Request(model: "a", task: .chat(hot)))))
            items.append(.item(Item(request: Request(model: "nobody", task: .chat(empty)))))
            let submit = ClientFrame.Submit(options: BatchOptions(), defaults: nil, items: items, isOpen: false)
            try await peer.send(ClientFrame(id: 1, body: .submit(submit)))
            try await kit.waitForAttempts(1)
            try await kit.upstream { $0.attempts[0].succeed() }
            var codes: [UInt32: FailureCode?] = [:]
            for frame in try await peer.framesThroughSummary(of: 1) {
                guard case .result(let result) = frame.body else { continue }
                if case .failure(let failure) = result.outcome {
                    codes[result.index] = failure.code
                } else {
                    codes[result.index] = .some(nil)
                }
            }
            #expect(codes[0] == .some(nil))
            #expect(codes[1] == .invalidRequest)
            #expect(codes[2] == .invalidRequest)
            #expect(codes[3] != nil)
            try await peer.close()
        }
    }

    @Test func `a flood of pings ends the connection`() async throws {
        try await ServerKit.run { kit in
            let bad = try await kit.peer()
            var bytes: [UInt8] = []
            var encoder = WireEncoder()
            for id in 0..<30 { try encoder.encode(ClientFrame(id: UInt64(id), body: .ping([])), into: &bytes) }
            try await bad.send(bytes: bytes)
            let frames = try await bad.frames { _ in false }
            guard case .error(let code, _, _) = frames.last?.body else {
                Issue.record("no Error: \(frames)")
                return
            }
            #expect(code == .flood)
            #expect(frames.count == 11)
        }
    }

    @Test func `too many connections of one tenant: the next one is refused, the others live`() async throws {
        var snapshot = SampleSnapshot.make([("a", 1)])
        snapshot.limits.connectionsPerTenant = 3
        try await ServerKit.run(snapshot) { kit in
            var peers: [TestPeer] = []
            for _ in 0..<3 { peers.append(try await kit.peer()) }
            let fourth = try await kit.stranger()
            let frames = try await fourth.frames { _ in false }
            guard case .error(let code, _, _) = frames.last?.body else {
                Issue.record("no Error: \(frames)")
                return
            }
            #expect(code == .tooManyConnections)
            for peer in peers {
                try await peer.send(ClientFrame(id: 1, body: .ping([1])))
                #expect(try await peer.nextAnswer() == ServerFrame(id: 1, body: .pong([1])))
                try await peer.close()
            }
        }
    }

    @Test func `whoever says no Hello makes room for the next`() async throws {
        var snapshot = SampleSnapshot.make([("a", 1)])
        snapshot.limits.pendingConnections = 2
        try await ServerKit.run(snapshot) { kit in
            let silent = try await kit.stranger()
            _ = try await kit.stranger()
            _ = try await kit.stranger()
            let frames = try await silent.frames { _ in false }
            guard case .error(let code, _, _) = frames.last?.body else {
                Issue.record("no Error: \(frames)")
                return
            }
            #expect(code == .tooManyConnections)
        }
    }

    @Test func `two servers can't share a path`() async throws {
        try await ServerKit.run { kit in
            #expect(throws: ServerError.self) { _ = try SocketFile(path: kit.path) }
        }
    }

    @Test func `a path that is too long or no socket is refused with its reason`() throws {
        #expect(throws: ServerError.self) { _ = try SocketFile(path: "/tmp/" + String(repeating: "x", count: 200)) }
        #expect(throws: ServerError.self) { _ = try SocketFile(path: "@abstract") }
        let path = NSTemporaryDirectory() + "fanout-\(UUID().uuidString.prefix(8))"
        try Data("keep me".utf8).write(to: URL(fileURLWithPath: path))
        defer {
            try? FileManager.default.removeItem(atPath: path)
            try? FileManager.default.removeItem(atPath: path + ".lock")
        }
        #expect(throws: ServerError.self) { _ = try SocketFile(path: path) }
        #expect(FileManager.default.fileExists(atPath: path))
    }

    @Test func `a reader that never reads stops dispatch and is closed in the end`() async throws {
        var snapshot = SampleSnapshot.make([("a", 1)])
        snapshot.limits.outputStallMilliseconds = 300
        try await ServerKit.run(snapshot) { kit in
            let bad = try await kit.peer()
            try await bad.channel.setOption(.autoRead, value: false).get()
            let big = String(repeating: "y", count: 100_000)
            try await kit.upstream { $0.onStart = { $0.succeed(big) } }
            var options = BatchOptions()
            options.maxConcurrency = 16
            try await bad.send(.chats(1, (0..<4_000).map { "prompt \($0)" }, options: options))
            while try await kit.loop.submit({ kit.engine.value.status(lanes: false).batches }).get() > 0 {
                try await Task.sleep(for: .milliseconds(10))
            }
            #expect(try await kit.upstream { $0.attempts.count } < 100)
            #expect(try await kit.loop.submit { kit.engine.value.ledger.held }.get() < 64 << 20)
        }
    }

    /// The Rejected that a frame gets.
    func rejection(_ peer: TestPeer) async throws -> FailureCode? {
        let frames = try await peer.frames { if case .rejected = $0.body { true } else { false } }
        guard case .rejected(let rejection) = frames.last?.body else { return nil }
        return rejection.code
    }

    @Test func `one batch too many on a connection is refused, and those before go on`() async throws {
        var snapshot = SampleSnapshot.make([("a", 1)])
        snapshot.limits.batchesPerConnection = 2
        try await ServerKit.run(snapshot) { kit in
            let peer = try await kit.peer()
            try await peer.send(.chats(1, ["x"]), .chats(2, ["y"]), .chats(3, ["z"]))
            #expect(try await self.rejection(peer) == .admissionRefused)
            try await kit.upstream { for attempt in $0.live { attempt.succeed() } }
            _ = try await peer.framesThroughSummary(of: 2)
            try await peer.close()
        }
    }

    @Test func `items past a batch's bound are refused, and its others go on`() async throws {
        var snapshot = SampleSnapshot.make([("a", 1)])
        snapshot.limits.itemsPerBatch = 2
        try await ServerKit.run(snapshot) { kit in
            let peer = try await kit.peer()
            try await kit.upstream { $0.onStart = { $0.succeed() } }
            try await peer.send(.chats(1, ["x", "y"], isOpen: true))
            let more = ClientFrame.Append(items: ClientFrame.items(["z"]), isLast: false)
            let last = ClientFrame.Append(items: [], isLast: true)
            try await peer.send(ClientFrame(id: 1, body: .append(more)))
            #expect(try await self.rejection(peer) == .tooLarge)
            try await peer.send(ClientFrame(id: 1, body: .append(last)))
            _ = try await peer.framesThroughSummary(of: 1)
            try await peer.close()
        }
    }

    @Test func `the connections of all tenants together are bounded`() async throws {
        var snapshot = SampleSnapshot.make([("a", 1)])
        snapshot.limits.connections = 1
        try await ServerKit.run(snapshot) { kit in
            let first = try await kit.peer()
            let second = try await kit.stranger()
            let frames = try await second.frames { _ in false }
            guard case .error(let code, _, _) = frames.last?.body else {
                Issue.record("no Error: \(frames)")
                return
            }
            #expect(code == .tooManyConnections)
            try await first.close()
        }
    }

    @Test func `a tenant's blobs are bounded over all its connections, and freed with them`() async throws {
        var snapshot = SampleSnapshot.make([("a", 1)])
        snapshot.limits.blobBytesPerTenant = 10
        try await ServerKit.run(snapshot) { kit in
            let first = try await kit.peer()
            let second = try await kit.peer()
            let blob = ClientFrame.Blob(offset: 0, total: 8, data: [1, 2], sha256: [])
            try await first.send(ClientFrame(id: 1, body: .blob(blob)), ClientFrame(id: 9, body: .ping([1])))
            #expect(try await first.nextAnswer() == ServerFrame(id: 9, body: .pong([1])))
            try await second.send(ClientFrame(id: 1, body: .blob(blob)))
            #expect(try await self.rejection(second) == .tooLarge)
            try await first.close()
            while try await kit.loop.submit({ kit.engine.value.ledger.held }).get() > 0 { await Task.yield() }
            try await second.send(ClientFrame(id: 2, body: .blob(blob)), ClientFrame(id: 9, body: .ping([2])))
            #expect(try await second.nextAnswer() == ServerFrame(id: 9, body: .pong([2])))
            try await second.close()
        }
    }
}
