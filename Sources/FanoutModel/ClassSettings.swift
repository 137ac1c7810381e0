// Fanout
// SPDX-License-Identifier: Apache-2.0

/// What a priority class is given beside its rank.
package struct ClassSettings: Sendable, Hashable {
    /// The share of concurrency and of each rate that is kept for the class while it has had traffic in the last
    /// minute, from 0 to below 1.
    package var floor: Double
    /// An item that has waited this long goes before more urgent classes once; 0 = never.
    package var promotionMilliseconds: UInt64

    /// Makes settings.
    package init(floor: Double, promotionMilliseconds: UInt64) {
        self.floor = floor
        self.promotionMilliseconds = promotionMilliseconds
    }
}

/// How a request's tags filter deployments: LiteLLM's `enable_tag_filtering` and its companions.
package struct TagFiltering: Sendable, Hashable {
    /// One common tag is enough; otherwise all of the request's are needed.
    package var matchesAny = true
    /// Only tags that begin so count, without the prefix.
    package var prefix = ""

    /// The defaults.
    package init() {}
}

/// Whether tags filter the deployments of one group.
package enum GroupTagging: Sendable, Hashable {
    case off
    case on(TagFiltering)
}
