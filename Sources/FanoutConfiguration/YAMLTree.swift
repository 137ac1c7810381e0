// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import Yams

/// Reads YAML into nodes, within bounds.
struct YAMLTree {
    /// Bytes of one file.
    static let bytesMax = 4 << 20
    /// Nodes of one file, with each alias counted as what it stands for.
    static let nodesMax = 200_000
    /// Nested lists and mappings.
    static let depthMax = 64

    private let file: String
    private var nodes = 0
    private var log: DiagnosticLog

    /// Why the reading ended early; the log says it.
    private struct Stop: Error {}

    private init(file: String, log: DiagnosticLog) {
        self.file = file
        self.log = log
    }

    /// The root of a file; nil if there is none, with an error in the log unless the file is empty.
    static func root(of yaml: String, file: String, log: inout DiagnosticLog) -> ConfigNode? {
        let start = Mark(file: file, line: 1, column: 1)
        guard yaml.utf8.count <= Self.bytesMax else {
            log.error(start, "", "the file has \(yaml.utf8.count) bytes, at most \(Self.bytesMax) are read")
            return nil
        }
        guard !Self.mayExplode(yaml) else {
            log.error(start, "", "aliases can't be used together with keys that are lists, mappings or aliases")
            return nil
        }
        guard let node = Self.compose(yaml, file: file, log: &log) else { return nil }
        var tree = YAMLTree(file: file, log: log)
        defer { log = tree.log }
        return try? tree.convert(node, depth: 0)
    }

    /// Whether an alias could stand in a key.
    ///
    /// Yams hashes the keys of each mapping while it composes, so a few hundred bytes of nested aliases in a key would
    /// take for ever before we see a node. Elsewhere an alias costs nothing until it is followed, which `nodesMax`
    /// bounds.
    private static func mayExplode(_ yaml: String) -> Bool {
        let bytes = Array(yaml.utf8)
        var hasAlias = false
        var hasOddKey = false
        for (index, byte) in bytes.enumerated() {
            let next = index + 1 < bytes.count ? bytes[index + 1] : UInt8(ascii: "\n")
            switch byte {
            case UInt8(ascii: "*"):
                guard Self.isAnchorByte(next) else { continue }
                hasAlias = true
                var end = index + 1
                while end < bytes.count, Self.isAnchorByte(bytes[end]) { end += 1 }
                hasOddKey = hasOddKey || Self.colonFollows(bytes, from: end)
            case UInt8(ascii: "?"):
                hasOddKey = hasOddKey || Self.isBlank(next)
            case UInt8(ascii: "]"), UInt8(ascii: "}"):
                hasOddKey = hasOddKey || Self.colonFollows(bytes, from: index + 1)
            default: continue
            }
            if hasAlias, hasOddKey { return true }
        }
        return false
    }

    private static func colonFollows(_ bytes: [UInt8], from start: Int) -> Bool {
        var index = start
        while index < bytes.count, bytes[index] == UInt8(ascii: " ") || bytes[index] == UInt8(ascii: "\t") {
            index += 1
        }
        return index < bytes.count && bytes[index] == UInt8(ascii: ":")
    }

    private static func isAnchorByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }

    private static func isBlank(_ byte: UInt8) -> Bool {
        [UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\n"), UInt8(ascii: "\r")].contains(byte)
    }

    // MARK: Yams

    /// The resolver without rules leaves every plain scalar as text, and spares a row of regular expressions a key.
    private static func compose(_ yaml: String, file: String, log: inout DiagnosticLog) -> Node? {
        do {
            return try Parser(yaml: yaml, resolver: .basic, encoding: .utf8).singleRoot()
        } catch let error as YamlError {
            let (problem, line, column) = Self.explained(error)
            log.error(Mark(file: file, line: line, column: column), "", problem)
        } catch {
            log.error(Mark(file: file, line: 1, column: 1), "", "the file can't be read as YAML")
        }
        return nil
    }

    /// Yams' own descriptions quote the file, which holds keys.
    private static func explained(_ error: YamlError) -> (String, Int, Int) {
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            return ("this isn't YAML: \(problem)", mark.line, mark.column)
        case .duplicatedKeysInMapping(let keys, let context):
            let shown = keys.sorted().map(Spelling.shown).joined(separator: ", ")
            return ("\(shown) is written twice in one mapping; keep one", context.mark.line, context.mark.column)
        case .reader(let problem, let offset, _, let yaml):
            let before = offset.map { yaml.prefix($0) } ?? ""
            let line = before.count { $0.isNewline } + 1
            let column = (before.lastIndex { $0.isNewline }).map { before.distance(from: $0, to: before.endIndex) }
            return ("this isn't YAML: \(problem)", line, column ?? before.count + 1)
        case .no, .memory, .writer, .emitter, .representer, .dataCouldNotBeDecoded:
            return ("the file can't be read as YAML", 1, 1)
        }
    }

    // MARK: Nodes

    private mutating func convert(_ node: Node, depth: Int) throws(Stop) -> ConfigNode {
        let mark = self.mark(of: node)
        self.nodes += 1
        guard self.nodes <= Self.nodesMax else {
            self.log.error(mark, "", "the file has more than \(Self.nodesMax) values, aliases counted in full")
            throw Stop()
        }
        guard depth <= Self.depthMax else {
            self.log.error(mark, "", "more than \(Self.depthMax) lists and mappings are nested here")
            throw Stop()
        }
        switch node {
        case .scalar(let scalar):
            return ConfigNode(.scalar(text: scalar.string, plain: self.isPlain(scalar, mark)), mark)
        case .sequence(let sequence):
            var elements: [ConfigNode] = []
            elements.reserveCapacity(sequence.count)
            for element in sequence { elements.append(try self.convert(element, depth: depth + 1)) }
            return ConfigNode(.list(elements), mark)
        case .mapping(let mapping):
            return ConfigNode(.map(try self.entries(of: mapping, depth: depth)), mark)
        case .alias:
            // The parser has put in what an alias stands for.
            self.log.error(mark, "", "this alias stands for nothing")
            throw Stop()
        }
    }

    private mutating func isPlain(_ scalar: Node.Scalar, _ mark: Mark) -> Bool {
        let tag = scalar.tag.description
        guard scalar.style == .plain else { return false }
        switch tag {
        case "tag:yaml.org,2002:str": return false
        case "", "!", "tag:yaml.org,2002:int", "tag:yaml.org,2002:float", "tag:yaml.org,2002:bool",
            "tag:yaml.org,2002:null":
            return true
        default:
            self.log.error(
                mark,
                "",
                "a tag that Fanout doesn't know; for a variable write os.environ/NAME as the value"
            )
            return true
        }
    }

    private mutating func entries(of mapping: Node.Mapping, depth: Int) throws(Stop) -> [ConfigEntry] {
        var entries: [ConfigEntry] = []
        var merged: [ConfigEntry] = []
        var keys: Set<String> = []
        for (keyNode, valueNode) in mapping {
            let mark = self.mark(of: keyNode)
            guard case .scalar(let scalar) = keyNode,
                !ConfigNode(.scalar(text: scalar.string, plain: true), mark).isNull
            else {
                self.log.error(mark, "", "a key must be text: this one is a list, a mapping or empty")
                continue
            }
            let value = try self.convert(valueNode, depth: depth + 1)
            if scalar.string == "<<", scalar.style == .plain {
                self.merge(value, into: &merged)
            } else if keys.insert(scalar.string).inserted {
                entries.append(ConfigEntry(key: scalar.string, mark: mark, node: value))
            } else {
                self.log.error(mark, "", "\(Spelling.shown(scalar.string)) is written twice in one mapping; keep one")
            }
        }
        // A key of the mapping itself wins over a merged one, an earlier merged mapping over a later.
        for entry in merged where keys.insert(entry.key).inserted { entries.append(entry) }
        return entries
    }

    /// YAML's merge key `<<`, with one mapping or a list of them (yaml.org/type/merge.html).
    private mutating func merge(_ value: ConfigNode, into merged: inout [ConfigEntry]) {
        switch value.value {
        case .map(let entries): merged += entries
        case .list(let elements): for element in elements { self.merge(element, into: &merged) }
        case .scalar: self.log.error(value.mark, "<<", "only mappings can be merged")
        }
    }

    private func mark(of node: Node) -> Mark {
        Mark(file: self.file, line: node.mark?.line ?? 0, column: node.mark?.column ?? 0)
    }
}
