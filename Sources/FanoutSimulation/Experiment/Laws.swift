// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutRouter
internal import Glibc

/// How many tokens a prompt or an answer has.
package enum TokenLaw: Sendable {
    /// Always as many.
    case fixed(UInt32)
    /// Every count from the first to the second alike.
    case uniform(UInt32, UInt32)
    /// Lognormal with this mean (not median) and this σ of the logarithm; at least 1.
    case lognormal(mean: Double, sigma: Double)

    func draw(_ generator: inout SplitMix64) -> UInt32 {
        switch self {
        case .fixed(let count): return count
        case .uniform(let low, let high): return low + UInt32(generator.below(Int(high - low) + 1))
        case .lognormal(let mean, let sigma):
            return UInt32(max(1, min(1e9, (mean * generator.lognormal(sigma: sigma)).rounded())))
        }
    }
}

/// How long an answer takes.
package struct LatencyLaw: Sendable {
    /// To the first token with an empty prompt, in milliseconds.
    package var firstContentMilliseconds: Double
    /// More of that for each thousand tokens of the prompt.
    package var perThousandPromptTokens = 0.0
    /// Between two tokens, in milliseconds.
    package var perTokenMilliseconds: Double
    /// The σ of a lognormal factor with mean 1, drawn for each call.
    package var jitter = 0.1
    /// Calls in flight above this stretch the time to the first token in proportion; `nil` = none does.
    package var comfortableConcurrency: Int?

    /// Makes a law; the defaults are those of a hosted model of medium size.
    package init(firstContentMilliseconds: Double = 400, perTokenMilliseconds: Double = 10, jitter: Double = 0.1) {
        self.firstContentMilliseconds = firstContentMilliseconds
        self.perTokenMilliseconds = perTokenMilliseconds
        self.jitter = jitter
    }

    /// To the first token and to the last, in nanoseconds; the second is never before the first.
    func draw(
        _ generator: inout SplitMix64,
        promptTokens: UInt32,
        completionTokens: UInt32,
        inFlight: Int
    ) -> (first: UInt64, whole: UInt64) {
        let factor = generator.lognormal(sigma: self.jitter)
        var first = self.firstContentMilliseconds + self.perThousandPromptTokens * Double(promptTokens) / 1_000
        if let comfortable = self.comfortableConcurrency, inFlight > comfortable {
            first *= Double(inFlight) / Double(max(1, comfortable))
        }
        let whole = first + self.perTokenMilliseconds * Double(completionTokens)
        return (UInt64(first * factor * 1e6), UInt64(whole * factor * 1e6))
    }
}

extension SplitMix64 {
    /// A lognormal factor with mean 1.
    mutating func lognormal(sigma: Double) -> Double {
        sigma == 0 ? 1 : exp(sigma * self.normal() - sigma * sigma / 2)
    }

    /// A standard normal number (Box and Muller, 1958).
    mutating func normal() -> Double {
        let radius = (-2 * log(1 - self.fraction())).squareRoot()
        return radius * cos(2 * Double.pi * self.fraction())
    }

    /// An exponential span with this mean.
    mutating func exponential(mean: Double) -> Double {
        -mean * log(1 - self.fraction())
    }
}
