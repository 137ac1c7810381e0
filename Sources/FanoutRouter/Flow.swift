// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// What makes two legs wait in the same queue: the same class and the same lanes to hope for.
struct QueueKey: Hashable {
    var priorityClass: PriorityClass
    var group: GroupID
    /// Used while one of them is healthy: the lanes that have not failed the leg.
    var preferred: LaneSet
    /// Every lane that may serve: the eligibility signature, for a leg that has not failed.
    var permitted: LaneSet
    /// The budgets of its tags, by their places among the purses.
    var purses: LaneSet
}

/// The legs of one class with the same lanes.
///
/// Inside: tenants in turn, a tenant's runs in turn, a run's legs by priority, deadline and age.
struct WaitQueue: RingMember {
    /// `ready` and `starved` have a node that could be served; `idle` has none.
    enum State: UInt8 {
        case idle
        /// In its class's ring: a lane may be free.
        case ready
        /// In its group's ring: no lane is free.
        case starved
    }

    var key: QueueKey
    var links = Links()
    var state = State.idle
    /// Nodes with an unparked flow.
    var nodes = Ring()
    /// Legs that wait here.
    var waiting = 0
    /// No leg here has an earlier deadline.
    var deadlineFloor = Instant.never
    /// Whether a leg here may have fallbacks of its own.
    var hasOwnFallbacks = false
    /// The lane that saves up for the leg at its head; `nil` = none.
    var heldLane: LaneID?
    var isFree = false
}

/// One tenant's flows in one queue.
struct TenantNode: RingMember {
    enum State: UInt8 {
        /// No flow could be served.
        case detached
        /// In its queue's ring.
        case attached
        /// In its tenant's ring of nodes that wait for the tenant.
        case parked
    }

    var tenant: TenantID
    var queue: Slot
    var links = Links()
    var state = State.detached
    /// Flows that could be served.
    var flows = Ring()
    /// Flows in all.
    var flowCount = 0
}

/// One run's legs in one queue.
struct Flow: RingMember {
    /// Which of the run's stops hold it.
    enum Kind: UInt8 {
        /// The run's width and its pause.
        case normal
        /// Its width only: the item that a pause spares.
        case head
        /// Neither: further legs of an item that is in flight already.
        case started
    }

    var run: Slot
    var node: Slot
    var queue: Slot
    var kind: Kind
    var links = Links()
    var isParked = false
    var line = WaitingLine()
    var isFree = false
}
