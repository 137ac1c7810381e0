// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutConfiguration
import FanoutModel
import Testing

/// `fanout.tenants`.
@Suite struct TenantTests {
    private func tenants(_ text: String) throws -> LoadedConfiguration {
        try load(oneModel + "fanout:\n  limits: {rates: enforced}\n  tenants:\n" + text)
    }

    @Test func `users and groups are named or numbered, and the order of the file counts`() throws {
        let loaded = try self.tenants(
            """
                search: {match: {users: [alice, 12], groups: [search]}, models: [small], max_class: bulk, rpm: 60}
                others: {match: {groups: [7]}, max_parallel_requests: 4, max_connections: 2, tpm: 1e6}
            """
        )
        #expect(loaded.lines == [])
        let tenants = loaded.snapshot.tenants
        #expect(
            tenants.rules == [
                TenantPolicies.Rule(tenant: "search", users: [1_001, 12], groups: [2_001]),
                TenantPolicies.Rule(tenant: "others", users: [], groups: [7]),
            ]
        )
        let search = tenants.policy(of: "search")
        #expect(search.models == ModelNames(["small"]) && search.classMax == .bulk)
        #expect(search.rates.requestsPerMinute == 60 && search.rates.tokensPerMinute == nil)
        let others = tenants.policy(of: "others")
        #expect(others.models == nil && others.classMax == .system && others.rates.tokensPerMinute == 1_000_000)
        #expect(others.maxConcurrency == 4 && others.maxConnections == 2)
        #expect(tenants.others == nil)
        #expect(tenants.tenant(user: 5, groups: [5]) == nil)
    }

    struct Row: Sendable, CustomTestStringConvertible {
        var yaml: String
        var said: String
        var testDescription: String { self.yaml }
    }

    @Test(arguments: [
        Row(yaml: "a: {rpm: 1}", said: "7:5: error: fanout.tenants.a: needs match: {users: […], groups: […]}"),
        Row(yaml: "a: {match: {}}", said: "7:16: error: fanout.tenants.a.match: matches nobody"),
        Row(
            yaml: "a: {match: {users: [carol]}}",
            said: "7:25: error: fanout.tenants.a.match.users[0]: there is no user carol on this host"
        ),
        Row(
            yaml: "a: {match: {groups: [-1]}}",
            said: "7:26: error: fanout.tenants.a.match.groups[0]: there is no group (not a plain name) on this host"
        ),
        Row(
            yaml: "a: {match: {groups: [os.environ/NONE]}}",
            said: "7:26: error: fanout.tenants.a.match.groups[0]: the variable NONE isn't set"
        ),
        Row(yaml: "uid:x: {rpm: 1}", said: ": must be a user's number behind uid:"),
        Row(
            yaml: "uid:1: {match: {users: [1]}}",
            said: ".match: a tenant of this name is matched by its name"
        ),
        Row(
            yaml: "default: {max_class: defualt}",
            said: "7:26: error: fanout.tenants.default.max_class: must be one of system, interactive, default, bulk; "
                + "did you mean default?"
        ),
        Row(yaml: "default: {rpm: 0}", said: "7:20: error: fanout.tenants.default.rpm: must be a number above 0"),
        Row(
            yaml: "default: {rpm: os.environ/R}",
            said: "7:20: error: fanout.tenants.default.rpm: the variable R isn't"
        ),
        Row(
            yaml: "default: {max_connections: 0}",
            said: "7:32: error: fanout.tenants.default.max_connections: must be"
        ),
        Row(yaml: "\"a b\": {rpm: 1}", said: "must be called by a word of at most 64 bytes without spaces"),
    ])
    func `what can't be meant is an error at its place`(row: Row) {
        let found = errors(oneModel + "fanout:\n  limits: {rates: enforced}\n  tenants:\n    \(row.yaml)\n")
        #expect(found.count == 1 && found[0].contains(row.said), "\(found)")
    }

    @Test func `a model that nobody serves is a warning`() throws {
        let loaded = try self.tenants("    default: {models: [smal, 's*', small]}\n")
        #expect(loaded.lines.count == 1)
        #expect(loaded.lines.first?.contains("fanout.tenants.default.models[0]: this is about a model_name") == true)
    }

    @Test func `an unknown key is named`() throws {
        let loaded = try self.tenants("    default: {rpmm: 3}\n")
        #expect(loaded.lines.first?.contains("rpmm: this key is unknown and has no effect; did you mean rpm?") == true)
    }
}
