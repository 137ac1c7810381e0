// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// What `fanout top` shows, drawn as lines of text for a window of any size.
///
/// The first lines matter most, so a small window cuts from the end: the daemon, then its deployments, the busiest
/// first, then the programs that are connected.
struct TopScreen {
    /// The latest status; `nil` = none has come.
    private(set) var status: DaemonStatus?
    /// Why there is no newer one; `nil` = it is new.
    private(set) var trouble: String?
    /// Items a second between the last two statuses, in thousandths; `nil` = not known yet.
    private(set) var rateMilli: UInt64?

    /// A new status has come, so long after the one before.
    mutating func update(_ status: DaemonStatus, elapsedMilliseconds: UInt64) {
        self.trouble = nil
        self.rateMilli = nil
        // A daemon that was started again counts anew.
        if let before = self.status, elapsedMilliseconds > 0, before.uptimeMilliseconds <= status.uptimeMilliseconds {
            let done = status.succeeded &+ status.failed &- before.succeeded &- before.failed
            self.rateMilli = done.multipliedReportingOverflow(by: 1_000_000).partialValue / elapsedMilliseconds
        }
        self.status = status
    }

    /// No status could be had.
    mutating func fail(_ words: String) { self.trouble = words }

    /// At most `height` lines of at most `width` characters, without control characters.
    func lines(width: Int, height: Int) -> [String] {
        guard width > 0, height > 0 else { return [] }
        var lines = self.head
        if let status {
            let room = height - lines.count
            // The programs get what the deployments leave, and up to a third in any case.
            let peers = status.peers.isEmpty ? 0 : min(status.peers.count + 2, max(0, room / 3))
            lines += Self.section(self.lanes(status), height: room - peers)
            lines += Self.section(self.peers(status), height: height - lines.count)
        }
        return lines.prefix(height).map { Self.cut($0, width) }
    }

    private var head: [String] {
        var lines: [String] = []
        if let trouble { lines.append("! \(trouble)") }
        guard let status else { return lines.isEmpty ? ["asking the daemon …"] : lines }
        let state = status.isDraining ? "draining" : "up"
        let up = SummaryText.seconds(milliseconds: status.uptimeMilliseconds)
        lines.append("fanoutd \(status.version) \(state) \(up)   q quits")
        let rate = self.rateMilli.map { "\($0 / 1_000).\($0 % 1_000 / 100) items/s" } ?? "… items/s"
        lines.append("\(rate)   \(status.running) in flight   \(status.queued) waiting   \(status.batches) batches")
        lines.append(
            "\(status.succeeded) ok   \(status.failed) failed   \(status.connections) connections   "
                + "\(status.bufferedBytes >> 20)/\(status.bufferedBytesMax >> 20) MiB buffered"
        )
        let classes = status.classes.filter { $0.queued + $0.running > 0 }.map { own in
            "\(own.priorityClass.word) \(own.running)+\(own.queued)"
        }
        if !classes.isEmpty { lines.append("running+waiting: " + classes.joined(separator: "   ")) }
        return lines
    }

    private func lanes(_ status: DaemonStatus) -> [String] {
        guard !status.lanes.isEmpty else { return [] }
        let busy = status.lanes.enumerated().sorted { left, right in
            // What is in trouble must not be hidden below what is idle.
            let (a, b) = (left.element, right.element)
            return (b.inFlight, b.state == .closed ? 0 : 1, left.offset)
                < (a.inFlight, a.state == .closed ? 0 : 1, right.offset)
        }
        return StatusText.lanes(busy.map(\.element))
    }

    private func peers(_ status: DaemonStatus) -> [String] {
        guard !status.peers.isEmpty else { return [] }
        return StatusText.peers(status.peers.sorted { ($1.items, $0.pid) < ($0.items, $1.pid) })
    }

    /// A blank line and a table, cut to a height with the number of rows that are left out.
    private static func section(_ table: [String], height: Int) -> [String] {
        guard !table.isEmpty, height >= 3 else { return [] }
        guard table.count + 1 > height else { return [""] + table }
        return [""] + table.prefix(height - 2) + ["… \(table.count - (height - 2)) more"]
    }

    private static func cut(_ line: String, _ width: Int) -> String {
        let clean = line.unicodeScalars.map { scalar in
            scalar.properties.generalCategory == .control ? " " : Character(scalar)
        }
        return clean.count <= width ? String(clean) : String(clean.prefix(max(0, width - 1))) + "…"
    }
}
