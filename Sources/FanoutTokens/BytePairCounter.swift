// Fanout
// SPDX-License-Identifier: Apache-2.0

/// Counts the tokens of texts by a tokenizer.
///
/// Keeps its work space, so that counting allocates nothing once it has seen a text of some size.
package struct BytePairCounter: Sendable {
    private var tokenizer: Tokenizer?
    private var splitter = PieceSplitter()
    /// Where the parts of a piece begin, and where the last ends.
    private var starts: [Int] = []
    /// The rank that each part would have together with the next.
    private var pairs: [UInt32] = []

    /// Longer pieces are cut: merging takes quadratic time, and a word of 256 bytes is none.
    static let pieceBytesMax = 256

    /// A counter without a tokenizer, which counts nothing.
    package init() {}

    /// Counts by this tokenizer from now on.
    package mutating func use(_ tokenizer: Tokenizer) {
        self.tokenizer = tokenizer
    }

    /// The tokens of a text.
    package mutating func count(_ text: UnsafeBufferPointer<UInt8>) -> UInt32 {
        guard let tokenizer = self.tokenizer else { return 0 }
        var total: UInt32 = 0
        var splitter = self.splitter
        self.splitter = PieceSplitter()
        splitter.split(text, by: tokenizer.pattern) { range in
            var start = range.lowerBound
            while start < range.upperBound {
                let end = min(range.upperBound, start + Self.pieceBytesMax)
                total &+= self.merge(UnsafeBufferPointer(rebasing: text[start..<end]), tokenizer.ranks)
                start = end
            }
        }
        self.splitter = splitter
        return total
    }

    /// Merges the pair of the lowest rank, the first of them, until there is none: how many parts are left.
    private mutating func merge(_ piece: UnsafeBufferPointer<UInt8>, _ ranks: BytePairRanks) -> UInt32 {
        if piece.count == 1 || ranks.rank(of: piece) != BytePairRanks.none { return 1 }
        self.starts.removeAll(keepingCapacity: true)
        self.pairs.removeAll(keepingCapacity: true)
        for index in 0...piece.count { self.starts.append(index) }
        for index in 0..<piece.count - 1 { self.pairs.append(ranks.rank(of: piece[index], piece[index + 1])) }
        while let place = self.lowestPair() {
            self.starts.remove(at: place + 1)
            self.pairs.remove(at: place)
            if place < self.pairs.count { self.pairs[place] = self.pairRank(place, piece, ranks) }
            if place > 0 { self.pairs[place - 1] = self.pairRank(place - 1, piece, ranks) }
        }
        return UInt32(self.starts.count - 1)
    }

    private func lowestPair() -> Int? {
        var lowest = BytePairRanks.none
        var place: Int?
        for (index, rank) in self.pairs.enumerated() where rank < lowest {
            lowest = rank
            place = index
        }
        return place
    }

    private func pairRank(_ place: Int, _ piece: UnsafeBufferPointer<UInt8>, _ ranks: BytePairRanks) -> UInt32 {
        ranks.rank(of: UnsafeBufferPointer(rebasing: piece[self.starts[place]..<self.starts[place + 2]]))
    }
}
