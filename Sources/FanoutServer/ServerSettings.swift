// Fanout
// SPDX-License-Identifier: Apache-2.0

/// Where the metrics' socket is.
package struct MetricsSocketSettings: Sendable, Hashable {
    /// Its path.
    package var path: String
    /// Its permissions.
    package var mode: UInt32 = 0o660
    /// Its group; `nil` = the process's.
    package var group: String?

    /// Makes settings.
    package init(path: String) {
        self.path = path
    }
}

/// How the socket is served.
package struct ServerSettings: Sendable {
    /// The path of the socket.
    package var socketPath: String
    /// Its permissions.
    package var socketMode: UInt32 = 0o660
    /// Its group; `nil` = the process's.
    package var socketGroup: String?
    /// Where metrics are served over HTTP; `nil` = nowhere.
    package var metrics: MetricsSocketSettings?
    /// Lines of the log that were left out so far.
    package var logLinesDropped: @Sendable () -> UInt64 = { 0 }
    /// Said in Welcome and Status.
    package var version = ""
    /// Said in Status.
    package var configurationPath = ""
    /// How often connections are looked after.
    package var sweepMilliseconds: Int64 = 1_000

    /// Makes settings.
    package init(socketPath: String) {
        self.socketPath = socketPath
    }
}
