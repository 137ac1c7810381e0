// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import FanoutModel

/// What a single question can be given beside its prompt.
struct QuestionOptions: ParsableArguments {
    @Option(name: .long, help: ArgumentHelp("The system prompt.", valueName: "text"))
    var system: String?

    @Option(name: .long, help: ArgumentHelp("How much chance there is in the answer, 0 to 2.", valueName: "number"))
    var temperature: Double?

    @Option(name: .long, help: ArgumentHelp("The most tokens of the answer.", valueName: "count"))
    var maxTokens: UInt32?

    @Option(name: .long, help: ArgumentHelp("For repeatable answers, where the provider can.", valueName: "number"))
    var seed: Int64?

    @Option(name: .long, help: ArgumentHelp("Give up after so many seconds.", valueName: "seconds"))
    var deadline: Double?

    func validate() throws {
        guard Seconds.milliseconds(self.deadline) != nil else { throw ValidationError(Seconds.rule("deadline")) }
    }

    /// The conversation; a prompt of `-` is read from standard input.
    func chat(_ prompt: String) throws -> ChatRequest {
        var messages: [Message] = []
        if let system = self.system { messages.append(Message(role: .system, text: system)) }
        messages.append(Message(role: .user, text: prompt == "-" ? try Self.standardInput() : prompt))
        var chat = ChatRequest(messages: messages)
        chat.sampling.temperature = self.temperature
        chat.sampling.maxTokens = self.maxTokens
        chat.sampling.seed = self.seed
        return chat
    }

    /// A person waits for it, so it goes before batches.
    var options: BatchOptions {
        var options = BatchOptions()
        options.priorityClass = .interactive
        options.deadlineMilliseconds = Seconds.milliseconds(self.deadline) ?? 0
        return options
    }

    private static let promptBytesMax = 16 << 20

    private static func standardInput() throws -> String {
        var bytes: [UInt8] = []
        while true {
            let more = try Descriptor.input.read(64 << 10)
            guard !more.isEmpty else { break }
            bytes += more
            guard bytes.count <= self.promptBytesMax else { throw CommandError("the prompt is over 16 MiB") }
        }
        guard let text = String(validating: bytes, as: UTF8.self) else { throw CommandError("the prompt isn't UTF-8") }
        return text
    }
}

/// Seconds as a person gives them.
enum Seconds {
    /// In milliseconds, rounded up; 0 = not given, `nil` = not a time.
    static func milliseconds(_ seconds: Double?) -> UInt64? {
        guard let seconds else { return 0 }
        guard seconds > 0, seconds <= 1e9 else { return nil }
        return UInt64((seconds * 1_000).rounded(.up))
    }

    static func rule(_ option: String) -> String { "--\(option) must be above 0 and at most 1,000,000,000 seconds" }
}
