// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import Logging

/// Leaves out lines that say the same again and again, and counts them.
///
/// Lines are the same if their level and message are: what changes is in their fields. Debug lines are never left out:
/// who asks for them wants each. Bounded by ``messagesMax``; further messages share one count.
package struct LogLimiter: Sendable {
    private struct Key: Hashable {
        var level: Logger.Level
        var message: String
    }

    private struct Span {
        var began: UInt64
        var lines = 0
        var leftOut: UInt64 = 0
    }

    /// Lines of one message that are let pass in a span.
    package static let linesMax = 20
    /// A span, in microseconds.
    package static let spanMicroseconds: UInt64 = 10_000_000
    /// Messages that are told apart.
    package static let messagesMax = 64

    private var spans: [Key: Span] = [:]
    /// Lines that were left out, in all.
    package private(set) var leftOut: UInt64 = 0

    /// Nothing was said yet.
    package init() {}

    /// Whether a line is let pass, and how many like it were left out before it and not told of yet.
    package mutating func pass(_ line: LogLine) -> (passes: Bool, before: UInt64) {
        guard line.level >= .info else { return (true, 0) }
        let now = line.microseconds
        var key = Key(level: line.level, message: line.message)
        if self.spans[key] == nil, self.spans.count >= Self.messagesMax {
            self.spans = self.spans.filter { now < $0.value.began &+ Self.spanMicroseconds }
            if self.spans.count >= Self.messagesMax { key = Key(level: .info, message: "") }
        }
        var span = self.spans[key] ?? Span(began: now)
        var before: UInt64 = 0
        if now >= span.began &+ Self.spanMicroseconds || now < span.began {
            before = span.leftOut
            span = Span(began: now)
        }
        let passes = span.lines < Self.linesMax
        if passes {
            span.lines += 1
        } else {
            span.leftOut += 1
            self.leftOut += 1
        }
        self.spans[key] = span
        return (passes, before)
    }
}
