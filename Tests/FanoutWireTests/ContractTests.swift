// Fanout
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// Rules for the text of proto/, and that the generated C follows it.
struct ContractTests {
    private static let root = URL(fileURLWithPath: #filePath)
        .resolvingSymlinksInPath().deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// The lines of each file without comments.
    private static func lines() throws -> [(file: String, line: String)] {
        let folder = Self.root.appendingPathComponent("proto/fanout/v1")
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        return try files.filter { $0.pathExtension == "proto" }.flatMap { file in
            try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map { line in
                let code = line.range(of: "//").map { line[..<$0.lowerBound] } ?? line
                return (file.lastPathComponent, code.trimmingCharacters(in: .whitespaces))
            }
        }
    }

    /// The messages that each message holds.
    private static func uses() throws -> [String: Set<String>] {
        var uses: [String: Set<String>] = [:]
        var message = ""
        for (_, line) in try Self.lines() {
            let words = line.split(separator: " ").map(String.init)
            if words.first == "message", words.count > 1 {
                message = words[1]
                uses[message] = []
            } else if words.first == "enum" {
                message = ""
            } else if words.contains("="), !message.isEmpty {
                uses[message, default: []].insert(words[0] == "repeated" ? words[1] : words[0])
            }
        }
        return uses
    }

    @Test func `no message holds itself, however deep`() throws {
        let uses = try Self.uses()
        #expect(uses.count > 60)
        for message in uses.keys {
            var reached: Set<String> = []
            var open = Array(uses[message, default: []])
            while let next = open.popLast() {
                guard reached.insert(next).inserted else { continue }
                open += uses[next, default: []]
            }
            #expect(!reached.contains(message), "\(message) is recursive")
        }
    }

    @Test func `nothing is in the contract that protobuf-c can't carry`() throws {
        for (file, line) in try Self.lines() {
            let words = line.split(separator: " ")
            #expect(
                words.first != "optional" && words.first != "required" && words.first != "group",
                "\(file): \(line)"
            )
            #expect(words.first != "extensions" && words.first != "service", "\(file): \(line)")
            #expect(!line.contains("map<"), "\(file): \(line)")
            #expect(!line.hasPrefix("import \"google/"), "\(file): \(line)")
            #expect(!line.hasPrefix("import public"), "\(file): \(line)")
        }
    }

    @Test func `every enum starts with its unspecified value`() throws {
        var isFirst = false
        for (file, line) in try Self.lines() where !line.isEmpty {
            if isFirst { #expect(line.hasSuffix("_UNSPECIFIED = 0;"), "\(file): \(line)") }
            isFirst = line.hasPrefix("enum ")
        }
    }

    @Test func `the generated code is what the contract says`() throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/bash")
        process.arguments = [Self.root.appendingPathComponent("scripts/generate").path, "--check"]
        let pipe = Pipe()
        process.standardError = pipe
        process.standardOutput = pipe
        try process.run()
        let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        if process.terminationStatus == 2 {
            print("skipped: \(output)")
            return
        }
        #expect(process.terminationStatus == 0, "\(output)")
    }
}
