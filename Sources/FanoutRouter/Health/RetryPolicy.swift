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

    /// What a failure leaves open inside its model group.
    struct Rule {
        /// The lane that failed may have the item again.
        var sameLane: Bool
        /// Other lanes may have it.
        var otherLane: Bool
        /// How many retries a key of the retry policy allows; `nil` = no key says anything.
        var named: UInt32?

        var retries: Bool { self.sameLane || self.otherLane }
    }

    /// The failure table, unless a key of the retry policy names the failure's kind, or the provider says whether to
    /// retry.
    ///
    /// A key for all other kinds (`DefaultRetries`) counts for what the table retries. An account that has run dry is
    /// no rate limit, whatever its status; and no word of a provider makes a way round a content policy.
    static func rule(after code: FailureCode, policy: FailureCounts?, shouldRetry: Bool?) -> Rule {
        let traits = code.traits
        var rule = Rule(sameLane: traits.retriesSameLane, otherLane: traits.retriesOtherLane)
        if code == .rateLimited {
            rule.named = policy?.rateLimit
        } else if code != .quotaExhausted, let entry = policy?.entry(for: code), entry.kind != .others || rule.retries {
            rule.named = entry.count
        }
        if let named = rule.named {
            rule.sameLane = named > 0
            rule.otherLane = named > 0
        }
        switch shouldRetry {
        case true?:
            if code != .contentPolicy && traits.fault != .account {
                rule.sameLane = true
                rule.otherLane = true
            }
        case false?: rule.sameLane = false
        case nil: break
        }
        return rule
    }

    /// Whether an item may try once more in the same group.
    ///
    /// Without a bound of its own (`attemptsMax` 0) an item has the configured retries, and one attempt for each
    /// fallback group on top. A bound counts all attempts; one for each fallback that is left is set aside. A key of
    /// the retry policy (`named`) takes the place of the configured retries, and doesn't lift the item's own bound.
    static func mayRetry(
        attemptsMax: UInt16,
        charged: UInt16,
        retriesUsed: Int,
        configured: UInt32,
        named: UInt32?,
        fallbacksLeft: Int
    ) -> Bool {
        if let named, retriesUsed >= Int(named) { return false }
        if attemptsMax > 0 { return Int(charged) + fallbacksLeft < Int(attemptsMax) }
        return retriesUsed < Int(named ?? configured)
    }
}
