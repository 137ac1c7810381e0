// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutModel
internal import FanoutRouter

/// A second, naive model of the router's duties, which judges every effect.
///
/// It keeps what it was told in dictionaries and looks everything up again each time: slow, and hard to get wrong. It
/// doesn't predict which lane is drawn or which tenant is next; it knows what must never happen and what must have
/// happened by the end of an event.
package struct Referee {
    struct Run {
        var terms: RunTerms
        var isClosed = false
        var isPaused = false
        var wasPaused = false
        var head: UInt32?
        /// Why it starts nothing any more.
        var ended: CancelReason?
    }

    struct Leg {
        var group: GroupID
        var fallback: UInt16 = 0
        var visited: Set<GroupID> = []
        var active: LeaseID?
        /// Failures of this visit to its group, oldest first.
        var failures: [(lane: LaneID, code: FailureCode, instant: Instant)] = []
        /// What the last of them left open.
        var rule = NaiveRetryRule(after: .internal, nil, shouldRetry: nil)
        var barred: Set<LaneID> = []
        /// Attempts of this visit on lanes that had failed it, after failures that cost an attempt.
        var reuses = 0
        /// At its last failure no other lane was there to take it: the wait for the same one holds.
        var mustWait = false
        var last: (code: FailureCode, lease: LeaseID)?
        var isOver = false
        /// It came into its group by a content policy: what was listed for that beside the group still holds.
        var cameAfterPolicy = false
        /// The groups that its content policies may lead to.
        var policyWays: Set<GroupID> = []
        /// Its prompt didn't fit into a window of so many tokens; 0 = it was never too long.
        var windowTooSmall: UInt32 = 0
    }

    struct Item {
        var ticket: Ticket
        var deadline: Instant
        var order: Int
        var submittedAt = Instant.zero
        var finalAt = Instant.never
        var legs: [Leg]
        var attempts = 0
        var charged = 0
        var retriesUsed = 0
        var limitedRetries = 0
        /// The most retries that any of its failures left it: the legs of a race share them.
        var retriesGranted = 0
        /// The same of those after a rate limit.
        var limitedRetriesGranted = 0
        /// Failures that may be its own fault.
        var suspicions: [(lane: LaneID, code: FailureCode)] = []
        /// What two lanes have failed it with.
        var ownFault: FailureCode?
        var active: Set<LeaseID> = []
        var cancelled: CancelReason?
        var cancelledAt = 0
        var isFinal = false
        var leader: ItemID?
        var committed: LeaseID?
        /// A reload came in between: rules that compare then and now don't hold.
        var sawReload = false
        /// It had fallbacks before a reload, and may wait for one of them unseen.
        var mayHaveMoved = false
        /// Lanes of its own group that could ever serve it, by the configuration in force.
        var lanes: [LaneID] = []
    }

    /// One class in one model group.
    struct Band: Hashable {
        var group: GroupID
        var priorityClass: PriorityClass
    }

    struct Lease {
        var item: ItemID
        var lane: LaneID
        var leg: Int
        /// Counts the attempts of its lane.
        var turn: Int
        var startedAt: Instant
        var stopped: CancelReason?
        var outcome: Outcome?
        var settledAt: Int?
        /// What it was charged to.
        var account: String?
        /// What had been taken from its lane's limit of requests by its start, with itself.
        var taken = 0
    }

    var snapshot: Snapshot
    var runs: [RunID: Run] = [:]
    var items: [ItemID: Item] = [:]
    var leases: [LeaseID: Lease] = [:]
    var lanes: [NaiveLane] = []
    var money: [NaivePurse.Owner: NaivePurse] = [:]
    /// The most in flight on each lane, as the router says it.
    var limitsInForce: [LaneID: Int] = [:]
    /// Limits of requests, of lanes and of accounts by name.
    var rates: [NaiveRate] = []
    var accountRates: [String: NaiveRate] = [:]
    /// What headers have said, by lane.
    var told: [NaiveTold] = []
    /// Items that aren't final.
    var open: Set<ItemID> = []
    var running: Set<LeaseID> = []
    var now = Instant.zero
    var event = 0
    var nextOrder = 0
    var isDraining = false
    /// When an attempt last started, by band; forgotten at a reload.
    var traffic: [Band: Instant] = [:]
    /// What was done wrong.
    package var faults: [String] = []
    /// How often each thing happened, by name.
    package var tally: [String: Int] = [:]

    /// Makes a referee.
    package init(snapshot: Snapshot) {
        self.snapshot = snapshot
        self.lanes = Array(repeating: NaiveLane(), count: snapshot.deployments.count)
        self.configureBudgets()
        self.configureRates()
    }

    mutating func blame(_ fault: String) {
        if self.faults.count < 10 { self.faults.append("event \(self.event), \(self.now.nanoseconds) ns: \(fault)") }
    }

    mutating func count(_ name: String) {
        self.tally[name, default: 0] += 1
    }

    // MARK: - What the router is told

    mutating func begin(now: Instant) {
        self.event += 1
        for id in self.open {
            guard let item = self.items[id], item.active.isEmpty, item.deadline < now else { continue }
            self.blame("\(id.run.number)/\(id.index) waited beyond its deadline")
        }
        self.now = now
    }

    mutating func opened(_ run: RunID, _ terms: RunTerms) {
        self.runs[run] = Run(terms: terms)
        self.openPurses(of: run, terms)
    }

    mutating func submitted(_ run: RunID, _ tickets: [Ticket]) {
        guard let state = self.runs[run] else { return }
        for ticket in tickets {
            self.nextOrder += 1
            let race = ticket.extras?.race ?? []
            let groups = race.count > 1 ? race : [ticket.group]
            let id = ItemID(run: run, index: ticket.index)
            var item = Item(
                ticket: ticket,
                deadline: min(ticket.deadline, state.terms.deadline),
                order: self.nextOrder,
                legs: groups.map { Leg(group: $0, visited: [$0]) }
            )
            item.cancelled = state.ended ?? (self.isDraining ? .drain : nil)
            item.submittedAt = self.now
            item.lanes = self.eligible(ticket, groups[0])
            self.items[id] = item
            self.open.insert(id)
        }
    }

    mutating func closed(_ run: RunID) {
        self.runs[run]?.isClosed = true
    }

    mutating func cancelled(_ run: RunID, _ items: [UInt32]?, _ reason: CancelReason) {
        guard let state = self.runs[run] else { return }
        if let items {
            for index in items { self.markCancelled(ItemID(run: run, index: index), reason) }
            return
        }
        self.runs[run]?.isClosed = true
        self.runs[run]?.ended = state.ended ?? reason
        for id in self.open where id.run == run { self.markCancelled(id, reason) }
    }

    mutating func markCancelled(_ id: ItemID, _ reason: CancelReason) {
        if let item = self.items[id], !item.isFinal, item.cancelled == nil {
            self.items[id]?.cancelled = reason
            self.items[id]?.cancelledAt = self.event
        }
    }

    mutating func paused(_ run: RunID, head: UInt32?) {
        self.runs[run]?.isPaused = true
        self.runs[run]?.wasPaused = true
        self.runs[run]?.head = head
    }

    mutating func resumed(_ run: RunID) {
        self.runs[run]?.isPaused = false
        self.runs[run]?.head = nil
    }

    mutating func drained() {
        self.isDraining = true
        for id in self.open where self.items[id]?.attempts == 0 { self.markCancelled(id, .drain) }
    }

    mutating func reloaded(_ snapshot: Snapshot) {
        self.traffic = [:]
        for id in self.open {
            guard let item = self.items[id], let leg = item.legs.first else { continue }
            if self.hasFallback(item, leg) { self.items[id]?.mayHaveMoved = true }
        }
        for index in self.lanes.indices {
            self.lanes[index].off = nil
            let old = BreakerRules(self.snapshot.deployments[index], self.snapshot.routing)
            let new = BreakerRules(snapshot.deployments[index], snapshot.routing)
            if (old.allowedFails == nil) != (new.allowedFails == nil) { self.lanes[index].history = [] }
            if old.byKind != new.byKind { self.lanes[index].keyed = [] }
            // Whose limit is said anew, or not any more, learns from the start.
            let isSame = self.snapshot.deployments[index].maxConcurrency == snapshot.deployments[index].maxConcurrency
            if !isSame || self.snapshot.routing.laneConcurrency != snapshot.routing.laneConcurrency {
                self.limitsInForce[LaneID(index)] = nil
            }
            if new.isDisabled {
                self.lanes[index].open = nil
                self.lanes[index].ramp = nil
                self.lanes[index].history = []
                self.lanes[index].keyed = []
                self.lanes[index].failuresInARow = 0
                self.lanes[index].run = []
            }
        }
        self.snapshot = snapshot
        while self.lanes.count < snapshot.deployments.count { self.lanes.append(NaiveLane()) }
        self.configureBudgets()
        self.configureRates()
        for id in self.open {
            guard let item = self.items[id], let leg = item.legs.first else { continue }
            self.items[id]?.sawReload = true
            let lanes = self.eligible(item.ticket, leg.group)
            self.items[id]?.lanes = lanes
        }
    }

    mutating func settled(_ id: LeaseID, _ outcome: Outcome) {
        guard let lease = self.leases[id], lease.outcome == nil else { return }
        self.leases[id]?.outcome = outcome
        self.leases[id]?.settledAt = self.event
        self.running.remove(id)
        self.paid(id, outcome.costNanoUSD)
        if outcome.code == .rateLimited || outcome.wasNeverSent { self.giveBack(id) }
        let lane = Int(lease.lane.index)
        self.learn(id, lease, outcome)
        self.lanes[lane].active.remove(id)
        if self.lanes[lane].probe == id { self.lanes[lane].probe = nil }
        guard var item = self.items[lease.item] else { return }
        item.active.remove(id)
        item.legs[lease.leg].active = nil
        if let code = outcome.code, !item.isFinal, lease.stopped == nil {
            self.noteFailure(of: &item, lease, id, code, outcome)
        }
        // The loser of a race that has committed was an attempt too.
        if lease.stopped == .race && !item.isFinal { item.charged += 1 }
        self.items[lease.item] = item
    }
}
