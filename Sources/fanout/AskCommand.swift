// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import FanoutClient
internal import FanoutModel

/// `fanout ask`: one question, the answer as it comes.
struct AskCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ask",
        abstract: "Ask one model one question; the answer appears as it is written.",
        discussion: "The prompt is read from standard input if it is `-`."
    )

    @Argument(help: "A model group of the daemon's configuration; see `fanout status`.")
    var model: String

    @Argument(help: "The question, or - for standard input.")
    var prompt: String

    @OptionGroup var question: QuestionOptions

    @Flag(name: .long, help: "Print the answer when it is complete.")
    var noStream = false

    @Flag(name: .long, help: "Print the result as one JSON object, with usage and trail.")
    var json = false

    @OptionGroup var client: ClientOptions

    func run() async throws {
        let item = Item(request: Request(model: self.model, task: .chat(try self.question.chat(self.prompt))))
        let client = try await self.client.connect()
        do {
            try await self.ask(client, item)
        } catch {
            await client.close()
            throw error
        }
        await client.close()
    }

    private func ask(_ client: FanoutClient, _ item: Item) async throws {
        if self.json {
            let result = try await client.run(item, options: self.question.options)
            try Answer.print(json: result)
        } else if self.noStream {
            try Answer.print(try await client.run(item, options: self.question.options))
        } else {
            try await self.stream(client, item)
        }
    }

    private func stream(_ client: FanoutClient, _ item: Item) async throws {
        let stream = try client.stream(item, options: self.question.options)
        var printer = DeltaPrinter()
        do {
            for try await delta in stream {
                let piece = printer.text(for: delta)
                if !piece.notice.isEmpty { try Descriptor.error.write(Array(piece.notice.utf8)) }
                if !piece.text.isEmpty { try Descriptor.output.write(Array(piece.text.utf8)) }
            }
        } catch {
            try Descriptor.output.write(Array(printer.end().utf8))
            throw error
        }
        try Descriptor.output.write(Array(printer.end().utf8))
        if let result = stream.result { try Answer.printRest(of: result) }
    }
}
