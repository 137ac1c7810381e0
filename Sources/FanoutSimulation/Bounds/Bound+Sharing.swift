// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import FanoutRouter

/// Who gets what there is.
extension Bound {
    static var sharing: [Bound] {
        [
            self.fairness("prompts", small: (80, 20), large: (9_980, 20)),
            self.fairness("answers", small: (20, 80), large: (20, 9_980)),
            self.priority, self.flood, self.coalescing,
        ]
    }

    /// Two backlogged tenants, one with items a hundred times as large.
    ///
    /// Tokens are counted as turns are: a completion token as four of the prompt, since it costs about as much more.
    private static func fairness(
        _ where: String,
        small: (prompt: UInt32, completion: UInt32),
        large: (prompt: UInt32, completion: UInt32)
    ) -> Bound {
        let slots: UInt32 = 20
        return Bound(
            topic: "two backlogged callers, 100-token and 10,000-token items",
            name: "fairness, tokens in the \(`where`)",
            measures: [
                Measure("largest gap, of 2 × largest item × in flight", .atMost(1), .share),
                Measure("gap after 10 minutes", .atMost(0.02), .share),
            ]
        ) { seed in
            var experiment = Experiment(seed: seed)
            var provider = SimulatedProvider()
            provider.latency = LatencyLaw(firstContentMilliseconds: 200, perTokenMilliseconds: 0.1)
            experiment.add(provider) { $0.maxConcurrency = slots }
            for (tenant, size) in [small, large].enumerated() {
                var load = Load(.backlog(400))
                load.tenant = tenant
                load.prompt = .fixed(size.prompt)
                load.completion = .fixed(size.completion)
                load.deadlineMilliseconds = 3_600_000
                experiment.loads.append(load)
            }
            let report = experiment.run(seconds: 600)
            let costs = [small, large].map { Double($0.prompt + 4 * $0.completion) }
            var served = [0.0, 0.0]
            var gap = 0.0
            for call in report.calls.sorted(by: { ($0.end ?? .max) < ($1.end ?? .max) }) where call.succeeded {
                served[report.items[call.item].load] += costs[report.items[call.item].load]
                gap = max(gap, abs(served[0] - served[1]))
            }
            return [
                gap / (2 * costs[1] * Double(slots)), abs(served[0] - served[1]) / max(1, max(served[0], served[1])),
            ]
        }
    }

    /// Urgent items behind a hundred thousand of bulk.
    private static var priority: Bound {
        Bound(
            topic: "high-priority item behind 100,000 bulk items",
            name: "priority",
            measures: [
                Measure("starts of others before it", .atMost(0)),
                Measure("longest wait", .shown, .milliseconds),
            ]
        ) { seed in
            var experiment = Experiment(seed: seed)
            experiment.add(SimulatedProvider()) { $0.maxConcurrency = 50 }
            var bulk = Load(.burst(100_000))
            bulk.priorityClass = .bulk
            bulk.deadlineMilliseconds = 86_400_000
            var urgent = Load(.poisson(perSecond: 0.5))
            urgent.priorityClass = .interactive
            urgent.fromMilliseconds = 5_000
            urgent.tenant = 1
            experiment.loads = [bulk, urgent]
            let report = experiment.run(seconds: 120)
            var most = 0
            for item in report.items where item.load == 1 {
                guard let started = item.started else { continue }
                let between = report.calls.count {
                    $0.start > item.submitted && $0.start < started && report.items[$0.item].load == 0
                }
                most = max(most, between)
            }
            return [Double(most), report.waitMilliseconds(quantile: 1, load: 1)]
        }
    }

    /// One tenant floods; another goes on as before.
    private static var flood: Bound {
        Bound(
            topic: "flood by one tenant",
            name: "flood",
            measures: [
                Measure("p99 dispatch delay of another moves by", .atMost(1), .milliseconds),
                Measure("its p99 in the flood", .shown, .milliseconds),
            ]
        ) { seed in
            func delays(flooded: Bool) -> Double {
                var experiment = Experiment(seed: seed)
                experiment.snapshot.routing.tenantConcurrency = 400
                experiment.add(SimulatedProvider()) { $0.maxConcurrency = 500 }
                var calm = Load(.poisson(perSecond: 20))
                calm.completion = .fixed(60)
                experiment.loads = [calm]
                if flooded {
                    var flood = Load(.burst(50_000))
                    flood.tenant = 1
                    flood.fromMilliseconds = 10_000
                    flood.completion = .fixed(60)
                    experiment.loads.append(flood)
                }
                return experiment.run(seconds: 120).waitMilliseconds(quantile: 0.99, load: 0)
            }
            let after = delays(flooded: true)
            return [after - delays(flooded: false), after]
        }
    }

    /// A hundred identical items.
    private static var coalescing: Bound {
        Bound(
            topic: "100 identical deterministic items at once",
            name: "coalescing",
            measures: [
                Measure("upstream calls", .atMost(1)),
                Measure("upstream calls, leader cancelled", .atMost(2)),
                Measure("items answered, leader cancelled", .atLeast(99)),
            ]
        ) { seed in
            var experiment = Experiment(seed: seed)
            experiment.add(SimulatedProvider())
            var load = Load(.burst(100))
            load.ticket.digest = RequestDigest(high: 1, low: 1)
            experiment.loads = [load]
            let whole = experiment.run(seconds: 60)
            experiment.cancels = [(milliseconds: 200, load: 0, index: 0)]
            let killed = experiment.run(seconds: 60)
            return [Double(whole.calls.count), Double(killed.calls.count), Double(killed.count(nil))]
        }
    }
}
