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

    /// The lines from a heading of the second level to the next one.
    private func lines(of page: [String], under heading: String) throws -> ArraySlice<String> {
        let start = try #require(page.firstIndex(of: "## \(heading)"), "no heading \(heading)")
        let rest = page[(start + 1)...]
        return rest[..<(rest.firstIndex { $0.hasPrefix("## ") } ?? page.endIndex)]
    }

    @Test(arguments: [
        ("Top level", UnreadKeys.topLevel), ("litellm_params", .parameters), ("model_info", .modelInfo),
        ("router_settings", .routerSettings), ("litellm_settings", .liteLLMSettings),
        ("general_settings", .generalSettings),
    ])
    func `each key of LiteLLM's that isn't read has its line`(heading: String, keys: UnreadKeys) throws {
        let lines = try self.lines(of: self.page("litellm.md"), under: heading)
        for (known, word) in [(keys.ignored, "ignored"), (keys.refused, "refused")] {
            for key in known.keys {
                #expect(lines.contains { $0.hasPrefix("| `\(key)` | \(word) |") }, "\(heading): \(key) is \(word)")
            }
            let said = lines.filter { $0.contains("` | \(word) |") }.map { $0.split(separator: "`")[1] }
            #expect(Set(said.map(String.init)) == Set(known.keys), "\(heading): \(word)")
            #expect(said.count == known.count)
        }
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
