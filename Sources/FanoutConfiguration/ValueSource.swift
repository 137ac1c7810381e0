// Fanout
// SPDX-License-Identifier: Apache-2.0

/// Where values come from that a file only names: the environment, systemd's credentials, other files.
struct ValueSource {
    /// The process's environment, with `environment_variables` of the file over it, as LiteLLM exports them.
    var variables: [String: String]
    /// Reads credentials and other files.
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

    /// Follows `os.environ/NAME`, `credential/NAME` and `file/PATH`; only a whole text is a reference.
    func follow(_ text: String) -> Answer {
        if text.hasPrefix("os.environ/") { return self.variable(String(text.dropFirst("os.environ/".count))) }
        if text.hasPrefix("credential/") { return self.credential(String(text.dropFirst("credential/".count))) }
        if text.hasPrefix("file/") { return self.file(String(text.dropFirst("file".count))) }
        return .literal
    }

    /// What fanoutd.service loads the folder of keys as: systemd names each file's credential `keys_FILE`.
    private static let keysPrefix = "keys_"

    /// A variable that isn't set may be a credential of that name, or a file in the folder of keys: what was written
    /// for an environment then runs under systemd unchanged.
    private func variable(_ name: String) -> Answer {
        if let value = self.variables[name], !value.isEmpty { return .found(value) }
        guard Self.isCredentialName(name), let directory = self.directory else { return .unset(variable: name) }
        for name in [name, Self.keysPrefix + name] {
            switch self.files.read("\(directory)/\(name)", Self.credentialBytesMax) {
            case .failure(.missing): continue
            case let other: return Self.answer(other, "the credential \(Spelling.shownName(name))", "check its file")
            }
        }
        return .unset(variable: name)
    }

    /// systemd.exec(5): each credential is a file in the directory that `CREDENTIALS_DIRECTORY` names.
    private func credential(_ name: String) -> Answer {
        let shown = Spelling.shownName(name)
        guard Self.isCredentialName(name) else {
            return .failed("credential/ must be followed by the name of one credential")
        }
        let advice = "add LoadCredential=\(shown):/path to the unit"
        guard let directory = self.directory else {
            return .failed("CREDENTIALS_DIRECTORY isn't set, there are no credentials: \(advice)")
        }
        let file = self.files.read("\(directory)/\(name)", Self.credentialBytesMax)
        return Self.answer(file, "the credential \(shown)", advice)
    }

    /// A file by its absolute path, whose first slash is the one after `file`.
    private func file(_ path: String) -> Answer {
        guard path.utf8.count <= 4_095, path.count > 1, !path.utf8.contains(where: { $0 < 0x20 }) else {
            return .failed("file must be followed by an absolute path, as in file/etc/fanout/key")
        }
        let file = self.files.read(path, Self.credentialBytesMax)
        return Self.answer(file, "the file of that path", "check the path and who may read it")
    }

    private var directory: String? {
        guard let directory = self.variables["CREDENTIALS_DIRECTORY"], !directory.isEmpty else { return nil }
        return directory
    }

    private static func isCredentialName(_ name: String) -> Bool {
        !name.isEmpty && name != "." && name != ".." && name.utf8.count <= 255 && !name.contains("/")
            && !name.utf8.contains(0)
    }

    private static func answer(_ file: Result<[UInt8], FileProblem>, _ what: String, _ advice: String) -> Answer {
        switch file {
        case .success(let bytes):
            guard let text = String(validating: bytes, as: UTF8.self) else {
                return .failed("\(what) isn't UTF-8 text")
            }
            // Files that people write end in a line feed, keys don't.
            let value = ScalarText.trimmed(text)
            return value.isEmpty ? .failed("\(what) is empty") : .found(value)
        case .failure(let problem):
            return .failed("\(what) \(problem.sentence): \(advice)")
        }
    }
}
