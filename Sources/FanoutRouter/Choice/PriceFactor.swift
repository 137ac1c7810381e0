// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// Prices as the strategies see them.
enum PriceFactor {
    /// What cost-based routing takes a token of an unknown price to cost, in US dollars: LiteLLM's number.
    static let unknownToken = 5.0
    /// How far a factor may be from 1.
    static let bound = 100.0

    /// A prompt token and a completion token together, in US dollars; an explicit 0 is free.
    static func sum(of price: Price?) -> Double {
        guard let price else { return 2 * Self.unknownToken }
        let sum = price.promptToken + price.completionToken
        return sum.isFinite ? max(0, sum) : 2 * Self.unknownToken
    }

    /// (price / mean)^weight, from 1/100 to 100, for each lane.
    ///
    /// An unknown price counts as the mean of the known ones.
    static func factors(of prices: [Price?], weight: Double) -> [Double] {
        let known = prices.compactMap { $0 }.map { Self.sum(of: $0) }
        let mean = known.reduce(0, +) / Double(max(1, known.count))
        guard mean > 0, weight != 0, weight.isFinite else { return prices.map { _ in 1 } }
        return prices.map { price in
            guard price != nil else { return 1 }
            let ratio = max(Self.sum(of: price) / mean, 1e-9)
            return min(Self.bound, max(1 / Self.bound, Self.power(ratio, weight)))
        }
    }

    /// `base` to the power of `exponent`, for a base above 0, without the C library.
    ///
    /// 2^10 = 1,024; 10^0.5 = 3.162; 0.5^-1 = 2; within a millionth of the true number.
    static func power(_ base: Double, _ exponent: Double) -> Double {
        // The logarithm's series in (m - 1) / (m + 1) converges fast for a significand m from 1 to 2.
        let t = (base.significand - 1) / (base.significand + 1)
        var (term, logarithm) = (t, 0.0)
        for n in stride(from: 1, to: 22, by: 2) {
            logarithm += term / Double(n)
            term *= t * t
        }
        let ln2 = 0.693_147_180_559_945_3
        let product = (2 * logarithm / ln2 + Double(base.exponent)) * exponent
        let whole = min(1_000, max(-1_000, product.rounded(.down)))
        let x = min(1, max(0, product - whole)) * ln2
        var (sum, part) = (1.0, 1.0)
        for n in 1..<18 {
            part *= x / Double(n)
            sum += part
        }
        return Double(sign: .plus, exponent: Int(whole), significand: 1) * sum
    }
}
