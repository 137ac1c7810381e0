// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutConfiguration
import FanoutModel
import Testing

@Suite struct RouterSettingsTests {
    @Test func `router settings win over litellm settings, ours over both`() throws {
        let loaded = try load(
            oneModel + """
                litellm_settings: {num_retries: 9, request_timeout: 50, allowed_fails: 4, drop_params: true}
                general_settings: {global_max_parallel_requests: 77}
                router_settings:
                  num_retries: 1
                  max_fallbacks: 3
                  timeout: 30
                  stream_timeout: 5
                  retry_after: 1.5
                  cooldown_time: 0
                  disable_cooldowns: true
                  default_max_parallel_requests: 12
                fanout:
                  timeouts: {idle: 250ms, connect: 2s}
                  concurrency: {tenant: 10, batch: 20}
                """
        )
        let routing = loaded.snapshot.routing
        #expect(routing.retries == 1)
        #expect(routing.maxFallbacks == 3)
        #expect(routing.allowedFails == 4)
        #expect(routing.timeouts.total == 30_000)
        #expect(routing.timeouts.headers == 5_000)
        #expect(routing.timeouts.idle == 250)
        #expect(routing.timeouts.connect == 2_000)
        #expect(routing.retryAfterMilliseconds == 1_500)
        #expect(routing.cooldownMilliseconds == 0)
        #expect(routing.disablesCooldowns)
        #expect(routing.laneConcurrency == 12)
        #expect(routing.daemonConcurrency == 77)
        #expect(routing.tenantConcurrency == 10)
        #expect(routing.batchConcurrency == 20)
        #expect(try loaded.small().endpoint.dropsUnsupported)
        #expect(loaded.lines.isEmpty)
    }

    @Test func `nothing said is the default`() throws {
        let loaded = try load(oneModel)
        #expect(loaded.snapshot.routing == RoutingSettings())
        #expect(loaded.snapshot.limits == Limits())
        #expect(loaded.snapshot.version == 1)
    }

    @Test func `aliases are followed to their end`() throws {
        let loaded = try load(
            oneModel + """
                router_settings:
                  model_group_alias:
                    y: x
                    x: {model: small, hidden: true}
                """
        )
        #expect(loaded.snapshot.names["y"] == loaded.snapshot.names["small"])
        #expect(loaded.snapshot.names["x"] == GroupID(0))
        #expect(loaded.snapshot.names["z"] == nil)
    }

    @Test func `an alias wins over a group of its name, with a warning`() throws {
        let loaded = try load(twoGroups + "router_settings: {model_group_alias: {a: b}}\n")
        #expect(loaded.snapshot.names["a"] == GroupID(1))
        #expect(loaded.lines.count == 1)
    }

    @Test func `fallbacks by name, for all others, and by kind`() throws {
        let loaded = try load(
            twoGroups + """
                  - model_name: vendor/c
                    litellm_params: {model: simulated/c}
                router_settings:
                  fallbacks: [{a: [b, vendor/c, b]}, {c: [a]}]
                  default_fallbacks: [vendor/c]
                  context_window_fallbacks: [{"*": [b]}]
                  content_policy_fallbacks: [{a: [b]}]
                """
        )
        #expect(try loaded.names(loaded.group("a").fallbacks) == ["b", "vendor/c"])
        #expect(try loaded.names(loaded.group("b").fallbacks) == ["vendor/c"])
        // `c` means `vendor/c`, as LiteLLM finds it.
        #expect(try loaded.names(loaded.group("vendor/c").fallbacks) == ["a"])
        #expect(try loaded.names(loaded.group("a").contextWindowFallbacks) == ["b"])
        #expect(try loaded.names(loaded.group("b").contextWindowFallbacks) == [])
        #expect(try loaded.names(loaded.group("a").contentPolicyFallbacks) == ["b"])
        #expect(try loaded.group("b").contentPolicyFallbacks == nil)
        #expect(loaded.lines.map { $0.contains("(a, vendor/c, a)") } == [true])
    }

    @Test func `a circle of fallbacks is pointed out, and router settings replace litellm settings`() throws {
        let loaded = try load(
            twoGroups + """
                litellm_settings: {fallbacks: [{a: [b]}], context_window_fallbacks: [{a: [b]}]}
                router_settings: {fallbacks: [{b: [a]}, {a: [b]}]}
                """
        )
        #expect(try loaded.names(loaded.group("a").fallbacks) == ["b"])
        #expect(try loaded.names(loaded.group("b").fallbacks) == ["a"])
        #expect(try loaded.names(loaded.group("a").contextWindowFallbacks) == ["b"])
        #expect(try loaded.group("b").contextWindowFallbacks == nil)
        #expect(
            loaded.lines == [
                "config.yaml:7:30: warning: router_settings.fallbacks: these go round in a circle (a, b, a); "
                    + "a request tries each model once"
            ]
        )
    }

    @Test func `the dictionary of larger models is a list of fallbacks`() throws {
        let loaded = try load(
            twoGroups + "router_settings: {default_litellm_params: {context_window_fallback_dict: {a: b, q: b}}}\n"
        )
        #expect(try loaded.names(loaded.group("a").contextWindowFallbacks) == ["b"])
        #expect(loaded.lines.count == 1)
    }

    @Test(arguments: RoutingStrategy.allCases)
    func `a strategy is taken by its name`(strategy: RoutingStrategy) throws {
        let loaded = try load(oneModel + "router_settings:\n  routing_strategy: \(strategy.rawValue)\n")
        #expect(loaded.snapshot.routing.strategy == strategy)
        #expect(loaded.lines.isEmpty)
    }

    @Test func `variables of the file are exported before anything is looked up`() throws {
        let loaded = try load(
            """
            environment_variables: {OPENAI_API_KEY: os.environ/REAL, FANOUT_SOCKET: /x}
            model_list: [{model_name: small, litellm_params: {model: openai/m}}]
            """,
            ["REAL": "k-real", "OPENAI_API_KEY": "k-process"]
        )
        #expect(try key(of: loaded.small()) == "bearer k-real")
        #expect(loaded.lines.count == 1)
    }
}
