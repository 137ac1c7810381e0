// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutModel
internal import FanoutRouter

/// A laid-out situation in virtual time: chosen providers, chosen loads, the real ``RouterCore``, and a ledger of what
/// came of it.
///
///     var experiment = Experiment(seed: 1)
///     var provider = SimulatedProvider()
///     provider.rates.requestsPerMinute = 600
///     experiment.add(provider) { $0.requestsPerMinute = 600 }
///     experiment.loads = [Load(.backlog(200))]
///     let report = experiment.run(seconds: 600)
///     #expect(report.quotaUsed(fromSecond: 120) >= 0.97)
///
/// Where ``Simulation`` draws everything at random and asks whether a rule was broken, this asks how well it went. The
/// same seed gives the same trace.
package struct Experiment: Sendable {
    package var seed: UInt64
    /// The configuration; lanes come by ``add(_:group:_:)``.
    package var snapshot = Snapshot()
    /// By lane.
    package private(set) var providers: [SimulatedProvider] = []
    package var loads: [Load] = []
    /// Reloads of the configuration, in order of time.
    package var reloads: [(milliseconds: UInt64, snapshot: Snapshot)] = []
    /// Cancels of single items: the `index`-th of a load's first run.
    package var cancels: [(milliseconds: UInt64, load: Int, index: UInt32)] = []
    /// Recomputes the core's own counts after every so many events, and traps at a fault; 0 = never.
    package var checkEvery = 0

    /// Makes an experiment with nothing in it.
    package init(seed: UInt64) {
        self.seed = seed
        // Limits of our own are the experiment's to set.
        self.snapshot.routing.daemonConcurrency = 100_000
        self.snapshot.routing.tenantConcurrency = 100_000
        self.snapshot.routing.laneConcurrency = 100_000
    }

    /// Adds a provider as a lane of a group, which is made if it is new.
    ///
    /// `configure` says what the configuration knows of it: nothing, if it is left out.
    @discardableResult
    package mutating func add(
        _ provider: SimulatedProvider,
        group: Int = 0,
        _ configure: (inout Deployment) -> Void = { _ in }
    ) -> LaneID {
        while self.snapshot.groups.count <= group {
            self.snapshot.groups.append(ModelGroup(name: "group-\(self.snapshot.groups.count)"))
        }
        let lane = LaneID(self.providers.count)
        var endpoint = Endpoint(
            provider: "provider-\(lane.index)",
            format: .openAI,
            isSecure: false,
            host: "host-\(lane.index)",
            port: 80,
            pathPrefix: "",
            model: "model"
        )
        endpoint.credential = .bearer(Secret("key-\(provider.sharesLimitsOf?.index ?? lane.index)"))
        var deployment = Deployment(
            identity: "\(lane.index)",
            name: "lane-\(lane.index)",
            group: GroupID(group),
            endpoint: endpoint
        )
        configure(&deployment)
        self.snapshot.deployments.append(deployment)
        self.snapshot.groups[group].lanes.append(lane)
        self.providers.append(provider)
        return lane
    }

    /// Runs it for so long, or until nothing is left to happen.
    package func run(seconds: Double) -> ExperimentReport {
        var run = ExperimentRun(self, end: Instant.zero.adding(nanoseconds: UInt64(seconds * 1e9)))
        run.run()
        return run.report
    }
}
