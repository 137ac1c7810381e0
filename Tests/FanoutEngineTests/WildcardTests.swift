// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import FanoutTestKit
import FanoutUpstream
import Testing

@testable import FanoutEngine

/// Models that a group with stars in its name serves.
@Suite struct WildcardTests {
    private func models(_ kit: EngineKit) -> [String] { kit.runner.attempts.map(\.order.endpoint.model) }

    @Test func `the model that was asked for goes out, and the deployment is called by its pattern`() async throws {
        try await EngineKit.run(SampleSnapshot.make([("openai/*", 1)])) { kit in
            _ = kit.submit(["x"], model: "openai/gpt-4o")
            _ = kit.submit(["y"], model: "gpt-5-mini")
            #expect(self.models(kit) == ["gpt-4o", "gpt-5-mini"])
            #expect(kit.runner.attempts[0].order.endpoint.quirks == [])
            #expect(kit.runner.attempts[1].order.endpoint.quirks == [.maxCompletionTokens, .developerRole])
            kit.runner.attempts[0].succeed()
            kit.runner.attempts[1].succeed()
            #expect(kit.sink.results.map { $0.trail?.deployment } == ["openai/*-0", "openai/*-0"])
            _ = kit.submit(["z"], model: "nobody")
            #expect(kit.sink.results.count == 3)
        }
    }

    @Test func `a model that the file names is another one of the pattern`() async throws {
        var snapshot = SampleSnapshot.make(
            [("a", 1), ("openai/o3", 0), ("openai/*", 1)],
            fallbacks: ["a": ["openai/o3"]]
        )
        snapshot.groups[1].servedBy = GroupID(2)
        snapshot.groups[1].captures = ["o3"]
        try await EngineKit.run(snapshot) { kit in
            var options = BatchOptions()
            options.trail = .full
            _ = kit.submit(["x"], options: options)
            kit.runner.attempts[0].fail(.invalidRequest)
            #expect(self.models(kit) == ["a-0", "o3"])
            kit.runner.attempts[1].succeed()
            let trail = try #require(kit.sink.results.first?.trail)
            #expect(trail.details.map(\.group) == ["a", "openai/o3"])
            #expect(trail.fallbacks == 1)
        }
    }

    @Test func `an item's own fallbacks may be several models of one pattern`() async throws {
        try await EngineKit.run(SampleSnapshot.make([("openai/*", 1)])) { kit in
            _ = kit.submit(["x"], model: "openai/a") {
                $0.fallbacks = ["openai/b", "openai/a", "openai/b", "c", "openai/d"]
            }
            #expect(kit.sink.failure(at: 0)?.param == "fallbacks", "c is nobody's")
            _ = kit.submit(["x"], model: "openai/a") {
                $0.fallbacks = ["openai/b", "openai/a", "openai/b", "openai/d"]
            }
            for _ in 0..<3 { kit.runner.attempts.last?.fail(.invalidRequest) }
            #expect(self.models(kit) == ["a", "b", "d"])
            #expect(kit.sink.results.count == 2)
        }
    }

    @Test func `models of one pattern race`() async throws {
        try await EngineKit.run(SampleSnapshot.make([("openai/*", 1), ("own", 1)])) { kit in
            _ = kit.submit(["x"], model: "openai/a") { $0.race = ["openai/b", "own", "openai/a"] }
            #expect(self.models(kit) == ["b", "own-0", "a"])
            _ = kit.submit(["x"], model: "own") { $0.race = ["openai/b"] }
            #expect(self.models(kit).suffix(2) == ["own-0", "b"])
        }
    }

    @Test func `a reload that takes the pattern away ends what waits for it`() async throws {
        var snapshot = SampleSnapshot.make([("openai/*", 1)])
        snapshot.deployments[0].maxConcurrency = 1
        let before = snapshot
        try await EngineKit.run(before) { kit in
            _ = kit.submit(["x", "y"], model: "openai/a")
            #expect(self.models(kit) == ["a"])
            var after = before
            after.version = 2
            after.patterns = []
            after.groups[0].isActive = false
            after.deployments[0].isActive = false
            kit.engine.reload(after, now: Engine.now())
            #expect(kit.sink.failure(at: 1)?.code == .noRoute)
            kit.runner.attempts[0].succeed()
            #expect(kit.sink.codes[0] == .some(nil))
        }
    }
}
