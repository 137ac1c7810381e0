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

    @Test(arguments: [
        Row(
            yaml: "router_settings: {num_retry: 1}",
            warning:
                "config.yaml:4:19: warning: router_settings.num_retry: this key is unknown and has no effect; did you mean num_retries?"
        ),
        Row(
            yaml: "router_settings: {retry_policy: {TimeoutErrorRetries: 3}}",
            warning: "config.yaml:4:33: warning: router_settings.retry_policy: has no effect in this version"
        ),
        Row(
            yaml: "litellm_settings: {cache: true}",
            warning: "config.yaml:4:27: warning: litellm_settings.cache: this key has no effect in Fanout"
        ),
        Row(
            yaml: "general_settings: {completion_model: x}",
            warning: "config.yaml:4:38: warning: general_settings.completion_model: this key has no effect in Fanout"
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

    @Test func `rates that are known to be weights need no notice`() throws {
        let yaml = "model_list:\n  - {model_name: a, rpm: 5, litellm_params: {model: simulated/a}}\n"
        #expect(try load(yaml).lines.count == 1)
        #expect(try load(yaml + "fanout: {limits: weights_only}\n").lines.isEmpty)
        #expect(try load(yaml + "fanout: {limits: {rates: weights_only}}\n").lines.isEmpty)
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
