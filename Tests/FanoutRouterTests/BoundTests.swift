// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutSimulation
import Testing

/// How these tests were built.
enum Build {
    #if DEBUG
    static let isOptimized = false
    #else
    static let isOptimized = true
    #endif
}

/// The bounds of docs/routing.md, each with its bar, over the first seed.
///
/// `scripts/test bounds` holds every row to its bar with a release build, `scripts/routing-table` over many seeds. A
/// debug build would take minutes for them, in which the tests beside these wait for a core.
@Suite(.enabled(if: Build.isOptimized, "scripts/test bounds runs these rows with a release build"))
struct BoundTests {
    /// Holds all rows whose names begin so to these bars, and runs those whose names end in one of the words.
    @discardableResult
    private static func check(
        _ name: String,
        _ bars: [Bound.Bar],
        run words: [String] = [""],
        sourceLocation: SourceLocation = #_sourceLocation
    ) -> [[Double]] {
        let rows = Bound.named(name)
        for row in rows {
            let own = row.measures.map(\.bar).filter { $0 != .shown }
            #expect(own == bars, "\(row.name)", sourceLocation: sourceLocation)
        }
        return words.flatMap { word in
            let chosen = rows.filter { $0.name.hasSuffix(word) }
            #expect(!chosen.isEmpty, "no row \(name) ends in \(word)", sourceLocation: sourceLocation)
            return chosen.map { row in
                let values = row.run(1)
                for (measure, value) in zip(row.measures, values) {
                    let isMet = measure.isMet(by: value)
                    #expect(isMet, "\(row.name): \(measure.name) \(value)", sourceLocation: sourceLocation)
                }
                return values
            }
        }
    }

    @Test func `quota a: a known limit of requests is used to 97 %, with 0.5 % of 429s`() {
        Self.check("quota a", [.atLeast(0.97), .atMost(0.005)], run: ["requests known"])
    }

    @Test func `quota b: a known limit of tokens is used to 97 %, with 0.5 % of 429s`() {
        Self.check("quota b", [.atLeast(0.97), .atMost(0.005)], run: ["charged on arrival"])
    }

    @Test func `quota c: a limit that only headers tell is used to 95 %, with 1 % of 429s, beside a second consumer`() {
        Self.check("quota c", [.atLeast(0.95), .atMost(0.01)], run: ["tokens from headers, another takes 30 %"])
    }

    @Test func `quota d: a hidden limit is used to 85 %, with 2 % of 429s`() {
        Self.check("quota d", [.atLeast(0.85), .atMost(0.02)], run: ["hidden requests, no headers"])
    }

    @Test
    func `a hidden limit of 40 at once is found in 30 s, with 1 % of overload answers, and followed when it halves`() {
        Self.check("hidden concurrency", [.atLeast(0.9), .atMost(0.01), .atMost(1.1), .atLeast(0.9)])
    }

    @Test func `an outage of ten minutes costs few calls, and is over when it is over`() {
        let bars: [Bound.Bar] = [.atMost(0), .atMost(30), .atLeast(0.95), .atMost(0)]
        Self.check("outage", bars, run: [" 1 items/s", " 10 items/s"])
    }

    @Test func `at most 2 % of items touch a lane that fails in 5 ms`() {
        Self.check("fast failures", [.atMost(0.02)], run: ["latency-based-routing"])
    }

    @Test func `nobody waits for a lane that can't serve it`() {
        Self.check("mixed eligibility", [.atMost(0), .atMost(0), .atMost(0), .atMost(0)])
    }

    @Test func `two backlogged callers are served alike, with items of 100 and of 10,000 tokens`() {
        Self.check("fairness", [.atMost(1), .atMost(0.02)], run: ["answers"])
    }

    @Test func `an urgent item behind 100,000 of bulk has the next free place`() {
        Self.check("priority", [.atMost(0)])
    }

    @Test func `a flood by one tenant moves the delay of another by at most a millisecond`() {
        Self.check("flood", [.atMost(1)])
    }

    @Test func `a hundred identical items make one call, and exactly two if the leader is cancelled`() {
        let values = Self.check("coalescing", [.atMost(1), .atMost(2), .atLeast(99)])
        #expect(values.first?.prefix(2) == [1, 2])
    }
}
