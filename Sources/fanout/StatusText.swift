// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

/// Writes what the daemon says of itself.
enum StatusText {
    /// Lines for a person, with a table of lanes.
    static func lines(_ status: DaemonStatus) -> [String] {
        let state = status.isDraining ? "draining" : "up"
        var lines = [
            "fanout \(FanoutCommand.version), fanoutd \(status.version) \(state) \(SummaryText.seconds(milliseconds: status.uptimeMilliseconds))"
                + (status.configuration.isEmpty ? "" : ", configuration \(status.configuration)"),
            "\(status.connections) connections, \(status.batches) batches, \(status.queued) waiting, "
                + "\(status.running) running",
            "\(status.succeeded) succeeded, \(status.failed) failed, \(status.attempts) attempts since the start; "
                + "\(status.bufferedBytes >> 20) of \(status.bufferedBytesMax >> 20) MiB buffered",
        ]
        if !status.classes.isEmpty {
            let rows = status.classes.map { [$0.priorityClass.word, "\($0.queued)", "\($0.running)"] }
            lines += [""] + Table.lines([["CLASS", "WAITING", "RUNNING"]] + rows)
        }
        if !status.lanes.isEmpty { lines += [""] + self.lanes(status.lanes) }
        if !status.peers.isEmpty { lines += [""] + self.peers(status.peers) }
        return lines
    }

    /// A table of deployments.
    static func lanes(_ lanes: [LaneStatus]) -> [String] {
        let head = ["MODEL", "DEPLOYMENT", "STATE", "RUNNING", "OK", "FAILED", "LAST FAILURE"]
        return Table.lines([head] + lanes.map(self.row))
    }

    /// A table of the programs that are connected.
    static func peers(_ peers: [PeerStatus]) -> [String] {
        let rows = peers.map { peer in
            [
                "\(peer.uid)", "\(peer.pid)", "\(peer.connections)", "\(peer.batches)", "\(peer.items)",
                self.printable(peer.client),
            ]
        }
        return Table.lines([["UID", "PID", "CONNECTIONS", "BATCHES", "ITEMS", "PROGRAM"]] + rows)
    }

    /// What another program calls itself must not move the cursor.
    private static func printable(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.filter { $0.properties.generalCategory != .control }))
    }

    private static func row(_ lane: LaneStatus) -> [String] {
        var state = lane.state.name
        if lane.retryInMilliseconds > 0 { state += " \(SummaryText.seconds(milliseconds: lane.retryInMilliseconds))" }
        let limit = lane.limit == 0 ? "" : "/\(lane.limit)"
        let last = lane.lastCode.map { "\($0.name): \(lane.lastMessage)" } ?? ""
        return [
            lane.group, lane.deployment, state, "\(lane.inFlight)\(limit)", "\(lane.succeeded)", "\(lane.failed)",
            String(last.prefix(60)),
        ]
    }

    /// One JSON object, without a line feed.
    static func json(_ status: DaemonStatus) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("version")
        writer.string(status.version)
        writer.key("draining")
        writer.bool(status.isDraining)
        let counts: [(StaticString, UInt64)] = [
            ("uptime_ms", status.uptimeMilliseconds), ("connections", status.connections),
            ("batches", status.batches), ("queued", status.queued), ("running", status.running),
            ("succeeded", status.succeeded), ("failed", status.failed), ("attempts", status.attempts),
            ("buffered_bytes", status.bufferedBytes), ("buffered_bytes_max", status.bufferedBytesMax),
        ]
        for (key, count) in counts {
            writer.key(key)
            writer.uint(count)
        }
        writer.key("configuration")
        writer.string(status.configuration)
        writer.key("configuration_loaded_ms")
        writer.int(status.configurationLoadedMilliseconds)
        writer.key("lanes")
        writer.beginArray()
        for lane in status.lanes { self.object(lane, &writer) }
        writer.endArray()
        writer.key("classes")
        writer.beginArray()
        for own in status.classes {
            self.object(
                own.priorityClass.word,
                named: "class",
                [("queued", own.queued), ("running", own.running)],
                &writer
            )
        }
        writer.endArray()
        writer.key("peers")
        writer.beginArray()
        for peer in status.peers {
            let counts: [(StaticString, UInt64)] = [
                ("uid", UInt64(peer.uid)), ("gid", UInt64(peer.gid)), ("pid", UInt64(peer.pid)),
                ("connections", peer.connections), ("batches", peer.batches), ("items", peer.items),
            ]
            self.object(peer.client, named: "client", counts, &writer)
        }
        writer.endArray()
        writer.endObject()
        return writer.finish()
    }

    private static func object(
        _ name: String,
        named key: StaticString,
        _ counts: [(StaticString, UInt64)],
        _ writer: inout JSONWriter
    ) {
        writer.beginObject()
        writer.key(key)
        writer.string(name)
        for (key, count) in counts {
            writer.key(key)
            writer.uint(count)
        }
        writer.endObject()
    }

    private static func object(_ lane: LaneStatus, _ writer: inout JSONWriter) {
        writer.beginObject()
        let names: [(StaticString, String)] = [
            ("group", lane.group), ("deployment", lane.deployment), ("provider", lane.provider),
            ("model", lane.model), ("state", lane.state.name),
        ]
        for (key, name) in names {
            writer.key(key)
            writer.string(name)
        }
        let counts: [(StaticString, UInt64)] = [
            ("retry_in_ms", lane.retryInMilliseconds), ("in_flight", UInt64(lane.inFlight)),
            ("limit", UInt64(lane.limit)), ("succeeded", lane.succeeded), ("failed", lane.failed),
        ]
        for (key, count) in counts {
            writer.key(key)
            writer.uint(count)
        }
        if let code = lane.lastCode {
            writer.key("last_code")
            writer.string(code.name)
            writer.key("last_message")
            writer.string(lane.lastMessage)
        }
        writer.endObject()
    }
}

/// Rows of text in columns.
enum Table {
    /// Pads all but the last column; numbers stand right.
    static func lines(_ rows: [[String]]) -> [String] {
        let columns = rows.map { $0.count }.max() ?? 0
        let widths = (0..<columns).map { column in
            rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
        }
        return rows.map { row in
            var line = ""
            for (column, cell) in row.enumerated() {
                let gap = String(repeating: " ", count: widths[column] - cell.count)
                let isNumber = cell.first?.isNumber == true
                line += (column == 0 ? "" : "  ") + (isNumber ? gap + cell : cell + gap)
            }
            while line.last == " " { line.removeLast() }
            return line
        }
    }
}
