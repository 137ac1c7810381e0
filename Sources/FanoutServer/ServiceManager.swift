// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// What systemd and the daemon say to each other, see sd_listen_fds(3) and sd_notify(3).
///
/// Both protocols are a few lines, so libsystemd isn't needed where there is no systemd.
package enum ServiceManager {
    /// The listening Unix socket that was handed over; `nil` = none was.
    ///
    /// The variables are unset, so that no child
    /// takes the socket for its own.
    static func activatedSocket() throws(ServerError) -> CInt? {
        defer { for name in ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"] { unsetenv(name) } }
        guard let pid = Self.variable("LISTEN_PID"), Int32(pid) == getpid() else { return nil }
        guard let count = Self.variable("LISTEN_FDS").flatMap({ Int($0) }), count > 0 else { return nil }
        guard count == 1 else {
            throw ServerError("systemd handed over \(count) sockets and fanoutd serves one: mend fanoutd.socket")
        }
        let descriptor: CInt = 3
        guard Self.option(SO_ACCEPTCONN, of: descriptor) == 1, Self.option(SO_DOMAIN, of: descriptor) == AF_UNIX,
            Self.option(SO_TYPE, of: descriptor) == CInt(SOCK_STREAM.rawValue)
        else {
            throw ServerError(
                "systemd handed over something else than a listening Unix stream socket: mend fanoutd.socket"
            )
        }
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        return descriptor
    }

    /// Tells systemd how the daemon is, for example `READY=1`.
    ///
    /// Does nothing without systemd.
    package static func notify(_ state: String) {
        guard let name = Self.variable("NOTIFY_SOCKET"), let first = name.utf8.first else { return }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(name.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { return }
        withUnsafeMutableBytes(of: &address.sun_path) { path in
            path.copyBytes(from: bytes)
            // An abstract name begins with NUL, which the variable spells @.
            if first == UInt8(ascii: "@") { path[0] = 0 }
        }
        let descriptor = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
        let message = Array(state.utf8)
        withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                _ = sendto(descriptor, message, message.count, CInt(MSG_NOSIGNAL), generic, length)
            }
        }
    }

    private static func variable(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }
    }

    private static func option(_ name: CInt, of descriptor: CInt) -> CInt? {
        var value: CInt = 0
        var size = socklen_t(MemoryLayout<CInt>.size)
        return getsockopt(descriptor, SOL_SOCKET, name, &value, &size) == 0 ? value : nil
    }
}
