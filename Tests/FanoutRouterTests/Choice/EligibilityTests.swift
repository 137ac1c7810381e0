// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import Testing

@testable import FanoutRouter

/// Who could ever serve an item: needs, region, context window, tags.
@Suite struct EligibilityTests {
    /// One row: the request's tags, and the lanes that remain of: `a`, `a b`, `b`, `default` (or `other`), none.
    struct TagRow: CustomTestStringConvertible {
        var tags: [String]
        var lanes: Set<Int>
        var matchesAny = true
        var prefix = ""
        var hasDefault = true

        var testDescription: String { "\(self.tags) any: \(self.matchesAny) prefix: \(self.prefix)" }
    }

    static let tagRows = [
        TagRow(tags: [], lanes: [3]),
        TagRow(tags: [], lanes: [0, 1, 2, 3, 4], hasDefault: false),
        TagRow(tags: ["a"], lanes: [0, 1]),
        TagRow(tags: ["a", "b"], lanes: [0, 1, 2]),
        TagRow(tags: ["a", "b"], lanes: [1], matchesAny: false),
        TagRow(tags: ["a", "nobody"], lanes: [0, 1]),
        // Known to the group, and nobody has both: no way round by the default.
        TagRow(tags: ["a", "nobody"], lanes: [], matchesAny: false),
        TagRow(tags: ["nobody"], lanes: [3]),
        TagRow(tags: ["nobody"], lanes: [], hasDefault: false),
        TagRow(tags: ["a", "!b"], lanes: [0]),
        TagRow(tags: ["!b"], lanes: [3]),
        TagRow(tags: ["!b"], lanes: [0, 3, 4], hasDefault: false),
        TagRow(tags: ["!default"], lanes: []),
        TagRow(tags: ["&a", "b"], lanes: [1]),
        TagRow(tags: ["&a", "&b"], lanes: [1]),
        TagRow(tags: ["&a"], lanes: [0, 1]),
        TagRow(tags: ["&nobody"], lanes: []),
        TagRow(tags: ["a", "!a"], lanes: []),
        TagRow(tags: ["!", "&"], lanes: [3]),
        TagRow(tags: ["r:a"], lanes: [0, 1], prefix: "r:"),
        TagRow(tags: ["a"], lanes: [0, 1], prefix: "r:"),
        TagRow(tags: ["nobody"], lanes: [3], prefix: "r:"),
        // Declared to be for the router, so that nobody is no reason for everybody.
        TagRow(tags: ["r:nobody"], lanes: [], prefix: "r:"),
        TagRow(tags: ["r:&a", "r:!b"], lanes: [0], prefix: "r:"),
    ]

    @Test(arguments: tagRows) func `tags filter as LiteLLM's do`(row: TagRow) {
        let own = [["a"], ["a", "b"], ["b"], row.hasDefault ? ["default"] : ["other"], []]
        var lanes: Set<Int> = []
        for seed in 1...12 as ClosedRange<UInt64> {
            let bench = Bench(
                Bench.snapshot(lanes: [5]) {
                    var filtering = TagFiltering()
                    filtering.matchesAny = row.matchesAny
                    filtering.prefix = row.prefix
                    $0.routing.tagFiltering = filtering
                    for (index, tags) in own.enumerated() { $0.deployments[index].tags = tags }
                },
                seed: seed
            )
            for _ in 0..<5 {
                let item = bench.submit { $0.extras = row.tags.isEmpty ? nil : TicketExtras(tags: row.tags) }
                if row.lanes.isEmpty {
                    #expect(bench.refusal(of: item)?.code == .noRoute)
                    #expect(bench.refusal(of: item)?.obstacle == .tags)
                }
            }
            lanes.formUnion(bench.lanes)
        }
        #expect(lanes == row.lanes)
    }

    @Test func `without tag filtering a tag keeps off what is tagged for others, and foreign tags say nothing`() {
        let own = [["blue"], ["red"], []]
        let rows: [(tags: [String], lanes: Set<Int>)] = [
            ([], [0, 1, 2]), (["blue"], [0, 2]), (["budget-x"], [0, 1, 2]),
        ]
        for (tags, expected) in rows {
            let bench = Bench(
                Bench.snapshot(lanes: [3]) {
                    for (index, tags) in own.enumerated() { $0.deployments[index].tags = tags }
                }
            )
            for _ in 0..<60 { bench.submit { $0.extras = tags.isEmpty ? nil : TicketExtras(tags: tags) } }
            #expect(Set(bench.lanes) == expected)
        }
    }

    @Test func `a region is matched as it is named, and an unknown one is another`() {
        let bench = Bench(
            Bench.snapshot(lanes: [3]) {
                $0.deployments[0].region = "eu"
                $0.deployments[1].region = "us"
            }
        )
        for _ in 0..<20 { bench.submit { $0.extras = TicketExtras(region: "eu") } }
        #expect(Set(bench.lanes) == [0])
        let item = bench.submit { $0.extras = TicketExtras(region: "asia") }
        #expect(bench.refusal(of: item)?.code == .noRoute)
        #expect(bench.refusal(of: item)?.obstacle == .region)
    }

    @Test func `with checks before the call a prompt isn't sent where it can't fit`() {
        for checks in [false, true] {
            let bench = Bench(
                Bench.snapshot(lanes: [3]) {
                    $0.routing.checksBeforeCall = checks
                    $0.deployments[0].contextWindow = 1_000
                    $0.deployments[1].contextWindow = 8_000
                }
            )
            for _ in 0..<40 { bench.submit { $0.promptTokens = 1_001 } }
            #expect(Set(bench.lanes) == (checks ? [1, 2] : [0, 1, 2]))
            for _ in 0..<40 { bench.submit { $0.promptTokens = 1_000 } }
            #expect(Set(bench.lanes.suffix(40)) == [0, 1, 2])
        }
    }

    @Test func `a prompt that fits nowhere ends at once, or goes to the fallbacks for that`() {
        for list in [nil, [GroupID(1)]] as [[GroupID]?] {
            let bench = Bench(
                Bench.snapshot(lanes: [1, 1, 1]) {
                    $0.routing.checksBeforeCall = true
                    for lane in 0..<3 { $0.deployments[lane].contextWindow = lane == 1 ? 100_000 : 1_000 }
                    $0.groups[0].contextWindowFallbacks = list
                    $0.groups[0].fallbacks = [GroupID(2)]
                }
            )
            let item = bench.submit { $0.promptTokens = 50_000 }
            if list == nil {
                #expect(bench.refusal(of: item)?.code == .contextWindow)
                #expect(bench.refusal(of: item)?.obstacle == .contextWindow)
            } else {
                #expect(bench.lanes == [1])
            }
        }
    }

    @Test func `18: too long a prompt goes to a larger window of the group before any fallback`() {
        let bench = Bench(
            Bench.snapshot(lanes: [4, 1], retries: 2) {
                for (lane, window) in [8_000, 4_000, 32_000, nil].enumerated() {
                    $0.deployments[lane].contextWindow = window.map { UInt32($0) }
                    $0.deployments[lane].order = Int32(lane)
                }
                $0.groups[0].fallbacks = [GroupID(1)]
                $0.deployments[4].contextWindow = 128_000
            }
        )
        let item = bench.submit { $0.promptTokens = 10_000 }
        bench.settle(.contextWindow)
        #expect(bench.lanes == [0, 2], "neither the smaller window nor one that nobody knows")
        bench.settle(.contextWindow)
        #expect(bench.lanes == [0, 2, 4])
        bench.settle(nil)
        #expect(bench.succeeded(item))
    }

    @Test func `31557, 18: fallbacks whose windows can't fit are passed over, and the failure is the first one`() {
        let bench = Bench(
            Bench.snapshot(lanes: [1, 1, 1], retries: 2) {
                $0.deployments[0].contextWindow = 32_000
                $0.deployments[1].contextWindow = 8_000
                $0.deployments[2].contextWindow = 32_000
                $0.groups[0].fallbacks = [GroupID(1), GroupID(2)]
                // Only for another group, so the general list holds here.
                $0.groups[1].contextWindowFallbacks = [GroupID(2)]
            }
        )
        let item = bench.submit { $0.promptTokens = 40_000 }
        bench.settle(.contextWindow)
        #expect(bench.lanes == [0])
        #expect(bench.ends[item] == .failure(bench.starts[0].lease, causes: []))
    }

    @Test func `a window that nobody knows may fit in a fallback group`() {
        let bench = Bench(
            Bench.snapshot(lanes: [1, 1]) {
                $0.deployments[0].contextWindow = 8_000
                $0.groups[0].fallbacks = [GroupID(1)]
            }
        )
        let item = bench.submit { $0.promptTokens = 9_000 }
        bench.settle(.contextWindow)
        bench.settle(nil)
        #expect(bench.lanes == [0, 1] && bench.succeeded(item))
    }

    @Test func `what no deployment offers is said to be missing`() {
        let bench = Bench(Bench.snapshot(lanes: [2]) { for lane in 0..<2 { $0.deployments[lane].offers = .chat } })
        let item = bench.submit { $0.needs = [.chat, .vision] }
        #expect(bench.refusal(of: item)?.code == .noRoute)
        #expect(bench.refusal(of: item)?.obstacle == .needs)
    }

    /// Lane 0 does everything but is long full; each kind has a lane of its own that is full, too, and one that isn't.
    @Test func `head of line: vision, long, tagged and regional items don't wait behind each other's lanes`() {
        let kinds = 5
        let bench = Bench(
            Bench.snapshot(lanes: [kinds]) {
                $0.routing.checksBeforeCall = true
                for lane in 0..<kinds {
                    $0.deployments[lane].maxConcurrency = 1
                    $0.deployments[lane].offers = lane == 1 ? .all : .chat
                    $0.deployments[lane].contextWindow = lane == 2 ? 200_000 : 8_000
                    $0.deployments[lane].tags = lane == 3 ? ["gold"] : ["plain"]
                    $0.deployments[lane].region = lane == 4 ? "eu" : "us"
                }
            },
            terms: RunTerms(tenant: TenantID(0), maxConcurrency: 1_000)
        )
        func shape(_ kind: Int, _ ticket: inout Ticket) {
            switch kind {
            case 1: ticket.needs = [.chat, .vision]
            case 2: ticket.promptTokens = 100_000
            case 3: ticket.extras = TicketExtras(tags: ["gold"])
            case 4: ticket.extras = TicketExtras(region: "eu")
            default: ticket.extras = TicketExtras(tags: ["plain"], region: "us")
            }
        }
        // Each special lane is saturated by its own kind, one after the other; the others' turns come all the same.
        for saturated in 1..<kinds {
            for _ in 0..<50 { bench.submit { shape(saturated, &$0) } }
            let before = bench.starts.count
            for kind in 1..<kinds where kind > saturated {
                bench.submit { shape(kind, &$0) }
                #expect(bench.lanes.last == kind, "kind \(kind) waited behind \(saturated)")
            }
            #expect(bench.starts.count == before + kinds - 1 - saturated)
            for dispatch in bench.starts.suffix(kinds - 1 - saturated) { bench.settle(nil, dispatch) }
        }
        // A freed lane finds one of its own kind at once, however many others wait.
        for kind in 1..<kinds {
            let running = bench.starts.last { Int($0.lane.index) == kind }
            bench.settle(nil, running)
            #expect(bench.lanes.last == kind)
        }
    }

    @Test func `head of line: a saturated model holds up no other`() {
        let bench = Bench(Bench.snapshot(lanes: [1, 1]) { $0.deployments[0].maxConcurrency = 1 })
        for _ in 0..<1_000 { bench.submit() }
        bench.submit(group: 1)
        #expect(bench.lanes == [0, 1])
    }

    @Test func `18444, 21377, 38968: any failure that another lane may mend goes from order 1 to order 2`() {
        for code in FailureCode.allCases where code.traits.retriesOtherLane && code != .budgetExceeded {
            let bench = Bench(
                Bench.snapshot(lanes: [2], retries: 1) {
                    $0.deployments[0].order = 1
                    $0.deployments[1].order = 2
                }
            )
            let item = bench.submit()
            bench.settle(code)
            #expect(bench.lanes == [0, 1], "\(code.name)")
            bench.settle(nil)
            #expect(bench.succeeded(item))
        }
    }

    @Test func `16: order 1 fails once, order 2 has the second and last attempt`() {
        let bench = Bench(
            Bench.snapshot(lanes: [2], retries: 1) {
                $0.deployments[0].order = 1
                $0.deployments[1].order = 2
            }
        )
        let item = bench.submit()
        bench.settle(.providerError)
        bench.settle(.providerError)
        #expect(bench.lanes == [0, 1])
        #expect(bench.ends[item] == .failure(bench.starts[1].lease, causes: []))
    }

    @Test func `17: where only one lane names an order it gets all`() {
        let bench = Bench(Bench.snapshot(lanes: [2]) { $0.deployments[1].order = 5 })
        for _ in 0..<30 {
            bench.submit()
            bench.settle(nil)
        }
        #expect(Set(bench.lanes) == [1])
    }

    @Test func `28: wildcard lanes pause and cool like any other`() {
        let bench = Bench(
            Bench.snapshot(lanes: [2], retries: 2) {
                $0.groups[0].name = "openai/*"
                for lane in 0..<2 { $0.deployments[lane].endpoint.model = "*" }
            }
        )
        let item = bench.submit()
        bench.settle(.rateLimited, retryAfter: 1_000)
        bench.settle(.rateLimited, retryAfter: 1_000)
        let next = bench.submit()
        bench.pass(999)
        #expect(bench.starts.count == 2, "both wait")
        bench.pass(1)
        for dispatch in bench.starts.dropFirst(2) { bench.settle(nil, dispatch) }
        #expect(bench.succeeded(item) && bench.succeeded(next))
    }

    @Test func `29: weight 0 serves only while the weighted lane waits`() {
        let bench = Bench(
            Bench.snapshot(lanes: [2]) {
                $0.deployments[0].weight = 0
                $0.deployments[1].weight = 1
            }
        )
        for _ in 0..<20 {
            bench.submit()
            bench.settle(nil)
        }
        #expect(Set(bench.lanes) == [1])
        bench.submit()
        bench.settle(.rateLimited, retryAfter: 1_000)
        #expect(bench.lanes.last == 0)
    }

    @Test func `34: the longer of two pauses holds`() {
        let bench = Bench(Bench.snapshot(lanes: [1]))
        for _ in 0..<2 { bench.submit() }
        bench.settle(.rateLimited, bench.starts[0], retryAfter: 1_000)
        bench.settle(.rateLimited, bench.starts[1], retryAfter: 30_000)
        bench.pass(29_999)
        #expect(bench.starts.count == 2)
        bench.pass(1)
        #expect(bench.starts.count == 3)
    }

    @Test func `the lanes of at most so many requirements are kept`() {
        let bench = Bench(Bench.snapshot(lanes: [3]) { $0.deployments[0].tags = ["t-7"] })
        for number in 0..<100 {
            bench.submit { $0.extras = TicketExtras(tags: ["t-\(number)"], region: nil) }
            #expect(bench.core.groups[0].masksKept <= LaneGroup.masksMax)
        }
    }
}
