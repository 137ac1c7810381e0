// Fanout
// SPDX-License-Identifier: Apache-2.0

/// Reads a file and those that it includes into one set of keys.
///
/// As LiteLLM does it: an included file's lists are added to ours, its other values replace ours.
struct Inclusion {
    /// Included files in all.
    private static let filesMax = 64

    let files: FileReader
    var log = DiagnosticLog()
    private var seen: Set<String> = []
    private var bytes = 0

    init(files: FileReader) {
        self.files = files
    }

    /// The keys of a file; nil after an error.
    mutating func entries(of yaml: String, path: String) -> [ConfigEntry]? {
        self.seen.insert(path)
        let start = Mark(file: path, line: 1, column: 1)
        let hadErrors = self.log.hasErrors
        guard let root = YAMLTree.root(of: yaml, file: path, log: &self.log), !root.isNull else {
            if !self.log.hasErrors { self.log.error(start, "", "the file is empty; write at least a model_list") }
            return nil
        }
        guard case .map(var entries) = root.value else {
            self.log.error(
                root.mark,
                "",
                "the file must be a mapping with keys such as model_list, this is \(root.kind)"
            )
            return nil
        }
        guard hadErrors || !self.log.hasErrors else { return nil }
        guard let include = entries.first(where: { $0.key == "include" }) else { return entries }
        for field in self.paths(include) {
            guard let text = field.node.text, let found = self.included(text, field, from: path) else { continue }
            Self.merge(found, into: &entries, log: &self.log)
        }
        return entries
    }

    private mutating func paths(_ include: ConfigEntry) -> [Field] {
        let field = Field(path: "include", keyMark: include.mark, node: include.node)
        if include.node.isNull { return [] }
        guard let elements = field.elements, elements.allSatisfy({ $0.node.text != nil }) else {
            self.log.error(field.mark, "include", "must be a list of files, as in [models.yaml, settings.yaml]")
            return []
        }
        return elements
    }

    private mutating func included(_ name: String, _ field: Field, from parent: String) -> [ConfigEntry]? {
        let path = Self.resolve(name, from: parent)
        guard !self.seen.contains(path) else {
            self.log.error(field.mark, field.path, "this file is included already; each may be included once")
            return nil
        }
        guard self.seen.count <= Self.filesMax else {
            self.log.error(field.mark, field.path, "more than \(Self.filesMax) files are included")
            return nil
        }
        switch self.files.read(path, YAMLTree.bytesMax - self.bytes) {
        case .failure(let problem):
            self.log.error(field.mark, field.path, "the included file \(problem.sentence)")
            return nil
        case .success(let bytes):
            self.bytes += bytes.count
            guard let text = String(validating: bytes, as: UTF8.self) else {
                self.log.error(field.mark, field.path, "the included file isn't UTF-8 text")
                return nil
            }
            return self.entries(of: text, path: path)
        }
    }

    private static func resolve(_ name: String, from parent: String) -> String {
        guard !name.hasPrefix("/"), let slash = parent.lastIndex(of: "/") else { return name }
        return String(parent[...slash]) + name
    }

    private static func merge(_ found: [ConfigEntry], into entries: inout [ConfigEntry], log: inout DiagnosticLog) {
        for entry in found where entry.key != "include" {
            guard let index = entries.firstIndex(where: { $0.key == entry.key }) else {
                entries.append(entry)
                continue
            }
            if case .list(let more) = entry.node.value, case .list(let own) = entries[index].node.value {
                entries[index].node.value = .list(own + more)
            } else {
                let key = Spelling.shown(entry.key)
                log.warn(entries[index].mark, key, "is replaced by the included file \(entry.mark.file), as a whole")
                entries[index] = entry
            }
        }
    }
}
