// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutSimulation
import Foundation
import Testing

/// The router against a world of seeded faults, judged by a referee of its own.
@Suite struct SimulationTests {
    /// The rest of the kept seeds is run by `scripts/simulate`, with a release build.
    static let chunks = 10
    static let seedsPerChunk: UInt64 = 15

    @Test(arguments: 0..<chunks) func `the first of the kept seeds keep every rule`(chunk: Int) {
        let first = SimulationSample.kept.lowerBound + UInt64(chunk) * Self.seedsPerChunk
        for seed in first..<(first + Self.seedsPerChunk) { Self.check(seed, every: 4) }
    }

    @Test func `a sample says what it lacks`() {
        var sample = SimulationSample()
        for seed in 1...3 as ClosedRange<UInt64> { sample.add(Simulation.run(seed: seed, checkEvery: 4)) }
        #expect(sample.runs == 3 && sample.median > 0)
        #expect(sample.shortfalls.contains { $0.hasPrefix("fault AUTHENTICATION occurred") })
        #expect(sample.tally["effect start", default: 0] > 100)
    }

    @Test func `the same seed gives the same trace`() {
        for seed in 1...3 as ClosedRange<UInt64> {
            let first = Simulation.run(seed: seed)
            #expect(first.trace == Simulation.run(seed: seed).trace)
            #expect(first.trace != Simulation.run(seed: seed + 1).trace)
        }
    }

    @Test(.enabled(if: seconds > 0, "FANOUT_SIM_SECONDS isn't set"))
    func `fresh seeds keep every rule`() {
        let end = Date().addingTimeInterval(Self.seconds)
        var seed = UInt64.random(in: 1_000_000...(.max / 2))
        var count = 0
        while Date() < end {
            Self.check(seed, every: 4)
            seed += 1
            count += 1
        }
        print("\(count) fresh seeds up to seed=\(seed)")
    }

    private static let seconds = ProcessInfo.processInfo.environment["FANOUT_SIM_SECONDS"].flatMap(Double.init) ?? 0

    private static func check(_ seed: UInt64, every: Int) {
        let report = Simulation.run(seed: seed, checkEvery: every)
        #expect(report.faults.isEmpty, "seed=\(seed)")
    }
}
