// Fanout
// SPDX-License-Identifier: Apache-2.0

/// Finds what somebody may have meant, and what may be shown of what they wrote.
enum Spelling {
    /// `; did you mean X?` for the nearest of `known`, or nothing.
    static func hint(_ word: String, among known: some Sequence<String>) -> String {
        guard let nearest = Self.nearest(to: word, among: known) else { return "" }
        return "; did you mean \(nearest)?"
    }

    /// The nearest known word within a third of its length, at most three edits away.
    static func nearest(to word: String, among known: some Sequence<String>) -> String? {
        guard word.utf8.count <= 64 else { return nil }
        var best: (word: String, distance: Int)?
        for candidate in known {
            let bound = min(3, max(1, candidate.utf8.count / 3))
            let distance = Self.distance(Array(word.lowercased().utf8), Array(candidate.lowercased().utf8))
            guard distance <= bound, distance < (best?.distance ?? .max) else { continue }
            best = (candidate, distance)
        }
        return best?.word
    }

    /// Levenshtein's distance with neighbours swapped counted as one edit.
    static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        guard !left.isEmpty, !right.isEmpty else { return max(left.count, right.count) }
        var before: [Int] = []
        var previous = Array(0...right.count)
        for (row, byte) in left.enumerated() {
            var current = [row + 1]
            current.reserveCapacity(right.count + 1)
            for (column, other) in right.enumerated() {
                var cost = min(
                    previous[column + 1] + 1,
                    current[column] + 1,
                    previous[column] + (byte == other ? 0 : 1)
                )
                if row > 0, column > 0, byte == right[column - 1], left[row - 1] == other {
                    cost = min(cost, before[column - 1] + 1)
                }
                current.append(cost)
            }
            before = previous
            previous = current
        }
        return previous[right.count]
    }

    /// A key as a message may show it.
    ///
    /// A slip of the pen makes a key of a value (`{api_key, sk-…}`), so what isn't a plain word is not shown.
    static func shown(_ key: String) -> String {
        let letters = key.utf8
        let plain = letters.allSatisfy { byte in
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (0x30...0x39).contains(byte)
                || byte == UInt8(ascii: "_")
        }
        let digits = letters.count { (0x30...0x39).contains($0) }
        return plain && digits <= 3 && (1...40).contains(letters.count) ? key : "(a key that is no plain word)"
    }

    /// A variable's or credential's name as a message may show it.
    static func shownName(_ name: String) -> String {
        let plain = name.utf8.allSatisfy { byte in
            (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) || (0x30...0x39).contains(byte)
                || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || byte == UInt8(ascii: "_")
        }
        return plain && (1...64).contains(name.utf8.count) ? name : "(not a plain name)"
    }
}
