// Fanout
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// The house rules that a machine can hold.
@Suite struct TidyTests {
    /// What each target may import.
    ///
    /// An arrow that isn't here can't be drawn by accident.
    static let imports: [String: Set<String>] = [
        "FanoutModel": [],
        "FanoutJSON": [],
        "FanoutWire": ["CFanoutProto", "CProtobufC", "FanoutModel"],
        "FanoutProviders": ["Crypto", "FanoutJSON", "FanoutModel"],
        "FanoutTokens": ["FanoutModel"],
        "FanoutCredentials": ["Crypto", "CryptoExtras", "FanoutJSON", "FanoutModel", "FanoutProviders"],
        "FanoutTelemetry": ["FanoutJSON", "FanoutModel", "Glibc", "Logging", "Synchronization"],
        "FanoutRouter": ["FanoutModel", "DequeModule", "HeapModule", "OrderedCollections", "Collections"],
        "FanoutConfiguration": [
            "Crypto", "FanoutCredentials", "FanoutJSON", "FanoutModel", "FanoutProviders", "FanoutTokens", "Foundation",
            "Yams",
        ],
        "FanoutLoop": ["CFanoutSystem", "FanoutModel", "Glibc", "NIOCore", "NIOPosix"],
        "FanoutUpstream": [
            "DequeModule", "FanoutCredentials", "FanoutJSON", "FanoutLoop", "FanoutModel", "FanoutProviders", "Glibc",
            "Logging", "Musl", "NIOCore", "NIOPosix", "NIOSSL", "NIOTLS",
        ],
        "FanoutEngine": [
            "Crypto", "FanoutJSON", "FanoutModel", "FanoutProviders", "FanoutRouter", "FanoutTelemetry", "FanoutTokens",
            "FanoutUpstream", "Logging", "NIOCore",
        ],
        "FanoutServer": [
            "Crypto", "DequeModule", "FanoutEngine", "FanoutLoop", "FanoutModel", "FanoutTelemetry", "FanoutWire",
            "Glibc", "Logging", "NIOCore", "NIOPosix", "ServiceLifecycle",
        ],
        "FanoutClient": ["FanoutModel", "FanoutWire", "Glibc", "NIOCore", "NIOPosix", "Synchronization"],
        "FanoutSimulation": ["FanoutModel", "FanoutRouter", "Glibc"],
        "FanoutTestKit": ["FanoutModel", "FanoutUpstream"],
        "fanoutd": [
            "ArgumentParser", "CFanoutSystem", "FanoutConfiguration", "FanoutEngine", "FanoutModel", "FanoutRouter",
            "FanoutServer", "FanoutTelemetry", "FanoutUpstream", "Foundation", "Glibc", "Logging", "NIOCore",
            "NIOPosix",
            "ServiceLifecycle", "UnixSignals",
        ],
        "fanout": [
            "ArgumentParser", "Dispatch", "FanoutClient", "FanoutConfiguration", "FanoutJSON", "FanoutModel",
            "FanoutUpstream", "Foundation", "Glibc", "Synchronization",
        ],
    ]

    /// Names that pure targets don't use, with the reason.
    static let banned: [(name: String, reason: String)] = [
        ("Date(", "time is an argument"),
        ("ContinuousClock", "time is an argument"),
        ("SuspendingClock", "time is an argument"),
        ("NIODeadline", "time is an argument"),
        (".random(", "a generator is an argument"),
        ("SystemRandomNumberGenerator", "a generator is an argument"),
        ("Task.sleep", "pure code doesn't wait"),
        ("print(", "pure code doesn't print"),
    ]
    static let pureTargets = [
        "FanoutModel", "FanoutJSON", "FanoutWire", "FanoutProviders", "FanoutTokens", "FanoutCredentials",
        "FanoutRouter",
    ]

    @Test func `each target imports only what its row of the table allows`() throws {
        let pattern = try Regex(#"^\s*(?:@\w+\s+)?(?:(\w+)\s+)?import\s+(?:struct |enum |class |func )?(\w+)"#)
        for file in SourceTree.sources where !file.path.contains("/CFanoutProto/") {
            let target = String(file.path.split(separator: "/")[1])
            let allowed = try #require(Self.imports[target], "no row for \(target)")
            for line in file.lines {
                guard let match = line.firstMatch(of: pattern) else { continue }
                let module = String(match.output[2].substring ?? "")
                let access = match.output[1].substring.map(String.init) ?? ""
                #expect(allowed.contains(module), "\(file.path) imports \(module)")
                #expect(["internal", "package", "public"].contains(access), "\(file.path): \(line) states no access")
            }
        }
    }

    @Test func `each target has a row, and each row a target`() {
        let targets = Set(SourceTree.sources.map { String($0.path.split(separator: "/")[1]) })
        #expect(targets.subtracting(Self.imports.keys).isEmpty)
        #expect(Set(Self.imports.keys).subtracting(targets).isEmpty)
    }

    @Test func `a file of Swift stays under 400 lines`() {
        for file in SourceTree.sources {
            #expect(file.lines.count <= 400, "\(file.path) has \(file.lines.count) lines")
        }
    }

    @Test func `a line stays within 120 columns`() {
        for file in SourceTree.sources + SourceTree.tests {
            for (number, line) in file.lines.enumerated() where line.count > 120 && !line.contains("\"") {
                Issue.record("\(file.path):\(number + 1) has \(line.count) columns")
            }
        }
    }

    @Test func `a function fits a screen`() throws {
        let head = try Regex(#"^(\s*)(?:[\w@()]+\s+)*(?:func\s|init[?(<]|deinit\b|subscript[(<])"#)
        for file in SourceTree.sources {
            var start: (line: Int, indent: String)?
            for (number, line) in file.lines.enumerated() {
                if let open = start, line == open.indent + "}" {
                    let length = number - open.line + 1
                    #expect(length <= 70, "\(file.path):\(open.line + 1) is a function of \(length) lines")
                    start = nil
                }
                if start == nil, let match = line.firstMatch(of: head), line.hasSuffix("{") || line.hasSuffix("(") {
                    start = (number, match.output[1].substring.map(String.init) ?? "")
                }
            }
        }
    }

    @Test func `pure targets read no clock, draw no chance and print nothing`() {
        for file in SourceTree.sources where Self.pureTargets.contains(String(file.path.split(separator: "/")[1])) {
            for (number, line) in file.lines.enumerated() {
                let code = line.components(separatedBy: "//")[0]
                for rule in Self.banned where code.contains(rule.name) {
                    Issue.record("\(file.path):\(number + 1) uses \(rule.name): \(rule.reason)")
                }
            }
        }
    }

    @Test func `sources have no forced way out`() {
        for file in SourceTree.sources {
            for (number, line) in file.lines.enumerated() {
                let code = line.components(separatedBy: "//")[0]
                for name in ["try!", "fatalError(", "Task.detached", "as! "] where code.contains(name) {
                    Issue.record("\(file.path):\(number + 1) uses \(name)")
                }
                if code.contains("@unchecked Sendable") {
                    let before = file.lines[max(0, number - 6)..<number].joined()
                    #expect(
                        before.contains("//"),
                        "\(file.path):\(number + 1) gives no proof beside @unchecked Sendable"
                    )
                }
            }
        }
    }

    @Test func `each file starts with the project and its licence`() {
        for file in SourceTree.sources + SourceTree.tests {
            #expect(file.lines.count > 1 && file.lines[0] == "// Fanout", "\(file.path)")
            #expect(file.lines.count > 1 && file.lines[1] == "// SPDX-License-Identifier: Apache-2.0", "\(file.path)")
        }
    }

    @Test func `a TODO names its issue`() {
        for file in SourceTree.sources + SourceTree.tests where !file.path.contains("TidyTests") {
            for (number, line) in file.lines.enumerated() where line.contains("TODO") || line.contains("FIXME") {
                #expect(line.contains("TODO(#"), "\(file.path):\(number + 1)")
            }
        }
    }

    @Test func `a page has one first-level heading and its relative links lead somewhere`() throws {
        let link = try Regex(#"\]\(([^)#:\s]+)(?:#[^)]*)?\)"#)
        var pages = SourceTree.files(below: "docs", endings: [".md"])
        for name in ["README.md"] {
            let text = try String(contentsOf: SourceTree.root.appendingPathComponent(name), encoding: .utf8)
            pages.append(SourceTree.File(path: name, lines: text.components(separatedBy: "\n")))
        }
        for page in pages {
            var fenced = false
            var heads = 0
            for line in page.lines {
                if line.hasPrefix("```") { fenced.toggle() }
                guard !fenced else { continue }
                if line.hasPrefix("# ") { heads += 1 }
                for match in line.matches(of: link) {
                    guard let target = match.output[1].substring else { continue }
                    let base = SourceTree.root.appendingPathComponent(page.path).deletingLastPathComponent()
                    let path = base.appendingPathComponent(String(target)).path
                    #expect(FileManager.default.fileExists(atPath: path), "\(page.path) links to \(target)")
                }
            }
            #expect(heads == 1, "\(page.path) has \(heads) first-level headings")
        }
    }
}
