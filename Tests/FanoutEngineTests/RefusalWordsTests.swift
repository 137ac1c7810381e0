// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import FanoutRouter
import FanoutTestKit
import Testing

@testable import FanoutEngine

/// An item that no lane may have is told what stood in the way.
@Suite struct RefusalWordsTests {
    @Test(arguments: RouteObstacle.allCases.filter { $0 != .none })
    func `each obstacle has words of its own that name the group or the budget, and a remedy`(
        obstacle: RouteObstacle
    ) throws {
        let refusal = Refusal(code: .noRoute, obstacle: obstacle)
        let words = try #require(refusal.words(group: "the-group", tenant: "t"))
        #expect(
            words.contains("the-group") || words.contains("budget") || words.contains("max_cost")
                || words.contains("'t'")
        )
        #expect(words.contains(":"))
        for other in RouteObstacle.allCases where other != obstacle {
            #expect(Refusal(code: .noRoute, obstacle: other).words(group: "the-group", tenant: "t") != words)
        }
    }

    @Test func `a spent budget says when it begins anew`() {
        let refusal = Refusal(code: .budgetExceeded, obstacle: .providerBudget, earliestMilliseconds: 1_234)
        #expect(refusal.words(group: "g", tenant: "t")?.contains("1234 ms") == true)
    }

    @Test func `an item that would be late is told how long it would take`() {
        var refusal = Refusal(code: .deadlineExceeded, earliestMilliseconds: 1_234)
        #expect(refusal.wordsOfDeadline(group: "g", tenant: "t").contains("start was in 1234 ms"))
        refusal.isForeseen = true
        #expect(refusal.wordsOfDeadline(group: "g", tenant: "t").contains("'g' can't answer before the deadline"))
        #expect(refusal.wordsOfDeadline(group: "g", tenant: "t").contains("1234 ms"))
    }

    @Test func `tags that fit nothing are named in the item's failure`() async throws {
        var snapshot = SampleSnapshot.make([("a", 1)])
        snapshot.routing.tagFiltering = TagFiltering()
        snapshot.deployments[0].tags = ["gold"]
        try await EngineKit.run(snapshot) { kit in
            _ = kit.submit(["x"]) { $0.tags = ["lead"] }
            #expect(kit.sink.failure(at: 0)?.code == .noRoute)
            #expect(kit.sink.failure(at: 0)?.message.contains("tags") == true)
        }
    }
}
