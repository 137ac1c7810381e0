// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// How long an item waits before it goes to a lane that has failed it.
enum RetryPolicy {
    static let baseNanoseconds: UInt64 = 250_000_000
    static let capNanoseconds: UInt64 = 20_000_000_000
    /// How long a fault of the account keeps a lane off, without a reload.
    static let offNanoseconds: UInt64 = 1_800_000_000_000

    /// Decorrelated jitter (AWS Architecture Blog, "Exponential Backoff And Jitter"): a draw between the base and
    /// three times the delay before, at most the cap.
    static func delay(after previous: UInt64, using generator: inout SplitMix64) -> UInt64 {
        let top = max(previous, Self.baseNanoseconds) * 3
        let span = Double(top - Self.baseNanoseconds) * generator.fraction()
        return min(Self.capNanoseconds, Self.baseNanoseconds + UInt64(span))
    }

    /// Whether the first retry on the same lane goes at once.
    static func retriesAtOnce(after code: FailureCode) -> Bool {
        code != .rateLimited && code != .overloaded
    }

    /// Whether an item may try once more in the same group.
    ///
    /// Without a bound of its own (`attemptsMax` 0) an item has the configured retries, and one attempt for each
    /// fallback group on top. A bound counts all attempts; one for each fallback that is left is set aside.
    static func mayRetry(
        attemptsMax: UInt16,
        charged: UInt16,
        retriesUsed: UInt16,
        configured: UInt32,
        fallbacksLeft: Int
    ) -> Bool {
        if attemptsMax == 0 { return UInt32(retriesUsed) < configured }
        return Int(charged) + fallbacksLeft < Int(attemptsMax)
    }
}
