// Fanout
// SPDX-License-Identifier: Apache-2.0

extension RateCounts {
    /// What a completion token costs in prompt tokens: about the ratio of prices, and of the work.
    static let completionWeight: Int64 = 4

    /// What a turn is charged for this, in prompt tokens; at least 1 for a request.
    var turnCost: UInt32 {
        UInt32(clamping: max(self.requests, self.prompt + self.completion * Self.completionWeight))
    }
}
