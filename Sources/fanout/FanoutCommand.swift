// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import FanoutClient
internal import Glibc

/// The program.
///
/// Exit status: 0 all succeeded, 1 an item failed, 2 usage, connection or configuration, 130 interrupted.
@main
struct FanoutCommand: AsyncParsableCommand {
    static let version = "0.1.0"

    static let configuration = CommandConfiguration(
        commandName: "fanout",
        abstract: "Ask language models through the Fanout daemon.",
        discussion: """
            Examples:
              fanout ask gpt-4o-mini "Why is the sky blue?"
              fanout batch questions.jsonl --output answers.jsonl
              fanout status

            Exit status: 0 all succeeded, 1 some items failed, 2 wrong usage or no daemon, 130 interrupted.
            """,
        version: Self.version,
        subcommands: [
            AskCommand.self, BatchCommand.self, RaceCommand.self, StatusCommand.self, TopCommand.self,
            ExplainCommand.self, MetricsCommand.self, ValidateCommand.self, DoctorCommand.self,
        ]
    )

    static func main() async {
        do {
            var command = try self.parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch {
            Glibc.exit(self.status(of: error))
        }
    }

    /// Says what is to be said of an error, and gives the exit status.
    private static func status(of error: any Error) -> Int32 {
        switch error {
        case let code as ExitCode: return code.rawValue
        case let error as FanoutError:
            for line in Advice.lines(error) { Descriptor.complain("fanout: \(line)") }
            return error.failure == nil ? 2 : 1
        case let error as CommandError:
            Descriptor.complain("fanout: \(error)")
            return 2
        default: break
        }
        // Help and version are errors to the parser, too, and go to standard output.
        guard self.exitCode(for: error) == .success else {
            Descriptor.complain(self.fullMessage(for: error))
            return 2
        }
        try? Descriptor.output.write(line: self.fullMessage(for: error))
        return 0
    }
}
