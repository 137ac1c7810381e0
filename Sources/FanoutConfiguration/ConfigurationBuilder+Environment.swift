// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

extension ConfigurationBuilder {
    /// The bytes of `sun_path` without its NUL, unix(7).
    static let socketPathBytesMax = 107

    /// Variables of ours.
    private static let variables: Set<String> = [
        "FANOUT_CONFIG", "FANOUT_SOCKET", "FANOUT_MAX_CONCURRENCY", "FANOUT_LOG_LEVEL", "FANOUT_LOG_FORMAT",
        "FANOUT_LOOPS",
    ]

    /// The environment wins over the file.
    mutating func readEnvironment() {
        self.readLiteLLMVariables()
        self.readProxies()
        if let path = self.variable("FANOUT_SOCKET") { self.setSocket(path, .environment("FANOUT_SOCKET"), "") }
        if let text = self.variable("FANOUT_LOG_LEVEL") { self.setLogLevel(text, .environment("FANOUT_LOG_LEVEL"), "") }
        if let text = self.variable("FANOUT_LOG_FORMAT") {
            self.setLogFormat(text, .environment("FANOUT_LOG_FORMAT"), "")
        }
        if let text = self.variable("FANOUT_LOOPS") { self.setLoops(text, .environment("FANOUT_LOOPS")) }
        if let text = self.variable("FANOUT_MAX_CONCURRENCY") {
            self.setBatchConcurrency(text, .environment("FANOUT_MAX_CONCURRENCY"))
        }
        for name in self.environment.keys.sorted() where name.hasPrefix("FANOUT_") && !Self.variables.contains(name) {
            guard let near = Spelling.nearest(to: name, among: Self.variables.sorted()) else { continue }
            self.reader.log.warn(.environment(Spelling.shownName(name)), "", "isn't read; did you mean \(near)?")
        }
    }

    /// The command line wins over both.
    mutating func readOverrides() {
        func place(_ flag: String) -> Mark { Mark(file: "command line \(flag)", line: 0, column: 0) }
        if let path = self.overrides.socketPath { self.setSocket(path, place("--socket"), "") }
        if let text = self.overrides.logLevel { self.setLogLevel(text, place("--log-level"), "") }
        if let text = self.overrides.logFormat { self.setLogFormat(text, place("--log-format"), "") }
        if let text = self.overrides.loops { self.setLoops(text, place("--loops")) }
        if let text = self.overrides.maxConcurrency { self.setBatchConcurrency(text, place("--max-concurrency")) }
        // Only the default hasn't been checked where it was set.
        if self.service.socketPath == ServiceSettings.defaultSocketPath(environment: self.environment) {
            self.setSocket(self.service.socketPath, .environment("XDG_RUNTIME_DIR"), "")
        }
    }

    /// The switches of LiteLLM's parallel completions, in the two forms that were proposed.
    private mutating func readLiteLLMVariables() {
        for name in ["LITELLM_EXPERIMENTAL_PARALLEL_ACOMPLETIONS", "LITELLM_ENABLE_PARALLEL_ACOMPLETIONS"]
        where self.variable(name) != nil {
            self.reader.log.warn(.environment(name), "", "isn't needed: parallel completions are always on in Fanout")
        }
        let width = "LITELLM_EXPERIMENTAL_PARALLEL_ACOMPLETIONS_MAX_CONCURRENCY"
        guard let text = self.variable(width) else { return }
        let known = self.variable("FANOUT_MAX_CONCURRENCY") != nil
        let effect = known ? "has no effect beside it" : "is taken as the width of a batch that names none"
        self.reader.log.warn(.environment(width), "", "\(effect); Fanout's own variable is FANOUT_MAX_CONCURRENCY")
        if !known { self.setBatchConcurrency(text, .environment(width)) }
    }

    private func variable(_ name: String) -> String? {
        guard let value = self.environment[name], !value.isEmpty else { return nil }
        return value
    }

    // MARK: Values with several sources

    mutating func setSocket(_ path: String, _ mark: Mark, _ key: String) {
        if let path = self.socketPath(path, mark, key) { self.service.socketPath = path }
    }

    /// The path of a Unix socket that the daemon makes; nil after an error.
    mutating func socketPath(_ path: String, _ mark: Mark, _ key: String) -> String? {
        for folder in ["/tmp/", "/var/tmp/"] where path.hasPrefix(folder) && !path.dropFirst(folder.count).contains("/")
        {
            self.reader.log.warn(
                mark,
                key,
                "anyone can take this name in \(folder) before the daemon does; use /run/fanout"
            )
        }
        guard let fault = Self.socketFault(path) else { return path }
        self.reader.log.error(mark, key, fault)
        return nil
    }

    private static func socketFault(_ path: String) -> String? {
        if path.hasPrefix("@") {
            return "must be a file's path: an abstract socket (@…) has no permissions, every user could connect"
        }
        if path.utf8.contains(0) { return "must not contain NUL" }
        if !path.hasPrefix("/") { return "must be an absolute path, one that starts with a slash" }
        if path.hasSuffix("/") { return "must be the path of a socket, not of a folder" }
        let bytes = path.utf8.count
        guard bytes > self.socketPathBytesMax else { return nil }
        return "the path has \(bytes) bytes, a Unix socket's has at most \(self.socketPathBytesMax); shorten it"
    }

    mutating func setLogLevel(_ text: String, _ mark: Mark, _ key: String) {
        let known = ServiceSettings.LogLevel.allCases.map(\.rawValue)
        // LiteLLM and many others write them in capitals, and `warn`.
        let lower = text.lowercased()
        if let level = ServiceSettings.LogLevel(rawValue: lower == "warn" ? "warning" : lower) {
            self.service.logLevel = level
        } else {
            self.reader.log.error(mark, key, "must be one of \(known.joined(separator: ", "))")
        }
    }

    mutating func setLogFormat(_ text: String, _ mark: Mark, _ key: String) {
        if let format = ServiceSettings.LogFormat(rawValue: text.lowercased()) {
            self.service.logFormat = format
        } else {
            self.reader.log.error(mark, key, "must be text or json")
        }
    }

    private mutating func setLoops(_ text: String, _ mark: Mark) {
        if let loops = ScalarText.integer(text), (1...256).contains(loops) {
            self.service.loops = Int(loops)
        } else {
            self.reader.log.error(mark, "", "must be a whole number from 1 to 256")
        }
    }

    private mutating func setBatchConcurrency(_ text: String, _ mark: Mark) {
        if let most = ScalarText.integer(text), (1...1_000_000).contains(most) {
            self.routing.batchConcurrency = UInt32(most)
        } else {
            self.reader.log.error(mark, "", "must be a whole number from 1 to 1000000")
        }
    }
}
