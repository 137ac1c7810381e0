// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import Testing

@testable import fanout

@Suite struct TopScreenTests {
    private static func status(lanes: Int = 2, peers: Int = 1) -> DaemonStatus {
        var status = DaemonStatus()
        status.version = "1.2.3"
        status.uptimeMilliseconds = 60_000
        status.classes = PriorityClass.allCases.map { ClassStatus($0) }
        status.classes[3].running = 7
        for number in 0..<lanes {
            var lane = LaneStatus()
            lane.deployment = "deployment-\(number)"
            lane.group = "group"
            lane.inFlight = UInt32(number)
            status.lanes.append(lane)
        }
        for number in 0..<peers {
            var peer = PeerStatus()
            peer.pid = UInt32(1_000 + number)
            peer.client = "program-\(number)\u{1B}[2J"
            status.peers.append(peer)
        }
        return status
    }

    @Test func `no window is too small or too large, and nothing is drawn outside of it`() {
        var screen = TopScreen()
        screen.update(Self.status(lanes: 40, peers: 30), elapsedMilliseconds: 0)
        for width in [0, 1, 2, 10, 79, 80, 500] {
            for height in [0, 1, 2, 3, 4, 5, 6, 7, 10, 24, 25, 200] {
                let lines = screen.lines(width: width, height: height)
                #expect(lines.count <= height && lines.allSatisfy { $0.count <= width }, "\(width) by \(height)")
                #expect(lines.allSatisfy { $0.unicodeScalars.allSatisfy { $0.value >= 0x20 } })
                if width >= 79, height >= 1 { #expect(lines.first?.hasPrefix("fanoutd 1.") == true) }
            }
        }
    }

    @Test func `the busiest deployments and a place for programs are in a window that can't hold all`() {
        var screen = TopScreen()
        screen.update(Self.status(lanes: 40, peers: 30), elapsedMilliseconds: 0)
        let lines = screen.lines(width: 120, height: 24)
        #expect(lines.count == 24)
        #expect(lines.contains { $0.contains("deployment-39") } && !lines.contains { $0.contains("deployment-1 ") })
        #expect(lines.contains { $0.contains("PROGRAM") })
        #expect(lines.filter { $0.hasSuffix(" more") }.count == 2)
        #expect(lines.contains { $0.contains("bulk 7+0") })
    }

    @Test func `the rate is of the time between two looks, and a daemon that began anew has none`() {
        var screen = TopScreen()
        var status = Self.status()
        screen.update(status, elapsedMilliseconds: 0)
        #expect(screen.rateMilli == nil)
        status.succeeded = 50
        status.failed = 10
        status.uptimeMilliseconds += 2_000
        screen.update(status, elapsedMilliseconds: 2_000)
        #expect(screen.lines(width: 80, height: 5).contains { $0.hasPrefix("30.0 items/s") })
        status.uptimeMilliseconds = 10
        status.succeeded = 0
        screen.update(status, elapsedMilliseconds: 1_000)
        #expect(screen.rateMilli == nil)
    }

    @Test func `trouble is said above the last status, which stays`() {
        var screen = TopScreen()
        #expect(screen.lines(width: 80, height: 5) == ["asking the daemon …"])
        screen.fail("no daemon\nat x")
        #expect(screen.lines(width: 80, height: 5) == ["! no daemon at x"])
        screen.update(Self.status(), elapsedMilliseconds: 0)
        screen.fail("gone")
        let lines = screen.lines(width: 80, height: 24)
        #expect(lines[0] == "! gone" && lines[1].hasPrefix("fanoutd 1.2.3"))
    }
}
