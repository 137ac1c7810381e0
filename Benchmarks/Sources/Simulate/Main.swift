// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutSimulation
internal import Foundation

/// Runs the router's simulation over many seeds, built for release.
@main
struct Simulate {
    static func main() async {
        var arguments = Array(CommandLine.arguments.dropFirst())
        if arguments.first == "--log", arguments.count == 2, let seed = UInt64(arguments[1]) {
            Self.show(Simulation.run(seed: seed, log: true))
            return
        }
        // For bugs that are planted: whether there is a fault, not how many.
        let endsAtFault = arguments.first == "--first-fault"
        if endsAtFault { arguments.removeFirst() }
        var threads = 2
        if arguments.first == "--threads", arguments.count > 1, let count = Int(arguments[1]), count > 0 {
            threads = count
            arguments.removeFirst(2)
        }
        var seeds = SimulationSample.kept
        if arguments.count == 2, let first = UInt64(arguments[0]), let count = UInt64(arguments[1]), count > 0 {
            seeds = first...(first + count - 1)
        } else if !arguments.isEmpty {
            print("usage: simulate [--first-fault] [--threads N] [FIRST COUNT] | --log SEED")
            exit(2)
        }
        let began = ContinuousClock.now
        let sample = await Self.run(seeds, threads: UInt64(threads), endsAtFault: endsAtFault)
        let seconds = (ContinuousClock.now - began) / .seconds(1)
        for (seed, fault) in sample.faults.prefix(20) { print("seed \(seed): \(fault)") }
        if seeds == SimulationSample.kept {
            for (name, count) in sample.tally.sorted(by: { $0.key < $1.key }) { print("  \(count)\t\(name)") }
        }
        let shortfalls = seeds == SimulationSample.kept ? sample.shortfalls : []
        for shortfall in shortfalls { print("too few: \(shortfall)") }
        print(
            "seeds \(seeds.lowerBound) to \(seeds.upperBound): \(sample.faults.count) with faults, "
                + "a median of \(sample.median) events, \(String(format: "%.0f", seconds)) s"
        )
        exit(sample.faults.isEmpty && shortfalls.isEmpty ? 0 : 1)
    }

    private static func run(
        _ seeds: ClosedRange<UInt64>,
        threads: UInt64,
        endsAtFault: Bool
    ) async -> SimulationSample {
        await withTaskGroup(of: SimulationSample.self) { group in
            for thread in 0..<threads {
                group.addTask {
                    var sample = SimulationSample()
                    var seed = seeds.lowerBound + thread
                    while seed <= seeds.upperBound, !endsAtFault || sample.faults.isEmpty {
                        sample.add(Simulation.run(seed: seed, checkEvery: 4))
                        seed += threads
                    }
                    return sample
                }
            }
            return await group.reduce(into: SimulationSample()) { $0.add($1) }
        }
    }

    private static func show(_ report: Simulation.Report) {
        print("\(report.events) events; \(report.faults.isEmpty ? "no fault" : report.faults.joined(separator: "\n"))")
    }
}
