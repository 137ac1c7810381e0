// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutModel

/// Every routing decision, as a state machine without clock, chance or input and output of its own.
///
/// Theory. Work is pulled, not pushed: an item leaves its queue only when a lane, its run, its tenant and the daemon
/// each have a place for it, and a waiting item costs a record and no task. Queues are made so that "who is next for
/// this lane" never looks at an item that the lane can't serve: one queue for each class and set of permitted lanes,
/// rings of tenants and runs inside, one bit for each lane. What can't be served now is out of the rings (parked with
/// its run or its tenant, starved with its group) and comes back by the very event that changes that, so no event
/// searches. Each method takes the present instant, changes the state and appends what has to be done to `effects`.
///
/// The dimensions of state, each with its own type:
/// - an item's fate: live -> ending (stopped, waiting for its leases) -> delivered -> forgotten (``ItemRecord``);
/// - a leg's place: idle, waiting, delayed, running, held, following, spent (``LegRecord``);
/// - a queue: idle, ready, starved; a node: detached, attached, parked; a flow: in turn or parked (`Flow.swift`);
/// - a lane's gate: closed, open, half-open, paused, off, times its limit (``Lane``);
/// - a run: open, paused, ended (items are refused), closed; forgotten when nothing of it is left (``RunRecord``).
///
/// Ignored on purpose: settles of leases that are settled (a late answer crosses a cancel), cancels of what is unknown
/// or final (so does a client's cancel), first contents of stopped leases. Everything else that can't be is a bug of
/// the caller and traps.
///
/// Bounds: records for what is undelivered or in flight, timers at most twice that, queues for each set of lanes that
/// is in use (and 256), tenants as numbered by the engine, lanes and groups as configured.
///
/// Questions that decisions ask are `mutating` although they change nothing: asked in place they cost what they read,
/// where the compiler would hand others a copy of the whole core. For the same reason it can't be copied.
package struct RouterCore: ~Copyable {
    var snapshot: Snapshot
    var generator: SplitMix64
    var now = Instant.zero

    var lanes = Table<Lane>()
    var groups = Table<LaneGroup>()
    /// Limits that lanes share; never given anew, so that a lease keeps its account.
    var accounts = Table<Account>()
    var tenants = Table<TenantRecord>()
    /// What each lane's attempts have taught, by lane.
    var paces = Table<LanePace>()
    /// The budgets of providers, deployments, tags and tenants, and what was spent; never fewer.
    var purses = Table<SharedPurse>()
    var providerPurses: [String: Int] = [:]
    var tagPurses: [String: Int] = [:]

    var runs = Slab<RunRecord>()
    var runSlots: [RunID: Slot] = [:]
    var items = Slab<ItemRecord>()
    var legs = Slab<LegRecord>()
    var leases = Slab<LeaseRecord>()

    var queues = Slab<WaitQueue>()
    var queueSlots: [QueueKey: Slot] = [:]
    var nodes = Slab<TenantNode>()
    var nodeSlots: [UInt64: Slot] = [:]
    /// Nodes without flows, the one that has been idle longest first; at most ``spareNodes``.
    var idleNodes = Ring()
    var flows = Slab<Flow>()
    /// Queues that are kept off, in all groups.
    var keptOffQueues = 0
    /// Groups whose kept-off queues are to be looked at before the event ends.
    var touchedGroups: [Int] = []
    /// Four for each group.
    var bands = Slab<Band>()
    /// Bands with a queue that a lane may be free for, by class.
    var ready: [Ring] = Array(repeating: Ring(), count: PriorityClass.allCases.count)
    /// Queues that go before the others of their class once, by class.
    var promoted: [Ring] = Array(repeating: Ring(), count: PriorityClass.allCases.count)
    /// When each class was served last, or had something to be served again.
    var hungrySince: [Instant] = Array(repeating: .zero, count: PriorityClass.allCases.count)
    /// When the floors of bands without traffic end.
    var floorTimers = TimerHeap()
    /// Bands that keep their class's floor, by class.
    var bandsWithFloor: [Int] = Array(repeating: 0, count: PriorityClass.allCases.count)

    /// Undecided items with the same digest.
    var chains: [RequestDigest: Chain] = [:]

    var deadlines = TimerHeap()
    var armedDeadlines = 0
    var retries = TimerHeap()
    var delayedLegs = 0
    var laneTimers = TimerHeap()
    var purseTimers = TimerHeap()
    /// When tenants whose rates hold them back may go on.
    var tenantTimers = TimerHeap()
    /// The instant that the shell was last asked for.
    var wakeUp = Instant.never

    /// What the last look at the time that is left found out.
    var outlook = Outlook()
    /// For retries in all.
    var retryBudget = RetryBudget()
    /// Attempts in flight.
    var inFlight: UInt32 = 0
    /// The same by class.
    var inFlightByClass = SIMD4<UInt32>()
    /// Items that aren't delivered and have no lease.
    var queuedItems = 0
    var nextSequence: UInt64 = 0
    var nextLease: UInt64 = 1
    var isDraining = false

    /// Runs whose first item failed in the present event.
    var failedRuns: [Slot] = []
    /// Runs that spent the last of their money in the present event.
    var spentRuns: [Slot] = []
    /// Runs that may have nothing left.
    var runsToForget: [Slot] = []

    static let spareQueues = 256
    static let spareNodes = 1_024

    /// Makes a core; the seed fixes every random choice.
    package init(snapshot: Snapshot, seed: UInt64) {
        self.snapshot = snapshot
        self.generator = SplitMix64(seed: seed)
        self.configure()
    }

    /// Items that wait, be it for a lane, a retry or another item.
    package var queued: Int { self.queuedItems }

    /// Attempts that hold a lease.
    package var running: Int { Int(self.inFlight) }

    /// Items waiting and attempts running.
    package var counts: (queued: Int, running: Int) { (self.queuedItems, Int(self.inFlight)) }

    /// Whether nothing of any run is left.
    package var isIdle: Bool { self.runs.count == 0 && self.leases.count == 0 }

    // MARK: - Events

    /// A run begins.
    package mutating func open(_ run: RunID, _ terms: RunTerms, now: Instant, into effects: inout [Effect]) {
        self.begin(now, &effects)
        guard self.runSlots[run] == nil else { preconditionFailure("\(run) is open already") }
        self.bound(terms.tenant, terms.bounds, &effects)
        var record = RunRecord(id: run, terms: terms, limit: self.width(of: terms))
        if terms.maxCostNanoUSD > 0 {
            record.purse.budget = Budget(limitNanoUSD: terms.maxCostNanoUSD, windowMilliseconds: 0)
        }
        self.runSlots[run] = self.runs.insert(record)
        self.finish(&effects)
    }

    /// No more items of a run will come.
    package mutating func close(_ run: RunID, now: Instant, into effects: inout [Effect]) {
        self.begin(now, &effects)
        if let slot = self.runSlots[run] {
            self.runs[slot].isClosed = true
            self.runsToForget.append(slot)
        }
        self.finish(&effects)
    }

    /// Time has passed.
    package mutating func tick(now: Instant, into effects: inout [Effect]) {
        // The shell's timer has fired: whatever comes next has to be asked for anew.
        if self.wakeUp <= now { self.wakeUp = .never }
        self.begin(now, &effects)
        self.finish(&effects)
    }

    /// Each event begins so: the state is brought to the present.
    mutating func begin(_ now: Instant, _ effects: inout [Effect]) {
        // The loop's clock doesn't run backwards, but two callers may have read it in either order.
        if now > self.now { self.now = now }
        if self.nextTimer <= self.now { self.runTimers(&effects) }
    }

    /// Each event ends so: what became possible is started, what is over is forgotten, and the next wake-up is asked.
    mutating func finish(_ effects: inout [Effect]) {
        self.conclude(&effects)
        self.askForTimer(&effects)
    }

    mutating func conclude(_ effects: inout [Effect]) {
        while let run = self.spentRuns.popLast() { self.endSpent(run, &effects) }
        repeat {
            while let run = self.failedRuns.popLast() { self.end(run, reason: .failFast, &effects) }
            self.pump(&effects)
        } while !self.failedRuns.isEmpty
        self.sweepTimers()
        while let run = self.runsToForget.popLast() { self.forgetIfDone(run) }
    }

    mutating func askForTimer(_ effects: inout [Effect]) {
        let next = self.nextTimer
        if next < self.wakeUp {
            self.wakeUp = next
            effects.append(.sleepUntil(next))
        }
    }

    private mutating func forgetIfDone(_ slot: Slot) {
        let id = self.runs[slot].id
        guard self.runs[slot].isClosed, self.runs[slot].records == 0, self.runSlots[id] == slot else { return }
        self.runSlots[id] = nil
        self.runs[slot].flows = []
        self.runs.release(slot)
    }

    func width(of terms: RunTerms) -> UInt32 {
        let width = terms.maxConcurrency == 0 ? self.snapshot.routing.batchConcurrency : terms.maxConcurrency
        // A run of width 0 could never end.
        return max(1, width)
    }
}
