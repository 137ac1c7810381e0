// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import FanoutConfiguration
internal import FanoutModel

/// `fanout validate`: whether the daemon would take this configuration.
struct ValidateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "validate",
        abstract: "Check a configuration without a daemon: each error and warning with its file, line and column.",
        discussion: """
            Keys are looked for where the daemon looks: in the environment, in $CREDENTIALS_DIRECTORY, and for the \
            service's own file in the service's credentials, which root may read. Nothing is connected to.

            Exit status: 0 the daemon would take it, 1 it would not.
            """
    )

    @Argument(
        help: ArgumentHelp(
            "The file.",
            discussion: "Default: $FANOUT_CONFIG, else \(ConfigurationSource.servicePath).",
            valueName: "file"
        )
    )
    var file: String?

    @Flag(name: .long, help: "Take warnings for errors, as `fanoutd --strict` does.")
    var strict = false

    func run() throws {
        let source = ConfigurationSource(path: self.file)
        do throws(ConfigurationError) {
            let loaded = try source.load(strict: self.strict)
            for line in Self.lines(loaded, path: source.path ?? "") { try? Descriptor.output.write(line: line) }
        } catch {
            for diagnostic in error.diagnostics { try Descriptor.output.write(line: diagnostic.description) }
            throw ExitCode(1)
        }
    }

    /// What is said of a configuration that holds.
    static func lines(_ loaded: LoadedConfiguration, path: String) -> [String] {
        let groups = loaded.snapshot.groups.count { $0.isActive }
        let deployments = loaded.snapshot.deployments.count { $0.isActive }
        let counts = [
            Self.count(groups, "model"), Self.count(deployments, "deployment"),
            Self.count(loaded.warnings.count, "warning"),
        ]
        return loaded.warnings.map(\.description) + ["\(path): ok, \(counts.joined(separator: ", "))"]
    }

    private static func count(_ number: Int, _ name: String) -> String { "\(number) \(name)\(number == 1 ? "" : "s")" }
}
