// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutProviders
import Foundation
import Testing

@testable import FanoutConfiguration

@Suite struct DocumentationTests {
    private static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    private func page(_ name: String) throws -> [String] {
        let text = try String(contentsOf: Self.root.appendingPathComponent("docs/\(name)"), encoding: .utf8)
        return text.components(separatedBy: "\n")
    }

    /// The lines from a heading to the next one of any level.
    private func lines(of page: [String], under heading: String) throws -> ArraySlice<String> {
        let start = try #require(
            page.firstIndex { $0 == "## \(heading)" || $0 == "### \(heading)" },
            "no heading \(heading)"
        )
        let rest = page[(start + 1)...]
        return rest[..<(rest.firstIndex { $0.hasPrefix("##") } ?? page.endIndex)]
    }

    /// The rows of a table whose first column is a key: the key and the other columns.
    private func rows(_ lines: ArraySlice<String>) -> [(key: String, word: String, why: String)] {
        lines.compactMap { line in
            guard line.hasPrefix("| `") else { return nil }
            let cells = line.components(separatedBy: "|").map { $0.trimmingCharacters(in: .whitespaces) }
            guard cells.count >= 4 else { return nil }
            return (cells[1].trimmingCharacters(in: ["`"]), cells[2], cells[3...].dropLast().joined(separator: "|"))
        }
    }

    /// What was asked for while the example with all keys was read.
    private func asked() throws -> [String: Set<String>] {
        var inclusion = Inclusion(files: .none)
        let entries = inclusion.entries(of: everyRoutingKey + everyKeyOfOurs, path: "config.yaml")
        let start = Mark(file: "config.yaml", line: 1, column: 1)
        var root = Section(path: "", mark: start, entries: try #require(entries))
        var builder = ConfigurationBuilder(
            log: inclusion.log,
            environment: everyVariable,
            files: .none,
            identities: identities,
            overrides: ConfigurationOverrides()
        )
        builder.read(&root)
        _ = builder.assemble(previous: nil)
        #expect(builder.reader.log.errors.map(\.description) == [])
        return builder.reader.asked
    }

    struct Table: CustomTestStringConvertible {
        var heading: String
        var path: String
        var keys = UnreadKeys()
        var testDescription: String { self.heading }
    }

    @Test(arguments: [
        Table(heading: "Top level", path: "", keys: .topLevel),
        Table(heading: "model_list", path: "model_list", keys: .modelListEntry),
        Table(heading: "litellm_params", path: "model_list.litellm_params", keys: .parameters),
        Table(heading: "model_info", path: "model_list.model_info", keys: .modelInfo),
        Table(heading: "router_settings", path: "router_settings", keys: .routerSettings),
        Table(heading: "routing_strategy_args", path: "router_settings.routing_strategy_args"),
        Table(heading: "routing_groups", path: "router_settings.routing_groups"),
        Table(heading: "Budgets", path: "router_settings.provider_budget_config.openai"),
        Table(heading: "litellm_settings", path: "litellm_settings", keys: .liteLLMSettings),
        Table(heading: "general_settings", path: "general_settings", keys: .generalSettings),
    ])
    func `each key of LiteLLM's has its line, and each line its key`(table: Table) throws {
        let rows = self.rows(try self.lines(of: self.page("litellm.md"), under: table.heading))
        var read = try #require(try self.asked()[table.path])
        if table.path.isEmpty { read.remove("fanout") }
        let (ignored, refused) = (Set(table.keys.ignored.keys), Set(table.keys.refused.keys))
        #expect(Set(rows.map(\.key)) == read.union(ignored).union(refused), "\(table.heading)")
        #expect(Set(rows.map(\.key)).count == rows.count, "a key has two lines")
        for row in rows {
            let words = ignored.contains(row.key) ? ["ignored"] : refused.contains(row.key) ? ["refused"] : nil
            #expect((words ?? ["same", "better", "ignored"]).contains(row.word), "\(row.key) is \(row.word)")
            #expect(row.word == "same" || !row.why.isEmpty, "\(row.key) is \(row.word), and how or why?")
        }
    }

    @Test func `what is said of a key at load is what the page says`() throws {
        let page = try self.page("litellm.md")
        let tables: [UnreadKeys] = [
            .topLevel, .modelInfo, .generalSettings, .liteLLMSettings, .routerSettings, .parameters,
        ]
        for keys in tables {
            for (key, reason) in keys.ignored {
                let why = reason.dropFirst("has no effect: ".count)
                #expect(
                    reason.hasPrefix("has no effect: ") && page.contains("| `\(key)` | ignored | \(why) |"),
                    "\(key)"
                )
            }
            for (key, reason) in keys.refused { #expect(page.contains("| `\(key)` | refused | \(reason) |"), "\(key)") }
        }
    }

    @Test func `the kinds of the policies have their lines`() throws {
        let rows = self.rows(
            try self.lines(of: self.page("litellm.md"), under: "retry_policy and allowed_fails_policy")
        )
        let kinds = Set(rows.map { $0.key.replacing("…", with: "") })
        let asked = try self.asked()
        for (path, suffix) in [("retry_policy", "Retries"), ("allowed_fails_policy", "AllowedFails")] {
            #expect(asked["router_settings." + path] == Set(kinds.map { $0 + suffix }))
        }
        #expect(asked["router_settings.model_group_retry_policy.small"] == Set(kinds.map { $0 + "Retries" }))
        #expect(asked["model_list.model_info.allowed_fails_policy"] == Set(kinds.map { $0 + "AllowedFails" }))
    }

    /// These have a table of their own; all other keys are in one, by their paths.
    private static let ownTables = [
        "limits": "Limits", "accounts": "Accounts", "classes": "Classes", "tenants": "Tenants",
        "tokenizers": "Tokenizers",
    ]

    @Test func `each key of Fanout's own has its line, and each line its key`() throws {
        let page = try self.page("configuration.md")
        var sections: [String: Set<String>] = [:]
        for (path, keys) in try self.asked() where path.hasPrefix("fanout") {
            let parts = path.split(separator: ".").map(String.init)
            if parts.count > 1, let heading = Self.ownTables[parts[1]] {
                sections[heading, default: []].formUnion(keys)
            } else {
                let prefix = path == "fanout" ? "" : path.dropFirst("fanout.".count) + "."
                sections["The section `fanout`", default: []].formUnion(keys.map { prefix + $0 })
            }
        }
        // These have their keys beneath them.
        sections["The section `fanout`"]?.subtract(["log", "concurrency", "timeouts"])
        for (heading, keys) in sections {
            let rows = self.rows(try self.lines(of: page, under: heading))
            #expect(Set(rows.map(\.key)) == keys, "\(heading)")
        }
        #expect(sections.count == 6)
    }

    @Test func `each provider has its line`() throws {
        let lines = try self.lines(of: self.page("configuration.md"), under: "Providers")
        for entry in ProviderCatalogue.entries {
            let line = try #require(lines.first { $0.hasPrefix("| `\(entry.name)` |") }, "\(entry.name)")
            for variable in entry.keyVariables + entry.baseVariables { #expect(line.contains("`\(variable)`")) }
        }
    }

    @Test func `the example at the top of the page loads`() throws {
        let page = try self.page("configuration.md")
        let start = try #require(page.firstIndex(of: "```yaml"))
        let end = try #require(page[(start + 1)...].firstIndex(of: "```"))
        let yaml = page[(start + 1)..<end].joined(separator: "\n")
        #expect(try load(yaml, ["OPENAI_API_KEY": "k"]).lines.isEmpty)
    }
}
