// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutConfiguration
import FanoutModel
import Testing

@Suite struct WarningTests {
    struct Row: CustomTestStringConvertible {
        var yaml: String
        var warning: String
        var testDescription: String { self.warning }
    }

    @Test func `a budget that a model without a price spends from is warned of`() throws {
        let lines = try load(
            """
            model_list:
              - {model_name: small, litellm_params: {model: openai/mine, api_key: k}}
            fanout: {tenants: {default: {max_budget: 1, budget_duration: 1d}}}
            """
        ).lines
        let warning =
            "config.yaml:2:5: warning: model_list[0]: has no price, so that what it spends counts for no budget"
        #expect(lines.count == 1 && lines.first?.hasPrefix(warning) == true)
    }

    @Test(arguments: [
        Row(
            yaml: "router_settings: {num_retry: 1}",
            warning:
                "config.yaml:4:19: warning: router_settings.num_retry: this key is unknown and has no effect; did you mean num_retries?"
        ),
        Row(
            yaml: "router_settings: {retry_policy: {TimeoutErrorRetry: 3}}",
            warning:
                "config.yaml:4:34: warning: router_settings.retry_policy.(a key that is no plain word): this key is unknown and has no effect; did you mean TimeoutErrorRetries?"
        ),
        Row(
            yaml: "litellm_settings: {cache: true}",
            warning: "config.yaml:4:27: warning: litellm_settings.cache: has no effect: there is no response cache yet"
        ),
        Row(
            yaml: "general_settings: {completion_model: x}",
            warning:
                "config.yaml:4:38: warning: general_settings.completion_model: has no effect: each request names its own model"
        ),
        Row(
            yaml: "modellist: []",
            warning:
                "config.yaml:4:1: warning: modellist: this key is unknown and has no effect; did you mean model_list?"
        ),
        Row(
            yaml: "fanout: {sockett: /x}",
            warning:
                "config.yaml:4:10: warning: fanout.sockett: this key is unknown and has no effect; did you mean socket?"
        ),
        Row(
            yaml: "fanout: {socket: /tmp/x}",
            warning: "config.yaml:4:18: warning: fanout.socket: anyone can take this name"
        ),
        Row(
            yaml: "router_settings: {fallbacks: [{smal: [small]}]}",
            warning:
                "config.yaml:4:32: warning: router_settings.fallbacks[0]: this is about a model_name that doesn't exist; did you mean small?"
        ),
        Row(
            yaml: "router_settings: {routing_strategy: lar1}",
            warning: "config.yaml:4:37: warning: router_settings.routing_strategy: Fanout has no such strategy"
        ),
        Row(
            yaml: "router_settings: {optional_pre_call_checks: [prompt_caching, enforce_model_rate_limits]}",
            warning:
                "config.yaml:4:46: warning: router_settings.optional_pre_call_checks[0]: prompt_caching has no effect"
        ),
        Row(
            yaml: "router_settings: {optional_pre_call_checks: [session_afinity]}",
            warning:
                "config.yaml:4:46: warning: router_settings.optional_pre_call_checks[0]: this check isn't known and has no effect; did you mean session_affinity?"
        ),
        Row(
            yaml: "router_settings: {model_group_retry_policy: {smal: {TimeoutErrorRetries: 1}}}",
            warning:
                "config.yaml:4:46: warning: router_settings.model_group_retry_policy.smal: this is about a model_name that doesn't exist; did you mean small?"
        ),
        Row(
            yaml: "fanout: {accounts: [{api_key: k, rpm: 5}]}",
            warning: "config.yaml:4:21: warning: fanout.accounts[0]: no deployment has this key"
        ),
        Row(
            yaml: "fanout: {accounts: [{api_key: sk-one}]}",
            warning: "config.yaml:4:21: warning: fanout.accounts[0]: has no limit; add rpm"
        ),
        Row(
            yaml: "fanout: {tenants: {default: {budget_duration: 1d}}}",
            warning: "config.yaml:4:47: warning: fanout.tenants.default.budget_duration: has no effect without"
        ),
        Row(
            yaml: "router_settings: {provider_budget_config: {azur: {max_budget: 1, budget_duration: 1d}}}",
            warning:
                "config.yaml:4:44: warning: router_settings.provider_budget_config.azur: no deployment is of a provider of this name"
        ),
        Row(
            yaml: "router_settings: {timeout: os.environ/NOT_SET}",
            warning:
                "config.yaml:4:28: warning: router_settings.timeout: the variable NOT_SET isn't set, so this is left out"
        ),
    ])
    func `a warning has its line, its column and its key`(row: Row) throws {
        let lines = try load(oneModel + row.yaml + "\n").lines
        #expect(lines.count == 1, "\(lines)")
        #expect(lines.first?.hasPrefix(row.warning) == true, "\(lines)")
    }

    @Test(arguments: [
        Row(yaml: "mock_response: hi", warning: "has no effect: the real provider is asked"),
        Row(yaml: "max_retries: 3", warning: "num_retries is the only count"),
        Row(yaml: "api_version: 2024-01-01", warning: "only azure has API versions"),
        Row(
            yaml: "max_parallel_request: 3",
            warning: "is sent to the provider as a parameter; did you mean max_parallel_requests?"
        ),
        Row(yaml: "api_base: http://example.org/v1", warning: "the key travels unencrypted to example.org"),
        Row(yaml: "api_base: https://example.org/v1/chat/completions", warning: "should end before /chat/completions"),
        Row(yaml: "max_parallel_requests: 0", warning: "serves nothing"),
    ])
    func `a warning of a deployment is said`(row: Row) throws {
        let yaml =
            "model_list:\n  - model_name: small\n    litellm_params: {model: openai/m, api_key: k, \(row.yaml)}\n"
        let lines = try load(yaml).lines
        #expect(lines.count == 1, "\(lines)")
        #expect(lines.first?.contains(row.warning) == true, "\(lines)")
    }

    @Test func `the same warning is said once and counted`() throws {
        let entry = "  - {model_name: a, litellm_params: {model: simulated/a, mock_response: x}}\n"
        let lines = try load("model_list:\n" + entry + entry + entry).lines
        #expect(lines.count == 1)
        #expect(lines.first?.hasSuffix("(and in 2 more places)") == true)
    }

    @Test func `settings that are switched off need no word`() throws {
        let lines = try load(
            oneModel + """
                general_settings: {master_key: , alerting: []}
                litellm_settings: {set_verbose: False, cache: false, max_budget: 0}
                """
        ).lines
        #expect(lines.isEmpty)
    }

    @Test func `what the file accepts is neither an error nor a warning`() throws {
        let lines = try load(
            oneModel + """
                general_settings: {master_key: sk-1234}
                litellm_settings: {cache: true}
                fanout: {ignore: [general_settings.master_key, litellm_settings.cache]}
                """
        ).lines
        #expect(lines.isEmpty)
    }

    @Test func `strict makes errors of warnings`() {
        let found = errors(oneModel + "fanout: {strict: true, sockt: x}\n")
        #expect(found.count == 1)
        #expect(found.first?.hasPrefix("config.yaml:4:24: error: fanout.sockt: this key is unknown") == true)
        var overrides = ConfigurationOverrides()
        overrides.strict = true
        #expect(throws: ConfigurationError.self) { try load(oneModel + "x: 1\n", overrides: overrides) }
    }

    @Test func `rates are limits, which is said once unless it is known`() throws {
        let yaml = "model_list:\n  - {model_name: a, rpm: 5, litellm_params: {model: simulated/a}}\n"
        let lines = try load(yaml).lines
        #expect(lines.count == 1)
        #expect(
            lines[0].hasPrefix("config.yaml:2:5: warning: model_list[0]: rpm and tpm are limits: what is over them")
        )
        for known in [
            "fanout: {limits: weights_only}", "fanout: {limits: {rates: weights_only}}",
            "fanout: {limits: {rates: enforced}}", "router_settings: {enable_pre_call_checks: true}",
            "router_settings: {optional_pre_call_checks: [enforce_model_rate_limits]}",
            "router_settings: {routing_strategy: usage-based-routing-v2}",
        ] {
            let loaded = try load(yaml + known + "\n")
            #expect(loaded.lines.isEmpty, "\(known)")
            #expect(loaded.snapshot.routing.enforcesRates == !known.contains("weights_only"))
        }
    }

    @Test func `an order on some deployments of a group is pointed out`() throws {
        let lines = try load(
            """
            model_list:
              - {model_name: a, litellm_params: {model: simulated/a}}
              - {model_name: a, litellm_params: {model: simulated/b, order: 1}}
            """
        ).lines
        #expect(lines.count == 1)
        #expect(lines.first?.hasPrefix("config.yaml:2:5: warning: model_list[0]: has no order") == true)
    }
}
