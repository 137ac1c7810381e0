// Fanout
// SPDX-License-Identifier: Apache-2.0

/// A set of lanes of one group, by their position in it.
///
/// The first 64 positions are one word, so that "which lane can take this item" is a few instructions however many
/// lanes and items there are; groups with more lanes pay for an array.
package struct LaneSet: Sendable, Hashable {
    private var low: UInt64 = 0
    /// Words above the first, without trailing zeros, so that equal sets are equal values; `nil` = none, which costs
    /// less to copy than an empty array.
    private var high: [UInt64]?

    /// The empty set.
    package init() {}

    /// No lane at all.
    package var isEmpty: Bool { self.low == 0 && self.high == nil }

    /// How many lanes are in it.
    package var count: Int { self.words.reduce(self.low.nonzeroBitCount) { $0 + $1.nonzeroBitCount } }

    private var words: [UInt64] { self.high ?? [] }

    /// Whether a position is in it.
    package func contains(_ position: Int) -> Bool {
        if position < 64 { return self.low & (1 << UInt64(position)) != 0 }
        guard let high = self.high, position / 64 <= high.count else { return false }
        return high[position / 64 - 1] & (1 << UInt64(position % 64)) != 0
    }

    /// Adds a position.
    package mutating func insert(_ position: Int) {
        if position < 64 {
            self.low |= 1 << UInt64(position)
            return
        }
        let word = position / 64 - 1
        var high = self.high.take() ?? []
        while high.count <= word { high.append(0) }
        high[word] |= 1 << UInt64(position % 64)
        self.high = high
    }

    /// Takes a position out.
    package mutating func remove(_ position: Int) {
        if position < 64 {
            self.low &= ~(1 << UInt64(position))
            return
        }
        guard var high = self.high.take() else { return }
        if position / 64 <= high.count { high[position / 64 - 1] &= ~(1 << UInt64(position % 64)) }
        self.setHigh(high)
    }

    /// What is in both.
    package func intersection(_ other: LaneSet) -> LaneSet {
        var result = LaneSet()
        result.low = self.low & other.low
        if let one = self.high, let two = other.high { result.setHigh(zip(one, two).map { $0 & $1 }) }
        return result
    }

    /// What is here and not there.
    package func subtracting(_ other: LaneSet) -> LaneSet {
        var result = self
        result.low &= ~other.low
        if let other = other.high, var high = result.high.take() {
            for word in 0..<min(high.count, other.count) { high[word] &= ~other[word] }
            result.setHigh(high)
        }
        return result
    }

    /// Whether the two have a lane in common.
    package func intersects(_ other: LaneSet) -> Bool {
        if self.low & other.low != 0 { return true }
        guard let one = self.high, let two = other.high else { return false }
        return zip(one, two).contains { $0 & $1 != 0 }
    }

    /// Calls `body` with each position, lowest first.
    package func forEach(_ body: (Int) -> Void) {
        Self.forEach(in: self.low, from: 0, body)
        for (index, word) in self.words.enumerated() { Self.forEach(in: word, from: (index + 1) * 64, body) }
    }

    /// Whether `isIn` holds for one of the positions; asks no further then.
    package func contains(where isIn: (Int) -> Bool) -> Bool {
        var rest = self.low
        while rest != 0 {
            if isIn(rest.trailingZeroBitCount) { return true }
            rest &= rest - 1
        }
        for (index, word) in self.words.enumerated() {
            rest = word
            while rest != 0 {
                if isIn((index + 1) * 64 + rest.trailingZeroBitCount) { return true }
                rest &= rest - 1
            }
        }
        return false
    }

    /// The lowest position; `nil` if empty.
    package var first: Int? {
        if self.low != 0 { return self.low.trailingZeroBitCount }
        for (index, word) in self.words.enumerated() where word != 0 {
            return (index + 1) * 64 + word.trailingZeroBitCount
        }
        return nil
    }

    private static func forEach(in word: UInt64, from base: Int, _ body: (Int) -> Void) {
        var rest = word
        while rest != 0 {
            body(base + rest.trailingZeroBitCount)
            rest &= rest - 1
        }
    }

    /// Keeps words without trailing zeros.
    private mutating func setHigh(_ words: [UInt64]) {
        var words = words
        while words.last == 0 { words.removeLast() }
        self.high = words.isEmpty ? nil : words
    }
}
