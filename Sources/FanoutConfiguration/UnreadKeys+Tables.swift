// Fanout
// SPDX-License-Identifier: Apache-2.0

extension UnreadKeys {
    private static func quiet(_ keys: [String]) -> [String: String] {
        Dictionary(keys.map { ($0, "") }, uniquingKeysWith: { first, _ in first })
    }

    private static let budget = "a budget would be lost, Fanout has none yet"
    private static let guardrail = "guardrails would be lost, Fanout has none"
    private static let access = "callers would no longer be held to it: Fanout's access is the socket's permissions"

    private static let tags = "tags keep requests off deployments, and Fanout doesn't filter by them yet"

    /// The file itself.
    static let topLevel = UnreadKeys(
        ignored: quiet([
            "mcp_servers", "mcp_aliases", "mcp_tools", "vector_store_registry", "callback_settings",
            "assistant_settings",
            "finetune_settings", "files_settings", "prompts", "search_tools", "cost_discount_config",
            "default_vertex_config",
        ]),
        refused: ["guardrails": guardrail, "policies": guardrail]
    )

    static let modelListEntry = UnreadKeys()

    static let modelInfo = UnreadKeys(
        ignored: quiet(["allowed_fails_policy", "allow_fail_open"]),
        refused: ["team_id": access, "access_groups": access, "access_windows": access, "enable_tag_filtering": tags],
        takesOthers: true
    )

    static let generalSettings = UnreadKeys(
        ignored: quiet([
            "completion_model", "background_health_checks", "health_check_interval", "health_check_concurrency",
            "health_check_details", "max_parallel_requests", "database_url", "database_connection_pool_limit",
            "database_connection_timeout", "store_model_in_db", "store_prompts_in_spend_logs", "disable_spend_logs",
            "alerting", "alerting_threshold", "alerting_args", "alert_types", "alert_to_webhook_url",
            "proxy_batch_write_at",
            "proxy_config_write_at", "infer_model_from_keys", "disable_master_key_return",
            "forward_client_headers_to_llm_api",
            "pass_through_endpoints", "ui_access_mode", "litellm_key_header_name", "use_redis_transaction_buffer",
            "maximum_spend_logs_retention_period", "enable_health_check_routing", "health_check_staleness_threshold",
            "disable_error_logs", "disable_prisma_schema_update", "use_google_kms", "use_azure_key_vault",
        ]),
        refused: [
            "master_key": "keys of callers would no longer be asked for: Fanout's access is the socket's permissions",
            "custom_auth": access, "enable_jwt_auth": access, "litellm_jwtauth": access, "enable_oauth2_auth": access,
            "allowed_ips": access, "allowed_routes": access, "admin_only_routes": access, "public_routes": access,
            "enforce_user_param": access, "enforced_params": access, "role_permissions": access,
            "max_budget": budget, "budget_duration": budget, "max_end_user_budget": budget,
            "key_management_system": "os.environ/ is read from the environment only, not from a secret manager",
        ]
    )

    static let liteLLMSettings = UnreadKeys(
        ignored: quiet([
            "num_retries_per_request", "cache", "cache_params", "modify_params", "expose_router_debug_in_errors",
            "enable_caching_on_provider_specific_optional_params", "set_verbose", "json_logs", "success_callback",
            "failure_callback", "service_callback", "audit_log_callbacks", "turn_off_message_logging",
            "redact_user_api_key_info", "redact_messages_in_exceptions", "log_raw_request_response",
            "langfuse_default_tags",
            "telemetry", "force_ipv4", "ssl_verify", "ssl_certificate", "ssl_security_level",
            "enable_json_schema_validation", "disable_add_transform_inline_image_block", "disable_token_counter",
            "return_response_headers", "add_function_to_prompt", "credential_list", "model_alias_map",

            "disable_copilot_system_to_assistant", "use_aiohttp_transport", "disable_aiohttp_transport",
            "enable_preview_features", "s3_callback_params", "datadog_params", "prometheus_metrics_config",
            "custom_prometheus_metadata_labels",
        ]),
        refused: [
            "guardrails": guardrail, "llm_guard_mode": guardrail, "banned_keywords_list": guardrail,
            "blocked_user_list": access, "pre_call_rules": guardrail, "post_call_rules": guardrail,
            "max_budget": budget, "budget_duration": budget, "tag_budget_config": budget,
            "max_internal_user_budget": budget,
            "internal_user_budget_duration": budget, "max_end_user_budget": budget, "max_user_budget": budget,
            "default_internal_user_params": budget, "default_team_settings": access, "default_team_params": access,
            "default_key_generate_params": access, "upperbound_key_generate_params": access,
            "enforced_params": access, "key_generation_settings": access,
        ]
    )

    static let routerSettings = UnreadKeys(
        ignored: [
            "retry_policy": "has no effect in this version: Fanout's own table says which errors are tried again",
            "model_group_retry_policy":
                "has no effect in this version: Fanout's own table says which errors are tried again",
            "allowed_fails_policy": "has no effect in this version: allowed_fails counts for every kind of error",
            "enable_pre_call_checks": "has no effect in this version: the context window isn't checked before a call",
            "cache_responses": "has no effect in this version: there is no response cache yet",
            "redis_url": "has no effect in this version: limits and cooldowns are this daemon's own",
            "redis_host": "has no effect in this version: limits and cooldowns are this daemon's own",
            "routing_groups": "has no effect in this version: every group is routed by simple-shuffle",
        ].merging(
            quiet([
                "routing_strategy_args", "optional_pre_call_checks", "tag_filtering_match_any", "tag_routing_prefix",
                "enable_weighted_failover", "enable_health_check_routing", "health_check_staleness_threshold",
                "default_priority", "polling_interval", "redis_port", "redis_password", "redis_db", "redis_username",
                "cache_kwargs", "caching_groups", "client_ttl", "set_verbose", "debug_level", "alerting_config",
                "plugins",
                "deployment_affinity_ttl_seconds", "model_group_affinity_config", "ignore_invalid_deployments",
                "assistants_config", "health_check_interval", "health_check_concurrency",
            ]),
            uniquingKeysWith: { first, _ in first }
        ),
        refused: [
            "provider_budget_config": budget,
            "enable_tag_filtering": tags,
        ]
    )

    /// `litellm_params` that are LiteLLM's own and must not reach a provider.
    static let parameters = UnreadKeys(
        ignored: [
            "mock_response":
                "has no effect: the real provider is asked; for answers without one use model: simulated/NAME",
            "max_retries": "has no effect: num_retries is the only count of retries",
            "stream": "is the caller's to say",
            "messages": "is the caller's to say",
            "prompt": "is the caller's to say",
            "input": "is the caller's to say",
        ].merging(
            quiet([
                "mock_timeout", "silent_model", "use_in_pass_through", "tag_regex", "itpm", "otpm",
                "timeout_by_service_tier", "stream_timeout_by_service_tier", "additional_drop_params",
                "allowed_openai_params", "configurable_clientside_auth_params", "merge_reasoning_content_in_choices",
                "base_model", "caching", "cache", "metadata", "litellm_metadata", "litellm_trace_id", "model_info",
                "custom_prompt_dict", "hf_model_name", "supports_system_message", "prompt_id", "prompt_variables",
                "initial_prompt_value", "final_prompt_value", "roles", "bos_token", "eos_token", "ssl_verify",
                "fallbacks", "context_window_fallback_dict", "no-log", "preset_cache_key", "input_cost_per_second",
                "output_cost_per_second", "input_cost_per_pixel", "output_cost_per_pixel",
                "cache_creation_input_token_cost",
                "input_cost_per_audio_token", "output_cost_per_audio_token", "output_cost_per_reasoning_token",
                "disable_add_transform_inline_image_block", "complexity_router_config", "auto_router_config",
                "auto_router_default_model", "auto_router_embedding_model",
                "azure_scope", "azure_username", "azure_password", "tenant_id", "client_id", "client_secret",
                "aws_access_key_id", "aws_secret_access_key", "aws_session_token", "aws_region_name", "vertex_project",
                "vertex_location", "vertex_credentials", "retry_policy", "retry_after", "id", "model_name",
            ]),
            uniquingKeysWith: { first, _ in first }
        ),
        refused: [
            "max_budget": budget, "budget_duration": budget, "guardrails": guardrail, "guardrail": guardrail,
            "blocked": "the deployment would not be blocked: write it in model_info",
        ]
    )

    /// Parameters of chat, completion and embedding calls: a near miss of one of ours isn't a slip.
    static let providerParameters: Set<String> = [
        "temperature", "top_p", "top_k", "min_p", "n", "stop", "seed", "user", "tools", "tool_choice", "max_tokens",
        "max_completion_tokens", "logit_bias", "logprobs", "top_logprobs", "presence_penalty", "frequency_penalty",
        "response_format", "reasoning_effort", "service_tier", "parallel_tool_calls", "store", "verbosity",
        "modalities",
        "dimensions", "encoding_format", "extra_body", "thinking", "best_of", "echo", "suffix", "route", "models",
        "transforms", "safe_prompt", "prediction", "audio", "repetition_penalty", "stream_options", "prompt_cache_key",
    ]
}
