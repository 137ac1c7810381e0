// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Where the service manager takes notifications: NOTIFY_SOCKET of sd_notify(3), a path or an abstract name.
struct NotifySocket: Sendable, Hashable {
    /// `sun_path`, the first byte NUL for an abstract name.
    private let path: [UInt8]

    /// Reads the variable's value, which spells an abstract name's first byte `@`.
    init(name: String) throws(ServerError) {
        var path = Array(name.utf8)
        guard path.count > 1, let first = path.first, first == UInt8(ascii: "/") || first == UInt8(ascii: "@") else {
            throw ServerError("NOTIFY_SOCKET is neither an absolute path nor an abstract name, @…: leave it to systemd")
        }
        guard path.count <= SocketFile.pathBytesMax else {
            throw ServerError("NOTIFY_SOCKET has more than \(SocketFile.pathBytesMax) bytes: leave it to systemd")
        }
        if first == UInt8(ascii: "@") { path[0] = 0 }
        self.path = path
    }

    /// Sends one datagram, and says whether it went.
    ///
    /// While the manager's queue is full it waits for up to a second, or not at all.
    @discardableResult
    func send(_ message: String, waits: Bool) -> Bool {
        let descriptor = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var patience = timeval(tv_sec: 1, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: self.path) }
        // An abstract name ends with the address, a path with its NUL, see unix(7).
        let isAbstract = self.path[0] == 0
        let length = socklen_t(MemoryLayout<sa_family_t>.size + self.path.count + (isAbstract ? 0 : 1))
        let flags = CInt(MSG_NOSIGNAL) | (waits ? 0 : CInt(MSG_DONTWAIT))
        let bytes = Array(message.utf8)
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                sendto(descriptor, bytes, bytes.count, flags, generic, length) == bytes.count
            }
        }
    }
}
