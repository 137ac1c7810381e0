// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Where lines go, without ever waiting: what can't be taken at once isn't taken.
package struct LogOutput: Sendable {
    /// In which form lines are written.
    package enum Form: Sendable, Hashable {
        case logfmt
        case json
        /// Native fields, to the journal's socket.
        case journal
    }

    /// In which form.
    package let form: Form
    private let descriptor: CInt
    /// Of the journal's socket; empty = there is none.
    private let journalPath: String

    /// Lines on a descriptor that stays open, such as standard error.
    package init(form: Form, descriptor: CInt) {
        self.form = form
        self.descriptor = descriptor
        self.journalPath = ""
    }

    private init(journal descriptor: CInt, path: String) {
        self.form = .journal
        self.descriptor = descriptor
        self.journalPath = path
    }

    /// The journal's socket, if standard error is the journal: JOURNAL_STREAM of systemd.exec(5) names its device and
    /// inode.
    ///
    /// `nil` = it isn't, or the socket can't be had.
    package static func journal(
        stream: String?,
        standardError: CInt = STDERR_FILENO,
        path: String = "/run/systemd/journal/socket"
    ) -> LogOutput? {
        var info = stat()
        guard let stream, fstat(standardError, &info) == 0, stream == "\(info.st_dev):\(info.st_ino)" else {
            return nil
        }
        guard access(path, W_OK) == 0 else { return nil }
        let descriptor = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        return LogOutput(journal: descriptor, path: path)
    }

    /// Writes a line, and says whether it was taken.
    package func write(_ line: LogLine) -> Bool {
        switch self.form {
        case .logfmt: self.write(line.logfmt())
        case .json: self.write(line.json())
        case .journal: self.send(line.journal(identifier: "fanoutd"))
        }
    }

    /// A pipe that poll(2) calls writable takes PIPE_BUF bytes without waiting, and no line has more; the descriptor's
    /// own flags are shared with other processes and stay as they are.
    private func write(_ bytes: [UInt8]) -> Bool {
        var ready = pollfd(fd: self.descriptor, events: Int16(POLLOUT), revents: 0)
        guard poll(&ready, 1, 0) == 1, ready.revents & Int16(POLLOUT) != 0 else { return false }
        return Glibc.write(self.descriptor, bytes, bytes.count) == bytes.count
    }

    private func send(_ bytes: [UInt8]) -> Bool {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let path = Array(self.journalPath.utf8)
        let room = MemoryLayout.size(ofValue: address.sun_path)
        guard path.count < room else { return false }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + path.count + 1)
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                let flags = CInt(MSG_DONTWAIT) | CInt(MSG_NOSIGNAL)
                return sendto(self.descriptor, bytes, bytes.count, flags, generic, length) == bytes.count
            }
        }
    }
}
