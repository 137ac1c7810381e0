// Fanout
// SPDX-License-Identifier: Apache-2.0

/// A configuration as LiteLLM takes it, with every routing key that its documentation and its Router have.
let everyRoutingKey = """
    environment_variables: {REGION: eu-central-1}
    credential_list:
      - credential_name: shared
        credential_values: {api_key: os.environ/SHARED_KEY}
        credential_info: {description: ours}
    model_list:
      - model_name: chat
        tpm: 100000
        rpm: 600
        litellm_params:
          model: openai/gpt-4o
          api_key: os.environ/OPENAI_KEY
          organization: [org-1, org-2]
          region_name: us
          weight: 2
          order: 1
          rpm: 500
          tpm: 90000
          itpm: 80000
          otpm: 10000
          max_parallel_requests: 40
          timeout: 300
          stream_timeout: 20
          num_retries: 1
          tags: [paid, "default"]
          max_budget: 25
          budget_duration: 1d
          input_cost_per_token: 0.0000025
          output_cost_per_token: 0.00001
        model_info:
          mode: chat
          max_input_tokens: 128000
          allowed_fails: 3
          allowed_fails_policy: {RateLimitErrorAllowedFails: 100, TimeoutErrorAllowedFails: 2}
          cooldown_time: 30
          enable_tag_filtering: true
      - model_name: chat
        litellm_params:
          model: azure/chat-eu
          api_key: os.environ/AZURE_KEY
          api_base: https://example.openai.azure.com
          api_version: "2024-10-21"
          region_name: swedencentral
          tpm: 60000
          order: 2
          tags: [paid]
          cooldown_time: 10
          input_cost_per_token: 0.0000025
          output_cost_per_token: 0.00001
        model_info: {id: azure-eu, base_model: azure/gpt-4o, rpm: 300, tpm: 1}
      - model_name: small
        litellm_params:
          model: openai/gpt-4o-mini
          litellm_credential_name: shared
          input_cost_per_token: 0.00000015
          output_cost_per_token: 0.0000006
      - model_name: large
        litellm_params: {model: openai/gpt-4.1, api_key: os.environ/OPENAI_KEY, base_model: openai/gpt-4.1}
        model_info: {input_cost_per_token: 0.000002, output_cost_per_token: 0.000008}
      - model_name: "openai/*"
        litellm_params:
          model: openai/*
          api_key: os.environ/OPENAI_KEY
          aws_region_name: os.environ/REGION
          input_cost_per_token: 0.000003
          output_cost_per_token: 0.000012
    litellm_settings:
      num_retries: 5
      num_retries_per_request: 6
      request_timeout: 500
      fallbacks: [{small: [large]}]
      allowed_fails: 2
      drop_params: true
      tag_budget_config:
        paid: {max_budget: 100, budget_duration: 1mo}
    general_settings:
      global_max_parallel_requests: 1000
    router_settings:
      routing_strategy: latency-based-routing
      routing_strategy_args: {ttl: 600, lowest_latency_buffer: 0.2, max_latency_list_size: 20, ttft_percentile: 0.9}
      routing_groups:
        - group_name: cheap
          models: [small, large]
          routing_strategy: cost-based-routing
          routing_strategy_args: {ttl: 60}
        - group_name: ranked
          models: [large, azure-eu]
          routing_strategy: priority
          model_priorities: {large: 2, azure-eu: 1}
      num_retries: 2
      retry_policy: {BadRequestErrorRetries: 0, TimeoutErrorRetries: 2, DefaultRetries: 1}
      model_group_retry_policy:
        small: {RateLimitErrorRetries: 4, InternalServerErrorRetries: 3}
        openai/o3: {TimeoutErrorRetries: 0}
      allowed_fails: 4
      allowed_fails_policy: {AuthenticationErrorAllowedFails: 0, InternalServerErrorAllowedFails: 10}
      cooldown_time: 15
      disable_cooldowns: false
      max_fallbacks: 3
      timeout: 120
      stream_timeout: 30
      retry_after: 1
      fallbacks: [{chat: [small, openai/gpt-4.1-mini]}, {"openai/*": [large]}]
      default_fallbacks: [small]
      context_window_fallbacks: [{small: [large]}, {"*": [openai/gpt-4.1]}]
      content_policy_fallbacks: [{chat: [large]}]
      model_group_alias: {gpt: chat, hidden-gpt: {model: gpt, hidden: true}, o: openai/o3}
      default_litellm_params: {max_tokens: 1000, context_window_fallback_dict: {chat: large}}
      default_max_parallel_requests: 50
      default_priority: 7
      enable_pre_call_checks: true
      optional_pre_call_checks: [enforce_model_rate_limits, router_budget_limiting]
      enable_tag_filtering: false
      tag_filtering_match_any: false
      tag_routing_prefix: "route:"
      enable_weighted_failover: true
      provider_budget_config:
        openai: {budget_limit: 50, time_period: 1d}
        azure: {max_budget: 10, budget_duration: 12h}

    """

/// Keys of LiteLLM's Router that have no effect, each with its warning.
let everyIgnoredKey = """
      polling_interval: 0.01
      redis_host: cache.example.org
      redis_port: 6379
      redis_password: secret
      cache_responses: true
      cache_kwargs: {ttl: 5}
      caching_groups: [[chat, small]]
      client_ttl: 60
      set_verbose: true
      debug_level: INFO
      alerting_config: {webhook_url: x}
      plugins: [p]
      deployment_affinity_ttl_seconds: 5
      model_group_affinity_config: {chat: [session_affinity]}
      enable_health_check_routing: true

    """

/// Fanout's own section with every key that it has.
let everyKeyOfOurs = """
    fanout:
      socket: /run/fanout/x.sock
      socket_mode: 0600
      socket_group: adm
      metrics_socket: /run/fanout/m.sock
      metrics_socket_mode: 0666
      metrics_socket_group: adm
      loops: 2
      ca_file: /etc/ssl/x.pem
      drain_seconds: 5
      strict: false
      ignore: [general_settings.master_key]
      log: {level: debug, format: json, bodies: true}
      concurrency: {daemon: 100, tenant: 50, batch: 20, lane: 10}
      timeouts: {connect: 1s, headers: 2s, first_content: 3s, idle: 4s, total: 5s}
      retry_budget: 0.5
      accounts:
        - {name: main, api_key: os.environ/OPENAI_KEY, provider: openai, rpm: 1000, tpm: 200000}
        - {credential_name: shared, itpm: 1000, otpm: 500, max_parallel_requests: 8}
      classes:
        system: {floor: 0.1, promotion_seconds: 1}
        interactive: {floor: 0.2, promotion_seconds: 2}
        default: {floor: 0.05, promotion_seconds: 3}
        bulk: {floor: 0, promotion_seconds: 4}
      tenants:
        default: {max_budget: 5, budget_duration: 1d}
        search:
          match: {users: [1001], groups: [2001]}
          models: [chat, gpt*]
          max_class: interactive
          max_parallel_requests: 10
          max_connections: 5
          rpm: 600
          tpm: 100000
      tokenizers: [{models: [chat], file: /usr/share/o200k_base.tiktoken, pattern: o200k}]
      limits: {rates: enforced, connections: 10}

    """

let everyVariable = ["OPENAI_KEY": "sk-openai", "AZURE_KEY": "azure-key", "SHARED_KEY": "sk-shared"]
