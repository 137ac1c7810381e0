// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Sockets that the service manager opened and handed over, see sd_listen_fds(3).
struct Activation: Sendable, Hashable {
    /// The first descriptor, SD_LISTEN_FDS_START.
    static let first: CInt = 3
    /// More than a unit of ours has.
    static let countMax = 64

    /// Their names in the order of their descriptors; empty = nothing was handed over.
    let names: [String]

    /// Nothing.
    init() { self.names = [] }

    /// Reads LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES.
    init(environment: [String: String], process: Int32) throws(ServerError) {
        // They may be meant for the process that started this one.
        guard let pid = environment["LISTEN_PID"], Int32(pid) == process, let text = environment["LISTEN_FDS"] else {
            self.names = []
            return
        }
        guard let count = Int(text), (0...Self.countMax).contains(count) else {
            throw ServerError("LISTEN_FDS isn't a number of sockets up to \(Self.countMax): mend fanoutd.socket")
        }
        guard let joined = environment["LISTEN_FDNAMES"] else {
            self.names = Array(repeating: "unknown", count: count)
            return
        }
        let names = joined.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard names.count == count || (count == 0 && joined.isEmpty) else {
            throw ServerError("LISTEN_FDNAMES has \(names.count) names for \(count) sockets: mend fanoutd.socket")
        }
        self.names = count == 0 ? [] : names
    }

    /// The listening Unix socket to serve; `nil` = nothing was handed over.
    ///
    /// No child inherits it.
    func listener() throws(ServerError) -> CInt? {
        guard let name = self.names.first else { return nil }
        for offset in self.names.indices { _ = fcntl(Self.first + CInt(offset), F_SETFD, FD_CLOEXEC) }
        guard self.names.count == 1 else {
            let list = self.names.joined(separator: ", ")
            throw ServerError(
                "systemd handed over \(self.names.count) sockets (\(list)) and fanoutd serves one: mend fanoutd.socket"
            )
        }
        guard Self.option(SO_ACCEPTCONN, of: Self.first) == 1, Self.option(SO_DOMAIN, of: Self.first) == AF_UNIX,
            Self.option(SO_TYPE, of: Self.first) == CInt(SOCK_STREAM.rawValue)
        else {
            throw ServerError(
                "what systemd handed over as '\(name)' isn't a listening Unix stream socket: mend fanoutd.socket"
            )
        }
        return Self.first
    }

    private static func option(_ name: CInt, of descriptor: CInt) -> CInt? {
        var value: CInt = 0
        var size = socklen_t(MemoryLayout<CInt>.size)
        return getsockopt(descriptor, SOL_SOCKET, name, &value, &size) == 0 ? value : nil
    }
}
