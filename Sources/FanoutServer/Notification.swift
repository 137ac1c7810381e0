// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// What the daemon tells the service manager of itself, as lines of sd_notify(3).
package struct Notification: Sendable, Hashable {
    /// The lines.
    package private(set) var text: String

    private init(_ lines: String...) {
        self.text = lines.filter { !$0.isEmpty }.joined(separator: "\n")
    }

    /// It serves, or serves again after ``reloading(at:)``.
    package static func ready(_ status: String) -> Self {
        Self("READY=1", Self.status(status))
    }

    /// A reload has begun; ``ready(_:)`` ends it.
    ///
    /// Type=notify-reload asks for CLOCK_MONOTONIC in microseconds, and Type=notify ignores it.
    package static func reloading(at microseconds: UInt64 = Self.monotonicMicroseconds()) -> Self {
        Self("RELOADING=1", "MONOTONIC_USEC=\(microseconds)", Self.status("reloading the configuration"))
    }

    /// It drains and then ends.
    static let stopping = Self("STOPPING=1", Self.status("draining"))

    /// It can't start: `errno` is what the manager shows, such as EINVAL for a configuration that is wrong.
    package static func failed(_ reason: String, errno: CInt = EINVAL) -> Self {
        Self("ERRNO=\(errno)", Self.status(reason))
    }

    /// One of the regular signs of life; each part may be missing.
    static func beat(pings: Bool, extendsBy microseconds: UInt64?, status: String?) -> Self? {
        let beat = Self(
            pings ? "WATCHDOG=1" : "",
            microseconds.map { "EXTEND_TIMEOUT_USEC=\($0)" } ?? "",
            status.map(Self.status) ?? ""
        )
        return beat.text.isEmpty ? nil : beat
    }

    /// A status is one line: a second one would be read as another assignment.
    private static func status(_ text: String) -> String {
        let line = String(text.prefix(512)).split(whereSeparator: \.isNewline).joined(separator: "; ")
        return "STATUS=\(line)"
    }

    /// The clock of MONOTONIC_USEC.
    package static func monotonicMicroseconds() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000 + UInt64(time.tv_nsec) / 1_000
    }
}
