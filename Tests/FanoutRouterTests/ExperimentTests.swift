// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import FanoutSimulation
import Testing

/// The laid-out situations measure what they claim to.
@Suite struct ExperimentTests {
    @Test func `the same seed gives the same ledger`() {
        var experiment = Experiment(seed: 7)
        experiment.add(Self.limited())
        experiment.loads = [Load(.poisson(perSecond: 20))]
        let first = experiment.run(seconds: 60)
        #expect(first.trace == experiment.run(seconds: 60).trace)
        experiment.seed = 8
        #expect(first.trace != experiment.run(seconds: 60).trace)
    }

    @Test(arguments: [SimulatedProvider.Charging.onArrival, .promptFirst, .whenAnswered])
    func `a strict provider lets no more through than its limits`(charging: SimulatedProvider.Charging) {
        var provider = Self.limited()
        provider.charging = charging
        provider.burstSeconds = 1
        // What the headers tell is kept.
        provider.rateHeaders = .none
        var experiment = Experiment(seed: 1)
        experiment.add(provider) { $0.maxConcurrency = 30 }
        var load = Load(.steady(perSecond: 12))
        load.prompt = .fixed(100)
        load.completion = .fixed(100)
        experiment.loads = [load]
        let report = experiment.run(seconds: 180)
        let used = report.quotaUsed(fromSecond: 60)
        #expect(used > 0.5 && used < 1.1)
        #expect(report.share(of: .rateLimited) > 0)
    }

    @Test func `a second consumer's calls count as use of the quota`() {
        var provider = SimulatedProvider()
        provider.rates.requestsPerMinute = 600
        provider.others = SimulatedProvider.OtherConsumer(requestsPerSecond: 3)
        var experiment = Experiment(seed: 1)
        experiment.add(provider)
        let used = experiment.run(seconds: 600).quotaUsed(fromSecond: 0)
        #expect(used > 0.27 && used < 0.33)
    }

    @Test func `a provider that takes so many at once refuses the next`() {
        var provider = SimulatedProvider()
        provider.concurrency = 10
        var experiment = Experiment(seed: 1)
        experiment.add(provider) { $0.maxConcurrency = 11 }
        experiment.loads = [Load(.burst(11))]
        let report = experiment.run(seconds: 60)
        #expect(report.calls.prefix(11).filter { $0.code == .overloaded }.count == 1)
        #expect(report.count(nil) == 11)
    }

    @Test func `an outage fails every call while it lasts`() {
        var provider = SimulatedProvider()
        provider.addOutage(fromMilliseconds: 10_000, toMilliseconds: 40_000)
        var experiment = Experiment(seed: 1)
        let lane = experiment.add(provider)
        var load = Load(.steady(perSecond: 10))
        load.completion = .fixed(60)
        load.untilMilliseconds = 60_000
        experiment.loads = [load]
        let report = experiment.run(seconds: 120)
        let during = report.calls(of: lane, fromSecond: 10, toSecond: 40)
        #expect(!during.isEmpty && during.allSatisfy { $0.code == .unreachable })
        #expect(report.laneChanges.contains { $0.state == .open } && report.laneChanges.last?.state == .closed)
        #expect(report.successesPerSecond()[15...39].allSatisfy { $0 == 0 })
    }

    @Test func `what never answers is ended by the attempt's own timer`() {
        var provider = SimulatedProvider()
        provider.fault = .hangs
        var experiment = Experiment(seed: 1)
        experiment.snapshot.routing.retries = 0
        experiment.add(provider)
        experiment.loads = [Load(.burst(1))]
        let report = experiment.run(seconds: 60)
        #expect(report.calls.first?.code == .timeout)
        #expect(report.calls.first?.end == 30_000_000_000)
    }

    @Test func `a cut stream is charged for what was written`() {
        var provider = SimulatedProvider()
        provider.fault = .cuts(after: 0.5)
        var experiment = Experiment(seed: 1)
        experiment.snapshot.routing.retries = 0
        experiment.add(provider)
        var load = Load(.burst(1))
        load.completion = .fixed(200)
        experiment.loads = [load]
        let report = experiment.run(seconds: 60)
        #expect(report.count(.streamBroken) == 1)
        #expect(report.calls.first?.completionTokens == 100)
    }

    @Test func `a backlog keeps as many undecided`() {
        var experiment = Experiment(seed: 1)
        experiment.add(SimulatedProvider()) { $0.maxConcurrency = 4 }
        var load = Load(.backlog(100))
        load.completion = .fixed(60)
        experiment.loads = [load]
        let report = experiment.run(seconds: 30)
        #expect(report.items.count { $0.ended == nil } == 100)
        #expect(report.count(nil) > 80)
        #expect(report.inFlight(on: LaneID(0), atSecond: 15) == 4)
    }

    private static func limited() -> SimulatedProvider {
        var provider = SimulatedProvider()
        provider.rates.requestsPerMinute = 600
        provider.rates.tokensPerMinute = 100_000
        provider.retryAfter = .exact
        provider.rateHeaders = .ofSending
        return provider
    }
}
