// Fanout
// SPDX-License-Identifier: Apache-2.0

/// Cuts a text into the pieces inside which pairs are merged, as OpenAI's published expressions do.
///
/// By hand, since a general expression costs more than all the rest of a request. The expressions, for comparison
/// (github.com/openai/tiktoken, `tiktoken_ext/openai_public.py`):
///
///     cl100k  '(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+
///             |\s++$|\s*[\r\n]|\s+(?!\S)|\s
///     o200k   [^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|…)?
///             |[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|…)?
///             |\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+
///
/// Bytes that aren't UTF-8 count as signs.
struct PieceSplitter: Sendable {
    /// What a character is to the expressions.
    struct Kind: OptionSet {
        let rawValue: UInt8

        /// Lu and Lt.
        static let upper = Kind(rawValue: 1 << 0)
        /// Ll.
        static let lower = Kind(rawValue: 1 << 1)
        /// Lm and Lo.
        static let caseless = Kind(rawValue: 1 << 2)
        static let mark = Kind(rawValue: 1 << 3)
        static let number = Kind(rawValue: 1 << 4)
        /// Carriage return and line feed.
        static let newline = Kind(rawValue: 1 << 5)
        /// Other white space.
        static let space = Kind(rawValue: 1 << 6)
        static let sign = Kind(rawValue: 1 << 7)

        static let letter: Kind = [.upper, .lower, .caseless]
        static let white: Kind = [.newline, .space]
        /// What a word of o200k may begin with.
        static let head: Kind = [.upper, .caseless, .mark]
        /// What it may go on with.
        static let tail: Kind = [.lower, .caseless, .mark]

        func isIn(_ set: Kind) -> Bool { !self.isDisjoint(with: set) }
    }

    private var pattern = Tokenizer.Pattern.cl100k
    /// By character; longer than needed, so that it grows seldom.
    private var kinds: [Kind] = []
    /// Where each character begins, and where the text ends.
    private var offsets: [UInt32] = []
    /// How many characters there are.
    private var count = 0

    /// Goes through a text; each piece is given as a range of its bytes.
    mutating func split(
        _ text: UnsafeBufferPointer<UInt8>,
        by pattern: Tokenizer.Pattern,
        _ piece: (Range<Int>) -> Void
    ) {
        self.pattern = pattern
        self.read(text)
        var start = 0
        while start < self.count {
            let end = self.end(of: text, from: start)
            piece(Int(self.offsets[start])..<Int(self.offsets[end]))
            start = end
        }
    }

    // MARK: Pieces

    private func end(of text: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
        let kind = self.kinds[start]
        switch self.pattern {
        case .cl100k:
            if let end = self.contraction(text, at: start) { return end }
            if kind.isIn(.letter) { return self.run(.letter, from: start) }
            if !kind.isIn([.newline, .number]), self.kind(start + 1).isIn(.letter) {
                return self.run(.letter, from: start + 1)
            }
        case .o200k:
            if let end = self.word(from: start) { return self.contraction(text, at: end) ?? end }
        }
        if kind.isIn(.number) { return min(self.run(.number, from: start), start + 3) }
        if let end = self.signs(text, from: start) { return end }
        return self.white(from: start)
    }

    /// A word of o200k, with one character before it that is neither letter, number nor line's end.
    private func word(from start: Int) -> Int? {
        let kind = self.kinds[start]
        if kind.isIn([.newline, .number]) { return nil }
        if kind.isIn(.letter) { return self.tailed(from: start) ?? self.headed(from: start) }
        if let end = self.tailed(from: start + 1) { return end }
        if kind.isIn(.mark), let end = self.tailed(from: start) { return end }
        return self.headed(from: start + 1)
    }

    /// Heads as many as there are, then at least one tail: the tail may be the last head that can be one, too.
    private func tailed(from start: Int) -> Int? {
        let heads = self.run(.head, from: start)
        let end = self.run(.tail, from: heads)
        if end > heads { return end }
        var last = heads
        while last > start {
            if self.kinds[last - 1].isIn(.tail) { return last }
            last -= 1
        }
        return nil
    }

    private func headed(from start: Int) -> Int? {
        let end = self.run(.head, from: start)
        return end > start ? end : nil
    }

    /// `'s`, `'t`, `'re` and their like.
    private func contraction(_ text: UnsafeBufferPointer<UInt8>, at start: Int) -> Int? {
        guard start + 1 < self.count, text[Int(self.offsets[start])] == UInt8(ascii: "'") else { return nil }
        let first = Int(self.offsets[start]) + 1
        switch text[first] | 0x20 {
        case UInt8(ascii: "s"), UInt8(ascii: "d"), UInt8(ascii: "m"), UInt8(ascii: "t"): return start + 2
        case UInt8(ascii: "l") where Self.byte(text, first + 1) == UInt8(ascii: "l"): return start + 3
        case UInt8(ascii: "v") where Self.byte(text, first + 1) == UInt8(ascii: "e"): return start + 3
        case UInt8(ascii: "r") where Self.byte(text, first + 1) == UInt8(ascii: "e"): return start + 3
        default: return nil
        }
    }

    private static func byte(_ text: UnsafeBufferPointer<UInt8>, _ index: Int) -> UInt8 {
        index < text.count ? text[index] | 0x20 : 0
    }

    /// Signs with one space before them and the lines' ends behind.
    private func signs(_ text: UnsafeBufferPointer<UInt8>, from start: Int) -> Int? {
        let first = text[Int(self.offsets[start])] == 0x20 ? start + 1 : start
        var end = self.run([.sign, .mark], from: first)
        guard end > first else { return nil }
        while self.kind(end).isIn(.newline) || self.isSlash(text, end) { end += 1 }
        return end
    }

    private func isSlash(_ text: UnsafeBufferPointer<UInt8>, _ index: Int) -> Bool {
        self.pattern == .o200k && index < self.count && text[Int(self.offsets[index])] == UInt8(ascii: "/")
    }

    /// White space to the last line's end in it, else all but the last character where something follows.
    private func white(from start: Int) -> Int {
        let end = self.run(.white, from: start)
        let isLast = end == self.count
        if isLast, self.pattern == .cl100k { return end }
        if let newline = self.kinds[start..<end].lastIndex(where: { $0.isIn(.newline) }) { return newline + 1 }
        return isLast || end - start == 1 ? end : end - 1
    }

    private func kind(_ index: Int) -> Kind {
        index < self.count ? self.kinds[index] : []
    }

    private func run(_ set: Kind, from start: Int) -> Int {
        var end = start
        while end < self.count, self.kinds[end].isIn(set) { end += 1 }
        return end
    }

    // MARK: Characters

    private mutating func read(_ text: UnsafeBufferPointer<UInt8>) {
        let short = text.count + 1 - self.kinds.count
        if short > 0 {
            self.kinds += repeatElement([], count: short)
            self.offsets += repeatElement(0, count: short)
        }
        var count = 0
        self.kinds.withUnsafeMutableBufferPointer { kinds in
            self.offsets.withUnsafeMutableBufferPointer { offsets in
                var index = 0
                while index < text.count {
                    offsets[count] = UInt32(truncatingIfNeeded: index)
                    let byte = text[index]
                    if byte < 0x80 {
                        kinds[count] = Self.kind(ofASCII: byte)
                        index += 1
                    } else {
                        let (kind, length) = Self.kind(ofScalarAt: index, in: text)
                        kinds[count] = kind
                        index += length
                    }
                    count += 1
                }
                offsets[count] = UInt32(truncatingIfNeeded: text.count)
                // Nothing follows the last character.
                kinds[count] = []
            }
        }
        self.count = count
    }

    private static func kind(ofASCII byte: UInt8) -> Kind {
        switch byte {
        case 0x61...0x7A: .lower
        case 0x41...0x5A: .upper
        case 0x30...0x39: .number
        case 0x0A, 0x0D: .newline
        case 0x20, 0x09, 0x0B, 0x0C: .space
        default: .sign
        }
    }

    private static func kind(
        ofScalarAt index: Int,
        in text: UnsafeBufferPointer<UInt8>
    ) -> (Kind, length: Int) {
        let lead = text[index]
        let length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC2 ? 2 : 1
        guard length > 1, index + length <= text.count else { return (.sign, 1) }
        var value = UInt32(lead) & (0x7F >> UInt32(length))
        for next in index + 1..<index + length {
            guard text[next] & 0xC0 == 0x80 else { return (.sign, 1) }
            value = value << 6 | UInt32(text[next] & 0x3F)
        }
        return (self.kind(of: value), length)
    }

    private static func kind(of value: UInt32) -> Kind {
        switch value {
        // The bulk of Chinese, Japanese and Korean, and of Russian, without a look into the tables.
        case 0x4E00...0x9FFF, 0xAC00...0xD7A3, 0x3041...0x3096, 0x30A1...0x30FA: return .caseless
        case 0x0430...0x045F: return .lower
        case 0x0410...0x042F: return .upper
        default: break
        }
        guard let scalar = Unicode.Scalar(value) else { return .sign }
        if scalar.properties.isWhitespace { return .space }
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .titlecaseLetter: return .upper
        case .lowercaseLetter: return .lower
        case .modifierLetter, .otherLetter: return .caseless
        case .nonspacingMark, .spacingMark, .enclosingMark: return .mark
        case .decimalNumber, .letterNumber, .otherNumber: return .number
        default: return .sign
        }
    }
}
