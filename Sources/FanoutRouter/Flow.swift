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

/// The queues of one class in one group.
struct Band: RingMember {
    var group: GroupID
    var priorityClass: PriorityClass
    var links = Links()
    /// Queues that a lane may be free for; in its class's ring while there are any.
    var ready = FairHeap()
    /// When a leg last came here, or started.
    var lastTraffic = Instant.zero
    /// Lanes keep the class's floor free here.
    var keepsFloor = false
}

/// The legs of one class with the same lanes.
///
/// Inside: the tenant served least, its run served least, a run's legs by priority, deadline and age.
struct WaitQueue: RingMember, TurnTaker {
    /// `idle` has no node that could be served, the others have.
    enum State: UInt8 {
        case idle
        /// In its band's heap: a lane may be free.
        case ready
        /// The same, and it goes before the others of its class once: in its class's ring of such.
        case promoted
        /// In its group's ring: no lane is free.
        case starved
        /// In its group's ring of such: lanes have room, but not for who is next here.
        case keptOff
    }

    /// Who is next in a queue that is kept off, and what it was expected to take when that was found out.
    struct Head {
        var leg: Slot = .none
        var stamp: UInt32 = 0
        var tenant: TenantID
        var cost = RateCounts.none
    }

    var key: QueueKey
    var links = Links()
    var served: Int64 = 0
    var place: Int32 = -1
    var state = State.idle
    /// Nodes with an unparked flow.
    var nodes = FairHeap()
    /// Legs that wait here.
    var waiting = 0
    /// What they are expected to cost.
    var cost: Int64 = 0
    /// No leg here has an earlier deadline.
    var deadlineFloor = Instant.never
    /// Whether a leg here may have fallbacks of its own.
    var hasOwnFallbacks = false
    /// Who was next when it was kept off last.
    var head = Head(tenant: TenantID(0))
    /// The lane that saves up for the leg at its head; `nil` = none.
    var heldLane: LaneID?
    /// When it was served last, or had something to be served again.
    var hungrySince = Instant.zero
    /// Tells this queue from earlier ones in its slot.
    var stamp: UInt32 = 0
    /// What was last found out about how many of its legs may start.
    var capacity = RouterCore.Capacity()
    var isFree = false

    /// Whether it waits for a lane, or for what a lane has left.
    var isWaiting: Bool { self.state == .starved || self.state == .keptOff }
}

/// One tenant's flows in one queue, and what it was served there.
///
/// Outlives its flows, so that a debt isn't forgotten by having nothing in line for a moment.
struct TenantNode: RingMember, TurnTaker {
    enum State: UInt8 {
        /// No flow could be served.
        case detached
        /// In its queue's heap.
        case attached
        /// In its tenant's ring of nodes that wait for the tenant.
        case parked
    }

    var tenant: TenantID
    var queue: Slot
    /// The queue's, when the node was made.
    var queueStamp: UInt32
    /// Tells this node from earlier ones in its slot.
    var stamp: UInt32 = 0
    /// In the tenant's ring, or, without flows, in the ring of idle nodes.
    var links = Links()
    var served: Int64 = 0
    var place: Int32 = -1
    var state = State.detached
    /// Flows that could be served.
    var flows = FairHeap()
    /// Flows in all; 0 = it is idle.
    var flowCount = 0
    /// What waits in them is expected to cost this much.
    var cost: Int64 = 0
}

/// One run's legs in one queue.
struct Flow: RingMember, TurnTaker {
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
    var served: Int64 = 0
    var place: Int32 = -1
    /// Tells this flow from earlier ones in its slot.
    var stamp: UInt32 = 0
    var isParked = false
    var line = WaitingLine()
    var isFree = false
}

/// Whose counters an attempt was charged to, and how much.
struct Charge {
    var cost: UInt32 = 0
    var node: Slot = .none
    var nodeStamp: UInt32 = 0
    var flow: Slot = .none
    var flowStamp: UInt32 = 0
}

/// What a run was served by a node where it has no flow at present.
struct ServedBefore {
    var node: Slot = .none
    var nodeStamp: UInt32 = 0
    var served: Int64 = 0
}
