// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// The socket's place in the file system: a lock beside it, a stale file removed, its mode and group set.
///
/// Two daemons on one path would split their clients without a word, so only the holder of `PATH.lock` may remove
/// and bind. The lock file is never removed: removing it would let two daemons lock two files of one name.
package final class SocketFile {
    /// The path of the socket.
    package let path: String
    private let lock: CInt
    private var device: dev_t = 0
    private var inode: ino_t = 0

    /// `sun_path` holds 108 bytes with the closing NUL, see unix(7).
    package static let pathBytesMax = 107

    /// Takes the lock and removes a stale socket.
    package init(path: String) throws(ServerError) {
        guard !path.isEmpty, !path.utf8.contains(0) else {
            throw ServerError("the socket path is empty or contains NUL: give one with --socket or fanout.socket")
        }
        guard path.utf8.count <= Self.pathBytesMax else {
            throw ServerError(
                "the socket path has \(path.utf8.count) bytes, and Unix takes \(Self.pathBytesMax): choose a shorter one: \(path)"
            )
        }
        guard !path.hasPrefix("@") else {
            throw ServerError("abstract sockets have no permissions and are refused: give a path, not \(path)")
        }
        self.path = path
        self.lock = open(path + ".lock", O_CREAT | O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard self.lock >= 0 else {
            throw ServerError("can't open \(path).lock (\(Self.reason())): make its directory, writable for this user")
        }
        guard flock(self.lock, LOCK_EX | LOCK_NB) == 0 else {
            Glibc.close(self.lock)
            throw ServerError("another fanoutd holds \(path): stop it, or choose another socket")
        }
        try self.removeStale()
    }

    private func removeStale() throws(ServerError) {
        var info = stat()
        guard lstat(self.path, &info) == 0 else {
            if errno == ENOENT { return }
            throw ServerError("can't look at \(self.path): \(Self.reason())")
        }
        guard info.st_mode & S_IFMT == S_IFSOCK, info.st_uid == geteuid() else {
            throw ServerError("\(self.path) is there and isn't a socket of this user: remove it or choose another path")
        }
        guard unlink(self.path) == 0 else {
            throw ServerError("can't remove the stale socket \(self.path): \(Self.reason())")
        }
    }

    /// Runs `bind` under a mask that gives nobody else access, then sets group and mode.
    ///
    /// The umask belongs to the process, so this must run before files are made on other threads.
    package func bind<Listener>(
        mode: UInt32,
        group: String?,
        _ bind: () async throws -> Listener
    ) async throws -> Listener {
        let old = umask(0o177)
        let listener: Listener
        do {
            listener = try await bind()
            umask(old)
        } catch {
            umask(old)
            throw ServerError("can't bind \(self.path): \(error)")
        }
        try self.publish(mode: mode, group: group)
        return listener
    }

    private func publish(mode: UInt32, group: String?) throws(ServerError) {
        var info = stat()
        guard lstat(self.path, &info) == 0 else { throw ServerError("can't look at \(self.path): \(Self.reason())") }
        self.device = info.st_dev
        self.inode = info.st_ino
        if let group {
            guard let entry = getgrnam(group) else {
                throw ServerError("there is no group '\(group)': make it, or change fanout.socket_group")
            }
            guard chown(self.path, uid_t.max, entry.pointee.gr_gid) == 0 else {
                throw ServerError("can't give \(self.path) to group '\(group)': \(Self.reason())")
            }
        }
        guard chmod(self.path, mode_t(mode)) == 0 else {
            throw ServerError("can't set the mode of \(self.path): \(Self.reason())")
        }
    }

    /// Removes the socket if it is still ours.
    ///
    /// The lock goes with the process.
    package func remove() {
        var info = stat()
        guard lstat(self.path, &info) == 0, info.st_dev == self.device, info.st_ino == self.inode else { return }
        unlink(self.path)
    }

    deinit {
        Glibc.close(self.lock)
    }

    private static func reason() -> String {
        String(cString: strerror(errno))
    }
}
