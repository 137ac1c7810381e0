// Fanout
// SPDX-License-Identifier: Apache-2.0

/// Turns fields into values, follows references, and notes what is wrong with them.
///
/// Its messages tell what a value is, never the value itself: a key may stand in the wrong place.
struct FieldReader {
    var log: DiagnosticLog
    var values: ValueSource
    /// The keys that were asked for, by section without indices: each has its line in the documentation.
    private(set) var asked: [String: Set<String>] = [:]

    init(log: DiagnosticLog, values: ValueSource) {
        self.log = log
        self.values = values
    }

    /// The most bytes of a text that isn't a key or header.
    static let textBytesMax = 4_096

    mutating func error(_ field: Field, _ message: String) {
        self.log.error(field.mark, field.path, message)
    }

    mutating func warn(_ field: Field, _ message: String) {
        guard !self.log.accepted.contains(DiagnosticLog.withoutIndices(field.path)) else { return }
        self.log.warn(field.mark, field.path, message)
    }

    mutating func warnOnce(_ field: Field, _ message: String) {
        let subject = DiagnosticLog.withoutIndices(field.path)
        guard !self.log.accepted.contains(subject) else { return }
        self.log.warnOnce(subject, field.mark, field.path, message)
    }

    // MARK: References

    /// The field with its reference followed; nil if it is absent, empty, or names a variable that isn't set.
    mutating func resolved(_ field: Field?) -> Field? {
        guard var field, !field.node.isNull else { return nil }
        guard let text = field.node.text else { return field }
        switch self.values.follow(text) {
        case .literal: return field
        case .found(let value):
            field.node.value = .scalar(text: value, plain: false)
            return field
        case .unset(let variable):
            self.warn(field, "the variable \(Spelling.shownName(variable)) isn't set, so this is left out")
            return nil
        case .failed(let reason):
            self.error(field, reason)
            return nil
        }
    }

    // MARK: Scalars

    mutating func text(_ field: Field?) -> String? {
        guard let field = self.resolved(field) else { return nil }
        guard let text = field.node.text else {
            self.error(field, "must be text, this is \(field.node.kind)")
            return nil
        }
        guard text.utf8.count <= Self.textBytesMax, !text.unicodeScalars.contains(where: { $0.value < 0x20 }) else {
            self.error(field, "must be one line of at most \(Self.textBytesMax) bytes, without control characters")
            return nil
        }
        return text
    }

    mutating func flag(_ field: Field?) -> Bool? {
        guard let field = self.resolved(field) else { return nil }
        if let flag = field.node.flag { return flag }
        self.error(field, "must be true or false, this is \(field.node.kind)")
        return nil
    }

    mutating func count<Number: FixedWidthInteger>(_ field: Field?, _ range: ClosedRange<Number>) -> Number? {
        guard let field = self.resolved(field) else { return nil }
        if let text = field.node.text, let whole = ScalarText.integer(text), let count = Number(exactly: whole),
            range.contains(count)
        {
            return count
        }
        let bounds = "from \(range.lowerBound) to \(range.upperBound)"
        self.error(field, "must be a whole number \(bounds), this is \(self.misfit(field))")
        return nil
    }

    mutating func number(_ field: Field?) -> Double? {
        guard let field = self.resolved(field) else { return nil }
        if let number = field.node.number, number >= 0 { return number }
        self.error(field, "must be a number that isn't negative, this is \(self.misfit(field))")
        return nil
    }

    /// A duration; a bare number counts `bareUnit` milliseconds.
    mutating func milliseconds(
        _ field: Field?,
        bareUnit: Double = 1_000,
        _ range: ClosedRange<UInt64> = 0...31_536_000_000
    ) -> UInt64? {
        guard let field = self.resolved(field) else { return nil }
        if let text = field.node.text, let duration = ScalarText.milliseconds(text, bareUnit: bareUnit),
            range.contains(duration)
        {
            return duration
        }
        let unit = bareUnit == 1 ? "milliseconds" : "seconds"
        let bounds = "from \(range.lowerBound) to \(range.upperBound) ms"
        self.error(field, "must be a duration such as 250ms, 30s or 5m, or a number of \(unit), \(bounds)")
        return nil
    }

    /// A timer of LiteLLM, in seconds, where 0 is as good as absent.
    mutating func timer(_ field: Field?) -> UInt64? {
        let milliseconds = self.milliseconds(field)
        return milliseconds == 0 ? nil : milliseconds
    }

    mutating func bytes(_ field: Field?, _ range: ClosedRange<Int>) -> Int? {
        guard let field = self.resolved(field) else { return nil }
        if let text = field.node.text, let size = ScalarText.bytes(text), let count = Int(exactly: size),
            range.contains(count)
        {
            return count
        }
        let bounds = "from \(range.lowerBound) to \(range.upperBound) bytes"
        self.error(field, "must be a size such as 512KiB or 8MiB, \(bounds)")
        return nil
    }

    private func misfit(_ field: Field) -> String {
        field.node.number == nil ? field.node.kind : "another number"
    }

    // MARK: Containers

    /// The mapping of a field; nil if it is absent or empty.
    mutating func section(_ field: Field?) -> Section? {
        guard let field = self.resolved(field) else { return nil }
        guard case .map(let entries) = field.node.value else {
            self.error(field, "must be a mapping of keys to values, this is \(field.node.kind)")
            return nil
        }
        return Section(path: field.path, mark: field.node.mark, entries: entries)
    }

    /// The elements of a field's list; nil if it is absent or empty.
    mutating func list(_ field: Field?) -> [Field]? {
        guard let field = self.resolved(field) else { return nil }
        guard let elements = field.elements else {
            self.error(field, "must be a list, this is \(field.node.kind)")
            return nil
        }
        return elements
    }

    /// A list of texts.
    mutating func texts(_ field: Field?) -> [String]? {
        self.list(field)?.compactMap { self.text($0) }
    }

    // MARK: What is left

    /// Writes down which keys of a section have a meaning.
    mutating func note(_ keys: [String], of path: String) {
        self.asked[DiagnosticLog.withoutIndices(path), default: []].formUnion(keys)
    }

    /// Says something of every field that nobody took.
    /// - Parameters:
    ///   - section: Read to its end.
    ///   - keys: What is known of keys that Fanout doesn't read.
    mutating func finish(_ section: Section, _ keys: UnreadKeys) {
        self.note(section.known, of: section.path)
        for field in section.rest where !self.isAccepted(field) {
            if let reason = keys.refused[field.key] {
                guard !field.node.isFalsy else { continue }
                let subject = DiagnosticLog.withoutIndices(field.path)
                self.log.error(
                    field.keyMark,
                    field.path,
                    "\(reason); remove the key, or add \(subject) to fanout.ignore if the daemon may do without it"
                )
            } else if let reason = keys.ignored[field.key] {
                guard !field.node.isFalsy else { continue }
                self.warnOnce(field, reason)
            } else if keys.takesOthers {
                guard let near = Spelling.nearest(to: field.key, among: section.known) else { continue }
                self.warn(field, "this key has no effect; did you mean \(near)?")
            } else {
                let known = Array(section.known) + Array(keys.ignored.keys.sorted())
                let hint = Spelling.hint(field.key, among: known)
                self.log.warn(field.keyMark, field.path, "this key is unknown and has no effect\(hint)")
            }
        }
    }

    private func isAccepted(_ field: Field) -> Bool {
        self.log.accepted.contains(DiagnosticLog.withoutIndices(field.path))
    }
}

/// Keys that LiteLLM knows and Fanout doesn't read.
struct UnreadKeys {
    /// Losing them is harmless; the value is a sentence that says why they have no effect.
    var ignored: [String: String] = [:]
    /// Losing them is dangerous; the value says why.
    var refused: [String: String] = [:]
    /// Other keys are somebody's own and need no word.
    var takesOthers = false
}
