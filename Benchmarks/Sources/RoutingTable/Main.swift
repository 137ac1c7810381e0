// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutSimulation
internal import Foundation

/// Runs the rows of the table of bounds over many seeds and prints them as Markdown.
@main
struct RoutingTable {
    static func main() {
        var seeds: UInt64 = 20
        var words: [String] = []
        var isCheck = false
        var arguments = CommandLine.arguments.dropFirst()
        while let argument = arguments.popFirst() {
            if argument == "--seeds", let count = arguments.popFirst().flatMap(UInt64.init), count > 0 {
                seeds = count
            } else if argument == "--check" {
                isCheck = true
            } else {
                words.append(argument)
            }
        }
        let rows = Bound.all.filter { row in words.isEmpty || words.contains { row.name.contains($0) } }
        var lines = ["| what | bar | median | worst | holds |", "|---|---|---|---|---|"]
        var misses = 0
        var topic = ""
        for row in rows {
            FileHandle.standardError.write(Data("\(row.name)\n".utf8))
            if row.topic != topic {
                topic = row.topic
                lines.append("| **\(topic)** | | | | |")
            }
            let table = (1...seeds).map { row.run($0) }
            for (index, measure) in row.measures.enumerated() {
                let values = table.map { $0[index] }
                misses += Self.append(row, measure, values, &lines) ? 0 : 1
            }
        }
        print(lines.joined(separator: "\n"))
        print("\n\(rows.count) rows, seeds 1 to \(seeds); \(misses) numbers miss their bar.")
        if isCheck && (misses > 0 || rows.isEmpty) { exit(1) }
    }

    /// Appends a line; returns whether every seed meets the bar.
    private static func append(
        _ row: Bound,
        _ measure: Bound.Measure,
        _ values: [Double],
        _ lines: inout [String]
    ) -> Bool {
        let sorted = values.sorted()
        let median = sorted[sorted.count / 2]
        let worst = sorted.dropFirst().reduce(sorted[0]) { measure.worse($0, $1) }
        let met = values.count { measure.isMet(by: $0) }
        let holds = measure.bar == .shown ? "" : met == values.count ? "yes" : "**in \(met) of \(values.count)**"
        let bar =
            switch measure.bar {
            case .atLeast(let least): "≥ \(Self.text(least, measure.unit))"
            case .atMost(let most): "≤ \(Self.text(most, measure.unit))"
            case .shown: ""
            }
        let texts = [
            "\(row.name): \(measure.name)", bar, Self.text(median, measure.unit), Self.text(worst, measure.unit),
            holds,
        ]
        lines.append("| " + texts.joined(separator: " | ") + " |")
        return met == values.count
    }

    private static func text(_ value: Double, _ unit: Bound.Unit) -> String {
        guard value.isFinite else { return "never" }
        return switch unit {
        case .share: String(format: "%.2f %%", value * 100)
        case .count: String(format: "%g", value)
        case .seconds: String(format: "%.2f s", value)
        case .milliseconds: String(format: "%.2f ms", value)
        }
    }
}
