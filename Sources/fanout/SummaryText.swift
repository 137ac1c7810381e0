// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

/// Writes how a batch ended.
enum SummaryText {
    /// One JSON object, without a line feed.
    static func json(_ summary: BatchSummary) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        let counts: [(StaticString, UInt64)] = [
            ("items", summary.items), ("succeeded", summary.succeeded), ("failed", summary.failed),
            ("cancelled", summary.cancelled), ("duration_ms", summary.durationMicroseconds / 1_000),
            ("attempts", summary.attempts), ("cache_hits", summary.cacheHits),
        ]
        for (key, count) in counts {
            writer.key(key)
            writer.uint(count)
        }
        writer.key("failures")
        writer.beginObject()
        for (code, count) in self.failures(summary) {
            writer.key(code.name)
            writer.uint(count)
        }
        writer.endObject()
        writer.key("usage")
        ResultLine.object(summary.usage, &writer)
        if let cost = summary.costNanoUSD {
            writer.key("cost_usd")
            writer.double(Double(cost) / 1e9)
        }
        writer.endObject()
        return writer.finish()
    }

    /// One line for a person.
    static func line(_ summary: BatchSummary) -> String {
        var line =
            "\(summary.items) item\(summary.items == 1 ? "" : "s") in \(self.seconds(milliseconds: summary.durationMicroseconds / 1_000))"
        line += ": \(summary.succeeded) succeeded, \(summary.failed) failed"
        if !summary.failures.isEmpty {
            line += " (\(self.failures(summary).map { "\($0.name) \($1)" }.joined(separator: ", ")))"
        }
        line += "; \(summary.attempts) attempt\(summary.attempts == 1 ? "" : "s")"
        if summary.cacheHits > 0 { line += ", \(summary.cacheHits) from the cache" }
        line += "; \(summary.usage.promptTokens) + \(summary.usage.completionTokens) tokens"
        if let cost = summary.costNanoUSD { line += "; $\(self.dollars(cost))" }
        return line
    }

    private static func failures(_ summary: BatchSummary) -> [(FailureCode, UInt64)] {
        summary.failures.sorted { $0.key.rawValue < $1.key.rawValue }.map { ($0.key, $0.value) }
    }

    /// `0.042 s`, `3.2 s`, `12 m 05 s`, `26 h 07 m`.
    static func seconds(milliseconds: UInt64) -> String {
        if milliseconds < 1_000 { return "0.\(self.padded(milliseconds, 3)) s" }
        let seconds = milliseconds / 1_000
        if seconds < 60 { return "\(seconds).\(milliseconds % 1_000 / 100) s" }
        if seconds < 3_600 { return "\(seconds / 60) m \(self.padded(seconds % 60, 2)) s" }
        return "\(seconds / 3_600) h \(self.padded(seconds % 3_600 / 60, 2)) m"
    }

    static func dollars(_ nano: Int64) -> String {
        let micro = nano.magnitude / 1_000
        return "\(nano < 0 ? "-" : "")\(micro / 1_000_000).\(self.padded(micro % 1_000_000, 6))"
    }

    private static func padded(_ number: UInt64, _ digits: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }
}
