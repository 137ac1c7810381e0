// Fanout
// SPDX-License-Identifier: Apache-2.0

/// What a text is made of, as far as that tells how many tokens it has: counts by kind of byte and of neighbours.
///
/// Byte-pair tokenizers cut at the borders of words, of runs of signs and of numbers, know English words whole, and
/// spend one to three tokens on a character of other scripts. So the counts are of letters and of words, of digits, of
/// the first and the further signs of a run, of characters by script, and of the pair `th`, which tells English from
/// its neighbours (one pair in thirty there, one in a thousand in French or Dutch) as no other thing so cheap does.
///
/// One pass, sixteen bytes at a time. UTF-8 is told by lead bytes alone; what isn't UTF-8 is counted somehow.
package struct TextCounts: Sendable, Hashable {
    /// Bytes in all.
    package var bytes: UInt32 = 0
    /// ASCII letters.
    package var letters: UInt32 = 0
    /// Runs of ASCII letters.
    package var words: UInt32 = 0
    /// ASCII digits.
    package var digits: UInt32 = 0
    /// Runs of other ASCII characters but white space.
    package var signs: UInt32 = 0
    /// Further characters of such runs, and of runs of white space.
    package var repeats: UInt32 = 0
    /// Chinese and Japanese characters, Hangul.
    package var ideographs: UInt32 = 0
    /// Latin letters with marks, up to U+02BF.
    package var accents: UInt32 = 0
    /// Greek, Cyrillic, Hebrew, Arabic and all else of two bytes.
    package var twoByteLetters: UInt32 = 0
    /// All other characters: Indic scripts, Thai, typographic signs, emoji.
    package var others: UInt32 = 0
    /// `th` and `Th`.
    package var englishPairs: UInt32 = 0

    /// Of no text.
    package init() {}

    /// Adds a text; each is taken to stand alone.
    package mutating func add(_ text: UnsafeBufferPointer<UInt8>) {
        guard text.count > 0 else { return }
        self.bytes &+= UInt32(truncatingIfNeeded: text.count)
        let raw = UnsafeRawBufferPointer(text)
        var sums = WordSums()
        // Two halves side by side, in whole words; then what is left, in two words.
        let half = text.count / 16 * 8
        if half > 0 { sums.follow(WordSums.continuation, UInt64(text[half - 1])) }
        var index = 0
        while index < half {
            let blockEnd = min(half, index + 8 * Int(UInt8.max))
            while index < blockEnd {
                let first = raw.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                let second = raw.loadUnaligned(fromByteOffset: half + index, as: UInt64.self)
                sums.add(WordSums.Words(UInt64(littleEndian: first), UInt64(littleEndian: second)))
                index += 8
            }
            self.take(&sums)
        }
        let rest = text[(2 * half)...]
        guard !rest.isEmpty else { return }
        let middle = min(rest.startIndex + 8, rest.endIndex)
        sums.follow(half > 0 ? UInt64(text[2 * half - 1]) : WordSums.continuation, UInt64(text[middle - 1]))
        sums.add(WordSums.Words(WordSums.word(rest[..<middle]), WordSums.word(rest[middle...])))
        self.take(&sums)
    }

    private mutating func take(_ sums: inout WordSums) {
        self.letters &+= WordSums.total(&sums.letters)
        self.words &+= WordSums.total(&sums.words)
        self.digits &+= WordSums.total(&sums.digits)
        self.signs &+= WordSums.total(&sums.signs)
        self.repeats &+= WordSums.total(&sums.repeats)
        self.englishPairs &+= WordSums.total(&sums.englishPairs)
        guard sums.hasOthers else { return }
        sums.hasOthers = false
        self.ideographs &+= WordSums.total(&sums.ideographs)
        self.accents &+= WordSums.total(&sums.accents)
        self.twoByteLetters &+= WordSums.total(&sums.twoByteLetters)
        self.others &+= WordSums.total(&sums.others)
    }
}

/// Counters of one byte each, sixteen side by side, and what the bytes before were.
///
/// Bytes are classified inside of integers: the sum of a byte of seven bits and 128 - a has its upper bit set where the
/// byte is at least a. Comparisons of vectors would be the plainer way, but their masks aren't compiled to vector
/// instructions (203,000 instructions for 900 bytes).
private struct WordSums {
    typealias Words = SIMD2<UInt64>

    var letters = Words()
    var words = Words()
    var digits = Words()
    var signs = Words()
    var repeats = Words()
    var englishPairs = Words()
    var ideographs = Words()
    var accents = Words()
    var twoByteLetters = Words()
    var others = Words()
    var hasOthers = false
    /// Of the bytes before the next words, in the lowest byte.
    private var letterBefore = Words()
    private var spaceBefore = Words()
    private var signBefore = Words()
    private var tBefore = Words()

    // Computed, since a stored one is looked up behind a once-only flag each time.
    @inline(__always) private static var tops: Words { Self.every(0x80) }
    /// A continuation byte counts as nothing.
    static var continuation: UInt64 { 0x80 }

    /// Up to eight bytes, filled up with bytes that count as nothing.
    static func word(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> UInt64 {
        bytes.reversed().reduce(0x8080_8080_8080_8080) { $0 << 8 | UInt64($1) }
    }

    /// The upper bit of each byte that is at least `limit`; bytes have seven bits.
    @inline(__always) private static func atLeast(_ limit: UInt64, _ bytes: Words) -> Words {
        bytes &+ Words(repeating: (128 - limit) &* 0x0101_0101_0101_0101)
    }

    @inline(__always) private static func every(_ byte: UInt64) -> Words {
        Words(repeating: byte &* 0x0101_0101_0101_0101)
    }

    private struct Kinds {
        var letter: Words
        var digit: Words
        var space: Words
        var sign: Words
        var t: Words
        var h: Words
    }

    @inline(__always) private static func kinds(_ low: Words, _ high: Words) -> Kinds {
        let ascii = ~high & Self.tops
        let folded = low | Self.every(0x20)
        let letter = Self.atLeast(0x61, folded) & ~Self.atLeast(0x7B, folded) & ascii
        let digit = Self.atLeast(0x30, low) & ~Self.atLeast(0x3A, low) & ascii
        let visible = Self.atLeast(0x21, low)
        return Kinds(
            letter: letter,
            digit: digit,
            space: ~visible & ascii,
            sign: visible & ~(letter | digit) & ascii,
            // Folding is one to one among letters.
            t: ~Self.atLeast(1, folded ^ Self.every(0x74)) & letter,
            h: ~Self.atLeast(1, low ^ Self.every(0x68)) & letter
        )
    }

    /// What the next words follow.
    mutating func follow(_ first: UInt64, _ second: UInt64) {
        let bytes = Words(first, second)
        let kinds = Self.kinds(bytes & ~Self.tops, bytes & Self.tops)
        let lowest = Words(repeating: 0xFF)
        self.letterBefore = kinds.letter & lowest
        self.spaceBefore = kinds.space & lowest
        self.signBefore = kinds.sign & lowest
        self.tBefore = kinds.t & lowest
    }

    @inline(__always) mutating func add(_ words: Words) {
        let high = words & Self.tops
        let low = words & ~Self.tops
        let kinds = Self.kinds(low, high)
        let (letter, space, sign) = (kinds.letter, kinds.space, kinds.sign)
        let signsBefore = sign &<< 8 | self.signBefore
        self.letters &+= letter &>> 7
        self.words &+= (letter & ~(letter &<< 8 | self.letterBefore)) &>> 7
        self.digits &+= kinds.digit &>> 7
        self.signs &+= (sign & ~signsBefore) &>> 7
        self.repeats &+= ((sign & signsBefore) | (space & (space &<< 8 | self.spaceBefore))) &>> 7
        self.englishPairs &+= (kinds.h & (kinds.t &<< 8 | self.tBefore)) &>> 7
        self.letterBefore = letter &>> 56
        self.spaceBefore = space &>> 56
        self.signBefore = sign &>> 56
        self.tBefore = kinds.t &>> 56
        if high[0] | high[1] != 0 { self.addOthers(low, high) }
    }

    private mutating func addOthers(_ low: Words, _ high: Words) {
        self.hasOthers = true
        let long = Self.atLeast(0x60, low) & high
        let ideograph = Self.atLeast(0x63, low) & ~Self.atLeast(0x6E, low) & high
        let plain = Self.atLeast(0x4B, low)
        self.ideographs &+= ideograph &>> 7
        self.others &+= (long & ~ideograph) &>> 7
        self.twoByteLetters &+= (plain & high & ~long) &>> 7
        self.accents &+= (Self.atLeast(0x42, low) & ~plain & high) &>> 7
    }

    /// The sum of sixteen counters, which begin anew.
    static func total(_ counters: inout Words) -> UInt32 {
        let pairs =
            (counters & Words(repeating: 0x00FF_00FF_00FF_00FF))
            &+ (counters &>> 8 & Words(repeating: 0x00FF_00FF_00FF_00FF))
        counters = Words()
        let sum = pairs[0] &+ pairs[1]
        return UInt32(truncatingIfNeeded: (sum &* 0x0001_0001_0001_0001) >> 48)
    }
}
