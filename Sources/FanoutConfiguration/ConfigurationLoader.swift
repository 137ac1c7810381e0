// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutModel
package import FanoutTokens

/// A configuration that holds.
package struct LoadedConfiguration: Sendable {
    /// What requests are routed by.
    package var snapshot: Snapshot
    /// How the daemon runs.
    package var service: ServiceSettings
    /// What counts prompts where an estimate isn't enough.
    package var tokenizers: [Tokenizer]
    /// What is odd in it, in the order in which it was found.
    package var warnings: [Diagnostic]
}

/// Makes a snapshot of LiteLLM's `config.yaml`, its `fanout:` section, the environment and the command line.
///
/// It reads no clock, no environment, no file and no user's number but through what it is given.
package struct ConfigurationLoader: Sendable {
    /// Reads the file itself, included files and credentials.
    package var files: FileReader
    /// Looks up names of users and groups.
    package var identities: IdentityReader

    /// Makes a loader.
    package init(files: FileReader = .system, identities: IdentityReader = .system) {
        self.files = files
        self.identities = identities
    }

    /// Loads the file that the command line or `FANOUT_CONFIG` names.
    /// - Parameters:
    ///   - path: `nil` = the variable's.
    ///   - environment: The process's variables.
    ///   - overrides: What the command line says.
    ///   - previous: The snapshot in force: groups and deployments keep their places.
    /// - Returns: The snapshot, the daemon's settings and the warnings.
    /// - Throws: Every error that was found.
    package func load(
        path: String?,
        environment: [String: String],
        overrides: ConfigurationOverrides = ConfigurationOverrides(),
        previous: Snapshot? = nil
    ) throws(ConfigurationError) -> LoadedConfiguration {
        let variable = environment["FANOUT_CONFIG"] ?? ""
        guard let path = path ?? (variable.isEmpty ? nil : variable) else {
            throw Self.failed("configuration", "there is none: give a file with --config or FANOUT_CONFIG")
        }
        let yaml = try self.text(of: path)
        return try self.load(
            yaml: yaml,
            path: path,
            environment: environment,
            overrides: overrides,
            previous: previous
        )
    }

    /// Loads a configuration from its text.
    /// - Parameters:
    ///   - yaml: The text of the file.
    ///   - path: What diagnostics call it, and where included files are looked for.
    ///   - environment: The process's variables.
    ///   - overrides: What the command line says.
    ///   - previous: The snapshot in force: groups and deployments keep their places.
    /// - Returns: The snapshot, the daemon's settings and the warnings.
    /// - Throws: Every error that was found.
    package func load(
        yaml: String,
        path: String,
        environment: [String: String],
        overrides: ConfigurationOverrides = ConfigurationOverrides(),
        previous: Snapshot? = nil
    ) throws(ConfigurationError) -> LoadedConfiguration {
        var inclusion = Inclusion(files: self.files)
        let entries = inclusion.entries(of: yaml, path: path)
        // Without a tree every later sentence would be about what is missing.
        guard let entries, !inclusion.log.hasErrors else { throw ConfigurationError(diagnostics: inclusion.log.errors) }
        var root = Section(path: "", mark: Mark(file: path, line: 1, column: 1), entries: entries)
        var builder = ConfigurationBuilder(
            log: inclusion.log,
            environment: environment,
            files: self.files,
            identities: self.identities,
            overrides: overrides
        )
        builder.read(&root)
        let snapshot = builder.assemble(previous: previous)
        var errors = builder.reader.log.errors
        let warnings = builder.reader.log.finishedWarnings()
        if builder.isStrict {
            errors += warnings.map { warning in
                var error = warning
                error.severity = .error
                return error
            }
        }
        guard errors.isEmpty else { throw ConfigurationError(diagnostics: errors.inFileOrder()) }
        return LoadedConfiguration(
            snapshot: snapshot,
            service: builder.service,
            tokenizers: builder.tokenizers,
            warnings: warnings
        )
    }

    private func text(of path: String) throws(ConfigurationError) -> String {
        switch self.files.read(path, YAMLTree.bytesMax) {
        case .failure(let problem): throw Self.failed(path, "the file \(problem.sentence)")
        case .success(let bytes):
            guard let text = String(validating: bytes, as: UTF8.self) else {
                throw Self.failed(path, "the file isn't UTF-8 text; save it as UTF-8")
            }
            return text
        }
    }

    private static func failed(_ file: String, _ message: String) -> ConfigurationError {
        ConfigurationError(diagnostics: [
            Diagnostic(severity: .error, file: file, line: 0, column: 0, key: "", message: message)
        ])
    }
}

extension [Diagnostic] {
    /// By line within each file, the files in the order in which they come.
    fileprivate func inFileOrder() -> [Diagnostic] {
        var files: [String: Int] = [:]
        for diagnostic in self where files[diagnostic.file] == nil { files[diagnostic.file] = files.count }
        return self.enumerated().sorted { left, right in
            let (a, b) = (left.element, right.element)
            return (files[a.file] ?? 0, a.line, a.column, left.offset)
                < (files[b.file] ?? 0, b.line, b.column, right.offset)
        }.map(\.element)
    }
}
