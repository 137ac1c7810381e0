// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutEngine
import FanoutModel
import FanoutTestKit
import Testing

@Suite struct SpendingTests {
    @Test func `attempts that may have been billed for nothing are told, of an item that succeeded too`() async throws {
        try await EngineKit.run(SampleSnapshot.make([("a", 3)])) { kit in
            var options = BatchOptions()
            options.trail = .full
            _ = kit.submit(["x"], options: options)
            kit.runner.attempts[0].fail(.timeout)
            var refused = Failure(.providerError, "no")
            refused.providerStatus = 500
            kit.runner.attempts[1].finish(.failure(refused))
            kit.runner.attempts[2].succeed()
            let trail = try #require(kit.sink.results.first?.trail)
            #expect(trail.possiblyBilled == 1)
            #expect(trail.details.map(\.possiblyBilled) == [true, false, false])
        }
    }

    @Test func `the loser of a race may have been billed`() async throws {
        try await EngineKit.run(SampleSnapshot.make([("a", 1), ("b", 1)])) { kit in
            _ = kit.submit(["x"]) { $0.race = ["a", "b"] }
            kit.runner.attempts[0].succeed()
            #expect(kit.sink.results.first?.trail?.possiblyBilled == 1)
        }
    }

    @Test func `an item that fails says whether any of its attempts may have been billed`() async throws {
        try await EngineKit.run(SampleSnapshot.make([("a", 1)])) { kit in
            _ = kit.submit(["x", "y"]) { $0.maxAttempts = 1 }
            kit.runner.attempts[0].fail(.streamBroken)
            var refused = Failure(.invalidRequest, "no")
            refused.providerStatus = 400
            kit.runner.attempts[1].finish(.failure(refused))
            #expect(kit.sink.failure(at: 0)?.possibleDoubleSpend == true)
            #expect(kit.sink.failure(at: 1)?.possibleDoubleSpend == false)
            #expect(kit.sink.results.map { $0.trail?.possiblyBilled } == [1, 0])
        }
    }
}
