// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import Foundation
import Testing

@Suite struct FailurePageTests {
    static func row(of code: FailureCode) -> String {
        let traits = code.traits
        let rules = [traits.retriesSameLane, traits.retriesOtherLane, traits.fallsBack, traits.countsAgainstLane]
        let words = rules.map { $0 ? "yes" : "no" }.joined(separator: " | ")
        let fault = traits.fault == .lifeCycle ? "life cycle" : "\(traits.fault)"
        let numbers = "| `\(traits.name)` | \(code.rawValue) | \(fault)"
        return "\(numbers) | \(words) | \(traits.status) | `\(traits.exception)` |"
    }

    @Test func `the page of failures has the row of each code, and no other`() throws {
        let root = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let page = try String(contentsOf: root.appendingPathComponent("docs/failures.md"), encoding: .utf8)
        let table = try Regex(#"^\| `[A-Z_]+` \| \d+ \|"#)
        let rows = page.split(separator: "\n").filter { $0.contains(table) }.map(String.init)
        #expect(rows == FailureCode.allCases.map(Self.row))
    }
}
