// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// What the daemon tells its service manager every few seconds, decided from its status.
///
/// The loop asks the router for that status and sends the beat itself, so a ping proves that both answer: a loop that
/// hangs sends none, and the manager ends the daemon.
struct Heartbeat: Sendable {
    /// Between two beats; at most half of what the watchdog waits, as sd_watchdog_enabled(3) advises.
    let periodMicroseconds: UInt64
    private let pings: Bool
    private var told = ""

    /// The longest period: how old a status may be.
    static let periodMax: UInt64 = 5_000_000

    /// A heartbeat for a manager that waits so long for a ping; `nil` = it doesn't watch.
    init(watchdogMicroseconds: UInt64?) {
        self.pings = watchdogMicroseconds != nil
        self.periodMicroseconds = max(1_000, min((watchdogMicroseconds ?? .max) / 2, Self.periodMax))
    }

    /// The beat for this status; `nil` = there is nothing to say.
    ///
    /// While the daemon drains each beat asks for three periods more than TimeoutStopSec: the drain has a bound of
    /// its own, and a loop that hangs in it asks for nothing.
    mutating func beat(_ status: DaemonStatus) -> Notification? {
        let text = Self.text(of: status)
        let news = text == self.told ? nil : text
        self.told = text
        return .beat(
            pings: self.pings,
            extendsBy: status.isDraining ? 3 * Self.periodMax : nil,
            status: news
        )
    }

    /// One line for `systemctl status`.
    static func text(of status: DaemonStatus) -> String {
        let cooling = status.lanes.filter { $0.state == .open || $0.state == .halfOpen }.count
        let off = status.lanes.filter { $0.state == .off }.count
        var parts = [
            Self.count(status.connections, "client", "clients"),
            "\(status.running) in flight",
            "\(status.queued) waiting",
        ]
        if cooling > 0 { parts.append(Self.count(UInt64(cooling), "lane", "lanes") + " cooling") }
        if off > 0 { parts.append(Self.count(UInt64(off), "lane", "lanes") + " off") }
        return (status.isDraining ? "draining: " : "") + parts.joined(separator: ", ")
    }

    private static func count(_ number: UInt64, _ one: String, _ many: String) -> String {
        "\(number) \(number == 1 ? one : many)"
    }
}
