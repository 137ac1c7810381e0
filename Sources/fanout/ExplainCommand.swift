// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import FanoutClient

/// `fanout explain`: why an item went where it went.
struct ExplainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Show what happened to one item of a batch: each attempt, and the deployments that there were.",
        discussion: """
            The daemon remembers some 10,000 items, the latest ones, without their prompts and answers. You see your \
            own; root and the daemon's own user see all. A batch is named as in the daemon's log and at the end of \
            `fanout batch`: its connection, a slash, its number; a number alone is the latest batch of that number.
            """
    )

    @Argument(help: "The batch, for example 12/1.")
    var batch: BatchName

    @Argument(help: "The item's place in the batch, from 0.")
    var index: UInt32

    @Flag(name: .long, help: "Print one JSON object.")
    var json = false

    @OptionGroup var client: ClientOptions

    func run() async throws {
        let client = try await self.client.connect()
        let found = try await client.explain(item: self.index, ofBatch: self.batch.id, session: self.batch.session)
        await client.close()
        guard let found else {
            let words = "the daemon knows no item \(self.index) of batch \(self.batch)"
            throw CommandError("\(words): it isn't final yet, isn't yours, or too many have come after it")
        }
        if self.json {
            try Descriptor.output.write(ExplanationText.json(found) + [UInt8(ascii: "\n")])
        } else {
            for line in ExplanationText.lines(found) { try Descriptor.output.write(line: line) }
        }
    }
}

/// A batch as a person names it.
struct BatchName: ExpressibleByArgument, CustomStringConvertible, Hashable {
    /// Its connection; 0 = none given.
    var session: UInt64 = 0
    var id: UInt64

    init?(argument: String) {
        let parts = argument.split(separator: "/", omittingEmptySubsequences: false)
        guard let last = parts.last, let id = UInt64(last), parts.count <= 2 else { return nil }
        self.id = id
        if parts.count == 2 {
            guard let session = UInt64(parts[0]), session != 0 else { return nil }
            self.session = session
        }
    }

    var description: String { self.session == 0 ? "\(self.id)" : "\(self.session)/\(self.id)" }
}
