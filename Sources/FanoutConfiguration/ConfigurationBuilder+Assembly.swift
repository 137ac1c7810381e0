// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

extension ConfigurationBuilder {
    /// Puts the snapshot together; groups and deployments that were there before keep their places.
    mutating func assemble(previous: Snapshot?) -> Snapshot {
        var snapshot = Snapshot()
        snapshot.version = (previous?.version ?? 0) &+ 1
        snapshot.routing = self.routing
        snapshot.limits = self.limits
        snapshot.tenants = self.tenants
        snapshot.accounts = self.accounts.map(\.limits)
        snapshot.deployments = Self.retired(previous?.deployments ?? [])
        var directory = GroupDirectory(previous: previous?.groups ?? [], names: self.groupNames)
        let groups = directory.places.merging(directory.starred) { first, _ in first }
        snapshot.groups = directory.groups
        self.place(self.drafts, groups, in: &snapshot)
        directory.groups = snapshot.groups
        for (name, tagging) in self.tagging {
            if let group = groups[name] { directory.groups[Int(group.index)].tagging = tagging }
        }
        var identities: [String: GroupID] = [:]
        for draft in self.drafts where draft.hasOwnID { identities[draft.deployment.identity] = groups[draft.group] }
        self.applyAliases(to: &directory)
        self.applyRoutingGroups(to: &directory, identities: identities)
        self.applyRetryPolicies(to: &directory)
        snapshot.defaultFallbacks = self.applyFallbacks(to: &directory)
        directory.inheritPolicies()
        snapshot.groups = directory.groups
        snapshot.names = directory.places
        snapshot.patterns = directory.patterns
        self.checkTenantModels(in: snapshot, directory)
        return snapshot
    }

    private static func retired(_ deployments: [Deployment]) -> [Deployment] {
        deployments.map { old in
            var deployment = old
            deployment.isActive = false
            return deployment
        }
    }

    /// A deployment is the same one if its group, its identity and its place among equals are.
    private struct LaneKey: Hashable {
        var group: GroupID
        var identity: String
    }

    private func place(_ drafts: [DeploymentDraft], _ groups: [String: GroupID], in snapshot: inout Snapshot) {
        var lanes: [LaneKey: LaneID] = [:]
        var names = LaneNames()
        for (index, deployment) in snapshot.deployments.enumerated() {
            lanes[LaneKey(group: deployment.group, identity: deployment.identity)] = LaneID(index)
            names.owners[deployment.name] = index
        }
        var equals: [LaneKey: Int] = [:]
        for draft in drafts {
            guard let group = groups[draft.group] else { continue }
            var deployment = draft.deployment
            deployment.group = group
            let plain = LaneKey(group: group, identity: deployment.identity)
            equals[plain, default: 0] += 1
            // Twice the same endpoint in one group are two lanes.
            if let count = equals[plain], count > 1 { deployment.identity += "#\(count)" }
            let key = LaneKey(group: group, identity: deployment.identity)
            let lane = lanes[key] ?? LaneID(snapshot.deployments.count)
            lanes[key] = lane
            let index = Int(lane.index)
            let old = index < snapshot.deployments.count ? snapshot.deployments[index].name : nil
            deployment.name = names.name(deployment.name, of: index, before: old)
            if index < snapshot.deployments.count {
                snapshot.deployments[index] = deployment
            } else {
                snapshot.deployments.append(deployment)
            }
            snapshot.groups[Int(group.index)].lanes.append(lane)
        }
    }
}

/// Names of deployments, each of which one deployment has.
struct LaneNames {
    /// The place of the deployment that has a name.
    var owners: [String: Int] = [:]
    private var counts: [String: Int] = [:]

    /// The name with `#2`, `#3`, … if another deployment has it; a deployment keeps the one it had before.
    mutating func name(_ wanted: String, of index: Int, before old: String?) -> String {
        if let old, old == wanted || old.hasPrefix(wanted + "#") { return old }
        var name = wanted
        while let owner = self.owners[name], owner != index {
            let count = self.counts[wanted, default: 1] + 1
            self.counts[wanted] = count
            name = "\(wanted)#\(count)"
        }
        self.owners[name] = index
        return name
    }
}
