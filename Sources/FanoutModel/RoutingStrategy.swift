// Fanout
// SPDX-License-Identifier: Apache-2.0

/// How a lane is picked among those that can serve.
///
/// The raw values are LiteLLM's `routing_strategy`, and one of ours.
package enum RoutingStrategy: String, Sendable, Hashable, CaseIterable {
    /// A draw weighted by `weight`, else `rpm`, else `tpm`.
    case simpleShuffle = "simple-shuffle"
    /// The fewest attempts in flight.
    case leastBusy = "least-busy"
    /// The fewest tokens used in this minute.
    case usageBased = "usage-based-routing"
    /// As `usageBased`; kept apart since configurations name it.
    case usageBasedV2 = "usage-based-routing-v2"
    /// The lowest time a completion token, or to the first token.
    case latencyBased = "latency-based-routing"
    /// The lowest price.
    case costBased = "cost-based-routing"
    /// The lowest predicted time, weighed by load, health and price.
    case predictedCost = "predicted-cost"
}

/// LiteLLM's `routing_strategy_args`, and ours.
package struct StrategyArguments: Sendable, Hashable {
    /// How long a latency sample counts.
    package var ttlMilliseconds: UInt64 = 3_600_000
    /// Lanes up to this share above the lowest latency are drawn from too.
    package var lowestLatencyBuffer = 0.0
    /// How many latency samples a lane keeps.
    package var maxLatencyListSize: UInt32 = 10
    /// Which percentile of the times to first token counts, above 0 up to 1; `nil` = their mean.
    package var firstContentPercentile: Double?
    /// The exponent of price under `predicted-cost`; 0 = price doesn't matter.
    package var priceWeight = 0.0
    /// The share of items that explore lanes other than the best under `predicted-cost` and latency-based routing.
    package var explorationShare = 0.02

    /// The defaults.
    package init() {}
}
