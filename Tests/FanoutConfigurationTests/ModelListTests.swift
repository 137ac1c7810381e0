// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutConfiguration
import FanoutModel
import Testing

@Suite struct ModelListTests {
    @Test func `a deployment has its provider's address, key and name`() throws {
        let small = try load(oneModel).small()
        #expect(small.endpoint.provider == "openai")
        #expect(small.endpoint.model == "gpt-4o-mini")
        #expect(small.endpoint.isSecure)
        #expect(small.endpoint.host == "api.openai.com")
        #expect(small.endpoint.port == 443)
        #expect(small.endpoint.pathPrefix == "/v1")
        #expect(small.name == "openai/gpt-4o-mini@api.openai.com")
        #expect(key(of: small) == "bearer sk-one")
        #expect(small.identity.count == 32)
        #expect(small.offers == .all)
        #expect(small.isActive)
    }

    @Test func `all keys of a deployment are read`() throws {
        let loaded = try load(
            """
            model_list:
              - model_name: small
                tpm: 9
                litellm_params:
                  model: openai/gpt-4o-mini
                  api_key: sk-one
                  api_base: http://127.0.0.1:8080/v1/
                  organization: org-1
                  weight: 2.5
                  order: 1
                  rpm: 60
                  max_parallel_requests: 4
                  timeout: "30"
                  stream_timeout: 2.5
                  num_retries: 0
                  cooldown_time: 1
                  input_cost_per_token: 1e-6
                  output_cost_per_token: 0.000002
                  tags: [free, eu]
                  drop_params: true
                  extra_headers: {X-Team: blue}
                  temperature: 0.2
                  stop: ["END", null, 4]
                model_info:
                  id: 17
                  mode: chat
                  allowed_fails: 7
                  cooldown_time: 2
                  supports_vision: false
                  max_tokens: 4096
            """
        )
        let small = try loaded.small()
        #expect(small.identity == "17")
        #expect(small.name == "17")
        #expect(small.weight == 2.5)
        #expect(small.order == 1)
        #expect(small.requestsPerMinute == 60)
        #expect(small.tokensPerMinute == 9)
        #expect(small.maxConcurrency == 4)
        #expect(small.timeouts?.total == 30_000)
        #expect(small.timeouts?.idle == 2_500)
        #expect(small.timeouts?.connect == 5_000)
        #expect(small.retries == 0)
        #expect(small.cooldownMilliseconds == 2_000)
        #expect(small.allowedFails == 7)
        #expect(small.price?.promptToken == 1e-6 && small.price?.completionToken == 2e-6)
        // What the file doesn't say is known of gpt-4o-mini.
        #expect(small.price?.cachedPromptToken == 0.075 / 1e6)
        #expect(small.tags == ["free", "eu"])
        #expect(small.endpoint.dropsUnsupported)
        #expect(!small.endpoint.isSecure)
        #expect(small.endpoint.pathPrefix == "/v1")
        #expect(small.endpoint.headers.map(\.name) == ["x-team", "openai-organization"])
        #expect(small.endpoint.headers.map(\.value.revealed) == ["blue", "org-1"])
        #expect(
            String(decoding: small.endpoint.defaultsJSON, as: UTF8.self)
                == #"{"stop":["END",null,4],"temperature":0.2}"#
        )
        #expect(!small.offers.contains(.vision) && !small.offers.contains(.embedding) && small.offers.contains(.tools))
        // Only the notice that rates are limits.
        #expect(loaded.lines.count == 1)
        #expect(
            loaded.lines.first?.hasPrefix("config.yaml:2:5: warning: model_list[0]: rpm and tpm are limits") == true
        )
    }

    struct Key: CustomTestStringConvertible {
        var params: String
        var environment: [String: String] = [:]
        var key: String?
        var testDescription: String { self.params }
    }

    @Test(arguments: [
        Key(params: "{model: openai/m, api_key: os.environ/MINE}", environment: ["MINE": "k1"], key: "bearer k1"),
        Key(params: "{model: openai/m, api_key: }", environment: ["OPENAI_API_KEY": "k2"], key: "bearer k2"),
        Key(params: "{model: openai/m}", environment: ["OPENAI_API_KEY": "k2"], key: "bearer k2"),
        Key(params: "{model: gpt-4o, api_key: k3}", key: "bearer k3"),
        Key(params: "{model: o3-mini, api_key: k3}", key: "bearer k3"),
        Key(params: "{model: m, custom_llm_provider: groq, api_key: k4}", key: "bearer k4"),
        Key(params: "{model: m, api_base: https://api.groq.com/openai/v1, api_key: k4}", key: "bearer k4"),
        Key(params: "{model: hosted_vllm/m, api_base: http://gpu:8000/v1}"),
        Key(params: "{model: openai/m, api_base: http://10.1.2.3:8000/v1}"),
        Key(params: "{model: simulated/m}"),
        Key(
            params: "{model: azure/m, api_base: https://x.openai.azure.com, api_version: 2024-10-21, api_key: k5}",
            key: "api-key k5"
        ),
        Key(
            params: "{model: azure/m, azure_ad_token: k6, api_version: 2024-10-21}",
            environment: ["AZURE_API_BASE": "https://x.openai.azure.com"],
            key: "bearer k6"
        ),
        Key(
            params: "{model: openai/m, api_key: credential/openai}",
            environment: ["CREDENTIALS_DIRECTORY": "/run/credentials"],
            key: "bearer k7"
        ),
        Key(
            params: "{model: openai/m, api_key: os.environ/openai}",
            environment: ["CREDENTIALS_DIRECTORY": "/run/credentials"],
            key: "bearer k7"
        ),
        Key(
            params: "{model: openai/m, api_key: os.environ/openai}",
            environment: ["CREDENTIALS_DIRECTORY": "/run/credentials", "openai": "k8"],
            key: "bearer k8"
        ),
        Key(
            params: "{model: openai/m, api_key: os.environ/GROQ_API_KEY}",
            environment: ["CREDENTIALS_DIRECTORY": "/run/credentials"],
            key: "bearer k10"
        ),
        Key(params: "{model: openai/m, api_key: file/etc/fanout/key}", key: "bearer k9"),
    ])
    func `a key comes from the file, a variable, a credential, another file, or isn't needed`(row: Key) throws {
        let yaml = "model_list:\n  - model_name: small\n    litellm_params: \(row.params)\n"
        let loaded = try load(
            yaml,
            row.environment,
            files: [
                "/run/credentials/openai": "k7\n", "/run/credentials/keys_GROQ_API_KEY": "k10\n",
                "/etc/fanout/key": "  k9\n\n",
            ]
        )
        #expect(try key(of: loaded.small()) == row.key)
    }

    @Test func `azure has its version in the query, and neither version nor path under v1`() throws {
        let classic = try load(
            """
            model_list:
              - model_name: small
                litellm_params: {model: azure/chatgpt-v-2, api_key: k, api_base: "https://x.openai.azure.com/"}
            """,
            ["AZURE_API_VERSION": "2023-07-01-preview"]
        ).small()
        #expect(classic.endpoint.query == "api-version=2023-07-01-preview")
        #expect(classic.endpoint.quirks.contains(.azurePath))
        #expect(classic.endpoint.pathPrefix == "")
        let new = try load(
            """
            model_list:
              - model_name: small
                litellm_params: {model: azure/gpt-4o, api_key: k, api_base: "https://x.openai.azure.com/openai/v1"}
            """
        ).small()
        #expect(new.endpoint.query == "")
        #expect(!new.endpoint.quirks.contains(.azurePath))
    }

    @Test func `a header given by hand is the credential`() throws {
        let small = try load(
            """
            model_list:
              - model_name: small
                litellm_params:
                  model: openai/m
                  extra_headers: {Authorization: os.environ/TOKEN}
            """,
            ["TOKEN": "Basic abc", "OPENAI_API_KEY": "sk-env"]
        ).small()
        #expect(key(of: small) == nil)
        #expect(small.endpoint.headers.map(\.value.revealed) == ["Basic abc"])
    }

    @Test func `defaults and named credentials lie beneath a deployment's own parameters`() throws {
        let loaded = try load(
            """
            credential_list:
              - credential_name: shared
                credential_values: {api_key: k-shared, api_base: https://example.org/v1}
            model_list:
              - model_name: small
                litellm_params: {model: openai/m, litellm_credential_name: shared, temperature: 1}
            router_settings:
              default_litellm_params: {temperature: 0, top_p: 0.5, max_retries: 0, timeout: 9}
            """
        )
        let small = try loaded.small()
        #expect(small.endpoint.host == "example.org")
        #expect(key(of: small) == "bearer k-shared")
        #expect(small.timeouts?.total == 9_000)
        #expect(String(decoding: small.endpoint.defaultsJSON, as: UTF8.self) == #"{"temperature":1,"top_p":0.5}"#)
        #expect(loaded.lines.isEmpty)
    }

    @Test func `equal deployments are told apart by name and identity`() throws {
        let loaded = try load(
            """
            model_list:
              - &one
                model_name: small
                litellm_params: {model: openai/m, api_key: k}
              - *one
              - <<: *one
                model_name: other
            """
        )
        let small = try loaded.deployments("small")
        #expect(small.map(\.name) == ["openai/m@api.openai.com", "openai/m@api.openai.com#2"])
        #expect(small[1].identity == small[0].identity + "#2")
        // The same endpoint for another group shares the identity: it is the same account's limit.
        #expect(try loaded.deployments("other")[0].identity == small[0].identity)
        #expect(try loaded.deployments("other")[0].name == "openai/m@api.openai.com#3")
    }

    @Test func `a deployment for another environment is left out`() throws {
        let yaml = """
            model_list:
              - model_name: small
                litellm_params: {model: simulated/here}
                model_info: {supported_environments: [production]}
              - model_name: small
                litellm_params: {model: simulated/there}
                model_info: {supported_environments: [staging]}
            """
        let loaded = try load(yaml, ["LITELLM_ENVIRONMENT": "production"])
        #expect(try loaded.deployments("small").map(\.endpoint.model) == ["here"])
        #expect(errors(yaml).count == 2)
    }
}
