// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// Who is refused at once, and who is let in.
extension Bound {
    static var admission: [Bound] {
        [
            self.admission("20 places", seconds: 60) { experiment in
                experiment.add(SimulatedProvider()) { $0.maxConcurrency = 20 }
                experiment.loads = [self.warmUp, self.late(2_000, seconds: 60)]
            },
            self.admission("600 requests a minute", seconds: 120) { experiment in
                var provider = SimulatedProvider()
                provider.rates.requestsPerMinute = 600
                experiment.add(provider) { $0.requestsPerMinute = 600 }
                experiment.loads = [self.warmUp, self.late(3_000, seconds: 120)]
            },
            self.admission("beside another's backlog", seconds: 60) { experiment in
                for _ in 0..<3 { experiment.add(SimulatedProvider()) { $0.maxConcurrency = 20 } }
                var other = Load(.burst(20_000))
                other.tenant = 1
                other.fromMilliseconds = 20_000
                other.deadlineMilliseconds = 86_400_000
                experiment.loads = [self.warmUp, self.late(1_500, seconds: 60), other]
            },
            self.admission("lanes that turn half as fast again", seconds: 60) { experiment in
                var provider = SimulatedProvider()
                let law = LatencyLaw(firstContentMilliseconds: 267, perTokenMilliseconds: 6.67)
                provider.changes = [SimulatedProvider.Change(at: 31_000, .latency(law))]
                experiment.add(provider) { $0.maxConcurrency = 20 }
                experiment.loads = [self.warmUp, self.late(2_000, seconds: 60)]
            },
        ]
    }

    /// A few items a second, from which lanes are known.
    private static var warmUp: Load {
        var load = Load(.steady(perSecond: 4))
        load.untilMilliseconds = 25_000
        return load
    }

    /// More than can be done in the time that there is.
    private static func late(_ count: Int, seconds: UInt64) -> Load {
        var load = Load(.burst(count))
        load.fromMilliseconds = 30_000
        load.deadlineMilliseconds = seconds * 1_000
        return load
    }

    /// Once as it is, and once with time enough for all, which shows who would have made it.
    private static func admission(
        _ name: String,
        seconds: UInt64,
        _ build: @escaping @Sendable (inout Experiment) -> Void
    ) -> Bound {
        Bound(
            topic: "a burst that can't be done in time",
            name: "admission, \(name)",
            measures: [
                Measure("refused at once", .shown, .share),
                Measure("refused that would have made it, of all", .atMost(0.01), .share),
                Measure("let in that missed, of all", .shown, .share),
                Measure("would have made it with nobody refused", .shown, .share),
                Measure("made it", .shown, .share),
            ]
        ) { seed in
            var experiment = Experiment(seed: seed)
            build(&experiment)
            let report = experiment.run(seconds: 400)
            experiment.loads[1].deadlineMilliseconds = 3_600_000
            let patient = experiment.run(seconds: 400)
            let judged = zip(report.items, patient.items).filter { $0.0.load == 1 }
            let isInTime = { (item: ExperimentReport.Item) in
                item.succeeded && (item.ended ?? .max) - item.submitted <= seconds * 1_000_000_000
            }
            let share = { (count: Int) in Double(count) / Double(max(1, judged.count)) }
            return [
                share(judged.count { $0.0.isForeseen }),
                share(judged.count { $0.0.isForeseen && isInTime($0.1) }),
                share(judged.count { !$0.0.isForeseen && !isInTime($0.0) }),
                share(judged.count { isInTime($0.1) }),
                share(judged.count { isInTime($0.0) }),
            ]
        }
    }
}
