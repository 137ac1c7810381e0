// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// What many runs of ``Simulation`` came to together.
package struct SimulationSample: Sendable {
    /// The seeds that are run after each change: `scripts/simulate`.
    package static let kept: ClosedRange<UInt64> = 1...1_200
    /// How often each kind of fault and each effect has to occur in the kept seeds, so that they say something of it.
    package static let leastOfEach = 1_000
    /// How many events the median of the kept runs has to have.
    package static let leastMedian = 300

    /// Runs that found a fault, by seed.
    package private(set) var faults: [(seed: UInt64, fault: String)] = []
    package private(set) var tally: [String: Int] = [:]
    private var events: [Int] = []

    /// No run yet.
    package init() {}

    package mutating func add(_ report: Simulation.Report) {
        self.events.append(report.events)
        self.tally.merge(report.tally, uniquingKeysWith: +)
        if let fault = report.faults.first { self.faults.append((report.seed, fault)) }
    }

    package mutating func add(_ other: SimulationSample) {
        self.events += other.events
        self.tally.merge(other.tally, uniquingKeysWith: +)
        self.faults += other.faults
    }

    package var runs: Int { self.events.count }

    /// Events of the median run; 0 without runs.
    package var median: Int { self.events.isEmpty ? 0 : self.events.sorted()[self.events.count / 2] }

    /// What the runs lack to say enough, for the kept seeds.
    package var shortfalls: [String] {
        var result: [String] = []
        if self.median < Self.leastMedian { result.append("the median run has \(self.median) events") }
        for name in Simulation.kinds where self.tally[name, default: 0] < Self.leastOfEach {
            result.append("\(name) occurred \(self.tally[name, default: 0]) times")
        }
        return result
    }
}

extension Simulation {
    /// The names of all kinds of faults and effects in a tally.
    static var kinds: [String] {
        let codes = FailureCode.allCases.filter { code in
            switch code.traits.fault {
            case .caller, .account, .provider: code != .noRoute
            case .capacity: code == .rateLimited || code == .overloaded || code == .deadlineExceeded
            case .fanout: true
            case .lifeCycle, .connection: false
            }
        }
        let others = [
            "hang", "cut stream", "late answer", "reload", "pause", "cancelled run", "cancelled items",
        ]
        let effects = ["start", "stop", "deliver", "follow", "restart", "sleepUntil", "laneChanged"]
        return codes.map { "fault \($0.name)" } + others.map { "fault \($0)" } + effects.map { "effect \($0)" }
    }
}
