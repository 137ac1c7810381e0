// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// The one line that shows on a terminal where a batch stands.
enum ProgressLine {
    private static let barWidth = 24

    /// The line, shorter than 80 columns for any but absurd counts.
    static func text(_ progress: BatchProgress) -> String {
        let done = progress.succeeded.addingReportingOverflow(progress.failed).partialValue
        var parts: [String] = []
        // Before the last item is known, a bar would run backwards.
        if progress.closed, progress.items > 0 {
            let filled = Int(Double(min(done, progress.items)) / Double(progress.items) * Double(self.barWidth))
            let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: self.barWidth - filled)
            parts.append("[\(bar)] \(done)/\(progress.items)")
        } else {
            parts.append("\(done) of \(progress.items) so far")
        }
        if progress.failed > 0 { parts.append("\(progress.failed) failed") }
        parts.append("\(progress.running) running")
        if progress.rateMilli > 0 { parts.append(self.rate(progress.rateMilli)) }
        if progress.closed, progress.etaMilliseconds > 0 {
            parts.append("\(SummaryText.seconds(milliseconds: progress.etaMilliseconds)) left")
        }
        return parts.joined(separator: ", ")
    }

    private static func rate(_ milli: UInt64) -> String {
        milli >= 10_000 ? "\(milli / 1_000)/s" : "\(milli / 1_000).\(milli % 1_000 / 100)/s"
    }
}
