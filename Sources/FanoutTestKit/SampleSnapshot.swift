// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutModel

/// Small configurations for tests.
package enum SampleSnapshot {
    /// Groups by name with their numbers of deployments, and fallbacks by name.
    ///
    /// A name with stars is a pattern, and its deployments serve any model.
    package static func make(
        _ groups: [(name: String, deployments: Int)],
        fallbacks: [String: [String]] = [:]
    ) -> Snapshot {
        var snapshot = Snapshot()
        for (name, count) in groups {
            let id = GroupID(snapshot.groups.count)
            var group = ModelGroup(name: name)
            for number in 0..<count {
                group.lanes.append(LaneID(snapshot.deployments.count))
                snapshot.deployments.append(Self.deployment(name: "\(name)-\(number)", group: id))
            }
            if let pattern = ModelPattern(name, group: id) {
                group.isPattern = true
                snapshot.patterns.append(pattern)
                for lane in group.lanes { snapshot.deployments[Int(lane.index)].endpoint.model = "*" }
            } else {
                snapshot.names[name] = id
            }
            snapshot.groups.append(group)
        }
        snapshot.patterns.sort { $0.precedes($1) }
        for (name, targets) in fallbacks {
            guard let id = snapshot.names[name] else { continue }
            snapshot.groups[Int(id.index)].fallbacks = targets.compactMap { snapshot.names[$0] }
        }
        return snapshot
    }

    private static func deployment(name: String, group: GroupID) -> Deployment {
        let endpoint = Endpoint(
            provider: "openai",
            format: .openAI,
            isSecure: false,
            host: "127.0.0.1",
            port: 9,
            pathPrefix: "/v1",
            model: name
        )
        return Deployment(identity: name, name: name, group: group, endpoint: endpoint)
    }
}
