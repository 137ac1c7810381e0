// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutEngine
internal import FanoutModel

extension ServerCore {
    /// The programs that are connected, by user and process: all for an administrator, else the peer's own user's.
    func peers(for peer: PeerIdentity) -> [PeerStatus] {
        var places: [PeerIdentity: Int] = [:]
        var result: [PeerStatus] = []
        for session in self.sessions.values.sorted(by: { $0.id < $1.id }) {
            guard peer.isAdministrator || session.peer.uid == peer.uid else { continue }
            let place: Int
            if let known = places[session.peer] {
                place = known
            } else {
                place = result.count
                places[session.peer] = place
                var status = PeerStatus()
                status.uid = session.peer.uid
                status.gid = session.peer.gid
                status.pid = session.peer.pid
                result.append(status)
            }
            result[place].connections += 1
            result[place].client = session.clientName
            result[place].batches += UInt64(session.batches.count)
            for batch in session.batches.values { result[place].items += UInt64(batch.run?.liveItems ?? 0) }
        }
        return result
    }
}
