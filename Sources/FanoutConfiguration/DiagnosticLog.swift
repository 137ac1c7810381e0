// Fanout
// SPDX-License-Identifier: Apache-2.0

/// What was found while a configuration is read.
struct DiagnosticLog {
    private(set) var errors: [Diagnostic] = []
    private var warnings: [Diagnostic] = []
    /// Where in `warnings` a warning stands that is said once, and how many more places there are.
    private var repeated: [String: (index: Int, more: Int)] = [:]
    /// Key paths without indices whose being ignored or refused the file accepts.
    var accepted: Set<String> = []

    /// The most that are kept of either kind: a broken file of 4 MiB must not fill a journal.
    static let most = 200

    var hasErrors: Bool { !self.errors.isEmpty }

    mutating func error(_ mark: Mark, _ key: String, _ message: String) {
        guard self.errors.count < Self.most else { return }
        self.errors.append(Self.diagnostic(.error, mark, key, message))
    }

    mutating func warn(_ mark: Mark, _ key: String, _ message: String) {
        guard self.warnings.count < Self.most else { return }
        self.warnings.append(Self.diagnostic(.warning, mark, key, message))
    }

    /// A warning that is said at the first place and counted at the others.
    mutating func warnOnce(_ subject: String, _ mark: Mark, _ key: String, _ message: String) {
        if self.repeated[subject] != nil {
            self.repeated[subject]?.more += 1
        } else if self.warnings.count < Self.most {
            self.repeated[subject] = (self.warnings.count, 0)
            self.warn(mark, key, message)
        }
    }

    /// All warnings, the repeated ones with their counts.
    func finishedWarnings() -> [Diagnostic] {
        var warnings = self.warnings
        for (index, more) in self.repeated.values where more > 0 {
            warnings[index].message += " (and in \(more) more \(more == 1 ? "place" : "places"))"
        }
        return warnings
    }

    private static func diagnostic(
        _ severity: Diagnostic.Severity,
        _ mark: Mark,
        _ key: String,
        _ message: String
    ) -> Diagnostic {
        Diagnostic(
            severity: severity,
            file: mark.file,
            line: mark.line,
            column: mark.column,
            key: key,
            message: message
        )
    }
}

extension DiagnosticLog {
    /// `model_list[3].litellm_params.rpm` as `model_list.litellm_params.rpm`.
    static func withoutIndices(_ path: String) -> String {
        var result = ""
        var skips = false
        for character in path {
            switch character {
            case "[": skips = true
            case "]": skips = false
            default: if !skips { result.append(character) }
            }
        }
        return result
    }
}
