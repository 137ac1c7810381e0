// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import FanoutClient

/// How the daemon is reached: the same for every command.
struct ClientOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "The daemon's socket.",
            discussion: "Default: $FANOUT_SOCKET, else $XDG_RUNTIME_DIR/fanout.sock if it exists, else "
                + "/run/fanout/fanout.sock.",
            valueName: "path"
        )
    )
    var socket: String?

    /// Where the daemon is looked for.
    var path: String { SocketPath.resolve(self.socket) }

    func connect() async throws(FanoutError) -> FanoutClient {
        try await FanoutClient.connect(socketPath: self.socket, name: "fanout/\(FanoutCommand.version)")
    }
}
