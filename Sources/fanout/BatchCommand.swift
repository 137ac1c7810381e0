// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import Dispatch
internal import FanoutClient
internal import FanoutModel

/// `fanout batch`: a file of requests in, a file of results out.
struct BatchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "batch",
        abstract: "Run a file of requests, one JSON object a line; print one result a line as each is final.",
        discussion: """
            A line is a request in OpenAI's form: {"model": "m", "messages": [...], "temperature": 0, ...}, with \
            "prompt" for a completion or "input" for embeddings, and "id" for a name of your own; or a line of an \
            OpenAI batch file: {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": {...}}. \
            "fallbacks" lists models to try next: names, or objects with "model" and what that one is asked in place \
            of the rest. Parameters that Fanout doesn't know go to the provider as they are. A line that can't be read \
            is that line's failure, and the others go on. Files of any length run in bounded memory.

            A result is {"index", "id", "model", "text", "finish_reason", "attempts", "deployment", "usage"}, with \
            "embedding" for embeddings, and "code" and "error" in place of the text for a failure. "index" counts \
            requests from 0.
            """
    )

    @Argument(help: ArgumentHelp("The requests, or - for standard input.", valueName: "file"))
    var file: String

    @Flag(name: .long, help: "Results in the order of the requests, not as they are final.")
    var ordered = false

    @Flag(name: .long, help: "The first failure ends the batch.")
    var failFast = false

    @Option(name: .long, help: ArgumentHelp("The most requests in flight; 0 = automatic.", valueName: "count"))
    var maxConcurrency: UInt32 = 0

    @Option(name: .shortAndLong, help: ArgumentHelp("Write results here, not to standard output.", valueName: "file"))
    var output: String?

    @Option(name: .long, help: ArgumentHelp("The model of lines that name none.", valueName: "model"))
    var model: String?

    @Option(name: .long, help: ArgumentHelp("What isn't final after so long fails.", valueName: "seconds"))
    var deadline: Double?

    @Option(name: .long, help: ArgumentHelp("The same for each request, from when it is sent.", valueName: "seconds"))
    var itemDeadline: Double?

    @Option(name: .long, help: ArgumentHelp("How urgent: interactive, default or bulk.", valueName: "class"))
    var `class` = UrgencyArgument.default

    @Flag(name: .long, help: "Print the summary as the last line of standard output, in JSON.")
    var json = false

    @OptionGroup var client: ClientOptions

    func validate() throws {
        guard Seconds.milliseconds(self.deadline) != nil else { throw ValidationError(Seconds.rule("deadline")) }
        guard Seconds.milliseconds(self.itemDeadline) != nil else {
            throw ValidationError(Seconds.rule("item-deadline"))
        }
    }

    func run() async throws {
        let input = try Descriptor.reading(self.file)
        let output = try self.output.map { try Descriptor.writing($0) } ?? .output
        let showsProgress = Descriptor.error.isTerminal
        let client = try await self.client.connect()
        let batch = try client.batch(
            [],
            options: self.options(progress: showsProgress),
            defaults: self.model.map { Request(model: $0, task: nil) },
            open: true
        )
        let interrupt = Interrupt()
        let source = interrupt.watch { batch.cancel() }
        defer { source.cancel() }
        var report = BatchReport(output: output, showsProgress: showsProgress)
        do {
            try await BatchRunner(batch: batch, input: BatchInput(input)).run { try report.take($0) }
        } catch {
            await client.close()
            try report.clearProgress()
            throw interrupt.hasCome ? ExitCode(Interrupt.exitStatus) : error
        }
        await client.close()
        try self.finish(report, name: "\(client.session)/\(batch.id)", wasInterrupted: interrupt.hasCome)
    }

    private func options(progress: Bool) -> BatchOptions {
        var options = BatchOptions()
        options.maxConcurrency = self.maxConcurrency
        options.failFast = self.failFast
        options.ordering = self.ordered ? .input : .completion
        options.batchDeadlineMilliseconds = Seconds.milliseconds(self.deadline) ?? 0
        options.deadlineMilliseconds = Seconds.milliseconds(self.itemDeadline) ?? 0
        options.priorityClass = self.class.value
        options.progress = progress
        return options
    }

    private func finish(_ report: BatchReport, name: String, wasInterrupted: Bool) throws {
        try report.clearProgress()
        guard let summary = report.summary else { throw CommandError("the daemon ended the batch without a summary") }
        if self.json {
            try Descriptor.output.write(SummaryText.json(summary) + [UInt8(ascii: "\n")])
        } else {
            Descriptor.complain("fanout: \(SummaryText.line(summary))")
        }
        if summary.failed > 0 { Descriptor.complain("fanout: for the reasons: fanout explain \(name) INDEX") }
        if wasInterrupted { throw ExitCode(Interrupt.exitStatus) }
        if let refusal = report.refusal { throw refusal }
        if summary.succeeded < summary.items { throw ExitCode(1) }
    }
}

/// A class of urgency as the command line spells it.
enum UrgencyArgument: String, ExpressibleByArgument, CaseIterable {
    case system
    case interactive
    case `default`
    case bulk

    var value: PriorityClass {
        switch self {
        case .system: .system
        case .interactive: .interactive
        case .default: .standard
        case .bulk: .bulk
        }
    }
}
