// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import Foundation
import NIOCore
import Testing

@testable import FanoutServer

/// The parts of sd_listen_fds(3), sd_notify(3) and sd_watchdog_enabled(3) that are read and written here.
@Suite struct ServiceManagerTests {
    private static func manager(_ environment: [String: String]) throws -> ServiceManager {
        try ServiceManager(environment: environment, process: 7)
    }

    @Test func `without variables there is no manager`() throws {
        let manager = try Self.manager([:])
        #expect(manager.activation.names.isEmpty)
        #expect(manager.notification == nil)
        #expect(manager.watchdogMicroseconds == nil)
        #expect(try manager.activation.listener() == nil)
    }

    @Test func `sockets have the names that LISTEN_FDNAMES gives, in their order`() throws {
        let environment = ["LISTEN_PID": "7", "LISTEN_FDS": "2", "LISTEN_FDNAMES": "fanout:metrics"]
        #expect(try Self.manager(environment).activation.names == ["fanout", "metrics"])
        #expect(try Self.manager(["LISTEN_PID": "7", "LISTEN_FDS": "1"]).activation.names == ["unknown"])
        #expect(try Self.manager(["LISTEN_PID": "7", "LISTEN_FDS": "0", "LISTEN_FDNAMES": ""]).activation.names == [])
    }

    @Test func `what is meant for another process is left alone`() throws {
        #expect(try Self.manager(["LISTEN_PID": "8", "LISTEN_FDS": "1"]).activation.names.isEmpty)
        #expect(try Self.manager(["LISTEN_FDS": "1"]).activation.names.isEmpty)
        #expect(try Self.manager(["WATCHDOG_PID": "8", "WATCHDOG_USEC": "9"]).watchdogMicroseconds == nil)
    }

    @Test(arguments: [
        ["LISTEN_PID": "7", "LISTEN_FDS": "many"], ["LISTEN_PID": "7", "LISTEN_FDS": "-1"],
        ["LISTEN_PID": "7", "LISTEN_FDS": "65"], ["LISTEN_PID": "7", "LISTEN_FDS": "2", "LISTEN_FDNAMES": "fanout"],
        ["WATCHDOG_USEC": "0"], ["WATCHDOG_USEC": "soon"], ["WATCHDOG_USEC": "18446744073709551615"],
        ["NOTIFY_SOCKET": ""], ["NOTIFY_SOCKET": "run/notify"], ["NOTIFY_SOCKET": "@"],
        ["NOTIFY_SOCKET": "/" + String(repeating: "x", count: 107)],
    ])
    func `variables that break the protocol are errors that say what to mend`(_ environment: [String: String]) {
        let error = #expect(throws: ServerError.self) { _ = try Self.manager(environment) }
        #expect(error?.message.contains("mend") == true || error?.message.contains("leave it to systemd") == true)
    }

    @Test func `the watchdog's variable is for a process that is named, or for whoever reads it`() throws {
        #expect(
            try Self.manager(["WATCHDOG_PID": "7", "WATCHDOG_USEC": "15000000"]).watchdogMicroseconds == 15_000_000
        )
        #expect(try Self.manager(["WATCHDOG_USEC": "1"]).watchdogMicroseconds == 1)
    }

    @Test func `the variables are unset once they are read`() throws {
        setenv("LISTEN_PID", "1", 1)
        setenv("LISTEN_FDS", "1", 1)
        setenv("LISTEN_FDNAMES", "fanout", 1)
        setenv("WATCHDOG_USEC", "5", 1)
        #expect(try ServiceManager.adopt().watchdogMicroseconds == 5)
        for name in ServiceManager.variables { #expect(getenv(name) == nil, "\(name) is still set") }
    }

    // MARK: Notifications

    @Test func `a reload is told with the monotonic clock, and its end with READY`() {
        #expect(
            Notification.reloading(at: 12).text == "RELOADING=1\nMONOTONIC_USEC=12\nSTATUS=reloading the configuration"
        )
        #expect(Notification.ready("serving").text == "READY=1\nSTATUS=serving")
        let first = Notification.monotonicMicroseconds()
        #expect(first > 0 && Notification.monotonicMicroseconds() >= first)
    }

    @Test func `a status can't smuggle in another assignment`() {
        let text = Notification.failed("a.yaml:1: bad\nREADY=1\r\nMAINPID=1\u{2028}FDSTORE=1", errno: 22).text
        #expect(text == "ERRNO=22\nSTATUS=a.yaml:1: bad; READY=1; MAINPID=1; FDSTORE=1")
        #expect(Notification.ready(String(repeating: "x", count: 10_000)).text.utf8.count < 600)
    }

    // MARK: Heartbeat

    @Test func `a loop that hangs gives no sign of life, and one that answers again gives it again`() async throws {
        let inbox = try DatagramInbox()
        let manager = try Self.manager(["NOTIFY_SOCKET": inbox.path, "WATCHDOG_USEC": "400000"])
        try await ServerKit.run(manager: manager) { kit in
            while !Task.isCancelled, !inbox.take().contains("WATCHDOG=1") { await Task.yield() }
            let heardWhileHanging = try await kit.loop.submit {
                // A sign that the loop gave before it hung may still be on its way.
                usleep(200_000)
                _ = inbox.take()
                usleep(600_000)
                return inbox.take()
            }.get()
            #expect(heardWhileHanging.isEmpty)
            while !Task.isCancelled, !inbox.take().contains("WATCHDOG=1") { await Task.yield() }
        }
        #expect(inbox.take().contains("STOPPING=1"))
    }

    private static func status(lanes: [LaneState] = [], isDraining: Bool = false) -> DaemonStatus {
        var status = DaemonStatus()
        (status.connections, status.running, status.queued) = (3, 41, 7)
        status.isDraining = isDraining
        status.lanes = lanes.map { state in
            var lane = LaneStatus()
            lane.state = state
            return lane
        }
        return status
    }

    @Test func `a status is one line of what an administrator asks first`() {
        #expect(Heartbeat.text(of: Self.status()) == "3 clients, 41 in flight, 7 waiting")
        #expect(
            Heartbeat.text(of: Self.status(lanes: [.open, .closed, .halfOpen, .off]))
                == "3 clients, 41 in flight, 7 waiting, 2 lanes cooling, 1 lane off"
        )
    }

    @Test func `a beat comes at least twice in the watchdog's time, and every five seconds`() {
        #expect(Heartbeat(watchdogMicroseconds: 3_000_000).periodMicroseconds == 1_500_000)
        #expect(Heartbeat(watchdogMicroseconds: 15_000_000).periodMicroseconds == 5_000_000)
        #expect(Heartbeat(watchdogMicroseconds: nil).periodMicroseconds == 5_000_000)
    }

    @Test func `a watched daemon pings with each beat and tells its status when that changes`() {
        var heartbeat = Heartbeat(watchdogMicroseconds: 15_000_000)
        let words = "STATUS=3 clients, 41 in flight, 7 waiting"
        #expect(heartbeat.beat(Self.status())?.text == "WATCHDOG=1\n" + words)
        #expect(heartbeat.beat(Self.status())?.text == "WATCHDOG=1")
        #expect(heartbeat.beat(Self.status(lanes: [.open]))?.text == "WATCHDOG=1\n\(words), 1 lane cooling")
    }

    @Test func `an unwatched daemon says nothing twice`() {
        var heartbeat = Heartbeat(watchdogMicroseconds: nil)
        #expect(heartbeat.beat(Self.status()) != nil)
        #expect(heartbeat.beat(Self.status()) == nil)
    }

    @Test func `each beat of a drain asks for more time than until the next`() {
        var heartbeat = Heartbeat(watchdogMicroseconds: nil)
        for _ in 0..<2 {
            let text = heartbeat.beat(Self.status(isDraining: true))?.text ?? ""
            #expect(text.contains("EXTEND_TIMEOUT_USEC=15000000"), "\(text)")
        }
    }
}

/// A notify socket that a test reads.
final class DatagramInbox: Sendable {
    let path = NSTemporaryDirectory() + "fanout-notify-\(UUID().uuidString.prefix(8))"
    private let descriptor: CInt

    init() throws {
        self.descriptor = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue) | CInt(SOCK_NONBLOCK.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(self.path.utf8)) }
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(self.descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(bound == 0)
    }

    /// The lines of all that has come, joined.
    func take() -> String {
        var lines = ""
        var buffer = [UInt8](repeating: 0, count: 4_096)
        while true {
            let count = recv(self.descriptor, &buffer, buffer.count, 0)
            guard count > 0 else { return lines }
            lines += String(decoding: buffer[..<count], as: UTF8.self) + "\n"
        }
    }

    deinit {
        close(self.descriptor)
        unlink(self.path)
    }
}
