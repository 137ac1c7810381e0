// Fanout
// SPDX-License-Identifier: Apache-2.0

/// The micro benchmarks: `fanout-benchmarks [--json] [--quick] [part of a name]`.
@main
struct Main {
    static func main() throws {
        let arguments = CommandLine.arguments.dropFirst()
        let stopwatch = Stopwatch(
            isJSON: arguments.contains("--json"),
            isQuick: arguments.contains("--quick"),
            filter: arguments.first { !$0.hasPrefix("--") } ?? ""
        )
        try runWireBenchmarks(stopwatch)
        try runJSONBenchmarks(stopwatch)
        try runTranslatorBenchmarks(stopwatch)
        try runRouterBenchmarks(stopwatch)
        runUrgentBenchmarks(stopwatch)
    }
}
