// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import Testing

@Suite struct TenantPolicyTests {
    private func policies(others: TenantPolicy? = nil) -> TenantPolicies {
        var policies = TenantPolicies()
        policies.rules = [
            TenantPolicies.Rule(tenant: "search", users: [1], groups: [50]),
            TenantPolicies.Rule(tenant: "late", users: [1, 2], groups: []),
        ]
        policies.named = ["search": TenantPolicy(), "late": TenantPolicy(), "uid:7": TenantPolicy()]
        policies.others = others
        return policies
    }

    @Test func `without rules each caller is its own tenant`() {
        #expect(TenantPolicies().tenant(user: 1_000, groups: [1_000]) == "uid:1000")
    }

    @Test func `the first rule that has the user or one of its groups counts`() {
        let policies = self.policies()
        #expect(policies.tenant(user: 1, groups: [9]) == "search")
        #expect(policies.tenant(user: 2, groups: [9]) == "late")
        #expect(policies.tenant(user: 2, groups: [9, 50]) == "search")
        #expect(policies.tenant(user: 7, groups: [7]) == "uid:7")
    }

    @Test func `whoever no rule matches is refused, unless there is a default`() {
        #expect(self.policies().tenant(user: 3, groups: [9]) == nil)
        #expect(self.policies(others: TenantPolicy()).tenant(user: 3, groups: [9]) == "uid:3")
    }

    @Test func `a user without a number of its own needs a rule with that number`() {
        #expect(TenantPolicies().tenant(user: 65_534, groups: [65_534]) == nil)
        var policies = self.policies(others: TenantPolicy())
        #expect(policies.tenant(user: 65_534, groups: [50]) == nil)
        policies.rules[1].users.insert(65_534)
        #expect(policies.tenant(user: 65_534, groups: []) == "late")
    }

    @Test func `a tenant that isn't named has the default's policy, or none`() {
        var others = TenantPolicy()
        others.maxConcurrency = 3
        #expect(self.policies(others: others).policy(of: "uid:9").maxConcurrency == 3)
        #expect(self.policies(others: others).policy(of: "search").maxConcurrency == nil)
        #expect(self.policies().policy(of: "uid:9") == TenantPolicy())
    }

    @Test func `a class above the ceiling is refused by name, and none given is lowered`() throws {
        var policy = TenantPolicy()
        policy.classMax = .bulk
        var options = BatchOptions()
        #expect(try policy.admit(options, of: "t").priorityClass == .bulk)
        options.priorityClass = .interactive
        let failure = #expect(throws: Failure.self) { try policy.admit(options, of: "t") }
        #expect(failure?.code == .permission)
        #expect(failure?.message.contains("fanout.tenants.t.max_class") == true)
        policy.classMax = .interactive
        #expect(try policy.admit(options, of: "t").priorityClass == .interactive)
    }

    @Test func `each model that an item names must be open to its tenant`() throws {
        var policy = TenantPolicy()
        policy.models = ModelNames(["fast", "gpt-*"])
        var item = Item(request: Request(model: "gpt-4o", task: nil))
        item.fallbacks = ["fast"]
        try policy.admit(item, of: "t")
        item.fallbacks = ["fast", "slow"]
        var failure = #expect(throws: Failure.self) { try policy.admit(item, of: "t") }
        #expect(failure?.code == .permission && failure?.param == "fallbacks")
        item.fallbacks = []
        item.race = ["gpt-4o", "other"]
        failure = #expect(throws: Failure.self) { try policy.admit(item, of: "t") }
        #expect(failure?.param == "race" && failure?.message.contains("'other'") == true)
    }

    @Test func `a caller is told of the models it may ask for`() {
        var snapshot = Snapshot()
        snapshot.names = ["fast": GroupID(0), "slow": GroupID(1)]
        snapshot.patterns = [ModelPattern("openai/*", group: GroupID(2))].compactMap { $0 }
        var policy = TenantPolicy()
        #expect(snapshot.models(for: policy) == ["fast", "openai/*", "slow"])
        policy.models = ModelNames(["fast", "openai/gpt-*", "nobody"])
        #expect(snapshot.models(for: policy) == ["fast", "openai/gpt-*"])
        policy.models = ModelNames(["*"])
        #expect(snapshot.models(for: policy) == ["*", "fast", "openai/*", "slow"].filter { $0 != "*" })
    }

    @Test func `a caller is shown the deployments of the groups that it may ask for, by whatever name`() {
        var snapshot = Snapshot()
        snapshot.groups = ["fast", "slow", "openai/*"].map { ModelGroup(name: $0) }
        snapshot.names = ["fast": GroupID(0), "quick": GroupID(0), "slow": GroupID(1)]
        snapshot.patterns = [ModelPattern("openai/*", group: GroupID(2))].compactMap { $0 }
        var policy = TenantPolicy()
        #expect(snapshot.groups(for: policy) == nil)
        for (models, groups) in [
            (["quick"], ["fast"]), (["openai/gpt-4o"], ["openai/*"]), (["nobody"], []),
            (["*"], ["fast", "slow", "openai/*"]),
        ] as [([String], Set<String>)] {
            policy.models = ModelNames(models)
            #expect(snapshot.groups(for: policy) == groups)
        }
    }
}
