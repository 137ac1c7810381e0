// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Where the daemon listens.
package enum SocketPath {
    /// The longest path that fits `sun_path` with its final NUL (unix(7)).
    package static let bytesMax = 107

    /// The path to use: the argument, else `FANOUT_SOCKET`, else `$XDG_RUNTIME_DIR/fanout.sock` if it exists, else
    /// `/run/fanout/fanout.sock`.
    package static func resolve(
        _ argument: String?,
        environment: (String) -> String?,
        exists: (String) -> Bool
    ) -> String {
        if let argument, !argument.isEmpty { return argument }
        if let path = environment("FANOUT_SOCKET"), !path.isEmpty { return path }
        if let folder = environment("XDG_RUNTIME_DIR"), !folder.isEmpty {
            let path = "\(folder)/fanout.sock"
            if exists(path) { return path }
        }
        return "/run/fanout/fanout.sock"
    }

    /// The path to use on this machine, with this process's environment.
    package static func resolve(_ argument: String?) -> String {
        Self.resolve(
            argument,
            environment: { name in getenv(name).map { String(cString: $0) } },
            exists: { path in access(path, F_OK) == 0 }
        )
    }
}
