// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import Logging
internal import Synchronization

/// Takes every line of the process, limits and writes them.
///
/// A line that nobody takes is lost and counted; the next one that is taken is followed by their number. Holding the
/// lock takes as long as one system call that doesn't wait.
package final class LogSink: Sendable {
    private struct State {
        var limiter = LogLimiter()
        /// Lines that the output didn't take.
        var lost: UInt64 = 0
        /// Those of them that were told of.
        var told: UInt64 = 0
    }

    private let state = Mutex(State())
    private let write: @Sendable (LogLine) -> Bool

    /// A sink before an output.
    package convenience init(output: LogOutput) {
        self.init { output.write($0) }
    }

    /// A sink before something that says whether it took a line.
    package init(write: @escaping @Sendable (LogLine) -> Bool) {
        self.write = write
    }

    /// Lines that were left out since the start.
    package var dropped: UInt64 {
        self.state.withLock { $0.lost + $0.limiter.leftOut }
    }

    /// Takes a line.
    package func take(_ line: LogLine) {
        self.state.withLock { state in
            let (passes, before) = state.limiter.pass(line)
            guard passes else { return }
            if before > 0 {
                let fields = [LogLine.Field("lines", String(before)), LogLine.Field("like", line.message)]
                self.put(line.saying("lines left out: they came too often", fields), &state)
            }
            guard self.put(line, &state), state.lost > state.told else { return }
            let fields = [LogLine.Field("lines", String(state.lost - state.told))]
            if self.write(line.saying("lines lost: nobody took them", fields)) { state.told = state.lost }
        }
    }

    @discardableResult
    private func put(_ line: LogLine, _ state: inout State) -> Bool {
        let isTaken = self.write(line)
        if !isTaken { state.lost += 1 }
        return isTaken
    }

    /// The clock of the log, in microseconds since 1970.
    package static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return UInt64(time.tv_sec) * 1_000_000 + UInt64(time.tv_nsec) / 1_000
    }
}

extension LogLine {
    fileprivate func saying(_ message: String, _ fields: [Field]) -> LogLine {
        LogLine(microseconds: self.microseconds, level: .warning, message: message, fields: fields)
    }
}
