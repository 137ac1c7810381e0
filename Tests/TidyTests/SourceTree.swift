// Fanout
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The files of the repository that tidy tests look at.
struct SourceTree {
    struct File {
        /// From the repository's root.
        let path: String
        let lines: [String]
    }

    static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// Files below `folder` with one of these endings, sorted by path.
    static func files(below folder: String, endings: [String]) -> [File] {
        let base = Self.root.appendingPathComponent(folder)
        guard let walker = FileManager.default.enumerator(atPath: base.path) else { return [] }
        var files: [File] = []
        for case let name as String in walker where endings.contains(where: { name.hasSuffix($0) }) {
            if name.contains(".build") || name.contains("__pycache__") { continue }
            let url = base.appendingPathComponent(name)
            guard let text = try? String(contentsOf: url, encoding: .utf8) else { continue }
            files.append(File(path: "\(folder)/\(name)", lines: text.components(separatedBy: "\n")))
        }
        return files.sorted { $0.path < $1.path }
    }

    static var sources: [File] { Self.files(below: "Sources", endings: [".swift"]) }
    static var tests: [File] { Self.files(below: "Tests", endings: [".swift"]) }
}
