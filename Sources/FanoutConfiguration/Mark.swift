// Fanout
// SPDX-License-Identifier: Apache-2.0

/// A place in a file.
struct Mark: Hashable {
    var file: String
    var line: Int
    var column: Int

    /// What isn't in any file.
    static func environment(_ variable: String) -> Mark {
        Mark(file: "environment \(variable)", line: 0, column: 0)
    }

    static func < (left: Mark, right: Mark) -> Bool {
        (left.line, left.column) < (right.line, right.column)
    }
}
