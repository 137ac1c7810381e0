// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutEngine
internal import FanoutModel
internal import FanoutTelemetry
internal import FanoutWire

/// What a client may ask of the daemon itself.
extension Session {
    /// Bytes of a piece of the metrics, well under the smallest frame limit there may be.
    private static let metricsPieceBytes = 128 << 10

    func sendStatus(id: UInt64, lanes: Bool, peers: Bool) {
        var status = self.core.status(lanes: lanes)
        // What a tenant may not use, it needn't know of.
        if !self.peer.isAdministrator, let groups = self.engine.snapshot.groups(for: self.core.policy(of: self.tenant))
        {
            status.lanes.removeAll { !groups.contains($0.group) }
        }
        if peers { status.peers = self.core.peers(for: self.peer) }
        self.send(ServerFrame(id: id, body: .status(status)))
    }

    /// Sends all that is counted, in pieces of whole lines.
    func sendMetrics(id: UInt64, now: Instant) {
        guard self.peer.isAdministrator else {
            let words =
                "metrics are for root and the daemon's own user: use sudo, or fanout.metrics_socket with a group of its own"
            let refusal = ServerFrame.Rejection(code: .permission, message: words)
            self.send(ServerFrame(id: id, body: .rejected(refusal)))
            return
        }
        var rest = self.core.metrics(now: now).text()[...]
        repeat {
            let piece = Self.lines(of: rest, bytesMax: Self.metricsPieceBytes)
            rest = rest[piece.endIndex...]
            let text = String(decoding: piece, as: UTF8.self)
            self.send(ServerFrame(id: id, body: .metrics(text: text, isLast: rest.isEmpty)))
        } while !rest.isEmpty
    }

    /// The first whole lines that fit, or the first line if it alone doesn't.
    private static func lines(of bytes: ArraySlice<UInt8>, bytesMax: Int) -> ArraySlice<UInt8> {
        guard bytes.count > bytesMax else { return bytes }
        let feed = UInt8(ascii: "\n")
        let end =
            bytes.prefix(bytesMax).lastIndex(of: feed) ?? bytes.dropFirst(bytesMax).firstIndex(of: feed)
            ?? bytes.endIndex - 1
        return bytes[bytes.startIndex...end]
    }

    /// Says what is still known of an item of this tenant, or for an administrator of anybody.
    func explain(id: UInt64, batch: UInt64, index: UInt32, session: UInt64, now: Instant) {
        let tenant = self.peer.isAdministrator ? nil : self.tenant
        let engine = self.engine
        let item =
            session != 0
            ? engine.recentItem(session: session, batch: batch, index: index, tenant: tenant)
            : engine.recentItem(session: self.id, batch: batch, index: index, tenant: self.tenant)
                ?? engine.recentItem(session: nil, batch: batch, index: index, tenant: self.tenant)
        var explanation = ServerFrame.Explanation(found: item != nil)
        if let item {
            explanation.trail = item.trail
            explanation.candidates = engine.candidates(of: item, now: now).map { note in
                .init(deployment: note.deployment, taken: note.isTaken, reason: note.reason)
            }
            explanation.model = item.model
            explanation.code = item.code
            explanation.ageMilliseconds = now.milliseconds(since: item.ended)
        }
        self.send(ServerFrame(id: id, body: .explanation(explanation)))
    }
}
