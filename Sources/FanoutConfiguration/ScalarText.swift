// Fanout
// SPDX-License-Identifier: Apache-2.0

/// Numbers, durations and sizes as people write them.
enum ScalarText {
    /// A finite decimal number; underscores between digits are allowed, as in YAML 1.1.
    static func number(_ text: String) -> Double? {
        guard text.utf8.count <= 64, let first = text.utf8.first, !text.hasSuffix("_") else { return nil }
        let allowed = "0123456789+-.eE_".utf8
        guard first != UInt8(ascii: "e"), first != UInt8(ascii: "E"), first != UInt8(ascii: "_"),
            text.utf8.allSatisfy({ allowed.contains($0) })
        else { return nil }
        guard let value = Double(text.filter { $0 != "_" }), value.isFinite else { return nil }
        return value
    }

    /// A whole number.
    static func integer(_ text: String) -> Int64? {
        guard text.utf8.count <= 64, !text.hasPrefix("_"), !text.hasSuffix("_") else { return nil }
        if let value = Int64(text.filter { $0 != "_" }) { return value }
        guard let value = Self.number(text) else { return nil }
        return Int64(exactly: value)
    }

    /// A duration in milliseconds: `250ms`, `30s`, `5m`, `1h`, `7d`, `2w`, `1mo` (30 days), or a bare number of
    /// `bareUnit` milliseconds.
    static func milliseconds(_ text: String, bareUnit: Double) -> UInt64? {
        let units: [(String, Double)] = [
            ("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000), ("w", 604_800_000),
            ("mo", 2_592_000_000), ("", bareUnit),
        ]
        return Self.scaled(text, units)
    }

    /// A size in bytes: `512KiB`, `8MiB`, `1GiB`, `64kB`, `100B`, or a bare number of bytes.
    static func bytes(_ text: String) -> UInt64? {
        let units: [(String, Double)] = [
            ("KiB", 1_024), ("MiB", 1_048_576), ("GiB", 1_073_741_824), ("kB", 1_000), ("KB", 1_000), ("MB", 1_000_000),
            ("GB", 1_000_000_000), ("B", 1), ("", 1),
        ]
        return Self.scaled(text, units)
    }

    private static func scaled(_ text: String, _ units: [(String, Double)]) -> UInt64? {
        guard let (unit, factor) = units.first(where: { text.hasSuffix($0.0) && ScalarText.isNumber(text, $0.0) }),
            let value = Self.number(Self.trimmed(String(text.dropLast(unit.count))))
        else { return nil }
        let product = (value * factor).rounded()
        // 2^53 milliseconds are 285,000 years; beyond that a double skips whole numbers.
        guard product >= 0, product <= 9_007_199_254_740_992 else { return nil }
        return UInt64(product)
    }

    private static func isNumber(_ text: String, _ unit: String) -> Bool {
        Self.number(Self.trimmed(String(text.dropLast(unit.count)))) != nil
    }

    /// Without blanks and line ends around it.
    static func trimmed(_ text: String) -> String {
        var rest = Substring(text)
        while let first = rest.unicodeScalars.first, first.properties.isWhitespace { rest.unicodeScalars.removeFirst() }
        while let last = rest.unicodeScalars.last, last.properties.isWhitespace { rest.unicodeScalars.removeLast() }
        return String(rest)
    }
}
