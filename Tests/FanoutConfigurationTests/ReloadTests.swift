// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutConfiguration
import FanoutModel
import Testing

@Suite struct ReloadTests {
    private func list(_ entries: [(group: String, model: String)]) -> String {
        let lines = entries.map { "  - {model_name: \($0.group), litellm_params: {model: simulated/\($0.model)}}" }
        return "model_list:\n" + lines.joined(separator: "\n") + "\n"
    }

    @Test func `groups and deployments keep their places`() throws {
        let first = try load(self.list([("a", "1"), ("a", "2"), ("b", "3")])).snapshot
        let second = try load(self.list([("c", "4"), ("b", "3"), ("a", "2")]), previous: first).snapshot
        #expect(second.version == 2)
        #expect(second.groups.map(\.name) == ["a", "b", "c"])
        #expect(second.deployments.map(\.endpoint.model) == ["1", "2", "3", "4"])
        #expect(second.deployments.map(\.isActive) == [false, true, true, true])
        #expect(second.groups[0].lanes == [LaneID(1)])
        #expect(
            zip(first.deployments, second.deployments).allSatisfy { $0.identity == $1.identity && $0.name == $1.name }
        )
        let third = try load(self.list([("a", "1")]), previous: second).snapshot
        #expect(third.groups.map(\.isActive) == [true, false, false])
        #expect(third.groups[1].lanes.isEmpty)
        #expect(third.deployments.map(\.isActive) == [true, false, false, false])
        #expect(third.names == ["a": GroupID(0)])
        #expect(third.deployments.count == 4)
    }

    @Test func `a new key is a new deployment, a kept id the same one`() throws {
        func yaml(_ key: String, _ info: String) -> String {
            "model_list: [{model_name: a, litellm_params: {model: openai/m, api_key: \(key)}, model_info: {\(info)}}]"
        }
        let plain = try load(yaml("k1", "")).snapshot
        let rotated = try load(yaml("k2", ""), previous: plain).snapshot
        #expect(rotated.groups[0].lanes == [LaneID(1)])
        #expect(rotated.deployments.map(\.name) == ["openai/m@api.openai.com", "openai/m@api.openai.com#2"])
        let named = try load(yaml("k1", "id: x")).snapshot
        let kept = try load(yaml("k2", "id: x"), previous: named).snapshot
        #expect(kept.groups[0].lanes == [LaneID(0)])
        #expect(key(of: kept.deployments[0]) == "bearer k2")
    }

    @Test func `a reload that fails says why and gives nothing`() throws {
        let first = try load(oneModel).snapshot
        #expect(throws: ConfigurationError.self) { try load("model_list: []", previous: first) }
    }

    @Test func `the same file twice differs in its version alone`() throws {
        let yaml = self.list([("a", "1"), ("a", "1"), ("b", "1")])
        let first = try load(yaml).snapshot
        let second = try load(yaml, previous: first).snapshot
        #expect(second.groups == first.groups)
        #expect(second.deployments == first.deployments)
        #expect(second.names == first.names)
    }
}
