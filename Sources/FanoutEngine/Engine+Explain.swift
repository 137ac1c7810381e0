// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutModel
internal import FanoutRouter
package import FanoutTelemetry

/// A lane of a group that an item entered.
package struct Candidate: Sendable, Hashable {
    /// Its deployment.
    package var deployment: String
    /// Whether an attempt was made on it.
    package var isTaken: Bool
    /// What came of the last one, or what the lane is doing now.
    package var reason: String
}

extension Engine {
    /// Keeps what happened to an item that is final.
    func remember(_ result: ItemResult, item: RunItem, run: BatchRun, trail: Trail, now: Instant) {
        var code: FailureCode?
        if case .failure(let failure) = result.outcome { code = failure.code }
        var trail = trail
        trail.details = item.details
        self.recent.add(
            RecentItems.Item(
                tenant: run.tenant,
                batch: run.label,
                index: item.index,
                model: item.item.request.model,
                code: code,
                ended: now,
                trail: trail
            )
        )
    }

    /// What is still known of an item; `tenant` = `nil`: of any tenant's.
    /// - Parameters:
    ///   - session: The batch's connection; `nil` = the latest batch of that id.
    ///   - batch: Its id there.
    ///   - index: The item's place in it.
    ///   - tenant: Whose items are looked at.
    /// - Returns: The item, or `nil` if it isn't known, or not any more.
    package func recentItem(session: UInt64?, batch: UInt64, index: UInt32, tenant: String?) -> RecentItems.Item? {
        guard let session else {
            let end = "/\(batch)"
            return self.recent.latest(index: index, tenant: tenant) { $0.batch.hasSuffix(end) }
        }
        let label = "\(session)/\(batch)"
        return self.recent.latest(index: index, tenant: tenant) { $0.batch == label }
    }

    /// The lanes of the groups that an item entered.
    package func candidates(of item: RecentItems.Item, now: Instant) -> [Candidate] {
        var groups = Set(item.trail.details.map(\.group))
        groups.insert(item.trail.group)
        if let id = self.snapshot.names[item.model] {
            let group = self.snapshot.groups[Int(id.index)]
            groups.insert(group.name)
            if let other = group.servedBy { groups.insert(self.snapshot.groups[Int(other.index)].name) }
        }
        let lanes = self.router.assumeIsolated { $0.laneStatus(now: now) }
        return lanes.filter { groups.contains($0.group) }.map { Self.candidate($0, of: item) }
    }

    private static func candidate(_ lane: LaneStatus, of item: RecentItems.Item) -> Candidate {
        var note = Candidate(deployment: lane.deployment, isTaken: true, reason: "")
        if let attempt = item.trail.details.last(where: { $0.deployment == lane.deployment }) {
            note.reason = "attempt \(attempt.number): \(attempt.code?.name ?? "OK")"
        } else if item.trail.deployment == lane.deployment {
            note.reason = "attempt 1: OK"
        } else {
            note.isTaken = false
            note.reason = "now \(lane.state.name), \(lane.inFlight) of \(lane.limit) in flight"
        }
        return note
    }
}
