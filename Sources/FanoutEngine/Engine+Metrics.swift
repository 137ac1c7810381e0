// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutModel
internal import FanoutRouter
package import FanoutTelemetry
internal import FanoutUpstream
internal import Logging

extension Engine {
    /// What the engine has counted, beside a status that was taken with its lanes at the same moment.
    package func metrics(with status: DaemonStatus, now: Instant) -> MetricsReport {
        var report = MetricsReport(status: status)
        report.items = self.itemCounts
        report.budgets = self.router.assumeIsolated { $0.budgetStatus(now: now) }
        // A status has the lanes in use in the order of their places.
        let active = self.snapshot.deployments.indices.filter { self.snapshot.deployments[$0].isActive }
        report.lanes = zip(active, status.lanes).map { place, status in
            MetricsReport.Lane(
                id: self.snapshot.deployments[place].identity,
                status: status,
                counts: self.laneCounts[place]
            )
        }
        return report
    }

    /// Counts an attempt that has ended.
    func count(_ report: AttemptReport, usage: Usage?, of attempt: ActiveAttempt) {
        var code: FailureCode?
        var status: UInt16 = 200
        if case .failure(let failure) = report.result {
            code = failure.code
            status = failure.providerStatus
        }
        var ended = LaneCounts.Attempt(
            operation: LaneCounts.Operation(attempt.item.item.request.task),
            code: code
        )
        ended.status = status
        ended.microseconds = report.totalMicroseconds
        // The first byte of an answer that isn't streamed comes with its last.
        if attempt.run.options.stream { ended.firstContentMicroseconds = report.firstContentMicroseconds }
        ended.usage = usage
        if let usage { ended.costNanoUSD = attempt.cost(of: usage) ?? 0 }
        // Legs of a race are tried beside each other, not again.
        ended.isRetry = attempt.dispatch.attempt > 1 && attempt.item.item.race.isEmpty
        ended.isFallback = attempt.dispatch.fallback > 0
        self.laneCounts[Int(attempt.dispatch.lane.index)].count(ended)
    }

    /// A lane's breaker or pause changed.
    func laneChanged(_ lane: LaneID) {
        let now = Engine.now()
        let state = self.router.assumeIsolated { $0.state(of: lane, now: now) }
        if state == .open { self.laneCounts[Int(lane.index)].countCooldown() }
        let deployment = self.snapshot.deployments[Int(lane.index)].name
        var metadata: Logger.Metadata = ["deployment": "\(deployment)", "state": "\(state.name)"]
        if state != .closed, let code = self.laneFailures[lane]?.code { metadata["code"] = "\(code.name)" }
        self.logger.info("lane changed", metadata: metadata)
    }
}
