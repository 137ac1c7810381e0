// Fanout
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// docs/internals/hostile-clients.md names tests that exist, and leaves no case out.
@Suite struct HostileClientsPageTests {
    private static func lines() throws -> [String] {
        let page = SourceTree.root.appendingPathComponent("docs/internals/hostile-clients.md")
        return try String(contentsOf: page, encoding: .utf8).components(separatedBy: "\n")
    }

    @Test func `each test that the page names exists, and each case has one or its reason`() throws {
        let reference = try Regex(#"`([^`]+)` \(([A-Za-z_]+\.(?:swift|py))\)"#)
        let files = RoutingTestsPageTests.files()
        for line in try Self.lines() where line.hasPrefix("| ") {
            let matches = line.matches(of: reference)
            if matches.isEmpty, line.firstMatch(of: try Regex(#"^\| \d+ "#)) != nil {
                #expect(line.contains("not built"), "\(line) names no test")
            }
            for match in matches {
                let test = String(match.output[1].substring ?? "")
                let file = String(match.output[2].substring ?? "")
                let head = file.hasSuffix(".py") ? "def \(test)(" : "func `\(test)`("
                #expect(files[file]?.contains(head) == true, "\(file) has no test \(test)")
            }
        }
    }

    @Test func `each case has its line, in order`() throws {
        let number = try Regex(#"^\| (\d+) \|"#)
        let numbers = try Self.lines().compactMap { line in
            line.firstMatch(of: number).flatMap { $0.output[1].substring }.flatMap { Int($0) }
        }
        #expect(numbers == Array(1...50))
    }
}
