// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutClient
internal import FanoutModel
internal import Glibc

/// Whether the daemon can be reached, and by whom.
enum SocketChecks {
    /// The file at the path: that it is a socket, and whose.
    static func file(_ path: String) -> [Check] {
        let subject = "socket \(path)"
        var info = stat()
        guard stat(path, &info) == 0 else {
            let start = "start the daemon: systemctl start fanoutd.socket, or fanoutd --config FILE"
            return [Check(.fail, subject, String(cString: strerror(errno)), start)]
        }
        guard info.st_mode & S_IFMT == S_IFSOCK else {
            return [Check(.fail, subject, "is no socket", "give the daemon's with --socket")]
        }
        let mode = String(info.st_mode & 0o777, radix: 8)
        let owner = "mode 0\(mode), user \(info.st_uid), group \(self.group(info.st_gid))"
        guard info.st_mode & 0o002 == 0 else {
            let advice =
                "every user of this machine can spend the keys' budget: set SocketMode=0660, or fanout.socket_mode"
            return [Check(.fail, subject, owner, advice)]
        }
        guard access(path, R_OK | W_OK) == 0 else {
            let advice = "join its group: adduser NAME \(self.group(info.st_gid)), and log in again"
            return [Check(.fail, subject, "\(owner), not yours to use", advice)]
        }
        return [Check(.ok, subject, owner)]
    }

    /// Whether a daemon answers there, and which.
    static func daemon(_ options: ClientOptions) async -> [Check] {
        do throws(FanoutError) {
            let client = try await options.connect()
            let took = try await client.ping()
            let status = try await client.status()
            await client.close()
            let milliseconds = took / .milliseconds(1)
            var checks = [
                Check(.ok, "daemon", "fanoutd \(client.daemonVersion) answers in \(milliseconds.rounded()) ms")
            ]
            if client.daemonVersion != FanoutCommand.version {
                let words = "the daemon is \(client.daemonVersion) and this program \(FanoutCommand.version)"
                checks.append(Check(.warn, "versions", words, "restart the daemon, or install both of one version"))
            }
            for lane in status.lanes where lane.state != .closed {
                let why = lane.lastCode.map { ", last failure \($0.name): \(lane.lastMessage)" } ?? ""
                let advice = "it comes back by itself, but for one that is off: mend it, then systemctl reload fanoutd"
                checks.append(Check(.warn, "deployment \(lane.deployment)", "is \(lane.state.name)\(why)", advice))
            }
            return checks
        } catch {
            return [Check(.fail, "daemon", error.message, "see its log: journalctl -u fanoutd")]
        }
    }

    private static func group(_ id: gid_t) -> String {
        guard let entry = getgrgid(id) else { return "\(id)" }
        return String(cString: entry.pointee.gr_name)
    }
}
