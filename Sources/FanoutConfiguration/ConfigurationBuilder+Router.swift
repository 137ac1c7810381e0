// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

extension ConfigurationBuilder {
    mutating func readGeneralSettings(_ field: Field?) {
        guard var section = self.reader.section(field) else { return }
        if let most: UInt32 = self.reader.count(section.take("global_max_parallel_requests"), 1...1_000_000) {
            self.routing.daemonConcurrency = most
        }
        self.reader.finish(section, .generalSettings)
    }

    mutating func readLiteLLMSettings(_ field: Field?) {
        guard var section = self.reader.section(field) else { return }
        if let retries: UInt32 = self.reader.count(section.take("num_retries"), 0...1_000) {
            self.routing.retries = retries
        }
        if let total = self.reader.timer(section.take("request_timeout")) { self.routing.timeouts.total = total }
        if let fails: UInt32 = self.reader.count(section.take("allowed_fails"), 0...1_000_000) {
            self.routing.allowedFails = fails
        }
        if let most: UInt32 = self.reader.count(section.take("num_retries_per_request"), 0...1_000) {
            self.routing.attemptsMax = most + 1
        }
        if let drops = self.reader.flag(section.take("drop_params")) { self.dropsUnsupported = drops }
        self.readTagBudgets(section.take("tag_budget_config"))
        self.readFallbackLists(&section)
        self.readCallbacks(&section)
        self.reader.finish(section, .liteLLMSettings)
    }

    /// Some of LiteLLM's guardrails are switched on as callbacks.
    private mutating func readCallbacks(_ section: inout Section) {
        guard let field = section.take("callbacks"), !field.node.isFalsy else { return }
        let guards: Set<String> = [
            "presidio", "llamaguard_moderations", "llmguard_moderations", "google_text_moderation", "hide_secrets",
            "openai_moderations", "detect_prompt_injection", "lakera_prompt_injection", "aporia_prompt_injection",
            "banned_keywords", "blocked_user_check", "max_budget_limiter", "azure_content_safety",
        ]
        let names = field.elements?.compactMap(\.node.text) ?? []
        guard let guardrail = names.first(where: guards.contains) else {
            self.reader.warnOnce(field, "callbacks have no effect in Fanout")
            return
        }
        guard !self.reader.log.accepted.contains(field.path) else { return }
        self.reader.error(
            field,
            "the guardrail \(guardrail) would be lost, Fanout has none: remove it, or add \(field.path) to fanout.ignore"
        )
    }

    mutating func readRouterSettings(_ field: Field?) {
        guard var section = self.reader.section(field) else { return }
        self.readStrategy(&section)
        self.routingGroups = section.take("routing_groups")
        self.readPolicies(&section)
        self.readFilters(&section)
        self.readProviderBudgets(section.take("provider_budget_config"))
        if let retries: UInt32 = self.reader.count(section.take("num_retries"), 0...1_000) {
            self.routing.retries = retries
        }
        if let most: UInt32 = self.reader.count(section.take("max_fallbacks"), 0...1_000) {
            self.routing.maxFallbacks = most
        }
        if let total = self.reader.timer(section.take("timeout")) { self.routing.timeouts.total = total }
        if let stream = self.reader.timer(section.take("stream_timeout")) {
            self.routing.timeouts.bound(streamBy: stream)
        }
        if let after = self.reader.milliseconds(section.take("retry_after"), 0...3_600_000) {
            self.routing.retryAfterMilliseconds = after
        }
        if let fails: UInt32 = self.reader.count(section.take("allowed_fails"), 0...1_000_000) {
            self.routing.allowedFails = fails
        }
        if let cooldown = self.reader.milliseconds(section.take("cooldown_time")) {
            self.routing.cooldownMilliseconds = cooldown
        }
        if let disables = self.reader.flag(section.take("disable_cooldowns")) {
            self.routing.disablesCooldowns = disables
        }
        if let most: UInt32 = self.reader.count(section.take("default_max_parallel_requests"), 1...1_000_000) {
            self.routing.laneConcurrency = most
        }
        self.readFallbackLists(&section)
        self.aliases = section.take("model_group_alias")
        if var defaults = self.reader.section(section.take("default_litellm_params")) {
            self.fallbacks.contextWindowDictionary = defaults.take("context_window_fallback_dict")
            self.defaultParameters = defaults
        }
        self.reader.finish(section, .routerSettings)
    }

    private mutating func readPolicies(_ section: inout Section) {
        self.routing.retryPolicy = self.failureCounts(section.take("retry_policy"), suffix: "Retries")
        self.groupRetryPolicies = section.take("model_group_retry_policy")
        self.routing.allowedFailsPolicy = self.failureCounts(
            section.take("allowed_fails_policy"),
            suffix: "AllowedFails"
        )
        // What it asks for is what Fanout does under every strategy.
        _ = self.reader.flag(section.take("enable_weighted_failover"))
        if let priority: Int32 = self.reader.count(section.take("default_priority"), -1_000_000...1_000_000) {
            self.routing.defaultPriority = priority
        }
    }

    private mutating func readFilters(_ section: inout Section) {
        if let checks = self.reader.flag(section.take("enable_pre_call_checks")) {
            self.routing.checksBeforeCall = checks
            self.ratesAreKnown = self.ratesAreKnown || checks
        }
        let filters = self.reader.flag(section.take("enable_tag_filtering"))
        let matchesAny = self.reader.flag(section.take("tag_filtering_match_any"))
        let prefix = self.reader.text(section.take("tag_routing_prefix"))
        self.tagFiltering.matchesAny = matchesAny ?? true
        self.tagFiltering.prefix = prefix ?? ""
        if filters == true { self.routing.tagFiltering = self.tagFiltering }
        self.readChecks(section.take("optional_pre_call_checks"))
    }

    /// LiteLLM's filters by name: those that Fanout has are always on.
    private mutating func readChecks(_ field: Field?) {
        let done: Set<String> = ["enforce_model_rate_limits", "router_budget_limiting"]
        let missing = [
            "prompt_caching": "a prompt isn't sent back to where its beginning is cached",
            "session_affinity": "a session isn't kept at one deployment",
            "deployment_affinity": "a caller isn't kept at one deployment",
            "responses_api_deployment_check": "Fanout doesn't serve the Responses API",
            "encrypted_content_affinity": "a conversation isn't kept at the deployment that encrypted its reasoning",
            "forward_client_headers_by_model_group": "clients of Fanout send no headers",
        ]
        for element in self.reader.list(field) ?? [] {
            guard let name = self.reader.text(element) else { continue }
            if let reason = missing[name] {
                self.reader.warn(element, "\(name) has no effect: \(reason)")
            } else if !done.contains(name) {
                let hint = Spelling.hint(name, among: done.sorted() + missing.keys.sorted())
                self.reader.warn(element, "this check isn't known and has no effect\(hint)")
            } else if name == "enforce_model_rate_limits" {
                self.ratesAreKnown = true
            }
        }
    }

    /// A list here replaces one of an earlier section whole, as in LiteLLM.
    private mutating func readFallbackLists(_ section: inout Section) {
        self.fallbacks.general = section.take("fallbacks") ?? self.fallbacks.general
        self.fallbacks.defaults = section.take("default_fallbacks") ?? self.fallbacks.defaults
        self.fallbacks.contextWindow = section.take("context_window_fallbacks") ?? self.fallbacks.contextWindow
        self.fallbacks.contentPolicy = section.take("content_policy_fallbacks") ?? self.fallbacks.contentPolicy
    }
}

extension Timeouts {
    /// LiteLLM's `stream_timeout`: until something comes, and between any two pieces.
    mutating func bound(streamBy milliseconds: UInt64) {
        self.headers = milliseconds
        self.firstContent = milliseconds
        self.idle = milliseconds
    }
}
