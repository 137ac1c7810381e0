// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// What systemd and the daemon say to each other, see sd_listen_fds(3), sd_notify(3) and sd_watchdog_enabled(3).
///
/// The protocols are a few variables and datagrams, so libsystemd isn't needed where there is no systemd.
package struct ServiceManager: Sendable {
    /// The sockets that were handed over.
    let activation: Activation
    /// Where the manager listens; `nil` = there is none, and nothing is said.
    let notification: NotifySocket?
    /// Without a ping for this long the manager ends the daemon; `nil` = it doesn't watch.
    let watchdogMicroseconds: UInt64?

    /// Every variable of the three protocols, and of those that came later: LISTEN_PIDFDID since systemd 259.
    static let variables = [
        "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PIDFDID", "NOTIFY_SOCKET", "WATCHDOG_PID",
        "WATCHDOG_USEC",
    ]

    /// Nobody: the daemon was started by hand.
    package static let none = ServiceManager(activation: Activation(), notification: nil, watchdogMicroseconds: nil)

    private init(activation: Activation, notification: NotifySocket?, watchdogMicroseconds: UInt64?) {
        self.activation = activation
        self.notification = notification
        self.watchdogMicroseconds = watchdogMicroseconds
    }

    /// Reads the variables that the manager set for this process.
    /// - Throws: What in them isn't as the protocols say.
    init(environment: [String: String], process: Int32) throws(ServerError) {
        self.activation = try Activation(environment: environment, process: process)
        self.notification = try environment["NOTIFY_SOCKET"].map(NotifySocket.init(name:))
        self.watchdogMicroseconds = try Self.watchdog(environment, process: process)
    }

    /// Reads the process's variables and unsets them, so that no child takes itself for the service.
    ///
    /// The environment isn't safe to change beside other threads that read it: call this first.
    package static func adopt() throws(ServerError) -> ServiceManager {
        var found: [String: String] = [:]
        for name in Self.variables {
            guard let value = getenv(name) else { continue }
            found[name] = String(cString: value)
            unsetenv(name)
        }
        return try ServiceManager(environment: found, process: getpid())
    }

    /// Tells the manager how the daemon is.
    ///
    /// It waits until the manager has room for it, so it must not be called on the loop.
    package func tell(_ state: Notification) {
        self.notification?.send(state.text, waits: true)
    }

    private static func watchdog(_ environment: [String: String], process: Int32) throws(ServerError) -> UInt64? {
        if let pid = environment["WATCHDOG_PID"], Int32(pid) != process { return nil }
        guard let text = environment["WATCHDOG_USEC"] else { return nil }
        guard let microseconds = UInt64(text), microseconds > 0, microseconds < .max else {
            throw ServerError("WATCHDOG_USEC isn't a number of microseconds: mend WatchdogSec of fanoutd.service")
        }
        return microseconds
    }
}
