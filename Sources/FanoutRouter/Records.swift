// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// One run.
struct RunRecord {
    var id: RunID
    var terms: RunTerms
    /// The most items in flight.
    var limit: UInt32
    /// Items with at least one lease.
    var inFlight: UInt32 = 0
    /// Item records alive, delivered ones with leases included.
    var records = 0
    /// Undelivered items, by index.
    var items = IndexTable()
    var isClosed = false
    var isPaused = false
    /// The item that a pause spares.
    var head: UInt32?
    /// Why no item starts any more; `nil` = items start.
    var endReason: CancelReason?
    /// Its flows, parked ones included.
    var flows: [Slot] = []
    /// Its flows that wait for the run, not for a lane.
    var parked = Ring()
    /// Items of it that others follow.
    var leading = 0
    /// Its own bound on money.
    var purse = Purse()
    /// The flow that was used last.
    var lastFlow: Slot = .none
    /// What its answers have shown.
    var completions = CompletionEstimate()
    /// Of the flow that was dissolved last.
    var servedBefore = ServedBefore()
}

/// One item: undelivered, or delivered with leases that aren't settled.
struct ItemRecord {
    /// What has been decided.
    enum Fate: Equatable {
        /// It may still succeed.
        case live
        /// It ends with this reason when its last lease is settled.
        case ending(CancelReason)
        /// It was delivered; its record waits for its leases.
        case delivered
    }

    /// Its part in sharing attempts with identical items.
    enum Sharing: Equatable {
        case none
        /// In the chain of its digest, running or waiting by itself.
        case member
        case leader
        case follower
    }

    var run: Slot
    var ticket: Ticket
    /// Its turn among all items.
    var sequence: UInt64
    /// The earlier of its own deadline and its run's.
    var deadline: Instant
    var firstLeg: Slot = .none
    var legs: UInt16 = 1
    /// Attempts started.
    var attempts: UInt16 = 0
    /// Attempts that count against the total: all but those answered 429.
    var charged: UInt16 = 0
    /// Attempts in a group after one there that failed otherwise than by 429.
    var retriesUsed: UInt16 = 0
    /// The same after a 429.
    var limitedRetries: UInt16 = 0
    var leases: UInt16 = 0
    var fate = Fate.live
    /// The lease that owns the stream; 0 = none.
    var committed: UInt64 = 0
    /// It failed on two lanes in this way: that is its own fault.
    var ownFault: FailureCode?
    /// Its failures that may turn out to be its own fault; no more than its attempts.
    var suspicions: [(code: FailureCode, lane: LaneID)] = []
    /// One for each leg or group that is spent.
    var causes: [Verdict.Cause] = []
    var sharing = Sharing.none
    var links = Links()
    /// Tells this record from later ones in its slot.
    var stamp: UInt32 = 0
    var isDeadlineArmed = false

    var isRace: Bool { self.legs > 1 }
}

extension ItemRecord: RingMember {}

/// One leg of an item: what is queued, tried and retried.
struct LegRecord {
    /// Where it is.
    ///
    /// Only `waiting` is in a queue.
    enum Place: UInt8 {
        /// Between two places, inside one event.
        case idle
        case waiting
        /// In the retry timers.
        case delayed
        case running
        /// A leg beyond the race's width.
        case held
        /// Its item follows another one.
        case following
        case spent
    }

    var item: Slot
    var number: UInt16
    var next: Slot = .none
    /// Rises with each place it takes; entries with another stamp are dead.
    var stamp: UInt32 = 0
    var place = Place.idle
    /// The group whose lanes serve it.
    var group: GroupID
    /// The group that was asked for: another one where `group` serves it by a pattern.
    var asked: GroupID
    /// Where in its item's own list that one stands, from 1; 0 = it isn't from there.
    var listed: UInt16 = 0
    /// The flow it waits in.
    var flow: Slot = .none
    /// What it was expected to cost when it came to its queue last.
    var cost: UInt32 = 0
    /// Lanes of the group that have failed it since the last round.
    var tried = LaneSet()
    /// Lanes of the group that have ever failed it.
    var failed = LaneSet()
    /// Lanes of the group that it must not use again.
    var barred = LaneSet()
    var lease: Slot = .none
    /// Attempts on lanes of the group that had failed it, but those after a 429.
    var sameLaneRetries: UInt16 = 0
    /// It is delayed until the retry budget has something for it.
    var awaitsBudget = false
    /// Fallback groups entered.
    var entered: UInt16 = 0
    var previousDelay: UInt64 = 0
    var plan = FallbackPlan()
    /// Why it left the group before; `nil` = it is in its first.
    var cameAfter: FailureCode?
    /// Windows of so many tokens were too small for it; 0 = none was.
    var windowTooSmall: UInt32 = 0
    /// Its last failure in the present group.
    var last: Verdict.Cause?
}

/// Permission for one attempt, until it is settled.
struct LeaseRecord {
    /// 0 = free.
    var number: UInt64
    var leg: Slot
    var item: Slot
    var lane: LaneID
    var isProbe: Bool
    var isStopped = false
    var attempt: UInt16
    /// Counts the attempts of its lane.
    var turn: UInt64
    var startedAt: Instant
    /// The most that it may cost, in 10^-9 US dollars.
    var reserved: Int64 = 0
    /// What was reserved for it.
    var cost = RateCounts.none
    /// What its lane had spent once it was reserved.
    var mark = RateCounts.none
    /// The account that it was reserved at; -1 = none.
    var account: Int32 = -1
    /// What was left to fill, for what it gives back.
    var rooms = Rooms()
    var charge = Charge()
}

/// The room at each limit that an attempt is charged to.
struct Rooms {
    var lane = RateGate.Room()
    var account = RateGate.Room()
    var tenant = RateGate.Room()
}

/// One tenant's share of the daemon.
struct TenantRecord {
    /// The place of its budget among the purses.
    var purse: Int
    var inFlight: UInt32 = 0
    /// The most in flight; `nil` = as for each tenant.
    var maxConcurrency: UInt32?
    /// What its attempts take in a minute.
    var limits = RateGate()
    /// When its timer fires.
    var armed = Instant.never
    /// Its nodes that wait for the tenant, not for a lane.
    var parked = Ring()
    /// Queues that are kept off while it is next there.
    var keptOff = 0
}
