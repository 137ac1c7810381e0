// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutConfiguration
import FanoutModel
import Testing

/// Names with stars, and the models that the file names and only they match.
@Suite struct WildcardTests {
    private static let patterns = """
        model_list:
          - model_name: "openai/*"
            litellm_params: {model: openai/*, api_key: k}
          - model_name: "openai/gpt-*"
            litellm_params: {model: openai/gpt-*, api_key: k}
          - model_name: "*"
            litellm_params: {model: groq/*, api_key: k}
          - model_name: own
            litellm_params: {model: simulated/own}

        """

    private func group(_ name: String, _ loaded: LoadedConfiguration) -> String? {
        loaded.snapshot.resolve(name).map { loaded.snapshot.groups[Int($0.group.index)].name }
    }

    @Test func `the longest pattern comes first, and none stands in the way of a group`() throws {
        let loaded = try load(Self.patterns)
        #expect(loaded.lines == [])
        #expect(loaded.snapshot.patterns.map(\.name) == ["openai/gpt-*", "openai/*", "*"])
        #expect(Array(loaded.snapshot.names.keys) == ["own"])
        #expect(self.group("openai/gpt-4o", loaded) == "openai/gpt-*")
        #expect(self.group("openai/o3", loaded) == "openai/*")
        #expect(self.group("llama", loaded) == "*")
        #expect(self.group("own", loaded) == "own")
    }

    @Test func `a deployment is called by its pattern`() throws {
        let snapshot = try load(Self.patterns).snapshot
        #expect(snapshot.deployments[0].name == "openai/*@api.openai.com")
        #expect(snapshot.deployments[1].endpoint.model == "gpt-*")
        #expect(snapshot.groups.map(\.isPattern) == [true, true, true, false])
    }

    @Test func `a model in a list is served by the pattern, with what is said of it and what of the pattern`() throws {
        let loaded = try load(
            Self.patterns + """
                router_settings:
                  fallbacks: [{own: [openai/gpt-4o]}, {openai/gpt-4o: [own]}, {"openai/*": [llama]}]
                  model_group_alias: {best: openai/o3}
                  context_window_fallbacks: [{"openai/*": [own]}]
                  retry_policy: {DefaultRetries: 1}
                  model_group_retry_policy: {"openai/*": {DefaultRetries: 3}}
                """
        )
        #expect(loaded.lines.allSatisfy { $0.contains("in a circle") })
        let snapshot = loaded.snapshot
        #expect(self.group("best", loaded) == "openai/o3")
        let best = try #require(snapshot.resolve("best"))
        #expect(best.captures == ["o3"])
        let o3 = snapshot.groups[Int(best.group.index)]
        #expect(o3.servedBy.map { snapshot.groups[Int($0.index)].name } == "openai/*")
        #expect(o3.lanes.isEmpty)
        #expect(loaded.names(o3.fallbacks) == ["llama"])
        #expect(loaded.names(o3.contextWindowFallbacks) == ["own"])
        #expect(o3.retryPolicy?.others == 3)
        #expect(try loaded.names(loaded.group("own").fallbacks) == ["openai/gpt-4o"])
        #expect(try loaded.names(loaded.group("openai/gpt-4o").fallbacks) == ["own"])
    }

    @Test func `a bare name in a list is its provider's, as it is for a request`() throws {
        let loaded = try load(
            """
            model_list:
              - {model_name: "openai/*", litellm_params: {model: openai/*, api_key: k}}
              - {model_name: own, litellm_params: {model: simulated/own}}
            router_settings: {fallbacks: [{own: [gpt-4o]}]}
            """
        )
        #expect(try loaded.names(loaded.group("own").fallbacks) == ["openai/gpt-4o"])
        let bare = loaded.snapshot.resolve("gpt-4o", provider: { _ in "openai" })
        #expect(bare?.group == loaded.snapshot.names["openai/gpt-4o"])
    }

    @Test(arguments: [
        ("fallbacks: [{own: [\"openai/*\"]}]", "router_settings.fallbacks[0][0]: is a pattern; name a model"),
        ("model_group_alias: {x: \"openai/*\"}", "router_settings.model_group_alias.x: leads to a pattern"),
        (
            "model_group_alias: {\"x*\": own}",
            "router_settings.model_group_alias.(a key that is no plain word): an alias has no stars"
        ),
    ])
    func `a pattern is no model`(settings: String, words: String) {
        let found = errors(Self.patterns + "router_settings: {\(settings)}\n")
        #expect(found.count == 1)
        #expect(found.first?.contains("error: " + words) == true, "\(found)")
    }

    @Test func `models that the file names no longer lose their groups at a reload, and keep their places`() throws {
        let settings = "router_settings: {fallbacks: [{own: [openai/o3]}]}\n"
        let first = try load(Self.patterns + settings).snapshot
        let second = try load(Self.patterns, previous: first).snapshot
        let place = try #require(first.names["openai/o3"])
        #expect(!second.groups[Int(place.index)].isActive)
        #expect(second.names["openai/o3"] == nil)
        let third = try load(Self.patterns + settings, previous: second).snapshot
        #expect(third.names["openai/o3"] == place)
        #expect(third.groups.count == first.groups.count)
        // A group of its own takes the place over.
        let own = Self.patterns + "  - {model_name: openai/o3, litellm_params: {model: openai/o3, api_key: k}}\n"
        let fourth = try load(own, previous: third).snapshot
        #expect(fourth.names["openai/o3"] == place)
        #expect(fourth.groups[Int(place.index)].servedBy == nil)
        #expect(fourth.groups[Int(place.index)].captures == [])
        #expect(fourth.groups[Int(place.index)].lanes.count == 1)
    }

    @Test func `there are only so many patterns`() {
        func yaml(_ count: Int) -> String {
            let rows = (0..<count).map { "  - {model_name: \"m\($0)/*\", litellm_params: {model: simulated/m}}\n" }
            return "model_list:\n" + rows.joined()
        }
        #expect(errors(yaml(1_000)) == [])
        let found = errors(yaml(1_001))
        #expect(found.count == 1)
        #expect(found.first?.contains("model_list[1000].model_name: there are 1001 names with stars") == true)
    }
}
