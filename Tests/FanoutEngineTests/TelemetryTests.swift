// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutEngine
import FanoutModel
import FanoutTelemetry
import FanoutTestKit
import FanoutUpstream
import Testing

@Suite struct TelemetryTests {
    private static func report(_ kit: EngineKit) -> MetricsReport {
        kit.engine.metrics(with: kit.engine.status(lanes: true), now: Engine.now())
    }

    @Test func `an attempt is counted on its lane, and its item by its end`() async throws {
        try await EngineKit.run(SampleSnapshot.make([("a", 1), ("b", 1)])) { kit in
            kit.runner.onStart = { attempt in
                if attempt.prompt == "good" { attempt.succeed() } else { attempt.fail(.invalidRequest) }
            }
            _ = kit.submit(["good", "bad"], model: "b")
            let report = Self.report(kit)
            #expect(report.items.succeeded == 1)
            #expect(report.items.failures.map(\.code) == [.invalidRequest])
            let lanes = report.lanes.map(\.counts.attempts)
            #expect(lanes[0].succeeded == 0 && lanes[0].failures.isEmpty)
            #expect(lanes[1].succeeded == 1 && lanes[1].failures.map(\.code) == [.invalidRequest])
            let chats = report.lanes[1].counts.distributions(of: .chat)
            #expect(chats?.input.sum == 3 && chats?.output.sum == 5)
            #expect(report.lanes[1].counts.distributions(of: .embedding) == nil)
        }
    }

    @Test func `an item that is tried again is a retry, and one that goes elsewhere a fallback`() async throws {
        var snapshot = SampleSnapshot.make([("a", 1), ("b", 1)], fallbacks: ["a": ["b"]])
        snapshot.routing.retries = 0
        let settings = snapshot
        try await EngineKit.run(settings) { kit in
            kit.runner.onStart = { attempt in
                if kit.runner.attempts.count == 1 { attempt.fail(.providerError) } else { attempt.succeed() }
            }
            _ = kit.submit(["x"])
            let counts = Self.report(kit).lanes.map(\.counts)
            #expect(counts.map(\.fallbacks) == [0, 1] && counts.map(\.retries) == [0, 1])
        }
    }

    @Test func `a reload keeps the counts of the deployments that stay`() async throws {
        let before = SampleSnapshot.make([("a", 1)])
        let after = SampleSnapshot.make([("a", 1), ("b", 1)])
        try await EngineKit.run(before) { kit in
            kit.runner.onStart = { $0.succeed() }
            _ = kit.submit(["x"])
            kit.engine.reload(after, now: Engine.now())
            #expect(Self.report(kit).lanes.map(\.counts.attempts.succeeded) == [1, 0])
        }
    }

    @Test func `what waits and runs is told by class`() async throws {
        try await EngineKit.run(SampleSnapshot.make([("a", 1)])) { kit in
            var options = BatchOptions()
            options.priorityClass = .bulk
            options.maxConcurrency = 1
            _ = kit.submit(["x", "y", "z"], options: options)
            let classes = kit.engine.status(lanes: false).classes
            #expect(classes.map(\.priorityClass) == PriorityClass.allCases)
            #expect(classes.last?.running == 1 && classes.last?.queued == 2)
            #expect(classes.dropLast().allSatisfy { $0.running + $0.queued == 0 })
        }
    }

    @Test func `a failure's attempt is remembered although the client asked for no details`() async throws {
        try await EngineKit.run(SampleSnapshot.make([("a", 1)])) { kit in
            kit.runner.onStart = { $0.fail(.invalidRequest) }
            _ = kit.submit(["x"])
            #expect(kit.sink.results.first?.trail?.details.isEmpty == true)
            let item = kit.engine.recent(0)
            #expect(item?.code == .invalidRequest && item?.trail.details.map(\.code) == [.invalidRequest])
        }
    }

    @Test func `of an item that goes well at once its trail is all that is kept`() async throws {
        try await EngineKit.run(SampleSnapshot.make([("a", 1)])) { kit in
            kit.runner.onStart = { $0.succeed() }
            _ = kit.submit(["x"])
            let item = try #require(kit.engine.recent(0))
            #expect(item.code == nil && item.trail.details.isEmpty && item.trail.attempts == 1)
            let candidates = kit.engine.candidates(of: item, now: Engine.now())
            #expect(candidates.map(\.isTaken) == [true] && candidates.first?.reason == "attempt 1: OK")
            #expect(kit.engine.recent(0, tenant: "uid:2") == nil && kit.engine.recent(1) == nil)
        }
    }

    @Test func `an item that no model serves is remembered with its code`() async throws {
        try await EngineKit.run(SampleSnapshot.make([("a", 1)])) { kit in
            _ = kit.submit(["x"], model: "nosuch")
            #expect(kit.engine.recent(0)?.code == .noRoute && kit.engine.recent(0)?.model == "nosuch")
        }
    }
}

extension Engine {
    /// The latest item of this index, of the tenant that the kit submits for.
    fileprivate func recent(_ index: UInt32, tenant: String = "uid:1") -> RecentItems.Item? {
        self.recentItem(session: nil, batch: 1, index: index, tenant: tenant)
    }
}
