// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutModel

/// How the daemon itself runs: what isn't part of the snapshot and needs a restart to change.
package struct ServiceSettings: Sendable, Hashable {
    /// How much is logged, the names of swift-log.
    package enum LogLevel: String, Sendable, Hashable, CaseIterable {
        case trace
        case debug
        case info
        case notice
        case warning
        case error
        case critical
    }

    /// How a line of the log is written.
    package enum LogFormat: String, Sendable, Hashable, CaseIterable {
        /// The journal's own fields under systemd, else logfmt.
        case text
        /// One object a line, on standard error.
        case json
    }

    /// The path of the Unix socket; at most 107 bytes.
    package var socketPath: String
    /// Its permissions.
    package var socketMode: UInt32 = 0o660
    /// Its group, a name or a number; `nil` = the process's.
    package var socketGroup: String?
    /// The path of the Unix socket on which metrics are served over HTTP; `nil` = none.
    package var metricsSocketPath: String?
    /// Its permissions.
    package var metricsSocketMode: UInt32 = 0o660
    /// Its group, a name; `nil` = the process's.
    package var metricsSocketGroup: String?
    /// Event loops.
    package var loops = 1
    /// How much is logged.
    package var logLevel: LogLevel = .info
    /// How it is written.
    package var logFormat: LogFormat = .text
    /// Prompts, answers and providers' words are logged too, at debug level.
    package var logsBodies = false
    /// A file of certificates in PEM that are trusted for providers beside the system's; `nil` = none.
    package var caFile: String?
    /// The proxies through which providers are reached.
    package var proxies = ProxySettings()

    /// The defaults.
    package init(socketPath: String) {
        self.socketPath = socketPath
    }

    /// Where the socket is if nothing says so: in the runtime directory of the user, else of the system.
    package static func defaultSocketPath(environment: [String: String]) -> String {
        if let directory = environment["XDG_RUNTIME_DIR"], directory.hasPrefix("/") {
            return directory + "/fanout.sock"
        }
        return "/run/fanout/fanout.sock"
    }
}

/// What the command line says; it wins over environment and file.
package struct ConfigurationOverrides: Sendable, Hashable {
    /// `--socket`.
    package var socketPath: String?
    /// `--log-level`.
    package var logLevel: String?
    /// `--log-format`.
    package var logFormat: String?
    /// `--loops`.
    package var loops: String?
    /// `--max-concurrency`: the width of a batch that names none.
    package var maxConcurrency: String?
    /// `--strict`: warnings are errors.
    package var strict = false

    /// None.
    package init() {}
}
