// Fanout
// SPDX-License-Identifier: Apache-2.0

/// The draw behind every strategy but the shuffle: the lane with the lowest score, and chance among equals.
enum LowestScore {
    /// Picks a position of a set; equal scores are equally likely, `nil` only if the set is empty.
    ///
    /// Infinite scores lose to all others; scores are numbers.
    static func pick(
        from candidates: LaneSet,
        using generator: inout SplitMix64,
        score: (Int) -> Double
    ) -> Int? {
        var best: Int?
        var lowest = Double.infinity
        var ties = 0
        candidates.forEach { position in
            let value = score(position)
            if best == nil || value < lowest {
                (best, lowest, ties) = (position, value, 1)
            } else if value == lowest {
                ties += 1
                if generator.below(ties) == 0 { best = position }
            }
        }
        return best
    }

    /// Picks among all that score at most `slack` (a share, 0 = none) above the lowest, each equally likely.
    static func pick(
        from candidates: LaneSet,
        slack: Double,
        using generator: inout SplitMix64,
        score: (Int) -> Double
    ) -> Int? {
        guard slack > 0 else { return self.pick(from: candidates, using: &generator, score: score) }
        var lowest = Double.infinity
        candidates.forEach { lowest = min(lowest, score($0)) }
        let bound = lowest * (1 + slack)
        return self.pick(from: candidates, using: &generator) { score($0) <= bound ? 0 : 1 }
    }

    /// Two different positions at random, or the only one twice; `nil` if the set is empty.
    static func two(from candidates: LaneSet, using generator: inout SplitMix64) -> (Int, Int)? {
        let count = candidates.count
        guard count > 1 else { return candidates.first.map { ($0, $0) } }
        let first = generator.below(count)
        var second = generator.below(count - 1)
        if second >= first { second += 1 }
        var pair = (0, 0)
        var index = 0
        candidates.forEach { position in
            if index == first { pair.0 = position }
            if index == second { pair.1 = position }
            index += 1
        }
        return pair
    }
}
