// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutEngine
import FanoutModel
import FanoutTestKit
import FanoutUpstream
import Testing

@Suite struct EngineTests {
    let one = SampleSnapshot.make([("a", 1)])

    @Test func `results come in the order in which attempts end`() async throws {
        try await EngineKit.run(self.one) { kit in
            let run = kit.submit(["x", "y", "z"])
            #expect(kit.runner.attempts.map(\.prompt) == ["x", "y", "z"])
            for index in [2, 0, 1] { kit.runner.attempts[index].succeed("answer \(index)") }
            #expect(kit.sink.indexes == [2, 0, 1])
            #expect(kit.sink.text(at: 0) == "answer 0")
            #expect(kit.sink.ends == 1)
            #expect(kit.sink.resultsAtEnd == 3)
            #expect(run.summary.succeeded == 3)
            #expect(run.summary.usage.totalTokens == 24)
            #expect(run.summary.attempts == 3)
        }
    }

    @Test func `bytes are given back when items leave the queue, and nothing is held at the end`() async throws {
        try await EngineKit.run(self.one) { kit in
            var options = BatchOptions()
            options.maxConcurrency = 1
            _ = kit.submit(["x", "y", "z"], options: options)
            #expect(kit.sink.releasedBytes == 100)
            #expect(kit.engine.ledger.held == 300)
            kit.runner.attempts[0].succeed()
            #expect(kit.sink.releasedBytes == 200)
            #expect(kit.runner.attempts.count == 2)
            kit.runner.attempts[1].succeed()
            kit.runner.attempts[2].succeed()
            #expect(kit.sink.releasedBytes == 300)
            #expect(kit.engine.ledger.held == 0)
        }
    }

    @Test func `an unknown model fails its item and no other`() async throws {
        try await EngineKit.run(self.one) { kit in
            let run = kit.submit(["x"], model: "nobody", isOpen: true)
            kit.add(["y"], to: run)
            kit.engine.close(run, now: Engine.now())
            #expect(kit.sink.failure(at: 0)?.code == .noRoute)
            #expect(kit.sink.failure(at: 0)?.notStarted == true)
            kit.runner.attempts[0].succeed()
            #expect(kit.sink.codes[1] == .some(nil))
            #expect(run.summary.failed == 1)
            #expect(kit.sink.ends == 1)
        }
    }

    @Test func `a failed attempt is tried again on another deployment, and the trail says so`() async throws {
        try await EngineKit.run(SampleSnapshot.make([("a", 2)])) { kit in
            var options = BatchOptions()
            options.trail = .full
            _ = kit.submit(["x"], options: options)
            kit.runner.attempts[0].fail(.providerError)
            try #require(kit.runner.attempts.count == 2)
            #expect(kit.runner.attempts[1].order.endpoint.model != kit.runner.attempts[0].order.endpoint.model)
            kit.runner.attempts[1].succeed()
            let trail = try #require(kit.sink.results.first?.trail)
            #expect(trail.attempts == 2)
            #expect(trail.details.map(\.number) == [1, 2])
            #expect(trail.details.first?.code == .providerError)
            #expect(trail.deployment == kit.runner.attempts[1].order.endpoint.model)
        }
    }

    @Test func `a spent fallback chain gives the last failure with the others as causes`() async throws {
        try await EngineKit.run(SampleSnapshot.make([("a", 1), ("b", 1)], fallbacks: ["a": ["b"]])) { kit in
            _ = kit.submit(["x"]) { $0.maxAttempts = 2 }
            kit.runner.attempts[0].fail(.invalidRequest)
            try #require(kit.runner.attempts.count == 2)
            #expect(kit.runner.attempts[1].order.endpoint.model == "b-0")
            kit.runner.attempts[1].fail(.invalidRequest)
            let failure = try #require(kit.sink.failure(at: 0))
            #expect(failure.code == .invalidRequest)
            #expect(failure.causes.map(\.group) == ["a"])
            #expect(failure.causes.map(\.message) == ["scripted INVALID_REQUEST"])
        }
    }

    @Test func `fail-fast cancels what runs and doesn't start the rest`() async throws {
        try await EngineKit.run(self.one) { kit in
            var options = BatchOptions()
            options.failFast = true
            options.maxConcurrency = 2
            let run = kit.submit(["x", "y", "z"], options: options)
            kit.runner.attempts[0].fail(.invalidRequest)
            #expect(kit.runner.attempts[1].cancelled == .failFast)
            #expect(kit.runner.attempts.count == 2)
            #expect(kit.sink.codes == [0: .invalidRequest, 1: .cancelled, 2: .notStarted])
            #expect(run.summary.cancelled == 2)
            #expect(kit.sink.ends == 1)
        }
    }

    @Test func `fail-fast also ends a batch whose bad item never reached the router`() async throws {
        try await EngineKit.run(self.one) { kit in
            var options = BatchOptions()
            options.failFast = true
            let run = kit.submit(["x"], options: options, isOpen: true)
            kit.add(["y"], model: "nobody", to: run)
            #expect(kit.runner.attempts[0].cancelled == .failFast)
            #expect(kit.sink.codes == [0: .cancelled, 1: .noRoute])
            kit.add(["z"], to: run)
            #expect(kit.sink.codes == [0: .cancelled, 1: .noRoute, 2: .notStarted])
            #expect(kit.sink.ends == 0)
            kit.engine.close(run, now: Engine.now())
            #expect(kit.sink.ends == 1)
        }
    }

    @Test func `a cancelled item is cancelled upstream and still gets its result`() async throws {
        try await EngineKit.run(self.one) { kit in
            let run = kit.submit(["x", "y"])
            kit.engine.cancel(run, indexes: [0], reason: .client, now: Engine.now())
            #expect(kit.runner.attempts[0].cancelled == .client)
            #expect(kit.sink.codes == [0: .cancelled])
            kit.engine.cancel(run, indexes: [0, 77], reason: .client, now: Engine.now())
            kit.runner.attempts[1].succeed()
            #expect(kit.sink.codes[1] == .some(nil))
            #expect(kit.sink.ends == 1)
        }
    }

    @Test func `the losers of a race are cancelled at the first success`() async throws {
        try await EngineKit.run(SampleSnapshot.make([("a", 1), ("b", 1), ("c", 1)])) { kit in
            _ = kit.submit(["x"]) { $0.race = ["b", "c"] }
            try #require(kit.runner.attempts.count == 3)
            kit.runner.attempts[0].fail(.invalidRequest)
            kit.runner.attempts[2].succeed("c wins")
            #expect(kit.runner.attempts[1].cancelled == .race)
            #expect(kit.sink.text(at: 0) == "c wins")
            #expect(kit.sink.results.count == 1)
        }
    }

    @Test func `a streamed race belongs to whoever shows content first`() async throws {
        try await EngineKit.run(SampleSnapshot.make([("a", 1), ("b", 1)])) { kit in
            var options = BatchOptions()
            options.stream = true
            _ = kit.submit(["x"], options: options) { $0.race = ["b"] }
            try #require(kit.runner.attempts.count == 2)
            kit.runner.attempts[1].stream("hel", isFirst: true)
            #expect(kit.runner.attempts[0].cancelled == .race)
            kit.runner.attempts[1].stream("lo")
            kit.runner.attempts[1].succeed("hello")
            #expect(kit.sink.deltas.map(\.delta.kind) == [.text("hel"), .text("lo")])
            #expect(kit.sink.deltas.map(\.sequence) == [0, 1])
        }
    }

    @Test func `a stream that breaks after content is restarted, and its deltas go on counting`() async throws {
        try await EngineKit.run(SampleSnapshot.make([("a", 2)])) { kit in
            var options = BatchOptions()
            options.stream = true
            _ = kit.submit(["x"], options: options)
            kit.runner.attempts[0].stream("hel", isFirst: true)
            kit.runner.attempts[0].fail(.streamBroken)
            try #require(kit.runner.attempts.count == 2)
            kit.runner.attempts[1].stream("hello", isFirst: true)
            kit.runner.attempts[1].succeed("hello")
            let kinds = kit.sink.deltas.map(\.delta.kind)
            #expect(kinds == [.text("hel"), .restart(.streamBroken, "scripted STREAM_BROKEN"), .text("hello")])
            #expect(kit.sink.deltas.map(\.sequence) == [0, 1, 2])
        }
    }

    @Test func `identical requests share one attempt where the batch allows it`() async throws {
        try await EngineKit.run(self.one) { kit in
            var options = BatchOptions()
            options.coalesce = true
            _ = kit.submit(["x", "x", "y"], options: options)
            #expect(kit.runner.attempts.map(\.prompt) == ["x", "y"])
            kit.runner.attempts[0].succeed("same")
            #expect(kit.sink.text(at: 0) == "same")
            #expect(kit.sink.text(at: 1) == "same")
            #expect(kit.sink.results.first { $0.index == 1 }?.trail?.coalesced == true)
            kit.runner.attempts[1].succeed()
            #expect(kit.sink.ends == 1)
        }
    }

    @Test func `ten thousand items that fail at once neither overflow the stack nor lose a result`() async throws {
        try await EngineKit.run(self.one) { kit in
            kit.runner.onStart = { $0.fail(.invalidRequest) }
            let run = kit.submit((0..<10_000).map { "item \($0)" })
            #expect(kit.sink.results.count == 10_000)
            #expect(run.summary.failures == [.invalidRequest: 10_000])
            #expect(kit.engine.ledger.held == 0)
        }
    }

    @Test func `a batch that has spent its money refuses what hasn't started`() async throws {
        var snapshot = SampleSnapshot.make([("a", 1)])
        snapshot.deployments[0].price = Price(promptToken: 1e-6, completionToken: 1e-6)
        try await EngineKit.run(snapshot) { kit in
            var options = BatchOptions()
            options.maxConcurrency = 1
            options.maxCostNanoUSD = 5_000
            let run = kit.submit(["x", "y"], options: options)
            kit.runner.attempts[0].succeed()
            #expect(run.summary.costNanoUSD == 8_000)
            #expect(kit.runner.attempts.count == 1)
            #expect(kit.sink.codes == [0: FailureCode?.none, 1: .budgetExceeded])
            #expect(kit.sink.failure(at: 1)?.message.contains("max_cost_nano_usd") == true)
            #expect(kit.sink.failure(at: 1)?.notStarted == true)
        }
    }

    @Test func `draining ends every run`() async throws {
        try await EngineKit.run(self.one) { kit in
            var options = BatchOptions()
            options.maxConcurrency = 1
            _ = kit.submit(["x", "y"], options: options, isOpen: true)
            kit.engine.cancelAll(reason: .drain, now: Engine.now())
            #expect(kit.sink.codes == [0: .cancelled, 1: .notStarted])
            #expect(kit.sink.ends == 1)
        }
    }

    @Test func `defaults are put under each item`() async throws {
        try await EngineKit.run(self.one) { kit in
            var chat = ChatRequest(messages: [Message(role: .system, text: "be brief")])
            chat.sampling.temperature = 0.5
            _ = kit.submit(["x"], model: "", defaults: Request(model: "a", task: .chat(chat)))
            let request = try #require(kit.runner.attempts.first?.order.request)
            guard case .chat(let sent) = request.task else {
                Issue.record("not a chat")
                return
            }
            #expect(sent.messages.map(\.text) == ["be brief", "x"])
            #expect(sent.sampling.temperature == 0.5)
            #expect(request.model == "a")
        }
    }

    @Test func `an unknown model is served by the default fallbacks, and the trail says so`() async throws {
        var snapshot = SampleSnapshot.make([("a", 1), ("b", 1)])
        snapshot.defaultFallbacks = [GroupID(1)]
        try await EngineKit.run(snapshot) { kit in
            _ = kit.submit(["x"], model: "nobody")
            try #require(kit.runner.attempts.map(\.order.endpoint.model) == ["b-0"])
            kit.runner.attempts[0].succeed()
            #expect(kit.sink.results.first?.trail?.fallbacks == 1)
        }
    }

    @Test func `a race goes on without the groups that don't exist, and names them if all fail`() async throws {
        try await EngineKit.run(self.one) { kit in
            _ = kit.submit(["x"], model: "") { item in
                item.race = ["nobody", "a"]
                item.maxAttempts = 1
            }
            try #require(kit.runner.attempts.count == 1)
            kit.runner.attempts[0].fail(.invalidRequest)
            let failure = try #require(kit.sink.failure(at: 0))
            #expect(failure.code == .invalidRequest)
            #expect(failure.causes.map(\.group) == ["nobody"])
            #expect(failure.causes.map(\.code) == [.noRoute])
        }
    }
}
