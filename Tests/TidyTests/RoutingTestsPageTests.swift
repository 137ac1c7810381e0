// Fanout
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// docs/internals/routing-tests.md names tests that exist, and leaves no scenario out.
@Suite struct RoutingTestsPageTests {
    private static let page = SourceTree.root.appendingPathComponent("docs/internals/routing-tests.md")

    /// The files of tests by their names.
    static func files() -> [String: String] {
        var files: [String: String] = [:]
        for file in SourceTree.files(below: "Tests", endings: [".swift", ".py"]) {
            let name = String(file.path.split(separator: "/").last ?? "")
            // Several targets may have a file of one name.
            files[name, default: ""] += file.lines.joined(separator: "\n")
        }
        return files
    }

    @Test func `each test that the page names exists, and each line names one`() throws {
        let text = try String(contentsOf: Self.page, encoding: .utf8)
        let reference = try Regex(#"`([^`]+)` \(([A-Za-z_]+\.(?:swift|py))\)"#)
        let files = Self.files()
        for line in text.components(separatedBy: "\n") where line.hasPrefix("- **") {
            let matches = line.matches(of: reference)
            #expect(!matches.isEmpty, "\(line) names no test")
            for match in matches {
                let test = String(match.output[1].substring ?? "")
                let file = String(match.output[2].substring ?? "")
                let head = file.hasSuffix(".py") ? "def \(test)(" : "func `\(test)`("
                #expect(files[file]?.contains(head) == true, "\(file) has no test \(test)")
            }
        }
    }

    @Test func `each scenario has its line, in order`() throws {
        let text = try String(contentsOf: Self.page, encoding: .utf8)
        let part = try #require(text.components(separatedBy: "## Scenarios").last)
        let number = try Regex(#"^- \*\*(\d+)\*\*"#)
        let numbers = part.components(separatedBy: "\n").compactMap { line in
            line.firstMatch(of: number).flatMap { $0.output[1].substring }.flatMap { Int($0) }
        }
        #expect(numbers == Array(1...40))
    }
}
