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
        var weight: Double
        var requestsPerMinute: Double
        var tokensPerMinute: Double

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

    /// Picks a position of a set that isn't empty.
    static func pick(
        from candidates: LaneSet,
        using generator: inout SplitMix64,
        weights: (Int) -> Weights
    ) -> Int? {
        var sums = (0.0, 0.0, 0.0)
        var count = 0
        candidates.forEach { position in
            let row = weights(position)
            sums.0 += row.weight
            sums.1 += row.requestsPerMinute
            sums.2 += row.tokensPerMinute
            count += 1
        }
        guard count > 1 else { return candidates.first }
        if sums.0 > 0 { return Self.draw(candidates, sum: sums.0, using: &generator) { weights($0).weight } }
        if sums.1 > 0 { return Self.draw(candidates, sum: sums.1, using: &generator) { weights($0).requestsPerMinute } }
        if sums.2 > 0 { return Self.draw(candidates, sum: sums.2, using: &generator) { weights($0).tokensPerMinute } }
        return Self.draw(candidates, sum: Double(count), using: &generator) { _ in 1 }
    }

    private static func draw(
        _ candidates: LaneSet,
        sum: Double,
        using generator: inout SplitMix64,
        weight: (Int) -> Double
    ) -> Int? {
        var rest = generator.fraction() * sum
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
