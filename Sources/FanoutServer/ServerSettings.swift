// Fanout
// SPDX-License-Identifier: Apache-2.0

/// How the socket is served.
package struct ServerSettings: Sendable, Hashable {
    /// The path of the socket.
    package var socketPath: String
    /// Its permissions.
    package var socketMode: UInt32 = 0o660
    /// Its group; `nil` = the process's.
    package var socketGroup: String?
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
