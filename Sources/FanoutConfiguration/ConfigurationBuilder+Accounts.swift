// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import FanoutProviders

/// Limits that the deployments of one key share.
struct AccountDraft {
    var limits: AccountLimits
    /// nil = any provider's.
    var provider: String?
    /// Never printed.
    var key: Secret
    var mark: Mark
    var path: String
    var isUsed = false

    func covers(_ endpoint: Endpoint) -> Bool {
        guard self.provider == nil || self.provider == endpoint.provider else { return false }
        switch endpoint.credential {
        case .none, .renewed: return false
        case .bearer(let key), .header(_, let key): return key == self.key
        case .aws(let key): return key.accessKeyID == self.key
        }
    }
}

extension ConfigurationBuilder {
    /// The most entries of `fanout.accounts`: each deployment is held against all of them.
    static let accountsMax = 1_000

    /// Once named credentials and the environment are known.
    mutating func readAccounts(_ field: Field?) {
        guard let elements = self.reader.list(field) else { return }
        guard elements.count <= Self.accountsMax else {
            self.reader.error(elements[Self.accountsMax], "at most \(Self.accountsMax) accounts are taken")
            return
        }
        for element in elements {
            guard let draft = self.account(element) else { continue }
            if let same = self.accounts.first(where: { Self.overlap($0, draft) }) {
                let place = "\(same.mark.file):\(same.mark.line)"
                self.reader.error(element, "has the same key as the account at \(place); write its limits there")
            } else if self.accounts.contains(where: { $0.limits.name == draft.limits.name }) {
                self.reader.error(element, "another account is called so already; give this one a name of its own")
            } else {
                self.accounts.append(draft)
            }
        }
    }

    private static func overlap(_ left: AccountDraft, _ right: AccountDraft) -> Bool {
        left.key == right.key && (left.provider == nil || right.provider == nil || left.provider == right.provider)
    }

    private mutating func account(_ element: Field) -> AccountDraft? {
        guard var section = self.reader.section(element) else { return nil }
        let nameField = section.take("name")
        let keyField = section.take("api_key")
        let credentialField = section.take("credential_name")
        let providerField = section.take("provider")
        let most = section.take("max_parallel_requests")
        var rates = RateLimits()
        rates.requestsPerMinute = self.rate(section.take("rpm"))
        rates.tokensPerMinute = self.rate(section.take("tpm"))
        rates.promptTokensPerMinute = self.rate(section.take("itpm"))
        rates.completionTokensPerMinute = self.rate(section.take("otpm"))
        self.reader.finish(section, UnreadKeys())
        var entry: ProviderEntry?
        if let providerField, let name = self.reader.text(providerField) {
            entry = ProviderCatalogue.entry(named: name)
            guard entry != nil else {
                let hint = Spelling.hint(name, among: ProviderCatalogue.entries.map(\.name))
                self.reader.error(providerField, "this provider isn't known\(hint)")
                return nil
            }
        }
        guard let key = self.accountKey(keyField, credentialField, entry, element) else { return nil }
        let name = self.reader.text(nameField) ?? self.reader.text(credentialField) ?? entry?.name
        var limits = AccountLimits(name: name ?? "account \(self.accounts.count + 1)")
        limits.rates = rates
        limits.maxConcurrency = self.reader.count(most, 1...1_000_000)
        if rates.isEmpty && limits.maxConcurrency == nil {
            self.reader.warn(element, "has no limit; add rpm, tpm, itpm, otpm or max_parallel_requests")
        }
        return AccountDraft(limits: limits, provider: entry?.name, key: key, mark: element.mark, path: element.path)
    }

    /// The key itself, that of a named credential, or the provider's usual one; nil after an error.
    private mutating func accountKey(
        _ keyField: Field?,
        _ credentialField: Field?,
        _ entry: ProviderEntry?,
        _ element: Field
    ) -> Secret? {
        if let keyField, !keyField.node.isNull { return self.required(keyField, "the key").map(Secret.init) }
        if let credentialField, let name = self.reader.text(credentialField) {
            guard var credential = self.credentials[name], let field = credential.take("api_key") else {
                self.reader.error(credentialField, "there is no such credential_name with an api_key")
                return nil
            }
            return self.required(field, "the key").map(Secret.init)
        }
        for name in entry?.keyVariables ?? [] {
            if let value = self.reader.values.variables[name], !value.isEmpty { return Secret(value) }
        }
        let variable = entry?.keyVariables.first.map { "; \($0) isn't set either" } ?? ""
        self.reader.error(element, "needs api_key, credential_name, or a provider whose key is set\(variable)")
        return nil
    }

    /// A rate a minute; LiteLLM takes 0 for absent.
    mutating func rate(_ field: Field?) -> Double? {
        let rate = self.reader.number(field)
        return rate == 0 ? nil : rate
    }

    /// The place of a deployment's account.
    mutating func account(of endpoint: Endpoint) -> Int? {
        guard let index = self.accounts.firstIndex(where: { $0.covers(endpoint) }) else { return nil }
        self.accounts[index].isUsed = true
        return index
    }

    /// Once all deployments are known.
    mutating func checkAccounts() {
        for account in self.accounts where !account.isUsed {
            self.reader.log.warn(account.mark, account.path, "no deployment has this key")
        }
    }
}
