// Fanout
// SPDX-License-Identifier: Apache-2.0

/// A set of lanes of one group, by their position in it.
///
/// The first 64 positions are one word, so that "which lane can take this item" is a few instructions however many
/// lanes and items there are; groups with more lanes pay for an array.
package struct LaneSet: Sendable, Hashable {
    private var low: UInt64 = 0
    /// Words above the first, without trailing zeros, so that equal sets are equal values.
    private var high: [UInt64] = []

    /// The empty set.
    package init() {}

    /// No lane at all.
    package var isEmpty: Bool { self.low == 0 && self.high.isEmpty }

    /// How many lanes are in it.
    package var count: Int { self.high.reduce(self.low.nonzeroBitCount) { $0 + $1.nonzeroBitCount } }

    /// Whether a position is in it.
    package func contains(_ position: Int) -> Bool {
        if position < 64 { return self.low & (1 << UInt64(position)) != 0 }
        let word = position / 64 - 1
        return word < self.high.count && self.high[word] & (1 << UInt64(position % 64)) != 0
    }

    /// Adds a position.
    package mutating func insert(_ position: Int) {
        if position < 64 {
            self.low |= 1 << UInt64(position)
            return
        }
        let word = position / 64 - 1
        while self.high.count <= word { self.high.append(0) }
        self.high[word] |= 1 << UInt64(position % 64)
    }

    /// Takes a position out.
    package mutating func remove(_ position: Int) {
        if position < 64 {
            self.low &= ~(1 << UInt64(position))
            return
        }
        let word = position / 64 - 1
        guard word < self.high.count else { return }
        self.high[word] &= ~(1 << UInt64(position % 64))
        self.trim()
    }

    /// What is in both.
    package func intersection(_ other: LaneSet) -> LaneSet {
        var result = LaneSet()
        result.low = self.low & other.low
        if !self.high.isEmpty && !other.high.isEmpty {
            result.high = zip(self.high, other.high).map { $0 & $1 }
            result.trim()
        }
        return result
    }

    /// What is here and not there.
    package func subtracting(_ other: LaneSet) -> LaneSet {
        var result = self
        result.low &= ~other.low
        if !result.high.isEmpty && !other.high.isEmpty {
            for word in 0..<min(result.high.count, other.high.count) { result.high[word] &= ~other.high[word] }
            result.trim()
        }
        return result
    }

    /// Whether the two have a lane in common.
    package func intersects(_ other: LaneSet) -> Bool {
        if self.low & other.low != 0 { return true }
        if self.high.isEmpty || other.high.isEmpty { return false }
        return zip(self.high, other.high).contains { $0 & $1 != 0 }
    }

    /// Calls `body` with each position, lowest first.
    package func forEach(_ body: (Int) -> Void) {
        Self.forEach(in: self.low, from: 0, body)
        for (index, word) in self.high.enumerated() { Self.forEach(in: word, from: (index + 1) * 64, body) }
    }

    /// Whether `isIn` holds for one of the positions; asks no further then.
    package func contains(where isIn: (Int) -> Bool) -> Bool {
        var rest = self.low
        while rest != 0 {
            if isIn(rest.trailingZeroBitCount) { return true }
            rest &= rest - 1
        }
        for (index, word) in self.high.enumerated() {
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
        for (index, word) in self.high.enumerated() where word != 0 {
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

    private mutating func trim() {
        while self.high.last == 0 { self.high.removeLast() }
    }
}
