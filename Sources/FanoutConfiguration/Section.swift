// Fanout
// SPDX-License-Identifier: Apache-2.0

/// A mapping that is read key by key, so that what nobody asked for can be named.
struct Section {
    /// Its key path; empty = the file itself.
    let path: String
    /// Where it begins.
    let mark: Mark
    private let entries: [ConfigEntry]
    private var used: Set<String> = []

    init(path: String, mark: Mark, entries: [ConfigEntry]) {
        self.path = path
        self.mark = mark
        self.entries = entries
    }

    /// An empty one.
    init(path: String, mark: Mark) {
        self.init(path: path, mark: mark, entries: [])
    }

    var isEmpty: Bool { self.entries.isEmpty }

    /// All its fields.
    var fields: [Field] { self.entries.map(self.field) }

    /// The field of that key, which is thereby known.
    mutating func take(_ key: String) -> Field? {
        self.used.insert(key)
        return self.entries.first { $0.key == key }.map(self.field)
    }

    /// The keys that were asked for.
    var known: [String] { self.used.sorted() }

    /// The fields that nobody took.
    var rest: [Field] { self.entries.filter { !self.used.contains($0.key) }.map(self.field) }

    private func field(_ entry: ConfigEntry) -> Field {
        let path = self.path.isEmpty ? Spelling.shown(entry.key) : "\(self.path).\(Spelling.shown(entry.key))"
        return Field(path: path, keyMark: entry.mark, node: entry.node, key: entry.key)
    }
}
