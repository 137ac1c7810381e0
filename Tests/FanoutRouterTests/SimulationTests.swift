// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutSimulation
import Foundation
import Testing

/// The router against a world of seeded faults, judged by a referee of its own.
@Suite struct SimulationTests {
    static let chunks = 20
    static let seedsPerChunk: UInt64 = 25

    @Test(arguments: 0..<chunks) func `fixed seeds keep every rule`(chunk: Int) {
        let first = UInt64(chunk) * Self.seedsPerChunk + 1
        for seed in first..<(first + Self.seedsPerChunk) { Self.check(seed, every: 4) }
    }

    /// Seeds that once found a fault.
    @Test(
        arguments: [
            85, 219, 347, 438, 471, 529, 585, 1_013, 1_078, 1_254, 3_720, 104_720, 108_017, 112_416, 113_726, 115_030,
        ] as [UInt64]
    )
    func `a seed that found a fault finds none`(seed: UInt64) {
        Self.check(seed, every: 1)
    }

    @Test func `the same seed gives the same trace`() {
        for seed in 1...10 as ClosedRange<UInt64> {
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
