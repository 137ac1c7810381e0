// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutModel

extension RouterCore {
    /// What every configured lane is doing; the words of its last failure are the engine's to add.
    package func laneStatus(now: Instant) -> [LaneStatus] {
        var result: [LaneStatus] = []
        for (index, lane) in self.lanes.enumerated() where self.snapshot.deployments[index].isActive {
            let deployment = self.snapshot.deployments[index]
            var status = LaneStatus()
            status.deployment = deployment.name
            status.group = self.snapshot.groups[Int(deployment.group.index)].name
            status.provider = deployment.endpoint.provider
            status.model = deployment.endpoint.model
            status.state = lane.gate(now: now)
            status.retryInMilliseconds = lane.changeAt(now: now)?.milliseconds(since: now) ?? 0
            status.inFlight = lane.inFlight
            status.limit = lane.limit
            status.succeeded = lane.succeeded
            status.failed = lane.failed
            status.lastCode = lane.lastCode
            result.append(status)
        }
        return result
    }

    /// The most attempts that each lane is given at once, be it in the configuration or not.
    package func laneLimits() -> [UInt32] { self.lanes.map(\.limit) }
}
