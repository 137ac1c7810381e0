// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import Glibc
internal import NIOCore

/// Who is at the other end of a connection, as the kernel says: frozen at connect, see unix(7), SO_PEERCRED.
///
/// The pid is for people to read and decides nothing: it may belong to somebody else by now.
package struct PeerIdentity: Sendable, Hashable {
    /// The user.
    package var uid: UInt32
    /// The primary group.
    package var gid: UInt32
    /// The primary group and, where the kernel tells them, the supplementary ones.
    package var groups: Set<UInt32>
    /// The process that connected; 0 = not known.
    package var pid: UInt32 = 0

    /// Makes an identity.
    package init(uid: UInt32, gid: UInt32, supplementary: [UInt32] = []) {
        self.uid = uid
        self.gid = gid
        self.groups = Set(supplementary).union([gid])
    }

    /// Whether it may see what every caller does: root, or the daemon's own user, who could read all of it anyway.
    package var isAdministrator: Bool { self.uid == 0 || self.uid == geteuid() }

    /// `struct ucred` of unix(7), which Glibc's module leaves out.
    private struct Credentials {
        var pid: pid_t = 0
        var uid: uid_t = 0
        var gid: gid_t = 0
    }

    /// SO_PEERGROUPS of socket(7), which Glibc's module leaves out: an array of gid_t, as of the connect.
    private static let peerGroups: CInt = 59
    /// NGROUPS_MAX of Linux: no process has more.
    private static let groupsMax = 65_536

    /// Asks the kernel.
    ///
    /// Must be called on the channel's loop; `nil` = the channel is no socket, or gone.
    static func read(from channel: any Channel) -> PeerIdentity? {
        let identity = try? channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: CInt.self) { socket in
            Self.read(from: socket)
        }
        return identity ?? nil
    }

    private static func read(from socket: CInt) -> PeerIdentity? {
        var peer = Credentials()
        var size = socklen_t(MemoryLayout<Credentials>.size)
        guard getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 else { return nil }
        let groups = Self.supplementaryGroups(of: socket)
        var identity = PeerIdentity(uid: peer.uid, gid: peer.gid, supplementary: groups)
        identity.pid = UInt32(max(0, peer.pid))
        return identity
    }

    /// None where the kernel doesn't know the option (before Linux 4.13): rules then match primary groups alone.
    private static func supplementaryGroups(of socket: CInt) -> [UInt32] {
        var groups = [gid_t](repeating: 0, count: 32)
        while true {
            var size = socklen_t(groups.count * MemoryLayout<gid_t>.stride)
            if getsockopt(socket, SOL_SOCKET, Self.peerGroups, &groups, &size) == 0 {
                return Array(groups.prefix(Int(size) / MemoryLayout<gid_t>.stride))
            }
            let needed = Int(size) / MemoryLayout<gid_t>.stride
            guard errno == ERANGE, needed > groups.count, needed <= Self.groupsMax else { return [] }
            groups = [gid_t](repeating: 0, count: needed)
        }
    }
}
