// Fanout
// SPDX-License-Identifier: Apache-2.0

/// Who may use the daemon, and how much: `fanout.tenants`.
///
/// Without rules each caller is let in as `uid:N`. With a rule, whoever none matches is let in only if there is a
/// `default`.
package struct TenantPolicies: Sendable, Hashable {
    /// Whom a tenant stands for.
    package struct Rule: Sendable, Hashable {
        /// The tenant's name.
        package var tenant: String
        package var users: Set<UInt32>
        /// Primary and supplementary groups.
        package var groups: Set<UInt32>

        /// Makes a rule.
        package init(tenant: String, users: Set<UInt32>, groups: Set<UInt32>) {
            self.tenant = tenant
            self.users = users
            self.groups = groups
        }
    }

    /// In the order in which they are tried.
    package var rules: [Rule] = []
    /// By tenant name; ``others`` stands for all that aren't named.
    package var named: [String: TenantPolicy] = [:]
    /// Of each caller that nothing names; `nil` = there is no `default`.
    package var others: TenantPolicy?

    /// The uid of who has none here, see user_namespaces(7): anybody may be behind it.
    package static let unmappedUser: UInt32 = 65_534

    /// Each caller may do everything.
    package init() {}

    /// The tenant that a caller belongs to; `nil` = it is refused.
    ///
    /// The first rule that matches counts. A caller without a number of its own is let in only by a rule that names
    /// its number, since its groups say no more than its uid.
    package func tenant(user: UInt32, groups: Set<UInt32>) -> String? {
        let own = "uid:\(user)"
        let isMapped = user != Self.unmappedUser
        for rule in self.rules
        where rule.users.contains(user) || isMapped && !rule.groups.isDisjoint(with: groups) { return rule.tenant }
        if self.named[own] != nil { return own }
        return isMapped && (self.rules.isEmpty || self.others != nil) ? own : nil
    }

    /// What a tenant may do.
    package func policy(of tenant: String) -> TenantPolicy {
        self.named[tenant] ?? self.others ?? TenantPolicy()
    }

    /// Whether anybody's money is bounded.
    package var haveBudgets: Bool {
        self.others?.budget != nil || self.named.values.contains { $0.budget != nil }
    }
}

/// What one tenant may do.
package struct TenantPolicy: Sendable, Hashable {
    /// The names it may ask for; `nil` = all.
    package var models: ModelNames?
    /// The most urgent class of its batches.
    package var classMax: PriorityClass = .system
    /// Attempts in flight; `nil` = ``RoutingSettings/tenantConcurrency``.
    package var maxConcurrency: UInt32?
    /// What its attempts may take in a minute.
    package var rates = RateLimits()
    /// What it may spend; `nil` = any sum.
    package var budget: Budget?
    /// Connections; `nil` = ``Limits/connectionsPerTenant``.
    package var maxConnections: Int?

    /// It may do everything.
    package init() {}

    /// The options that a batch of the tenant runs with.
    ///
    /// The class of a batch that names none, DEFAULT, is lowered to what is allowed.
    /// - Throws: PERMISSION for a class that is more urgent than the tenant may use.
    package func admit(_ options: BatchOptions, of tenant: String) throws(Failure) -> BatchOptions {
        guard options.priorityClass < self.classMax else { return options }
        guard options.priorityClass == .standard else {
            let words = "the tenant '\(tenant)' may use the class \(self.classMax.word) at most"
            throw Failure(
                .permission,
                "\(words): ask for a higher fanout.tenants.\(tenant).max_class, or send the batch in that class",
                param: "options.priority_class"
            )
        }
        var lowered = options
        lowered.priorityClass = self.classMax
        return lowered
    }

    /// Whether the tenant may ask for all models of an item.
    /// - Throws: PERMISSION, whether there is such a model or not.
    package func admit(_ item: Item, of tenant: String) throws(Failure) {
        guard let models = self.models else { return }
        let places = [
            ("request.model", item.request.model.isEmpty ? [] : [item.request.model]), ("race", item.race),
            ("fallbacks", item.fallbacks),
        ]
        for (param, names) in places {
            guard let name = names.first(where: { !models.contains($0) }) else { continue }
            let words = "the tenant '\(tenant)' may not use the model '\(name.prefix(256))'"
            throw Failure(
                .permission,
                "\(words): ask for it in fanout.tenants.\(tenant).models, or use one that Welcome lists",
                param: param
            )
        }
    }
}

/// A set of model names, some of which may have stars.
package struct ModelNames: Sendable, Hashable {
    /// As they were written.
    package let written: [String]
    private let names: Set<String>
    private let patterns: [ModelPattern]

    /// Makes a set.
    package init(_ written: [String]) {
        self.written = written
        // No group is served by them: they are matched alone.
        self.patterns = written.compactMap { ModelPattern($0, group: GroupID(0)) }
        self.names = Set(written)
    }

    /// Whether a name is one of them.
    package func contains(_ name: String) -> Bool {
        if self.names.contains(name) { return true }
        guard !self.patterns.isEmpty else { return false }
        let bytes = Array(name.utf8)
        return self.patterns.contains { $0.captures(in: bytes) != nil }
    }
}

extension Snapshot {
    /// The names that a tenant may ask for, sorted; of those with stars what the tenant's own names leave of them.
    package func models(for policy: TenantPolicy) -> [String] {
        let all = self.names.keys + self.patterns.map(\.name)
        guard let models = policy.models else { return all.sorted() }
        let narrower = models.written.filter { name in
            let bytes = Array(name.utf8)
            return self.patterns.contains { $0.captures(in: bytes) != nil }
        }
        return Set(all.filter(models.contains) + narrower).sorted()
    }
}

extension Snapshot {
    /// The names of the groups whose lanes serve what a tenant may ask for; `nil` = all.
    package func groups(for policy: TenantPolicy) -> Set<String>? {
        guard let models = policy.models else { return nil }
        var groups: Set<GroupID> = []
        for (name, group) in self.names where models.contains(name) { groups.insert(group) }
        for pattern in self.patterns {
            let isNarrowed = models.written.contains { pattern.captures(in: Array($0.utf8)) != nil }
            if isNarrowed || models.contains(pattern.name) { groups.insert(pattern.group) }
        }
        return Set(
            groups.flatMap { id in [id, self.groups[Int(id.index)].servedBy ?? id] }.map {
                self.groups[Int($0.index)].name
            }
        )
    }
}

extension PriorityClass {
    /// As the configuration writes it.
    package var word: String {
        switch self {
        case .system: "system"
        case .interactive: "interactive"
        case .standard: "default"
        case .bulk: "bulk"
        }
    }
}
