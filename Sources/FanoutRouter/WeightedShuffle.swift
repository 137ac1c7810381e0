// Fanout
// SPDX-License-Identifier: Apache-2.0

/// LiteLLM's simple-shuffle: a weighted draw among the lanes that can serve.
///
/// The weights are the first of `weight`, `rpm`, `tpm` that is above 0 for at least one candidate, a missing one
/// counting as 0; without any, every candidate is equally likely. So a lane of weight 0 serves only when no weighted
/// one can.
enum WeightedShuffle {
    /// What a lane weighs on each of the three scales.
    struct Weights: Sendable, Hashable {
        var weight = 0.0
        var requestsPerMinute = 0.0
        var tokensPerMinute = 0.0

        /// Weighs nothing.
        init() {}

        /// Takes configured numbers; what is negative or no number counts as 0.
        init(weight: Double?, requestsPerMinute: Double?, tokensPerMinute: Double?) {
            self.weight = Self.sane(weight)
            self.requestsPerMinute = Self.sane(requestsPerMinute)
            self.tokensPerMinute = Self.sane(tokensPerMinute)
        }

        private static func sane(_ number: Double?) -> Double {
            guard let number, number > 0 else { return 0 }
            return min(number, 1e15)
        }
    }

    /// Those of some lanes that a draw among `all` may pick.
    static func weighty(_ some: LaneSet, among all: LaneSet, weights: [Weights]) -> LaneSet {
        let weighted = TagRule.filter(all) { weights[$0].weight > 0 }
        if !weighted.isEmpty { return some.intersection(weighted) }
        return some
    }

    /// Picks a position of a set, or `nil` if that is empty.
    ///
    /// `weights` has a row for each position.
    static func pick(
        from candidates: LaneSet,
        weights: [Weights],
        using generator: inout SplitMix64
    ) -> Int? {
        var sums = Weights()
        var count = 0
        candidates.forEach { position in
            sums.weight += weights[position].weight
            sums.requestsPerMinute += weights[position].requestsPerMinute
            sums.tokensPerMinute += weights[position].tokensPerMinute
            count += 1
        }
        guard count > 1 else { return candidates.first }
        let fraction = generator.fraction()
        if sums.weight > 0 {
            return Self.draw(candidates, at: fraction * sums.weight) { weights[$0].weight }
        }
        if sums.requestsPerMinute > 0 {
            return Self.draw(candidates, at: fraction * sums.requestsPerMinute) { weights[$0].requestsPerMinute }
        }
        if sums.tokensPerMinute > 0 {
            return Self.draw(candidates, at: fraction * sums.tokensPerMinute) { weights[$0].tokensPerMinute }
        }
        return Self.draw(candidates, at: fraction * Double(count)) { _ in 1 }
    }

    private static func draw(_ candidates: LaneSet, at point: Double, weight: (Int) -> Double) -> Int? {
        var rest = point
        var chosen: Int?
        var isDone = false
        candidates.forEach { position in
            if isDone { return }
            let share = weight(position)
            guard share > 0 else { return }
            // Rounding may leave a crumb after the last one, which then is the chosen one.
            chosen = position
            rest -= share
            isDone = rest < 0
        }
        return chosen
    }
}
