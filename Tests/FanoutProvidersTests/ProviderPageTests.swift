// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import FanoutProviders
import Foundation
import Testing

/// `docs/providers.md` says what the catalogue does.
@Suite struct ProviderPageTests {
    static let page = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("docs/providers.md")

    static let contents: [(title: String, needs: Needs)] = [
        ("chat", .chat), ("completions", .completion), ("embeddings", .embedding), ("tools", .tools),
        ("images", .vision), ("documents", .documents), ("audio", .audio),
    ]

    /// The page's tables.
    static func tables() -> String {
        let entries = ProviderCatalogue.entries.filter { $0.format != .simulated }
        var lines = Self.table("provider", Self.contents.map(\.title)) {
            entries.map { entry in ("`\(entry.name)`", Self.contents.map { entry.offers.contains($0.needs) }) }
        }
        lines.append("")
        lines += Self.table("parameter", entries.map { "`\($0.name)`" }) {
            Parameters.names.map { parameter, name in
                let request = ParametersTests.request(asking: parameter)
                return (
                    "`\(name)`",
                    entries.map { entry in
                        if case .embedding? = request.task, !entry.offers.contains(.embedding) { return false }
                        return entry.takes.contains(parameter)
                            && ParametersTests.isTaken(request, at: .of(entry.name, model: Self.model(entry, request)))
                    }
                )
            }
        }
        lines += ["", "| models | don't take |", "|---|---|"]
        for rule in ModelRule.all {
            let models = rule.models.map { "`\($0)`" }.joined(separator: ", ")
            let lacks = Parameters.names.filter { rule.lacks.contains($0.parameter) }.map { "`\($0.name)`" }
            lines.append(
                "| \(models) of \(rule.providers.joined(separator: ", ")) | \(lacks.joined(separator: ", ")) |"
            )
        }
        lines += ["", "| models | inputs of an embedding a request |", "|---|---|"]
        for limit in InputLimit.all {
            let models = limit.models.isEmpty ? "all" : limit.models.map { "`…\($0)…`" }.joined(separator: ", ")
            lines.append("| \(models) of \(limit.providers.joined(separator: ", ")) | \(limit.inputs) |")
        }
        return lines.joined(separator: "\n")
    }

    /// Of Bedrock's models some chat, and others make vectors.
    private static func model(_ entry: ProviderEntry, _ request: Request) -> String {
        guard case .embedding? = request.task, entry.format == .bedrock else { return "m" }
        return "cohere.embed-v4:0"
    }

    private static func table(_ corner: String, _ columns: [String], _ rows: () -> [(String, [Bool])]) -> [String] {
        let head = "| \(corner) | \(columns.joined(separator: " | ")) |"
        let rule = "|---|" + String(repeating: ":-:|", count: columns.count)
        return [head, rule]
            + rows().map { name, cells in "| \(name) | \(cells.map { $0 ? "yes" : "–" }.joined(separator: " | ")) |" }
    }

    @Test func `the tables are those of the catalogue`() throws {
        let marks = ["<!-- catalogue -->\n", "\n<!-- end of catalogue -->"]
        let text = try String(contentsOf: Self.page, encoding: .utf8)
        let start = try #require(text.range(of: marks[0])?.upperBound)
        let end = try #require(text.range(of: marks[1], range: start..<text.endIndex)?.lowerBound)
        if ProcessInfo.processInfo.environment["FANOUT_WRITE_DOCS"] != nil {
            try (text[..<start] + Self.tables() + text[end...]).write(to: Self.page, atomically: true, encoding: .utf8)
            return
        }
        let isSame = text[start..<end] == Self.tables()
        #expect(
            isSame,
            "docs/providers.md isn't the catalogue's: FANOUT_WRITE_DOCS=1 swift test --filter ProviderPageTests"
        )
    }
}
