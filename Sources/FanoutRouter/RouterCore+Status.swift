// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutModel

extension RouterCore {
    /// What every configured lane is doing; the words of its last failure are the engine's to add.
    package func laneStatus(now: Instant) -> [LaneStatus] {
        var result: [LaneStatus] = []
        for index in self.lanes.indices where self.snapshot.deployments[index].isActive {
            let lane = self.lanes[index]
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
    package func laneLimits() -> [UInt32] { self.lanes.indices.map { self.lanes[$0].limit } }

    /// Whether a lane takes attempts, its limit apart.
    package func state(of lane: LaneID, now: Instant) -> LaneState {
        self.lanes[Int(lane.index)].gate(now: now)
    }

    /// What was spent of the budgets of providers, deployments and tags that are configured.
    package func budgetStatus(now: Instant) -> [BudgetStatus] {
        var result: [BudgetStatus] = []
        for (name, place) in self.providerPurses.sorted(by: { $0.key < $1.key }) {
            self.append(.provider, name, "", place, now, &result)
        }
        for index in self.lanes.indices where self.snapshot.deployments[index].isActive {
            let lane = self.lanes[index]
            let deployment = self.snapshot.deployments[index]
            self.append(.deployment, deployment.name, deployment.identity, lane.purse, now, &result)
        }
        for (name, place) in self.tagPurses.sorted(by: { $0.key < $1.key }) {
            self.append(.tag, name, "", place, now, &result)
        }
        return result
    }

    private func append(
        _ kind: BudgetStatus.Kind,
        _ name: String,
        _ id: String,
        _ place: Int,
        _ now: Instant,
        _ result: inout [BudgetStatus]
    ) {
        guard self.purses.indices.contains(place), let budget = self.purses[place].purse.budget else { return }
        result.append(
            BudgetStatus(
                kind: kind,
                name: name,
                id: id,
                spentNanoUSD: self.purses[place].purse.spent(now: now),
                limitNanoUSD: budget.limitNanoUSD
            )
        )
    }
}
