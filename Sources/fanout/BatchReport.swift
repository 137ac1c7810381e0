// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutClient
internal import FanoutModel

/// Writes a batch's results as they come, and keeps what the end needs.
struct BatchReport {
    let output: Descriptor
    let showsProgress: Bool
    /// The batch's end; `nil` = it hasn't come.
    private(set) var summary: BatchSummary?
    /// The first refusal of items that were sent; `nil` = none.
    private(set) var refusal: FanoutError?

    init(output: Descriptor, showsProgress: Bool) {
        self.output = output
        self.showsProgress = showsProgress
    }

    /// Takes events; their results are written at once.
    mutating func take(_ events: [BatchEvent]) throws {
        var lines: [UInt8] = []
        var progress: BatchProgress?
        for event in events {
            switch event {
            case .result(let result): ResultLine.append(result, to: &lines)
            case .progress(let latest): progress = latest
            case .summary(let summary): self.summary = summary
            case .refused(let error): self.refusal = self.refusal ?? error
            // Not asked for.
            case .delta: break
            }
        }
        if !lines.isEmpty {
            // On one terminal the results would run through the progress line.
            if self.showsProgress, self.output.isTerminal { try self.clearProgress() }
            try self.output.write(lines)
        }
        if let progress, self.showsProgress {
            try Descriptor.error.write(Array("\r\(ProgressLine.text(progress))\u{1B}[K".utf8))
        }
    }

    /// Wipes the progress line away.
    func clearProgress() throws {
        if self.showsProgress { try Descriptor.error.write(Array("\r\u{1B}[K".utf8)) }
    }
}
