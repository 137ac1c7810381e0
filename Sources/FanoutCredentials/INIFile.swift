// Fanout
// SPDX-License-Identifier: Apache-2.0

/// The sections of a file in the form of AWS's `config` and `credentials`.
///
/// AWS SDKs and Tools Reference Guide, "Shared config and credentials files": sections in brackets, `key = value`,
/// lines that begin with a blank go on with the property above them, `#` and `;` begin a comment at the start of a line
/// or after a blank. A section or key that comes twice has its last value.
package struct INIFile: Sendable, Hashable {
    /// What is wrong with a file; it never quotes it.
    package struct Problem: Error, Sendable, Hashable {
        /// From 1.
        package var line: Int
        /// The end of a sentence that begins with the line.
        package var words: String
    }

    /// The most bytes of a file.
    package static let bytesMax = 1 << 20
    /// The most bytes of a line.
    static let lineBytesMax = 16 << 10
    /// The most sections, and the most properties of one.
    static let countMax = 10_000

    private var sections: [String: [String: String]] = [:]

    /// Reads a file.
    package init(_ bytes: [UInt8]) throws(Problem) {
        guard bytes.count <= Self.bytesMax else { throw Problem(line: 1, words: "the file is too large") }
        var section: String?
        var property: String?
        var rest = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes.dropFirst(3) : bytes[...]
        var line = 0
        while !rest.isEmpty {
            line += 1
            var piece = rest.prefix { $0 != UInt8(ascii: "\n") }
            rest = rest[piece.endIndex...].dropFirst()
            if piece.last == UInt8(ascii: "\r") { piece = piece.dropLast() }
            guard piece.count <= Self.lineBytesMax else { throw Problem(line: line, words: "is too long") }
            guard let text = String(validating: piece, as: UTF8.self) else {
                throw Problem(line: line, words: "isn't UTF-8 text")
            }
            do throws(Words) {
                try self.take(text.utf8, section: &section, property: &property)
            } catch {
                throw Problem(line: line, words: error.words)
            }
        }
    }

    /// A file without anything.
    package init() {}

    /// The properties of a section, by their names in lower case; `nil` = there is no such section.
    package subscript(section: String) -> [String: String]? {
        self.sections[section]
    }

    /// The names of the sections.
    package var names: [String] { self.sections.keys.sorted() }

    private struct Words: Error {
        var words: String
    }

    private mutating func take(
        _ line: String.UTF8View,
        section: inout String?,
        property: inout String?
    ) throws(Words) {
        let isIndented = line.first.map(Self.isBlank) ?? false
        let content = Self.trimmed(Self.withoutComment(line[...]))
        guard let first = content.first else { return }
        if isIndented, section != nil, property != nil {
            // A property of properties, such as `s3 =`: nothing that is asked for here.
            return
        }
        if first == UInt8(ascii: "[") {
            guard content.last == UInt8(ascii: "]") else { throw Words(words: "has no ] for its [") }
            let name = Self.joined(Self.trimmed(content.dropFirst().dropLast()))
            guard !name.isEmpty else { throw Words(words: "names no section") }
            if self.sections[name] == nil {
                guard self.sections.count < Self.countMax else { throw Words(words: "is a section too many") }
                self.sections[name] = [:]
            }
            section = name
            property = nil
            return
        }
        guard let equals = content.firstIndex(of: UInt8(ascii: "=")) else { throw Words(words: "has no = sign") }
        guard let owner = section else { throw Words(words: "stands before the first section") }
        let key = Self.text(Self.trimmed(content[..<equals])).lowercased()
        guard !key.isEmpty else { throw Words(words: "has no key before its = sign") }
        guard (self.sections[owner]?.count ?? 0) < Self.countMax else { throw Words(words: "is a key too many") }
        self.sections[owner]?[key] = Self.text(Self.trimmed(content[content.index(after: equals)...]))
        property = key
    }

    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
    }

    private static func withoutComment(_ line: Substring.UTF8View) -> Substring.UTF8View {
        var isAfterBlank = true
        for index in line.indices {
            let byte = line[index]
            if isAfterBlank, byte == UInt8(ascii: "#") || byte == UInt8(ascii: ";") { return line[..<index] }
            isAfterBlank = Self.isBlank(byte)
        }
        return line
    }

    private static func trimmed(_ text: Substring.UTF8View) -> Substring.UTF8View {
        var text = text
        while let first = text.first, Self.isBlank(first) { text = text.dropFirst() }
        while let last = text.last, Self.isBlank(last) { text = text.dropLast() }
        return text
    }

    private static func text(_ text: Substring.UTF8View) -> String { String(Substring(text)) }

    /// `profile  name` has one blank between its words.
    private static func joined(_ text: Substring.UTF8View) -> String {
        text.split(whereSeparator: Self.isBlank).map { Self.text($0) }.joined(separator: " ")
    }
}
