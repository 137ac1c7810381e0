// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// `fanout.tenants`: who may use the daemon, and how much.
extension ConfigurationBuilder {
    /// The tenant that stands for whoever isn't named.
    private static let otherTenants = "default"
    private static let tenantsMax = 1_000
    private static let nameBytesMax = 64
    private static let userPrefix = "uid:"
    /// The last number means "none" to the kernel.
    private static let ids: ClosedRange<UInt32> = 0...UInt32.max - 1

    mutating func readTenants(_ field: Field?) {
        guard let section = self.reader.section(field) else { return }
        guard section.fields.count <= Self.tenantsMax else {
            self.reader.error(section.fields[Self.tenantsMax].keyAlone, "at most \(Self.tenantsMax) tenants are taken")
            return
        }
        for field in section.fields { self.readTenant(field) }
    }

    private mutating func readTenant(_ field: Field) {
        let name = field.key
        guard !name.isEmpty, name.utf8.count <= Self.nameBytesMax, !name.utf8.contains(where: { $0 <= 0x20 }) else {
            let words = "must be called by a word of at most \(Self.nameBytesMax) bytes without spaces"
            self.reader.error(field.keyAlone, words)
            return
        }
        guard var section = self.reader.section(field) else { return }
        let match = section.take("match")
        let policy = self.policy(&section)
        self.reader.finish(section, UnreadKeys())
        if name == Self.otherTenants {
            self.tenants.others = policy
        } else {
            self.tenants.named[name] = policy
        }
        self.readMatch(match, of: field)
    }

    private mutating func policy(_ section: inout Section) -> TenantPolicy {
        var policy = TenantPolicy()
        if let models = section.take("models"), let names = self.reader.list(models) {
            self.tenantModels += names
            policy.models = ModelNames(names.compactMap { self.reader.text($0) })
        }
        if let field = section.take("max_class"), let text = self.reader.text(field) {
            if let named = PriorityClass.allCases.first(where: { $0.word == text }) {
                policy.classMax = named
            } else {
                let words = PriorityClass.allCases.map(\.word)
                let hint = Spelling.hint(text, among: words)
                self.reader.error(field, "must be one of \(words.joined(separator: ", "))\(hint)")
            }
        }
        let most: ClosedRange<UInt32> = 1...1_000_000
        policy.maxConcurrency = self.reader.count(section.take("max_parallel_requests"), most)
        policy.maxConnections = self.reader.count(section.take("max_connections"), 1...1_000_000)
        policy.rates.requestsPerMinute = self.tenantRate(section.take("rpm"))
        policy.rates.tokensPerMinute = self.tenantRate(section.take("tpm"))
        let sum = section.take("max_budget")
        policy.budget = self.budget(sum, per: section.take("budget_duration"))
        return policy
    }

    /// Nothing of it may be lost in silence, so a variable that isn't set is an error.
    private mutating func tenantRate(_ field: Field?) -> Double? {
        guard let field, !field.node.isNull, let text = self.required(field, "the rate") else { return nil }
        if let rate = ScalarText.number(text), rate > 0, rate <= 1e12 { return rate }
        self.reader.error(field, "must be a number above 0; to let a tenant do nothing, don't match it")
        return nil
    }

    // MARK: Who

    private mutating func readMatch(_ match: Field?, of field: Field) {
        let name = field.key
        if name == Self.otherTenants || name.hasPrefix(Self.userPrefix) {
            if let match { self.reader.error(match, "a tenant of this name is matched by its name; remove match") }
            let number = UInt32(name.dropFirst(Self.userPrefix.count))
            if name != Self.otherTenants, number.map(Self.ids.contains) != true {
                self.reader.error(field.keyAlone, "must be a user's number behind uid:, such as uid:1000")
            }
            return
        }
        guard var section = self.reader.section(match) else {
            if match?.node.isNull != false {
                let words = "needs match: {users: […], groups: […]}, which says whom it stands for"
                self.reader.error(field.keyAlone, "\(words); uid:1000 and default need none")
            }
            return
        }
        let users = self.numbers(section.take("users"), "user", self.identities.user)
        let groups = self.numbers(section.take("groups"), "group", self.identities.group)
        self.reader.finish(section, UnreadKeys())
        guard let users, let groups else { return }
        guard !users.isEmpty || !groups.isEmpty else {
            self.reader.error(match ?? field, "matches nobody; name users or groups, by name or number")
            return
        }
        self.tenants.rules.append(TenantPolicies.Rule(tenant: name, users: users, groups: groups))
    }

    /// Numbers of users or groups that are given by number or by name; nil = there was an error.
    private mutating func numbers(
        _ field: Field?,
        _ kind: String,
        _ find: @Sendable (String) -> UInt32?
    ) -> Set<UInt32>? {
        var numbers: Set<UInt32> = []
        var isComplete = true
        for element in self.reader.list(field) ?? [] {
            guard let text = self.required(element, "the \(kind)") else {
                isComplete = false
                continue
            }
            if let number = UInt32(text) ?? find(text), Self.ids.contains(number) {
                numbers.insert(number)
            } else {
                isComplete = false
                let shown = Spelling.shownName(text)
                self.reader.error(element, "there is no \(kind) \(shown) on this host; add it, or write its number")
            }
        }
        return isComplete ? numbers : nil
    }

    // MARK: What

    /// Once the groups are known: a name that none serves lets nobody do anything.
    mutating func checkTenantModels(in snapshot: Snapshot, _ directory: GroupDirectory) {
        let names = snapshot.names.keys + snapshot.patterns.map(\.name)
        let known = ModelNames(names)
        for field in self.tenantModels {
            guard let text = field.node.text, !known.contains(text), snapshot.resolve(text) == nil else { continue }
            if !names.contains(where: ModelNames([text]).contains) { self.warnOfUnknownGroup(field, directory) }
        }
    }
}
