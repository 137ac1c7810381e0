// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutModel

/// One run: a batch that is under way.
package struct RunID: Sendable, Hashable, Comparable {
    package var number: UInt64

    /// Makes an id; numbers are never reused in a process.
    package init(_ number: UInt64) {
        self.number = number
    }

    package static func < (left: RunID, right: RunID) -> Bool {
        left.number < right.number
    }
}

/// One item of one run.
package struct ItemID: Sendable, Hashable {
    package var run: RunID
    package var index: UInt32

    /// Makes an id.
    package init(run: RunID, index: UInt32) {
        self.run = run
        self.index = index
    }
}

/// Permission for one attempt, with what was reserved for it.
///
/// Ends in exactly one settle.
package struct LeaseID: Sendable, Hashable {
    package var number: UInt64

    /// Makes an id; numbers are never reused in a process.
    package init(_ number: UInt64) {
        self.number = number
    }
}

/// A tenant's number, given out by the engine for a tenant's name.
package struct TenantID: Sendable, Hashable, Comparable {
    package var index: UInt32

    /// Makes an id.
    package init(_ index: Int) {
        self.index = UInt32(index)
    }

    package static func < (left: TenantID, right: TenantID) -> Bool {
        left.index < right.index
    }
}

/// A 128-bit digest of a tenant's request; equal requests of one tenant have equal digests.
///
/// Zero = never shared.
package struct RequestDigest: Sendable, Hashable {
    package var high: UInt64
    package var low: UInt64

    /// Not to be shared.
    package static let none = RequestDigest(high: 0, low: 0)

    /// Makes a digest.
    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }
}

/// What the attempts of one tenant may take together.
package struct TenantBounds: Sendable, Hashable {
    /// What they may cost; `nil` = any sum.
    package var budget: Budget?
    /// The most in flight; `nil` = ``RoutingSettings/tenantConcurrency``.
    package var maxConcurrency: UInt32?
    /// What they may take in a minute.
    package var rates = RateLimits()

    /// As much as anybody.
    package init() {}
}

/// What the router knows of a run.
package struct RunTerms: Sendable, Hashable {
    package var tenant: TenantID
    package var priorityClass: PriorityClass
    /// The most items in flight; 0 = automatic.
    package var maxConcurrency: UInt32
    package var failFast: Bool
    /// Of the whole run; `never` = none.
    package var deadline: Instant
    /// What its tenant may do.
    package var bounds = TenantBounds()
    /// No attempt starts once this is spent, in 10^-9 US dollars; 0 = no bound.
    package var maxCostNanoUSD: Int64 = 0

    /// Makes terms.
    package init(
        tenant: TenantID,
        priorityClass: PriorityClass = .standard,
        maxConcurrency: UInt32 = 0,
        failFast: Bool = false,
        deadline: Instant = .never
    ) {
        self.tenant = tenant
        self.priorityClass = priorityClass
        self.maxConcurrency = maxConcurrency
        self.failFast = failFast
        self.deadline = deadline
    }
}

/// All that the router knows of an item.
///
/// Never a body.
package struct Ticket: Sendable, Hashable {
    package var index: UInt32
    package var group: GroupID
    package var needs: Needs
    package var deadline: Instant
    /// Lower first inside a class.
    package var priority: Int32
    /// Estimated.
    package var promptTokens: UInt32
    /// The most that the request allows for one answer; 0 = it names none.
    package var completionTokens: UInt32
    /// Answers that it asks for at once (`n`), at least 1.
    package var choices: UInt16 = 1
    /// The most attempts in all; 0 = as configured.
    package var attemptsMax: UInt16
    package var flags: Flags
    /// How many legs of a race run at once; 0 = all.
    package var raceWidth: UInt16
    package var digest: RequestDigest
    /// Rare terms, boxed so that a plain ticket stays small; `nil` = none.
    package var extras: TicketExtras?

    /// Yes-or-no terms of an item.
    package struct Flags: OptionSet, Sendable, Hashable {
        package let rawValue: UInt8

        /// Makes a set from its bits.
        package init(rawValue: UInt8) {
            self.rawValue = rawValue
        }

        /// Deltas go to the client, so first content commits.
        package static let streamed = Flags(rawValue: 1 << 0)
        /// Broken after content: fail instead of restarting.
        package static let failsOnStreamBreak = Flags(rawValue: 1 << 1)
        /// No fallback groups.
        package static let noFallbacks = Flags(rawValue: 1 << 2)
        /// Tries a lane whose breaker is open rather than wait for it.
        package static let triesUnhealthy = Flags(rawValue: 1 << 3)
    }

    /// Makes a ticket of the usual terms.
    package init(index: UInt32, group: GroupID, needs: Needs, deadline: Instant) {
        self.index = index
        self.group = group
        self.needs = needs
        self.deadline = deadline
        self.priority = 0
        self.promptTokens = 0
        self.completionTokens = 0
        self.attemptsMax = 0
        self.flags = []
        self.raceWidth = 0
        self.digest = .none
        self.extras = nil
    }
}

/// The rare terms of an item.
package final class TicketExtras: Sendable, Hashable {
    /// Groups in place of the configured fallbacks; `nil` = the configured ones.
    package let fallbacks: [GroupID]?
    /// The groups of a race; empty = no race.
    ///
    /// The ticket's own group is the first.
    package let race: [GroupID]
    /// Tags that a deployment must match; empty = none.
    package let tags: [String]
    /// The only region that a deployment may be in; `nil` = any.
    package let region: String?

    /// Makes extras.
    package init(fallbacks: [GroupID]? = nil, race: [GroupID] = [], tags: [String] = [], region: String? = nil) {
        self.fallbacks = fallbacks
        self.race = race
        self.tags = tags
        self.region = region
    }

    package static func == (left: TicketExtras, right: TicketExtras) -> Bool {
        left.fallbacks == right.fallbacks && left.race == right.race && left.tags == right.tags
            && left.region == right.region
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(self.fallbacks)
        hasher.combine(self.race)
        hasher.combine(self.tags)
        hasher.combine(self.region)
    }
}
