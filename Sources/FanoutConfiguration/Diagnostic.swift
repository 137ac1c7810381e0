// Fanout
// SPDX-License-Identifier: Apache-2.0

/// Something to say about the configuration, with its place.
package struct Diagnostic: Sendable, Hashable, CustomStringConvertible {
    /// Whether it stops the loading.
    package enum Severity: String, Sendable, Hashable {
        case warning
        case error
    }

    /// Whether it stops the loading.
    package var severity: Severity
    /// The file, or `environment`.
    package var file: String
    /// From 1; 0 = the whole file.
    package var line: Int
    /// From 1, in Unicode scalars; 0 = the whole line.
    package var column: Int
    /// The path of the key, for example `model_list[0].litellm_params.api_key`; empty = none.
    package var key: String
    /// What is wrong and what to write instead; never a value that may be a secret.
    package var message: String

    /// `config.yaml:3:5: error: model_list[0].model_name: …`.
    package var description: String {
        var text = self.file
        if self.line > 0 { text += ":\(self.line)" }
        if self.line > 0, self.column > 0 { text += ":\(self.column)" }
        text += ": \(self.severity.rawValue): "
        if !self.key.isEmpty { text += "\(self.key): " }
        return text + self.message
    }
}

/// Why a configuration isn't taken: every error that was found, in the order of the file.
package struct ConfigurationError: Error, Sendable, Hashable, CustomStringConvertible {
    /// At least one.
    package var diagnostics: [Diagnostic]

    /// One line for each.
    package var description: String {
        self.diagnostics.map(\.description).joined(separator: "\n")
    }
}
