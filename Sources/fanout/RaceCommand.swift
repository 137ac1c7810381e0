// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import FanoutClient
internal import FanoutModel

/// `fanout race`: the same question to several models, the first answer wins.
struct RaceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "race",
        abstract: "Ask several models at once and print the first valid answer; the others are cancelled."
    )

    @Argument(help: ArgumentHelp("Model groups, with commas between them.", valueName: "model,model"))
    var models: String

    @Argument(help: "The question, or - for standard input.")
    var prompt: String

    @OptionGroup var question: QuestionOptions

    @Option(name: .long, help: ArgumentHelp("How many run at the same time; 0 = all.", valueName: "count"))
    var width: UInt32 = 0

    @Flag(name: .long, help: "Print the result as one JSON object, with usage and trail.")
    var json = false

    @OptionGroup var client: ClientOptions

    func run() async throws {
        var item = Item(request: Request(model: "", task: .chat(try self.question.chat(self.prompt))))
        item.race = self.models.split(separator: ",").map { String($0) }
        item.raceWidth = self.width
        guard item.race.count > 1 else {
            throw CommandError("a race needs two models or more, with commas between them")
        }
        let client = try await self.client.connect()
        let result: ItemResult
        do {
            result = try await client.run(item, options: self.question.options)
        } catch {
            await client.close()
            throw error
        }
        await client.close()
        if self.json { return try Answer.print(json: result) }
        try Answer.print(result)
        if let trail = result.trail, !trail.group.isEmpty { Descriptor.complain("fanout: \(trail.group) won") }
    }
}
