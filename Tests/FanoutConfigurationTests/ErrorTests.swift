// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutConfiguration
import FanoutModel
import Testing

@Suite struct ErrorTests {
    struct Row: CustomTestStringConvertible {
        /// The text after `oneModel`, which has three lines and an empty one.
        var yaml: String
        /// The start of the only error.
        var error: String
        var testDescription: String { self.error }
    }

    @Test(arguments: [
        Row(
            yaml: "router_settings: {num_retries: lots}",
            error:
                "config.yaml:4:32: error: router_settings.num_retries: must be a whole number from 0 to 1000, this is text"
        ),
        Row(
            yaml: "router_settings: {num_retries: -1}",
            error: "config.yaml:4:32: error: router_settings.num_retries: must be a whole number"
        ),
        Row(
            yaml: "router_settings: {timeout: [1]}",
            error: "config.yaml:4:28: error: router_settings.timeout: must be a duration"
        ),
        Row(
            yaml: "router_settings: {disable_cooldowns: 3}",
            error: "config.yaml:4:38: error: router_settings.disable_cooldowns: must be true or false, this is a number"
        ),
        Row(
            yaml: "router_settings: {routing_strategy: least-bussy}",
            error: "config.yaml:4:37: error: router_settings.routing_strategy: must be one of simple-shuffle, "
        ),
        Row(
            yaml: "router_settings: [1]",
            error: "config.yaml:4:18: error: router_settings: must be a mapping of keys to values, this is a list"
        ),
        Row(
            yaml: "router_settings: {fallbacks: {small: [small]}}",
            error: "config.yaml:4:30: error: router_settings.fallbacks: must be a list, this is a mapping"
        ),
        Row(
            yaml: "router_settings: {fallbacks: [small]}",
            error: "config.yaml:4:31: error: router_settings.fallbacks[0]: must be a mapping with one key"
        ),
        Row(
            yaml: "router_settings: {fallbacks: [{small: [smal]}]}",
            error:
                "config.yaml:4:40: error: router_settings.fallbacks[0][0]: there is no model_name of this name in model_list; did you mean small?"
        ),
        Row(
            yaml: "router_settings: {fallbacks: [{small: [small]}]}",
            error: "config.yaml:4:40: error: router_settings.fallbacks[0][0]: a model group can't be its own fallback"
        ),
        Row(
            yaml: "router_settings: {context_window_fallbacks: [{small: small}]}",
            error: "config.yaml:4:54: error: router_settings.context_window_fallbacks[0]: must be a list, this is text"
        ),
        Row(
            yaml: "router_settings: {model_group_alias: {x: y, y: z, z: small, q: none}}",
            error: "config.yaml:4:64: error: router_settings.model_group_alias.q: leads to no model_name"
        ),
        Row(
            yaml: "router_settings: {provider_budget_config: {openai: {budget_limit: 1}}}",
            error:
                "config.yaml:4:67: error: router_settings.provider_budget_config.openai.budget_limit: needs a budget_duration beside it"
        ),
        Row(
            yaml:
                "router_settings: {provider_budget_config: {openai: {max_budget: os.environ/NOT_SET, time_period: 1d}}}",
            error:
                "config.yaml:4:65: error: router_settings.provider_budget_config.openai.max_budget: the variable NOT_SET isn't set"
        ),
        Row(
            yaml: "litellm_settings: {tag_budget_config: {paid: {max_budget: 1, budget_duration: soon}}}",
            error:
                "config.yaml:4:79: error: litellm_settings.tag_budget_config.paid.budget_duration: must be a span of time such as 30s"
        ),
        Row(
            yaml: "litellm_settings: {tag_budget_config: {paid: {budget_duration: 1d}}}",
            error: "config.yaml:4:46: error: litellm_settings.tag_budget_config.paid: needs max_budget"
        ),
        Row(
            yaml: "fanout: {tenants: {default: {max_budget: -1, budget_duration: 1d}}}",
            error: "config.yaml:4:42: error: fanout.tenants.default.max_budget: must be a sum in US dollars"
        ),
        Row(
            yaml: "router_settings: {retry_policy: {TimeoutErrorRetries: many}}",
            error: "config.yaml:4:55: error: router_settings.retry_policy.TimeoutErrorRetries: must be a whole number"
        ),
        Row(
            yaml: "router_settings: {routing_strategy_args: {ttft_percentile: 0}}",
            error:
                "config.yaml:4:60: error: router_settings.routing_strategy_args.ttft_percentile: must be above 0, up to 1"
        ),
        Row(
            yaml: "router_settings: {routing_strategy_args: {exploration: 0.6}}",
            error:
                "config.yaml:4:56: error: router_settings.routing_strategy_args.exploration: must be a number from 0.0 to 0.5"
        ),
        Row(
            yaml: "router_settings: {routing_groups: [{group_name: g, models: [smal]}]}",
            error:
                "config.yaml:4:61: error: router_settings.routing_groups[0].models[0]: there is no model_name and no deployment of this name; did you mean small?"
        ),
        Row(
            yaml: "router_settings: {routing_groups: [{group_name: g}]}",
            error: "config.yaml:4:36: error: router_settings.routing_groups[0]: needs models: a list"
        ),
        Row(
            yaml: "router_settings: {context_window_fallbacks: [{small: [a], other: [b]}]}",
            error:
                "config.yaml:4:46: error: router_settings.context_window_fallbacks[0]: must be a mapping with one key"
        ),
        Row(
            yaml: "router_settings: {default_priority: high}",
            error: "config.yaml:4:37: error: router_settings.default_priority: must be a whole number"
        ),
        Row(
            yaml: "fanout: {classes: {bulk: {floor: 0.95}}}",
            error: "config.yaml:4:34: error: fanout.classes.bulk.floor: must be a number from 0.0 to 0.9"
        ),
        Row(
            yaml: "fanout: {classes: {bulk: {floor: 0.9}}}",
            error: "config.yaml:4:19: error: fanout.classes: the floors of all classes are"
        ),
        Row(
            yaml: "fanout: {retry_budget: 11}",
            error: "config.yaml:4:24: error: fanout.retry_budget: must be a number from 0.0 to 10.0"
        ),
        Row(
            yaml: "fanout: {limits: {rates: strict}}",
            error: "config.yaml:4:26: error: fanout.limits.rates: must be weights_only or enforced"
        ),
        Row(
            yaml: "fanout: {accounts: [{name: x, rpm: 5}]}",
            error:
                "config.yaml:4:21: error: fanout.accounts[0]: needs api_key, credential_name, or a provider whose key"
        ),
        Row(
            yaml: "fanout: {accounts: [{api_key: k, rpm: 5}, {api_key: k, tpm: 5}]}",
            error: "config.yaml:4:43: error: fanout.accounts[1]: has the same key as the account at config.yaml:4"
        ),
        Row(
            yaml: "fanout: {accounts: [{api_key: k, provider: opena, rpm: 5}]}",
            error:
                "config.yaml:4:44: error: fanout.accounts[0].provider: this provider isn't known; did you mean openai?"
        ),
        Row(
            yaml: "general_settings:\n  master_key: sk-1234",
            error: "config.yaml:5:3: error: general_settings.master_key: keys of callers would no longer be asked for"
        ),
        Row(
            yaml: "litellm_settings: {max_budget: 5}",
            error: "config.yaml:4:20: error: litellm_settings.max_budget: a budget would be lost"
        ),
        Row(
            yaml: "litellm_settings: {callbacks: [otel, presidio]}",
            error: "config.yaml:4:31: error: litellm_settings.callbacks: the guardrail presidio would be lost"
        ),
        Row(
            yaml: "guardrails: [{guardrail_name: x}]",
            error: "config.yaml:4:1: error: guardrails: guardrails would be lost"
        ),
        Row(yaml: "fanout: {socket: '@x'}", error: "config.yaml:4:18: error: fanout.socket: must be a file's path"),
        Row(
            yaml: "fanout: {socket_mode: 0666}",
            error: "config.yaml:4:23: error: fanout.socket_mode: would let every user"
        ),
        Row(
            yaml: "fanout: {socket_mode: rw}",
            error: "config.yaml:4:23: error: fanout.socket_mode: must be an octal mode"
        ),
        Row(
            yaml: "fanout: {log: {level: loud}}",
            error: "config.yaml:4:23: error: fanout.log.level: must be one of trace, debug"
        ),
        Row(
            yaml: "fanout: {limits: {frame_bytes: 16MiB}}",
            error: "config.yaml:4:32: error: fanout.limits.frame_bytes: must be a size such as"
        ),
        Row(
            yaml: "fanout: {limits: {batch_window_bytes: 16MiB}}",
            error:
                "config.yaml:4:18: error: fanout.limits.batch_window_bytes: 16777216 is more than upload_window_bytes"
        ),
        Row(
            yaml: "fanout: {concurrency: {batch: 0}}",
            error: "config.yaml:4:31: error: fanout.concurrency.batch: must be a whole number from 1"
        ),
        Row(
            yaml: "fanout: {loops: 1}\nfanout: {}",
            error: "config.yaml:4:1: error: fanout is written twice in one mapping"
        ),
        Row(yaml: "x: [1, 2", error: "config.yaml:5:1: error: this isn't YAML: did not find expected ',' or ']'"),
        Row(yaml: "x: !env Y", error: "config.yaml:4:4: error: a tag that Fanout doesn't know"),
        Row(
            yaml: "include: [more.yaml]",
            error: "config.yaml:4:11: error: include[0]: the included file doesn't exist"
        ),
    ])
    func `an error has its line, its column, its key and a remedy`(row: Row) {
        let found = errors(oneModel + row.yaml + "\n")
        #expect(found.count == 1, "\(found)")
        #expect(found.first?.hasPrefix(row.error) == true, "\(found)")
    }

    @Test(arguments: [
        Row(
            yaml: "{model: openai/m}",
            error:
                "config.yaml:3:21: error: model_list[0].litellm_params.api_key: is missing: openai needs a key; write os.environ/NAME or credential/NAME, or set OPENAI_API_KEY"
        ),
        Row(
            yaml: "{model: openai/m, api_key: os.environ/NOT_SET}",
            error: "config.yaml:3:48: error: model_list[0].litellm_params.api_key: the variable NOT_SET isn't set"
        ),
        Row(
            yaml: "{model: openai/m, api_key: credential/x}",
            error: "config.yaml:3:48: error: model_list[0].litellm_params.api_key: CREDENTIALS_DIRECTORY isn't set"
        ),
        Row(
            yaml: "{model: openai/m, api_key: file/etc/key}",
            error:
                "config.yaml:3:48: error: model_list[0].litellm_params.api_key: the file of that path doesn't exist: check the path"
        ),
        Row(
            yaml: "{model: openai/m, api_key: file/}",
            error: "config.yaml:3:48: error: model_list[0].litellm_params.api_key: file must be followed by an absolute"
        ),
        Row(
            yaml: "{model: openai/m, api_key: \"a b\"}",
            error:
                "config.yaml:3:48: error: model_list[0].litellm_params.api_key: has characters that a header can't carry"
        ),
        Row(
            yaml: "{model: openai/m, api_base: os.environ/NOT_SET, api_key: k}",
            error: "config.yaml:3:49: error: model_list[0].litellm_params.api_base: the variable NOT_SET isn't set"
        ),
        Row(yaml: "{api_key: k}", error: "config.yaml:3:21: error: model_list[0].litellm_params.model: is missing"),
        Row(
            yaml: "{model: watsonx/pro, api_key: k}",
            error:
                "config.yaml:3:29: error: model_list[0].litellm_params.model: the provider watsonx isn't supported in this version"
        ),
        Row(
            yaml: "{model: opnai/gpt, api_key: k}",
            error:
                "config.yaml:3:29: error: model_list[0].litellm_params.model: the part before the slash is no known provider; did you mean openai/…?"
        ),
        Row(
            yaml: "{model: llama, api_key: k}",
            error:
                "config.yaml:3:29: error: model_list[0].litellm_params.model: names no provider; write provider/model"
        ),
        Row(
            yaml: "{model: openai/, api_key: k}",
            error: "config.yaml:3:29: error: model_list[0].litellm_params.model: has nothing after the slash"
        ),
        Row(
            yaml: "{model: openai/*, api_key: k}",
            error: "config.yaml:3:29: error: model_list[0].litellm_params.model: has more stars than its model_name"
        ),
        Row(
            yaml: "{model: '*', api_key: k}",
            error:
                "config.yaml:3:29: error: model_list[0].litellm_params.model: names no provider; write an entry for each"
        ),
        Row(
            yaml: "{model: m, custom_llm_provider: grok}",
            error:
                "config.yaml:3:53: error: model_list[0].litellm_params.custom_llm_provider: this provider isn't known; did you mean groq?"
        ),
        Row(
            yaml: "{model: hosted_vllm/m}",
            error:
                "config.yaml:3:21: error: model_list[0].litellm_params.api_base: is missing: hosted_vllm has no address"
        ),
        Row(
            yaml: "{model: openai/m, api_key: k, api_base: localhost}",
            error: "config.yaml:3:61: error: model_list[0].litellm_params.api_base: must start with https://"
        ),
        Row(
            yaml: "{model: openai/m, api_key: k, api_base: 'https://u:p@h/v1'}",
            error: "config.yaml:3:61: error: model_list[0].litellm_params.api_base: must not carry a user or password"
        ),
        Row(
            yaml: "{model: openai/m, api_key: k, api_base: 'https://h:0/v1'}",
            error: "config.yaml:3:61: error: model_list[0].litellm_params.api_base: must have a port"
        ),
        Row(
            yaml: "{model: azure/m, api_key: k, api_base: 'https://h'}",
            error: "config.yaml:3:21: error: model_list[0].litellm_params.api_version: is missing"
        ),
        Row(
            yaml: "{model: openai/m, api_key: k, max_budget: 1}",
            error: "config.yaml:3:63: error: model_list[0].litellm_params.max_budget: needs a budget_duration beside it"
        ),
        Row(
            yaml: "{model: openai/m, api_key: k, extra_headers: {Host: x}}",
            error:
                "config.yaml:3:67: error: model_list[0].litellm_params.extra_headers.(a key that is no plain word): this header is written by Fanout"
        ),
        Row(
            yaml: "{model: openai/m, api_key: k, headers: {a: \"x\\r\\nb: c\"}}",
            error: "config.yaml:3:64: error: model_list[0].litellm_params.headers.a: must be from 1 to 8192 visible"
        ),
        Row(
            yaml: "{model: openai/m, api_key: k, organization: {a: b}}",
            error: "config.yaml:3:65: error: model_list[0].litellm_params.organization: must be one organization"
        ),
        Row(
            yaml: "{model: openai/m, api_key: k, tpm: fast}",
            error: "config.yaml:3:56: error: model_list[0].litellm_params.tpm: must be a number that isn't negative"
        ),
        Row(
            yaml: "{model: openai/m, api_key: k, litellm_credential_name: x}",
            error: "config.yaml:3:76: error: model_list[0].litellm_params.litellm_credential_name: there is no such"
        ),
        Row(
            yaml: "{model: openai/m, api_key: k, weight: -1}",
            error: "config.yaml:3:59: error: model_list[0].litellm_params.weight: must be a number that isn't negative"
        ),
        Row(
            yaml: "{model: openai/m, api_key: k, order: 1.5}",
            error: "config.yaml:3:58: error: model_list[0].litellm_params.order: must be a whole number"
        ),
    ])
    func `an error of a deployment has its place`(row: Row) {
        let found = errors("model_list:\n  - model_name: small\n    litellm_params: \(row.yaml)\n")
        #expect(found.count == 1, "\(found)")
        #expect(found.first?.hasPrefix(row.error) == true, "\(found)")
    }

    @Test func `several errors come together, in the order of the file`() {
        let found = errors(
            """
            router_settings:
              num_retries: lots
              timeout: x
            model_list:
              - model_name: [openai]
                litellm_params: {model: openai/m}
              - litellm_params: {model: simulated/m}
              - model_name: c
              -
              - 5
            """
        )
        let places = found.map { $0.split(separator: ":")[1...2].joined(separator: ":") }
        #expect(places == ["2:16", "3:12", "5:17", "6:21", "7:5", "8:5", "9:4", "10:5"], "\(found)")
    }

    @Test(arguments: [
        "", "\n# nothing\n", "null", "[]", "text", "model_list: []", "model_list:", "---\na: 1\n---\nb: 2",
        "model_list: {a: b}",
        "? [a]\n: b", "~: 1", "\u{1}", "a: *b", "%YAML 9.9\n---\n",
        "model_list: [{model_name: [a], litellm_params: [b]}]",
    ])
    func `what is no configuration is refused with a place`(yaml: String) {
        let found = errors(yaml)
        #expect(!found.isEmpty)
        #expect(found.allSatisfy { $0.hasPrefix("config.yaml:") && $0.contains(": error: ") }, "\(found)")
    }

    @Test func `a setting that a simulated model doesn't have is refused`() {
        let found = errors("model_list: [{model_name: a, litellm_params: {model: 'simulated/a?latency=5'}}]\n")
        let start = "config.yaml:1:54: error: model_list[0].litellm_params.model: a simulated model has no setting"
        #expect(found.count == 1 && found[0].hasPrefix(start + " \"latency\"; it has latency_ms"), "\(found)")
    }

    @Test func `model ids that are used twice are refused`() {
        let found = errors(
            """
            model_list:
              - {model_name: a, litellm_params: {model: simulated/a}, model_info: {id: x}}
              - {model_name: b, litellm_params: {model: simulated/b}, model_info: {id: x}}
            """
        )
        #expect(
            found == [
                "config.yaml:3:5: error: model_list[1].model_info.id: is used at config.yaml:2 already; ids must differ"
            ]
        )
    }

    @Test func `what is wrong in the defaults of all deployments is said once`() {
        let found = errors(twoGroups + "router_settings: {default_litellm_params: {timeout: x}}\n")
        #expect(found.count == 1, "\(found)")
    }

    @Test func `aliases in a circle are refused`() {
        let found = errors(oneModel + "router_settings: {model_group_alias: {x: y, y: x, s: s}}\n")
        #expect(found.count == 3)
        #expect(found.allSatisfy { $0.contains("go round in a circle") })
    }
}
