// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

extension ConfigurationBuilder {
    /// LiteLLM's strategies that Fanout has none for.
    private static let otherStrategies: Set<String> = ["provider-budget-routing", "lar1"]

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
        if let drops = self.reader.flag(section.take("drop_params")) { self.dropsUnsupported = drops }
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
        self.readStrategy(section.take("routing_strategy"))
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

    private mutating func readStrategy(_ field: Field?) {
        guard let field, let text = self.reader.text(field) else { return }
        if let strategy = RoutingStrategy(rawValue: text) {
            self.routing.strategy = strategy
        } else if Self.otherStrategies.contains(text) {
            self.reader.warn(field, "\(text) acts as simple-shuffle in this version of Fanout")
        } else {
            let known = RoutingStrategy.allCases.map(\.rawValue) + Self.otherStrategies.sorted()
            let hint = Spelling.hint(text, among: known)
            self.reader.error(field, "must be one of \(known.joined(separator: ", "))\(hint)")
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
