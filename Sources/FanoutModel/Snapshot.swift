// Fanout
// SPDX-License-Identifier: Apache-2.0

/// A model group's place in ``Snapshot/groups``.
///
/// Stable across reloads; `@usableFromInline`: see docs/internals/workarounds.md.
@usableFromInline
package struct GroupID: Sendable, Hashable, Comparable {
    @usableFromInline
    package var index: UInt32

    /// Makes an id from an index.
    @inlinable
    package init(_ index: Int) {
        self.index = UInt32(index)
    }

    /// Whether both are the same place.
    @inlinable
    package static func == (left: GroupID, right: GroupID) -> Bool {
        left.index == right.index
    }

    @inlinable
    package static func < (left: GroupID, right: GroupID) -> Bool {
        left.index < right.index
    }
}

/// A deployment's place in ``Snapshot/deployments``.
///
/// Stable across reloads; a lane is the live state of it. `@usableFromInline`: see docs/internals/workarounds.md.
@usableFromInline
package struct LaneID: Sendable, Hashable, Comparable {
    @usableFromInline
    package var index: UInt32

    /// Makes an id from an index.
    @inlinable
    package init(_ index: Int) {
        self.index = UInt32(index)
    }

    /// Whether both are the same place.
    @inlinable
    package static func == (left: LaneID, right: LaneID) -> Bool {
        left.index == right.index
    }

    @inlinable
    package static func < (left: LaneID, right: LaneID) -> Bool {
        left.index < right.index
    }
}

/// The configuration in force: validated, immutable, swapped whole by a reload.
///
/// Groups and deployments keep their places for the life of the process: a reload appends new ones and marks those
/// that are gone as inactive, so that an id that is queued somewhere never changes its meaning.
package struct Snapshot: Sendable {
    /// Rises with each reload, from 1.
    package var version: UInt64 = 1
    /// Every group there is or was.
    package var groups: [ModelGroup] = []
    /// Every deployment there is or was.
    package var deployments: [Deployment] = []
    /// Limits that several deployments share.
    package var accounts: [AccountLimits] = []
    /// Names and aliases of the active groups, patterns apart.
    package var names: [String: GroupID] = [:]
    /// Names of active groups that have stars, in the order in which they are tried.
    package var patterns: [ModelPattern] = []
    /// The groups that serve a model which no group is named after, in order; empty = none.
    package var defaultFallbacks: [GroupID] = []
    /// How requests are routed.
    package var routing = RoutingSettings()
    /// Who may use it.
    package var tenants = TenantPolicies()
    /// How much is taken in.
    package var limits = Limits()

    /// An empty configuration.
    package init() {}
}

/// What a caller asks for: one or more deployments under one name.
package struct ModelGroup: Sendable, Hashable {
    /// `model_name`.
    package var name: String
    /// Its deployments, in the order of the configuration.
    package var lanes: [LaneID] = []
    /// The group with stars whose deployments serve this one, which has none itself; `nil` = it has its own.
    ///
    /// So is a model that the configuration names, as in a list of fallbacks, and only a pattern serves. It has the
    /// lanes of the pattern, and with them their limits and their health.
    package var servedBy: GroupID?
    /// What the stars of that group stand for.
    package var captures: [String] = []
    /// Its name has stars, so that it serves any number of models.
    package var isPattern = false
    /// The groups tried when it is spent, in order.
    package var fallbacks: [GroupID] = []
    /// The groups tried when the context window is exceeded; `nil` = `fallbacks`.
    package var contextWindowFallbacks: [GroupID]?
    /// The groups tried when a content policy refuses; `nil` = none.
    package var contentPolicyFallbacks: [GroupID]?
    /// Retries of an item after its first attempt; `nil` = ``RoutingSettings/retries``.
    package var retries: UInt32?
    /// `model_group_retry_policy`: replaces ``RoutingSettings/retryPolicy`` whole; `nil` = that one.
    package var retryPolicy: FailureCounts?
    /// How a lane is picked (`routing_groups`); `nil` = ``RoutingSettings/strategy``.
    package var strategy: RoutingStrategy?
    /// Of its strategy; `nil` = ``RoutingSettings/strategyArguments``.
    package var strategyArguments: StrategyArguments?
    /// Whether tags filter its deployments; `nil` = as ``RoutingSettings/tagFiltering`` says.
    package var tagging: GroupTagging?
    /// Whether it is in the configuration in force.
    package var isActive = true

    /// Makes a group.
    package init(name: String) {
        self.name = name
    }
}

/// One configured endpoint of a model group.
package struct Deployment: Sendable, Hashable {
    /// `model_info.id`, else a hash; the same deployment has the same identity after a reload.
    package var identity: String
    /// What logs, trails and status call it, for example `openai/gpt-4o-mini@api.openai.com`.
    package var name: String
    /// Its model group.
    package var group: GroupID
    /// Where and how it is reached.
    ///
    /// Stars in its model stand for those of its group's name.
    package var endpoint: Endpoint
    /// Relative share under simple-shuffle; `nil` = none given.
    package var weight: Double?
    /// Requests a minute; `nil` = no limit known.
    package var requestsPerMinute: Double?
    /// Tokens a minute; `nil` = no limit known.
    package var tokensPerMinute: Double?
    /// Prompt tokens a minute; `nil` = no limit known.
    package var promptTokensPerMinute: Double?
    /// Completion tokens a minute; `nil` = no limit known.
    package var completionTokensPerMinute: Double?
    /// Its place in ``Snapshot/accounts``; `nil` = it shares no limit.
    package var account: Int?
    /// The most tokens of a prompt; `nil` = not known.
    package var contextWindow: UInt32?
    /// `eu`, `us` or a provider's own name of a region; `nil` = not known.
    package var region: String?
    /// What may be spent on it; `nil` = any sum.
    package var budget: Budget?
    /// The most attempts in flight; `nil` = no limit known.
    ///
    /// 0 = none at all.
    package var maxConcurrency: UInt32?
    /// Lanes of the lowest order that can serve go first; `nil` = after all that have one.
    package var order: Int32?
    /// What it can do.
    package var offers: Needs = .all
    /// Retries of an item that failed here; `nil` = the group's.
    package var retries: UInt32?
    /// Failures that are let pass in a cooldown window before the lane cools; `nil` = ours.
    package var allowedFails: UInt32?
    /// The same by kind of failure; `nil` = ``RoutingSettings/allowedFailsPolicy``.
    package var allowedFailsPolicy: FailureCounts?
    /// How long the lane cools; `nil` = ours.
    package var cooldownMilliseconds: UInt64?
    /// The timers of an attempt here.
    package var timeouts: Timeouts?
    /// Prices; `nil` = unknown.
    package var price: Price?
    /// For filtering by tag.
    package var tags: [String] = []
    /// Whether it is in the configuration in force.
    package var isActive = true

    /// Whether it serves whatever model is asked for, so that one that doesn't exist is no fault of its own.
    package var servesAnyModel: Bool { self.endpoint.model.utf8.contains(UInt8(ascii: "*")) }

    /// Makes a deployment.
    package init(identity: String, name: String, group: GroupID, endpoint: Endpoint) {
        self.identity = identity
        self.name = name
        self.group = group
        self.endpoint = endpoint
    }
}

/// The five timers of an attempt, in milliseconds.
///
/// 0 = off.
package struct Timeouts: Sendable, Hashable {
    /// Until the connection stands, TLS included.
    package var connect: UInt64 = 5_000
    /// Until the headers; streamed requests only.
    package var headers: UInt64 = 30_000
    /// Until the first content; streamed requests only.
    package var firstContent: UInt64 = 60_000
    /// Between two pieces of content; streamed requests only.
    package var idle: UInt64 = 20_000
    /// The whole attempt.
    package var total: UInt64 = 600_000

    /// The defaults.
    package init() {}
}
