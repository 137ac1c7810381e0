// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import FanoutClient

/// `fanout metrics`: what the daemon has counted.
struct MetricsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "metrics",
        abstract: "Print what the daemon has counted, in Prometheus' text format.",
        discussion: "For root and the daemon's own user. Prometheus itself asks the socket fanout.metrics_socket."
    )

    @OptionGroup var client: ClientOptions

    func run() async throws {
        let client = try await self.client.connect()
        let text = try await client.metrics()
        await client.close()
        try Descriptor.output.write(Array(text.utf8))
    }
}
