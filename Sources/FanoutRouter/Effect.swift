// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutModel

/// Start an attempt.
package struct Dispatch: Sendable, Hashable {
    package var item: ItemID
    package var lease: LeaseID
    package var lane: LaneID
    /// The group that was asked for.
    package var group: GroupID
    /// Counts from 1 over all attempts of the item.
    package var attempt: UInt16
    /// The leg of a race, from 0.
    package var leg: UInt16
    /// The group cursor of the leg: 0 = its own group, else the n-th fallback entered.
    package var fallback: UInt16
    /// Where the group stands in the item's own list of fallbacks, from 1; 0 = it isn't from there.
    package var listed: UInt16

    /// Makes a dispatch.
    package init(
        item: ItemID,
        lease: LeaseID,
        lane: LaneID,
        group: GroupID,
        attempt: UInt16,
        leg: UInt16,
        fallback: UInt16,
        listed: UInt16 = 0
    ) {
        self.item = item
        self.lease = lease
        self.lane = lane
        self.group = group
        self.attempt = attempt
        self.leg = leg
        self.fallback = fallback
        self.listed = listed
    }
}

/// How an item ends.
package enum Verdict: Sendable, Hashable {
    /// The attempt of this lease succeeded; the run holds its response.
    case success(LeaseID)
    /// The attempt of this lease failed last; the run holds its failure.
    ///
    /// Causes: one a leg or group spent before.
    case failure(LeaseID, causes: [Cause])
    /// Decided by the router itself: deadline, no route, cancelled, not started.
    case refused(Refusal)

    /// A leg or group that was spent, by the lease that spent it.
    package struct Cause: Sendable, Hashable {
        package var lease: LeaseID
        package var group: GroupID
        package var lane: LaneID
        package var code: FailureCode

        /// Makes a cause.
        package init(lease: LeaseID, group: GroupID, lane: LaneID, code: FailureCode) {
            self.lease = lease
            self.group = group
            self.lane = lane
            self.code = code
        }
    }
}

/// What may leave an item without a lane.
package enum RouteObstacle: Sendable, Hashable, CaseIterable {
    case none
    /// No deployment offers all that the request needs.
    case needs
    /// None is in the region asked for.
    case region
    /// The prompt is longer than each window.
    case contextWindow
    /// The request's tags fit none.
    case tags
    /// The provider's budget is spent.
    case providerBudget
    /// The deployment's budget is spent.
    case deploymentBudget
    /// The budget of one of the request's tags is spent.
    case tagBudget
    /// The tenant's budget is spent.
    case tenantBudget
    /// The tenant's limits of requests or tokens a minute hold it back.
    case tenantRates
    /// The batch has spent its bound.
    case batchBudget
}

/// Why the router itself ended an item.
package struct Refusal: Sendable, Hashable {
    package var code: FailureCode
    package var reason: CancelReason
    /// What stood between the item and every lane, where the router knows it.
    package var obstacle: RouteObstacle
    /// The last failure of the lane that decides, where the reason is that it is off or cooling.
    package var lane: LaneID?
    /// Until the earliest start that would have been possible, in milliseconds; 0 = unknown.
    package var earliestMilliseconds: UInt64
    /// It was refused at once since its answer would come too late: `earliestMilliseconds` is until that, then.
    package var isForeseen = false
    /// Until trying again may help, in milliseconds; 0 = that isn't known, or it doesn't.
    package var retryMilliseconds: UInt64 = 0
    /// Whether any attempt was made.
    package var hadAttempt: Bool
    /// What was tried before.
    package var causes: [Verdict.Cause]

    /// Makes a refusal.
    package init(
        code: FailureCode,
        reason: CancelReason = .none,
        obstacle: RouteObstacle = .none,
        lane: LaneID? = nil,
        earliestMilliseconds: UInt64 = 0,
        hadAttempt: Bool = false,
        causes: [Verdict.Cause] = []
    ) {
        self.code = code
        self.reason = reason
        self.obstacle = obstacle
        self.lane = lane
        self.earliestMilliseconds = earliestMilliseconds
        self.hadAttempt = hadAttempt
        self.causes = causes
    }
}

/// What the core wants done.
///
/// Values without closures; the shell does them in order.
package enum Effect: Sendable, Hashable {
    /// Start an attempt.
    case start(Dispatch)
    /// Stop the attempt of a lease; its settle still comes.
    case stop(LeaseID, CancelReason)
    /// An item is final.
    case deliver(ItemID, Verdict)
    /// An item shares the attempts of an identical one; its verdict comes by its own `deliver`, naming the leader's
    /// leases.
    case follow(ItemID, leader: ItemID)
    /// A streamed item whose stream broke after content begins anew with its next attempt.
    case restart(ItemID, FailureCode)
    /// Call `tick` at this instant; replaces the one asked for before.
    case sleepUntil(Instant)
    /// A lane's breaker or pause changed.
    case laneChanged(LaneID)
}

/// How an attempt ended.
package struct Outcome: Sendable, Hashable {
    /// `nil` = success.
    package var code: FailureCode?
    /// What the provider asked for; `nil` = nothing.
    package var retryAfterMilliseconds: UInt64?
    /// The provider's own "should be retried"; `nil` = not said.
    package var shouldRetry: Bool?
    /// Content was handed to the client before the end.
    package var hadContent: Bool
    /// A timer that the caller set shorter than the configured one ran out.
    package var isCallersTimeout: Bool
    /// Nothing of an answer was seen and nothing can have been billed.
    package var wasNeverSent: Bool
    /// Of a rate limit: which one, as far as the provider says.
    package var exceeded: ExceededLimit
    /// Tokens reported; 0 = not reported.
    package var promptTokens: UInt32
    package var completionTokens: UInt32
    /// From start to first content, in microseconds; 0 = not known: no content, or an answer that isn't streamed.
    package var firstContentMicroseconds: UInt32
    /// What the attempt cost, in 10^-9 US dollars; 0 = nothing or not known.
    package var costNanoUSD: Int64

    /// Makes an outcome.
    package init(code: FailureCode?, retryAfterMilliseconds: UInt64? = nil) {
        self.code = code
        self.retryAfterMilliseconds = retryAfterMilliseconds
        self.shouldRetry = nil
        self.hadContent = false
        self.isCallersTimeout = false
        self.wasNeverSent = false
        self.exceeded = .unknown
        self.promptTokens = 0
        self.completionTokens = 0
        self.firstContentMicroseconds = 0
        self.costNanoUSD = 0
    }
}
