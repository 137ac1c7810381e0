// Fanout
// SPDX-License-Identifier: Apache-2.0

extension UnreadKeys {
    /// Keys with no effect by the reason for that.
    private static func ignored(_ rows: [(reason: String, keys: String)]) -> [String: String] {
        var table: [String: String] = [:]
        for row in rows {
            for key in row.keys.split(separator: " ") { table[String(key)] = "has no effect: " + row.reason }
        }
        return table
    }

    private static func refused(_ rows: [(reason: String, keys: String)]) -> [String: String] {
        var table: [String: String] = [:]
        for row in rows { for key in row.keys.split(separator: " ") { table[String(key)] = row.reason } }
        return table
    }

    private static let budget =
        "a budget would be lost: Fanout's are those of providers, deployments, tags, and callers in fanout.tenants"
    private static let guardrail = "guardrails would be lost, Fanout has none"
    private static let access = "callers would no longer be held to it: Fanout's access is the socket's permissions"

    private static let callbacks = "Fanout writes its own log and calls nobody back"
    private static let database = "Fanout has no database and no web pages"
    private static let alerts = "Fanout sends no alerts; it logs what is wrong"
    private static let health =
        "Fanout learns from its requests which deployments are well, and probes those that are not"
    private static let cache = "there is no response cache yet"
    private static let redis = "limits and cooldowns are this daemon's own"
    private static let tls = "certificates are always verified; fanout.ca_file adds one's own"
    private static let http = "Fanout has one HTTP client"
    private static let affinity = "requests aren't kept at one deployment"
    private static let autoRouter = "Fanout doesn't choose a model by the prompt"
    private static let caller = "it is the caller's to say"
    private static let media = "Fanout serves chats, completions and embeddings alone"

    /// The file itself.
    static let topLevel = UnreadKeys(
        ignored: ignored([
            ("Fanout serves no MCP", "mcp_servers mcp_aliases mcp_tools"),
            (media, "vector_store_registry assistant_settings finetune_settings files_settings search_tools"),
            (callbacks, "callback_settings"), ("Fanout keeps no prompts", "prompts"),
            ("prices are as input_cost_per_token and output_cost_per_token say", "cost_discount_config"),
            ("it is for LiteLLM's routes of Vertex AI itself", "default_vertex_config"),
        ]),
        refused: refused([(guardrail, "guardrails policies")])
    )

    static let modelListEntry = UnreadKeys()

    static let modelInfo = UnreadKeys(
        ignored: ignored([("a request whose tags nothing matches fails", "allow_fail_open")]),
        refused: refused([(access, "team_id access_groups access_windows")]),
        takesOthers: true
    )

    static let generalSettings = UnreadKeys(
        ignored: ignored([
            ("each request names its own model", "completion_model infer_model_from_keys"),
            (health, "background_health_checks health_check_interval health_check_concurrency health_check_details"),
            (health, "enable_health_check_routing health_check_staleness_threshold"),
            ("default_max_parallel_requests of router_settings limits deployments", "max_parallel_requests"),
            (database, "database_url database_connection_pool_limit database_connection_timeout store_model_in_db"),
            (database, "store_prompts_in_spend_logs disable_spend_logs maximum_spend_logs_retention_period"),
            (database, "proxy_batch_write_at proxy_config_write_at disable_prisma_schema_update disable_error_logs"),
            (database, "use_redis_transaction_buffer ui_access_mode"),
            (alerts, "alerting alerting_threshold alerting_args alert_types alert_to_webhook_url"),
            ("Fanout has no keys of callers", "disable_master_key_return litellm_key_header_name"),
            ("clients of Fanout send no headers", "forward_client_headers_to_llm_api"),
            (media, "pass_through_endpoints"),
            ("keys come from the environment or systemd's credentials", "use_google_kms use_azure_key_vault"),
        ]),
        refused: refused([
            (
                "keys of callers would no longer be asked for: Fanout's access is the socket's permissions",
                "master_key"
            ),
            (access, "custom_auth enable_jwt_auth litellm_jwtauth enable_oauth2_auth allowed_ips allowed_routes"),
            (access, "admin_only_routes public_routes enforce_user_param enforced_params role_permissions"),
            (budget, "max_budget budget_duration max_end_user_budget"),
            (
                "os.environ/ is read from the environment only, not from a secret manager",
                "key_management_system"
            ),
        ])
    )

    static let liteLLMSettings = UnreadKeys(
        ignored: ignored([
            (cache, "cache cache_params enable_caching_on_provider_specific_optional_params"),
            ("Fanout doesn't rewrite messages", "modify_params add_function_to_prompt"),
            ("a failure always says what was tried", "expose_router_debug_in_errors"),
            ("fanout.log has the log's level and format", "set_verbose json_logs"),
            (callbacks, "success_callback failure_callback service_callback audit_log_callbacks s3_callback_params"),
            (callbacks, "langfuse_default_tags datadog_params prometheus_metrics_config"),
            (callbacks, "custom_prometheus_metadata_labels"),
            ("prompts, answers and keys are never logged", "turn_off_message_logging redact_user_api_key_info"),
            ("prompts, answers and keys are never logged", "redact_messages_in_exceptions log_raw_request_response"),
            ("Fanout reports to nobody", "telemetry"),
            (http, "force_ipv4 use_aiohttp_transport disable_aiohttp_transport return_response_headers"),
            (tls, "ssl_verify ssl_certificate ssl_security_level"),
            ("answers aren't held against a schema", "enable_json_schema_validation"),
            ("messages go out as they are", "disable_add_transform_inline_image_block"),
            ("messages go out as they are", "disable_copilot_system_to_assistant"),
            ("tokens are always estimated before a call", "disable_token_counter"),
            ("write credential_list at the top of the file", "credential_list"),
            ("model_group_alias of router_settings does this", "model_alias_map"),
            ("there are none in Fanout", "enable_preview_features"),
        ]),
        refused: refused([
            (guardrail, "guardrails llm_guard_mode banned_keywords_list pre_call_rules post_call_rules"),
            (access, "blocked_user_list default_team_settings default_team_params default_key_generate_params"),
            (access, "upperbound_key_generate_params enforced_params key_generation_settings"),
            (budget, "max_budget budget_duration max_internal_user_budget internal_user_budget_duration"),
            (budget, "max_end_user_budget max_user_budget default_internal_user_params"),
        ])
    )

    static let routerSettings = UnreadKeys(
        ignored: ignored([
            (cache, "cache_responses cache_kwargs caching_groups"),
            (redis, "redis_url redis_host redis_port redis_password redis_db redis_username"),
            (health, "enable_health_check_routing health_check_staleness_threshold health_check_interval"),
            (health, "health_check_concurrency"),
            ("who waits is told when its turn has come, nobody asks again and again", "polling_interval"),
            (http, "client_ttl"), ("fanout.log has the log's level and format", "set_verbose debug_level"),
            (alerts, "alerting_config"), ("Fanout loads no code", "plugins"),
            (affinity, "deployment_affinity_ttl_seconds model_group_affinity_config"),
            ("a deployment that is wrong is an error, and the file isn't loaded", "ignore_invalid_deployments"),
            (media, "assistants_config"),
        ])
    )

    /// `litellm_params` that are LiteLLM's own and must not reach a provider.
    static let parameters = UnreadKeys(
        ignored: ignored([
            ("the real provider is asked; for answers without one use model: simulated/NAME", "mock_response"),
            ("the real provider is asked; for answers without one use model: simulated/NAME", "mock_timeout"),
            ("num_retries is the only count of retries", "max_retries"),
            (caller, "stream messages prompt input fallbacks"),
            ("requests go to nobody but who answers them", "silent_model"),
            (media, "use_in_pass_through"), ("clients of Fanout send no headers to match", "tag_regex"),
            ("one timeout holds for all tiers", "timeout_by_service_tier stream_timeout_by_service_tier"),
            ("drop_params drops what the provider doesn't take", "additional_drop_params allowed_openai_params"),
            ("callers can't change keys and addresses", "configurable_clientside_auth_params"),
            ("reasoning comes in a part of its own", "merge_reasoning_content_in_choices"),
            (cache, "caching cache preset_cache_key"),
            ("it is LiteLLM's own record", "metadata litellm_metadata litellm_trace_id no-log id"),
            ("it belongs beside litellm_params", "model_info model_name"),
            ("the provider's own template counts", "custom_prompt_dict hf_model_name supports_system_message"),
            ("the provider's own template counts", "initial_prompt_value final_prompt_value roles bos_token eos_token"),
            ("Fanout keeps no prompts", "prompt_id prompt_variables"), (tls, "ssl_verify"),
            ("it counts in default_litellm_params alone", "context_window_fallback_dict"),
            ("it counts in router_settings alone", "retry_policy retry_after"),
            ("cost is counted by prompt and completion tokens", "input_cost_per_second output_cost_per_second"),
            ("cost is counted by prompt and completion tokens", "input_cost_per_pixel output_cost_per_pixel"),
            ("messages go out as they are", "disable_add_transform_inline_image_block"),
            (autoRouter, "complexity_router_config auto_router_config auto_router_default_model"),
            (autoRouter, "auto_router_embedding_model"),
            ("give a client's secret, not a person's password", "azure_username azure_password"),
        ]),
        refused: refused([
            (guardrail, "guardrails guardrail"),
            ("the deployment would not be blocked: write it in model_info", "blocked"),
        ])
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
