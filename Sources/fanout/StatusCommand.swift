// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import FanoutClient

/// `fanout status`: how the daemon and its lanes are.
struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show how the daemon is, each deployment that you may use, and who is connected.",
        discussion: """
            A deployment is ok, cooling (it failed too often and rests), probing (one request tries it), paused (its \
            provider asked to wait) or off (until the configuration is loaded again). You see your own programs; root \
            and the daemon's own user see all that are connected.
            """
    )

    @Flag(name: .long, help: "Print one JSON object.")
    var json = false

    @OptionGroup var client: ClientOptions

    func run() async throws {
        let client = try await self.client.connect()
        let status = try await client.status(peers: true)
        await client.close()
        if self.json {
            try Descriptor.output.write(StatusText.json(status) + [UInt8(ascii: "\n")])
        } else {
            for line in StatusText.lines(status) { try Descriptor.output.write(line: line) }
        }
    }
}
