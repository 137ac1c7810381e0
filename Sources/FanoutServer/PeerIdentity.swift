// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import NIOCore
internal import NIOPosix

/// Who is at the other end of a connection, as the kernel says: frozen at connect, see unix(7), SO_PEERCRED.
///
/// The pid is not kept: it may belong to somebody else by now.
package struct PeerIdentity: Sendable, Hashable {
    /// The user.
    package var uid: UInt32
    /// The group.
    package var gid: UInt32

    /// A user that this namespace has no number for.
    package static let unmappedUID: UInt32 = 65_534

    /// Makes an identity.
    package init(uid: UInt32, gid: UInt32) {
        self.uid = uid
        self.gid = gid
    }

    /// The name under which the peer's work is counted.
    package var tenant: String { "uid:\(self.uid)" }

    /// `struct ucred` of unix(7), which Glibc's module leaves out.
    private struct Credentials: Sendable {
        var pid: pid_t = 0
        var uid: uid_t = 0
        var gid: gid_t = 0
    }

    /// Asks the kernel.
    ///
    /// Must be called on the channel's loop.
    static func read(from channel: any Channel) -> PeerIdentity? {
        guard let provider = channel as? any SocketOptionProvider else { return nil }
        let future: EventLoopFuture<Credentials> = provider.unsafeGetSocketOption(
            level: .socket,
            name: .init(rawValue: CInt(SO_PEERCRED))
        )
        // On the loop the option is read at once, so the future is already complete.
        var identity: PeerIdentity?
        future.assumeIsolated().whenSuccess { identity = PeerIdentity(uid: $0.uid, gid: $0.gid) }
        return identity
    }
}
