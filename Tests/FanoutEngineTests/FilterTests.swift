// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutEngine
import FanoutModel
import FanoutTestKit
import Testing

/// Answers that a provider has filtered.
@Suite struct FilterTests {
    private static func snapshot(list: [GroupID]?) -> Snapshot {
        var snapshot = SampleSnapshot.make([("a", 1), ("b", 1)])
        snapshot.groups[0].contentPolicyFallbacks = list
        for index in snapshot.deployments.indices {
            snapshot.deployments[index].price = Price(promptToken: 1e-6, completionToken: 1e-6)
        }
        return snapshot
    }

    private static func filtered(_ text: String, choices: Int = 1, filtered: Int = 1) -> Response {
        var response = ScriptedRunner.answer(text)
        guard case .chat(let whole) = response.body, let choice = whole.first else { return response }
        var all = Array(repeating: choice, count: choices)
        for index in 0..<filtered { all[index].finishReason = .contentFilter }
        response.body = .chat(all)
        return response
    }

    @Test func `39: a filtered answer goes to the content policy's fallbacks, and is the answer without them`()
        async throws
    {
        for list in [nil, [], [GroupID(1)]] as [[GroupID]?] {
            try await EngineKit.run(Self.snapshot(list: list)) { kit in
                var options = BatchOptions()
                options.trail = .full
                let run = kit.submit(["x"], options: options)
                kit.runner.attempts[0].finish(.success(Self.filtered("half")))
                guard list?.isEmpty == false else {
                    #expect(kit.runner.attempts.count == 1 && kit.sink.text(at: 0) == "half")
                    return
                }
                try #require(kit.runner.attempts.count == 2)
                kit.runner.attempts[1].succeed("whole")
                #expect(kit.sink.text(at: 0) == "whole")
                let trail = try #require(kit.sink.results.first?.trail)
                #expect(trail.fallbacks == 1 && trail.details.map(\.code) == [.contentPolicy, nil])
                #expect(run.summary.costNanoUSD == 16_000, "the filtered answer was billed too")
            }
        }
    }

    @Test func `a filtered answer is the answer to who takes no fallback, has seen it, or has a choice that is whole`()
        async throws
    {
        let list = [GroupID(1)]
        let cases: [(stream: Bool, response: Response, edit: @Sendable (inout Item) -> Void)] = [
            (false, Self.filtered("half"), { $0.disableFallbacks = true }),
            (false, Self.filtered("half"), { $0.maxAttempts = 1 }),
            (false, Self.filtered("half", choices: 2, filtered: 1), { _ in }),
            (true, Self.filtered("half"), { _ in }),
        ]
        for one in cases {
            try await EngineKit.run(Self.snapshot(list: list)) { kit in
                var options = BatchOptions()
                options.stream = one.stream
                _ = kit.submit(["x"], options: options, edit: one.edit)
                kit.runner.attempts[0].finish(.success(one.response))
                #expect(kit.runner.attempts.count == 1 && kit.sink.codes == [0: FailureCode?.none])
            }
        }
    }
}
