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
        let error = Self.diagnostic(.error, mark, key, message)
        // What is wrong in the defaults of all deployments is found once for each.
        guard self.errors.count < Self.most, !self.errors.contains(error) else { return }
        self.errors.append(error)
    }

    mutating func warn(_ mark: Mark, _ key: String, _ message: String) {
        let warning = Self.diagnostic(.warning, mark, key, message)
        guard self.warnings.count < Self.most, !self.warnings.contains(warning) else { return }
        self.warnings.append(warning)
    }

    /// A warning that is said at the first place and counted at the others.
    mutating func warnOnce(_ subject: String, _ mark: Mark, _ key: String, _ message: String) {
        if self.repeated[subject] != nil {
            self.repeated[subject]?.more += 1
        } else if self.warnings.count < Self.most {
            let index = self.warnings.count
            self.warn(mark, key, message)
            if self.warnings.count > index { self.repeated[subject] = (index, 0) }
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
