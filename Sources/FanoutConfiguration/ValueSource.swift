// Fanout
// SPDX-License-Identifier: Apache-2.0

/// Where values come from that a file only names: the environment and systemd's credentials.
struct ValueSource {
    /// The process's environment, with `environment_variables` of the file over it, as LiteLLM exports them.
    var variables: [String: String]
    /// Reads credentials.
    let files: FileReader

    /// The most bytes of a credential.
    static let credentialBytesMax = 64 << 10

    /// What a reference came to.
    enum Answer {
        /// The text isn't a reference.
        case literal
        case found(String)
        /// The variable of that name isn't set.
        case unset(variable: String)
        /// It can't be had, and why.
        case failed(String)
    }

    /// Follows `os.environ/NAME` and `credential/NAME`; only a whole text is a reference.
    func follow(_ text: String) -> Answer {
        if text.hasPrefix("os.environ/") {
            let name = String(text.dropFirst("os.environ/".count))
            guard let value = self.variables[name], !value.isEmpty else { return .unset(variable: name) }
            return .found(value)
        }
        if text.hasPrefix("credential/") { return self.credential(String(text.dropFirst("credential/".count))) }
        return .literal
    }

    /// systemd.exec(5): each credential is a file in the directory that `CREDENTIALS_DIRECTORY` names.
    private func credential(_ name: String) -> Answer {
        let shown = Spelling.shownName(name)
        guard !name.isEmpty, name != ".", name != "..", name.utf8.count <= 255, !name.contains("/"),
            !name.utf8.contains(0)
        else { return .failed("credential/ must be followed by the name of one credential") }
        guard let directory = self.variables["CREDENTIALS_DIRECTORY"], !directory.isEmpty else {
            return .failed(
                "CREDENTIALS_DIRECTORY isn't set, there are no credentials: add LoadCredential=\(shown):/path to the unit"
            )
        }
        switch self.files.read("\(directory)/\(name)", Self.credentialBytesMax) {
        case .success(let bytes):
            guard let text = String(validating: bytes, as: UTF8.self) else {
                return .failed("the credential \(shown) isn't UTF-8 text")
            }
            // Files that people write end in a line feed, keys don't.
            let value = ScalarText.trimmed(text)
            return value.isEmpty ? .failed("the credential \(shown) is empty") : .found(value)
        case .failure(let problem):
            return .failed("the credential \(shown) \(problem.sentence): add LoadCredential=\(shown):/path to the unit")
        }
    }
}
