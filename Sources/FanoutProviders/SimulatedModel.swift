// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutModel

/// How a simulated deployment behaves: what its model's name says after the question mark.
///
/// The one form is `NAME?KEY=VALUE&KEY=VALUE`, in a configuration for example
/// `model: simulated/echo?latency_ms=50&jitter_ms=10&error_rate=0.1&error=overloaded&tokens=50&seed=7`.
package struct SimulatedModel: Sendable, Hashable {
    /// What comes before the question mark; told back as the answer's model.
    package private(set) var name = ""
    /// `latency_ms`: until the first content.
    package private(set) var latencyMilliseconds: UInt64 = 0
    /// `jitter_ms`: up to this much more, drawn evenly.
    package private(set) var jitterMilliseconds: UInt64 = 0
    /// `tokens`: words of an answer; 0 = as many as the last message has.
    package private(set) var tokens: UInt64 = 0
    /// `tokens_per_second`: how fast they come; 0 = all at once.
    package private(set) var tokensPerSecond: UInt64 = 0
    /// `error_rate`: the share of attempts that fail after the latency, 0 to 1.
    package private(set) var errorRate = 0.0
    /// `error`: how they fail; a name of the failure table in lower case.
    package private(set) var error = FailureCode.overloaded
    /// `retry_after_ms`: what such a failure asks for; 0 = nothing.
    package private(set) var retryAfterMilliseconds: UInt64 = 0
    /// `dimensions`: of a vector, 1 to 4,096.
    package private(set) var dimensions: UInt64 = 8
    /// `seed`: the same seed and the same order of attempts give the same behaviour.
    package private(set) var seed: UInt64 = 0

    /// Reads a model's name.
    ///
    /// - Throws: What isn't understood, by name.
    package init(_ model: String) throws(Failure) {
        let parts = model.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        self.name = parts.first.map(String.init) ?? ""
        guard parts.count == 2 else { return }
        for pair in parts[1].split(separator: "&") {
            let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard sides.count == 2 else { throw Self.unknown(String(pair)) }
            try self.take(String(sides[0]), String(sides[1]))
        }
    }

    private mutating func take(_ key: String, _ value: String) throws(Failure) {
        switch key {
        case "latency_ms": self.latencyMilliseconds = try Self.number(key, value, 0...3_600_000)
        case "jitter_ms": self.jitterMilliseconds = try Self.number(key, value, 0...3_600_000)
        case "tokens": self.tokens = try Self.number(key, value, 0...1_000_000)
        case "tokens_per_second": self.tokensPerSecond = try Self.number(key, value, 0...1_000_000)
        case "retry_after_ms": self.retryAfterMilliseconds = try Self.number(key, value, 0...3_600_000)
        case "dimensions": self.dimensions = try Self.number(key, value, 1...4_096)
        case "seed": self.seed = try Self.number(key, value, 0...UInt64.max)
        case "error_rate":
            guard let rate = Double(value), (0...1).contains(rate) else {
                throw Failure(.invalidRequest, "error_rate=\(value) of a simulated model is not from 0 to 1.")
            }
            self.errorRate = rate
        case "error":
            // What a provider can cause; the codes from 500 on are ours.
            let codes = FailureCode.allCases.filter { $0.rawValue < 500 }
            guard let code = codes.first(where: { $0.name.lowercased() == value.lowercased() }) else {
                throw Failure(.invalidRequest, "error=\(value) of a simulated model is no failure of a provider.")
            }
            self.error = code
        default: throw Self.unknown(key)
        }
    }

    private static func number(
        _ key: String,
        _ value: String,
        _ range: ClosedRange<UInt64>
    ) throws(Failure) -> UInt64 {
        guard let number = UInt64(value), range.contains(number) else {
            throw Failure(
                .invalidRequest,
                "\(key)=\(value) of a simulated model is not a number from \(range.lowerBound) to \(range.upperBound)."
            )
        }
        return number
    }

    private static func unknown(_ key: String) -> Failure {
        Failure(
            .invalidRequest,
            "a simulated model has no setting \(key.debugDescription); it has latency_ms, jitter_ms, tokens, "
                + "tokens_per_second, error_rate, error, retry_after_ms, dimensions, seed."
        )
    }
}
