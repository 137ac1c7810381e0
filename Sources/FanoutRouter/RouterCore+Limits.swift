// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutModel

/// What providers say and show of their limits.
extension RouterCore {
    /// The headers of an attempt's answer have come, with what they say of the provider's limits.
    ///
    /// Comes before the settle, by minutes for a long stream.
    package mutating func headers(
        _ lease: LeaseID,
        _ rates: RateReport,
        now: Instant,
        into effects: inout [Effect]
    ) {
        self.begin(now, &effects)
        self.finish(&effects)
    }
}
