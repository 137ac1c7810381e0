// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutConfiguration
import FanoutModel
import Testing

/// Configurations as LiteLLM's documentation of its router writes them.
@Suite struct DocumentedExampleTests {
    static let environment = [
        "AZURE_API_KEY": "k-azure", "AZURE_API_VERSION": "2023-07-01-preview",
        "AZURE_API_BASE": "https://openai-gpt-4-test-v-1.openai.azure.com/", "OPENAI_API_KEY": "k-openai",
        "REDIS_HOST": "h", "REDIS_PORT": "6379", "REDIS_PASSWORD": "p",
    ]

    @Test func `the quick start has one group of three deployments`() throws {
        let loaded = try load(
            """
            model_list:
              - model_name: gpt-3.5-turbo
                litellm_params:
                  model: azure/chatgpt-v-2
                  api_key: os.environ/AZURE_API_KEY
                  api_version: os.environ/AZURE_API_VERSION
                  api_base: os.environ/AZURE_API_BASE
                  rpm: 900
              - model_name: gpt-3.5-turbo
                litellm_params:
                  model: azure/chatgpt-functioncalling
                  api_key: os.environ/AZURE_API_KEY
                  api_version: os.environ/AZURE_API_VERSION
                  api_base: os.environ/AZURE_API_BASE
                  rpm: 10
              - model_name: gpt-3.5-turbo
                litellm_params:
                  model: gpt-3.5-turbo
                  api_key: os.environ/OPENAI_API_KEY
                  rpm: 10
            """,
            Self.environment
        )
        let deployments = try loaded.deployments("gpt-3.5-turbo")
        #expect(deployments.map(\.requestsPerMinute) == [900, 10, 10])
        #expect(deployments.map(\.endpoint.provider) == ["azure", "azure", "openai"])
        #expect(deployments.map { key(of: $0) } == ["api-key k-azure", "api-key k-azure", "bearer k-openai"])
        #expect(deployments[0].endpoint.query == "api-version=2023-07-01-preview")
    }

    @Test func `the file of the queue, with its empty keys`() throws {
        let loaded = try load(
            """
            model_list: 
              - model_name: gpt-3.5-turbo
                litellm_params: 
                  model: gpt-3.5-turbo
                  api_key: 
              - model_name: gpt-3.5-turbo
                litellm_params: 
                  model: azure/chatgpt-v-2 # actual model name
                  api_key: 
                  api_version: 2023-07-01-preview
                  api_base: https://openai-gpt-4-test-v-1.openai.azure.com/
            """,
            Self.environment
        )
        let keys = try loaded.deployments("gpt-3.5-turbo").map { key(of: $0) }
        #expect(keys == ["bearer k-openai", "api-key k-azure"])
        #expect(loaded.lines.isEmpty)
    }

    @Test func `tpm and rpm beside the parameters, with fallbacks and Redis`() throws {
        let loaded = try load(
            """
            model_list:
              - model_name: azure/gpt-3.5-turbo
                litellm_params: {model: azure/chatgpt-v-2, api_key: bad-key}
                tpm: 240000
                rpm: 1800
              - model_name: azure/gpt-3.5-turbo-context-fallback
                litellm_params: {model: azure/chatgpt-v-2, api_key: bad-key}
                tpm: 240000
                rpm: 1800
              - model_name: azure/gpt-3.5-turbo
                litellm_params: {model: azure/chatgpt-functioncalling, api_key: bad-key}
                tpm: 240000
                rpm: 1800
              - model_name: gpt-3.5-turbo
                litellm_params: {model: gpt-3.5-turbo}
                tpm: 1000000
                rpm: 9000
              - model_name: gpt-3.5-turbo-16k
                litellm_params: {model: gpt-3.5-turbo-16k}
                tpm: 1000000
                rpm: 9000
            router_settings:
              redis_host: os.environ/REDIS_HOST
              redis_password: os.environ/REDIS_PASSWORD
              redis_port: os.environ/REDIS_PORT
              routing_strategy: simple-shuffle
              num_retries: 3
              allowed_fails: 1
              timeout: 30
              set_verbose: true
              fallbacks: [{"azure/gpt-3.5-turbo": ["gpt-3.5-turbo"]}]
              context_window_fallbacks:
                - {"azure/gpt-3.5-turbo-context-fallback": ["gpt-3.5-turbo-16k"]}
                - {"gpt-3.5-turbo": ["gpt-3.5-turbo-16k"]}
              default_litellm_params:
                context_window_fallback_dict: {"gpt-3.5-turbo": "gpt-3.5-turbo-16k"}
            """,
            Self.environment
        )
        #expect(try loaded.names(loaded.group("azure/gpt-3.5-turbo").fallbacks) == ["gpt-3.5-turbo"])
        #expect(try loaded.names(loaded.group("gpt-3.5-turbo").contextWindowFallbacks) == ["gpt-3.5-turbo-16k"])
        #expect(loaded.snapshot.routing.retries == 3)
        #expect(loaded.snapshot.routing.allowedFails == 1)
        #expect(loaded.snapshot.routing.timeouts.total == 30_000)
        #expect(try loaded.deployments("gpt-3.5-turbo-16k").map(\.tokensPerMinute) == [1_000_000])
        // Redis three times, set_verbose, and the notice about rates.
        #expect(loaded.lines.count == 5)
        #expect(loaded.lines.allSatisfy { $0.contains(": warning: ") })
    }
}
