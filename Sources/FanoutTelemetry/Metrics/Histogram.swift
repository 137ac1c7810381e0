// Fanout
// SPDX-License-Identifier: Apache-2.0

/// Counts of observed values in buckets with fixed bounds.
///
/// Values are whole numbers: microseconds or tokens. Nothing is allocated by an observation.
package struct Histogram: Sendable, Hashable {
    /// The upper bounds of the buckets, and what their values are.
    package enum Buckets: Sendable, Hashable {
        /// Microseconds of a whole call, rendered as seconds: the bounds of `gen_ai.client.operation.duration`.
        case duration
        /// Microseconds until the first content, rendered as seconds: the bounds of
        /// `gen_ai.server.time_to_first_token`, which are finer.
        case firstContent
        /// Tokens: the bounds of `gen_ai.client.token.usage`.
        case tokens
        /// Microseconds by which the event loop was late, rendered as seconds.
        case lag

        /// Inclusive, rising.
        ///
        /// OpenTelemetry's semantic conventions for generative AI metrics, read in November 2026.
        package var bounds: [UInt64] {
            switch self {
            case .duration: Self.durationBounds
            case .firstContent: Self.firstContentBounds
            case .tokens: Self.tokenBounds
            case .lag: Self.lagBounds
            }
        }

        /// Whether values are microseconds.
        package var isTime: Bool { self != .tokens }

        private static let durationBounds: [UInt64] = (0..<14).map { 10_000 << $0 }
        private static let firstContentBounds: [UInt64] = [
            1_000, 5_000, 10_000, 20_000, 40_000, 60_000, 80_000, 100_000, 250_000, 500_000, 750_000, 1_000_000,
            2_500_000, 5_000_000, 7_500_000, 10_000_000,
        ]
        private static let tokenBounds: [UInt64] = (0..<14).map { 1 << (2 * $0) }
        private static let lagBounds: [UInt64] = [
            500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 500_000, 1_000_000, 5_000_000,
        ]
    }

    /// The bounds.
    package let buckets: Buckets
    /// Values in each bucket, not summed up; the last one holds those above all bounds.
    package private(set) var counts: [UInt64]
    /// Of all values; wraps around after some half a million years of seconds.
    package private(set) var sum: UInt64 = 0

    /// An empty histogram.
    package init(_ buckets: Buckets) {
        self.buckets = buckets
        self.counts = Array(repeating: 0, count: buckets.bounds.count + 1)
    }

    /// All values so far.
    package var count: UInt64 { self.counts.reduce(0, +) }

    /// Adds a value.
    package mutating func observe(_ value: UInt64) {
        let bounds = self.buckets.bounds
        self.counts[bounds.firstIndex { value <= $0 } ?? bounds.count] += 1
        self.sum &+= value
    }
}
