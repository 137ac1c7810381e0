// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// What an outage costs, and what comes after it.
extension Bound {
    private static let begin = 60.0
    private static let end = 660.0
    private static let trip = 5

    static var outages: [Bound] {
        [(1.0, 4), (10.0, 40), (1_000.0, 3_000)].map { perSecond, concurrency in
            Bound(
                topic: "10-minute total outage",
                name: "outage at \(Int(perSecond)) items/s",
                measures: [
                    Measure("calls above the bound, worst lane", .atMost(0)),
                    Measure("calls in the outage", .shown),
                    Measure("first success after it", .atMost(30), .seconds),
                    Measure("capacity from 60 s after that", .atLeast(0.95), .share),
                    Measure("items that fail after it", .atMost(0)),
                ]
            ) { seed in self.outage(seed, perSecond: perSecond, concurrency: UInt32(concurrency)) }
        }
    }

    /// Two lanes of one group, both out; enough waits afterwards to fill them.
    private static func outage(_ seed: UInt64, perSecond: Double, concurrency: UInt32) -> [Double] {
        var experiment = Experiment(seed: seed)
        for _ in 0..<2 {
            var provider = SimulatedProvider()
            provider.addOutage(fromMilliseconds: UInt64(self.begin * 1e3), toMilliseconds: UInt64(self.end * 1e3))
            experiment.add(provider) { $0.maxConcurrency = concurrency }
        }
        var load = Load(.poisson(perSecond: perSecond))
        load.completion = .fixed(60)
        load.deadlineMilliseconds = 3_600_000
        experiment.loads = [load]
        let report = experiment.run(seconds: self.end + 150)
        var excess = -Double.infinity
        for lane in [LaneID(0), LaneID(1)] {
            excess = max(excess, Self.excess(of: lane, report))
        }
        let after = report.calls.filter { $0.succeeded && Double($0.end ?? 0) >= self.end * 1e9 }
        let first = after.map { Double($0.end ?? 0) / 1e9 }.min() ?? .infinity
        // What fits: all slots, or what comes if that is less and nothing waits any more.
        let series = report.successesPerSecond()
        let from = Int(min(first, self.end + 80)) + 61
        let served = Double(series[from..<(from + 20)].reduce(0, +)) / 20
        let slots = 2 * Double(concurrency) / 1.0
        let waiting = report.items.contains {
            Double($0.submitted) < Double(from) * 1e9 && Double($0.started ?? .max) > Double(from + 20) * 1e9
        }
        let failed = report.items.count { $0.code != nil && Double($0.ended ?? 0) >= self.end * 1e9 }
        return [
            excess,
            Double(report.calls(fromSecond: self.begin, toSecond: self.end).count),
            first - self.end,
            served / (waiting ? slots : min(slots, perSecond)),
            Double(failed),
        ]
    }

    /// Calls in the outage beyond the trip's threshold, what was in flight when it tripped and one probe each time.
    private static func excess(of lane: LaneID, _ report: ExperimentReport) -> Double {
        let opened = report.laneChanges.filter {
            $0.lane == lane && $0.state == .open && Double($0.at) >= self.begin * 1e9 && Double($0.at) < self.end * 1e9
        }
        let inFlight = opened.first.map { report.inFlight(on: lane, atSecond: Double($0.at) / 1e9) } ?? 0
        let calls = report.calls(of: lane, fromSecond: self.begin, toSecond: self.end).count
        return Double(calls - self.trip - inFlight - opened.count)
    }
}
