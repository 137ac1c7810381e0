// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import Foundation

/// By another name than the property below.
private typealias GroupEntry = group

/// How names of users and groups become numbers.
package struct IdentityReader: Sendable {
    /// The number of a user; `nil` = there is none of that name.
    package var user: @Sendable (_ name: String) -> UInt32?
    /// The number of a group; `nil` = there is none of that name.
    package var group: @Sendable (_ name: String) -> UInt32?

    /// Makes a reader.
    package init(
        user: @escaping @Sendable (_ name: String) -> UInt32?,
        group: @escaping @Sendable (_ name: String) -> UInt32?
    ) {
        self.user = user
        self.group = group
    }

    /// The machine's own, as getpwnam_r(3) and getgrnam_r(3) find them.
    package static let system = IdentityReader(
        user: { name in
            var entry = passwd()
            var found: UnsafeMutablePointer<passwd>?
            return Self.look { getpwnam_r(name, &entry, $0, $1, &found) } && found != nil ? entry.pw_uid : nil
        },
        group: { name in
            var entry = GroupEntry()
            var found: UnsafeMutablePointer<GroupEntry>?
            return Self.look { getgrnam_r(name, &entry, $0, $1, &found) } && found != nil ? entry.gr_gid : nil
        }
    )

    /// A group may have many members, all of which want room.
    private static let roomMax = 1 << 20

    /// Looks with more and more room; whether that was enough in the end.
    ///
    /// Only numbers are kept of what is found, so the room may go.
    private static func look(_ look: (UnsafeMutablePointer<CChar>, Int) -> CInt) -> Bool {
        var room = 4_096
        while room <= Self.roomMax {
            let status = withUnsafeTemporaryAllocation(of: CChar.self, capacity: room) { buffer in
                buffer.baseAddress.map { look($0, room) } ?? ENOMEM
            }
            if status != ERANGE { return status == 0 }
            room *= 4
        }
        return false
    }
}
