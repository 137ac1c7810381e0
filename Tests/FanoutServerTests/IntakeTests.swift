// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutEngine
import FanoutModel
import FanoutTestKit
import FanoutWire
import NIOCore
import Testing

/// Frames of many items, which are handed on in slices.
@Suite(.serialized, .timeLimit(.minutes(2))) struct IntakeTests {
    /// What is told of a batch: its results by index, and its summary.
    private struct Told {
        var codes: [UInt32: FailureCode?] = [:]
        var texts: [UInt32: String] = [:]
        var repeated = 0
        var summary: BatchSummary?

        init(_ frames: [ServerFrame]) {
            for frame in frames {
                switch frame.body {
                case .result(let result):
                    if self.codes[result.index] != nil { self.repeated += 1 }
                    switch result.outcome {
                    case .success(let response):
                        self.codes[result.index] = .some(nil)
                        if case .chat(let choices) = response.body {
                            self.texts[result.index] = choices.first?.message.text
                        }
                    case .failure(let failure): self.codes[result.index] = failure.code
                    }
                case .summary(let summary): self.summary = summary
                default: break
                }
            }
        }
    }

    private static let prompts = (0..<200).map { "prompt \($0)" }

    @Test func `every item of a large frame has one result, and its index is its place`() async throws {
        try await ServerKit.run { kit in
            let peer = try await kit.peer()
            try await kit.upstream { $0.onStart = { $0.succeed($0.prompt) } }
            let more = ClientFrame.Append(items: ClientFrame.items(Self.prompts), isLast: true)
            try await peer.send(.chats(1, Self.prompts, isOpen: true), ClientFrame(id: 1, body: .append(more)))
            let told = Told(try await peer.framesThroughSummary(of: 1))
            #expect(told.codes.count == 400 && told.repeated == 0)
            #expect((0..<400).allSatisfy { told.texts[UInt32($0)] == Self.prompts[$0 % 200] })
            #expect(told.summary?.items == 400)
            try await peer.close()
        }
    }

    @Test func `a batch that is cancelled right behind a large frame has a result for each item`() async throws {
        try await ServerKit.run { kit in
            let peer = try await kit.peer()
            try await peer.send(.chats(1, Self.prompts), ClientFrame(id: 1, body: .cancel(indexes: [])))
            let told = Told(try await peer.framesThroughSummary(of: 1))
            #expect(told.codes.count == 200 && told.repeated == 0)
            #expect(told.summary?.cancelled == 200)
            try await peer.close()
        }
    }

    @Test func `an item that has not been handed on yet can be cancelled`() async throws {
        try await ServerKit.run { kit in
            let peer = try await kit.peer()
            try await kit.upstream { $0.onStart = { $0.succeed($0.prompt) } }
            try await peer.send(
                .chats(1, Self.prompts, isOpen: true),
                ClientFrame(id: 1, body: .cancel(indexes: [199]))
            )
            try await peer.closeOutput()
            let told = Told(try await peer.framesThroughSummary(of: 1))
            #expect(told.codes.count == 200 && told.repeated == 0)
            #expect(told.summary?.succeeded ?? 0 >= 199)
        }
    }

    @Test func `a small batch behind a large frame doesn't wait for all of it`() async throws {
        try await ServerKit.run { kit in
            let peer = try await kit.peer()
            try await kit.upstream { $0.onStart = { $0.succeed($0.prompt) } }
            let many = (0..<20_000).map { "p\($0)" }
            let frames = stride(from: 0, to: many.count, by: 200).map { start in
                let items = ClientFrame.items(Array(many[start..<start + 200]))
                return ClientFrame(id: 1, body: .append(ClientFrame.Append(items: items, isLast: false)))
            }
            try await peer.send(.chats(1, ["first"], isOpen: true))
            for frame in frames { try await peer.send(frame) }
            try await peer.send(.chats(2, ["small"]))
            let before = Told(try await peer.framesThroughSummary(of: 2).filter { $0.id == 1 })
            #expect(before.codes.count < many.count)
            try await peer.send(ClientFrame(id: 1, body: .cancel(indexes: [])))
            let after = Told(try await peer.framesThroughSummary(of: 1))
            #expect(before.codes.count + after.codes.count == many.count + 1)
            try await peer.close()
        }
    }

    @Test func `a connection that goes amid a large frame gives back what it held`() async throws {
        try await ServerKit.run { kit in
            let peer = try await kit.peer()
            try await peer.send(.chats(1, Self.prompts))
            try await kit.waitForAttempts(1)
            try await peer.close()
            let engine = kit.engine
            while try await kit.loop.submit({ engine.value.ledger.held }).get() > 0 { await Task.yield() }
        }
    }

    @Test func `in a fail-fast batch an item that can't be routed leaves no item without its result`() async throws {
        try await ServerKit.run { kit in
            let peer = try await kit.peer()
            var options = BatchOptions()
            options.failFast = true
            let frame = ClientFrame.chats(1, ["bad"], model: "nobody", options: options)
            guard case .submit(var submit) = frame.body else { return }
            submit.items += ClientFrame.items(Self.prompts)
            try await peer.send(ClientFrame(id: 1, body: .submit(submit)))
            let told = Told(try await peer.framesThroughSummary(of: 1))
            #expect(told.codes.count == 201 && told.repeated == 0)
            #expect(told.codes[0] == .noRoute)
            #expect((1...200).allSatisfy { told.codes[UInt32($0)] == .notStarted })
            try await peer.close()
        }
    }
}
