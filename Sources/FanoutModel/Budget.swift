// Fanout
// SPDX-License-Identifier: Apache-2.0

/// Money that may be spent in a span of time: LiteLLM's `max_budget` and `budget_duration`.
package struct Budget: Sendable, Hashable {
    /// The most, in 10^-9 US dollars.
    package var limitNanoUSD: Int64
    /// From the first spend to the next start at zero.
    package var windowMilliseconds: UInt64

    /// Makes a budget.
    package init(limitNanoUSD: Int64, windowMilliseconds: UInt64) {
        self.limitNanoUSD = limitNanoUSD
        self.windowMilliseconds = windowMilliseconds
    }
}
