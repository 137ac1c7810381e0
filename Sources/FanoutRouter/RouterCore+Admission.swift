// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// Whether what comes can be answered in time, as far as what waits, what lanes take and how long answers take say.
///
/// Refused is only what would come too late even if every lane were twice as fast from now on: who is let in may still
/// miss its deadline, but who is refused had no chance. Where something isn't known (a lane that hasn't answered yet,
/// one whose concurrency is still being found out), nothing is refused for it.
extension RouterCore {
    /// How many times as fast as of late lanes may turn out to be.
    static let quickening = 2.0

    /// Why an item can't be answered in time.
    struct Lateness {
        /// When it could be answered at the earliest.
        var end: Instant
        /// How long to wait before an item with as much time has a chance, in milliseconds; 0 = waiting doesn't help.
        var retryMilliseconds: UInt64 = 0
    }

    /// What was found out for a flow: how many of its legs may start, from an instant to a deadline, at most.
    struct Outlook {
        var flow = Slot.none
        var flowStamp: UInt32 = 0
        var at = Instant.zero
        var deadline = Instant.zero
        var starts = 0.0
    }

    /// What was found out for a queue: how many legs, of all who wait in it, may start within a time, at most.
    struct Capacity {
        /// How long it is taken for true, in nanoseconds: what it lets in wrongly meanwhile misses its deadline.
        static let lifetime: UInt64 = 1_000_000_000

        var at = Instant.zero
        var seconds = 0.0
        /// What each leg takes.
        var turnCost: UInt32 = 0
        var starts = 0.0
        /// The least time that one of the lanes takes for an answer.
        var fastest = 0.0
    }

    /// Why a leg that comes to a queue of some lanes is too late; `nil` = it may make it.
    mutating func lateness(of leg: Slot, among lanes: LaneSet, _ cost: RateCounts) -> Lateness? {
        let item = self.legs[leg].item
        let deadline = self.items[item].deadline
        // What was tried before has its place at the head.
        guard deadline != .never, self.items[item].attempts == 0, !self.items[item].isRace else { return nil }
        let group = Int(self.legs[leg].group.index)
        let left = Double(deadline.nanoseconds(since: self.now)) / 1e9
        let usual = self.groups[group].pace.service.mean
        if let usual, left < usual, let least = self.quickest(of: lanes, group: group), left < least {
            return Lateness(end: self.now.adding(nanoseconds: UInt64(least * 1e9)))
        }
        guard let flow = self.flowToJoin(leg, among: lanes) else { return nil }
        let ahead = Double(self.flows[flow].line.live)
        guard ahead > 0, usual != nil || self.groups[group].hasLimits else { return nil }
        // Even one at a time.
        if let usual, !self.groups[group].hasLimits, ahead * usual < left { return nil }
        let isSame = self.outlook.flow == flow && self.outlook.flowStamp == self.flows[flow].stamp
        if isSame, self.now.nanoseconds(since: self.outlook.at) < 1_000_000_000,
            deadline >= self.outlook.deadline, 2 * (ahead + 1) < self.outlook.starts
        {
            return nil
        }
        guard self.flows[flow].line.comesLast(self.entry(of: leg)) else { return nil }
        if self.hasPlenty(flow, ahead: ahead, turnCost: cost.turnCost, seconds: left) { return nil }
        if !isSame || self.outlook.at != self.now || self.outlook.deadline != deadline {
            let starts = self.startsMax(of: flow, like: cost, within: left)
            let stamp = self.flows[flow].stamp
            self.outlook = Outlook(flow: flow, flowStamp: stamp, at: self.now, deadline: deadline, starts: starts)
        }
        guard self.outlook.starts < ahead + 1 else { return nil }
        let start = left * (ahead + 1) / max(0.5, self.outlook.starts)
        let milliseconds = UInt64(min(1e12, start * 1_000)) + 1
        return Lateness(
            end: self.now.adding(milliseconds: milliseconds),
            retryMilliseconds: max(1, milliseconds - min(milliseconds, UInt64(left * 1_000)))
        )
    }

    /// The flow in which legs of its run wait for the same lanes of the same group; `nil` = none waits.
    private mutating func flowToJoin(_ leg: Slot, among lanes: LaneSet) -> Slot? {
        let run = self.items[self.legs[leg].item].run
        let last = self.runs[run].lastFlow
        if last != .none, self.isOf(last, self.legs[leg].group, lanes) { return last }
        for flow in self.runs[run].flows where self.isOf(flow, self.legs[leg].group, lanes) { return flow }
        return nil
    }

    private mutating func isOf(_ flow: Slot, _ group: GroupID, _ lanes: LaneSet) -> Bool {
        let queue = self.flows[flow].queue
        return !self.flows[flow].isFree && self.flows[flow].kind == .normal
            && self.queues[queue].key.group == group && self.queues[queue].key.permitted == lanes
    }

    /// The least time in which one of some lanes may answer, in seconds; `nil` = not known.
    mutating func quickest(of lanes: LaneSet, group: Int) -> Double? {
        var least = Double.infinity
        lanes.forEach { position in
            let lane = Int(self.groups[group].lanes[position].index)
            least = min(least, self.paces[lane].service.quickest ?? 0)
        }
        return least > 0 && least.isFinite ? least / Self.quickening : nil
    }

    /// The most legs of a flow that may start within so many seconds.
    ///
    /// Those of its queue share what the lanes take, whoever has little counts with no more than that; more urgent
    /// queues for the same lanes go first, unless this one's class has a floor. Infinite = not known.
    private mutating func startsMax(of flow: Slot, like cost: RateCounts, within seconds: Double) -> Double {
        let node = self.flows[flow].node
        let queue = self.flows[flow].queue
        let key = self.queues[queue].key
        let group = Int(key.group.index)
        let unit = max(1, Double(self.queues[queue].cost) / Double(max(1, self.queues[queue].waiting)))
        // Those ahead may be smaller.
        let size = min(1, unit / Double(max(1, cost.turnCost)))
        var all = 0.0
        var fastest = Double.infinity
        key.permitted.forEach { position in
            let lane = Int(self.groups[group].lanes[position].index)
            guard self.lanes[lane].recovery(now: self.now) != nil else { return }
            let service = self.paces[lane].service.mean ?? 0
            fastest = min(fastest, service)
            all += min(
                Self.turnover(places: self.placesMax(of: lane), service: service, seconds: seconds),
                self.startsByLimits(lane, cost, size: size, within: seconds)
            )
        }
        let run = self.flows[flow].run
        let tenant = Int(self.nodes[node].tenant.index)
        all = min(all, self.turnover(of: self.snapshot.routing.daemonConcurrency, fastest, seconds))
        let hasFloor = self.floor(ofRank: Self.index(of: key.priorityClass)) > 0
        if all.isFinite, !hasFloor { all -= self.moreUrgent(than: key) }
        self.queues[queue].capacity = Capacity(
            at: self.now,
            seconds: seconds,
            turnCost: cost.turnCost,
            starts: all,
            fastest: fastest
        )
        guard all.isFinite else { return .infinity }
        all = Self.share(of: all, others: self.queues[queue].nodes.members.filter { $0 != node }) {
            Double(self.nodes[$0].cost) / unit
        }
        all = min(all, self.turnover(of: self.places(of: tenant), fastest, seconds))
        all = min(all, self.tenants[tenant].limits.startsMax(cost, size: size, within: seconds, now: self.now))
        all = Self.share(of: all, others: self.nodes[node].flows.members.filter { $0 != flow }) {
            Double(self.flows[$0].line.live)
        }
        return max(0, min(all, self.turnover(of: self.runs[run].limit, fastest, seconds)))
    }

    /// Whether an even share of what was found out for a flow's queue a moment ago is far more than waits in it.
    private mutating func hasPlenty(_ flow: Slot, ahead: Double, turnCost: UInt32, seconds: Double) -> Bool {
        let (node, queue, run) = (self.flows[flow].node, self.flows[flow].queue, self.flows[flow].run)
        let capacity = self.queues[queue].capacity
        guard self.now.nanoseconds(since: capacity.at) < Capacity.lifetime, seconds >= capacity.seconds,
            turnCost <= capacity.turnCost
        else {
            return false
        }
        let need = 2 * (ahead + 1)
        let flows = Double(self.nodes[node].flows.count + 1)
        let nodes = Double(self.queues[queue].nodes.count + 1)
        let ofTenant = self.turnover(of: self.snapshot.routing.tenantConcurrency, capacity.fastest, seconds)
        return need < min(capacity.starts / nodes, ofTenant) / flows
            && need < self.turnover(of: self.runs[run].limit, capacity.fastest, seconds)
    }

    private mutating func turnover(of places: UInt32, _ service: Double, _ seconds: Double) -> Double {
        Self.turnover(places: Double(places), service: service, seconds: seconds)
    }

    /// What may start in so many places, each of which may come free at once; `service` 0 = any number.
    private static func turnover(places: Double, service: Double, seconds: Double) -> Double {
        service > 0 ? places * (1 + Self.quickening * seconds / service) : .infinity
    }

    /// What is left of a total that is shared evenly with others, each of whom takes no more than it has waiting.
    private static func share(of total: Double, others: [Slot], waiting: (Slot) -> Double) -> Double {
        let even = total / Double(others.count + 1)
        return others.reduce(total) { $0 - min(even, waiting($1)) }
    }

    /// What waits in more urgent queues that have no other lanes.
    private mutating func moreUrgent(than key: QueueKey) -> Double {
        var waiting = 0
        for other in self.groups[Int(key.group.index)].queues where !self.queues[other].isFree {
            let its = self.queues[other].key
            guard its.group == key.group, Self.index(of: its.priorityClass) < Self.index(of: key.priorityClass) else {
                continue
            }
            if its.permitted.subtracting(key.permitted).isEmpty { waiting += self.queues[other].waiting }
        }
        return Double(waiting)
    }

    /// The most places that a lane may have: what is being learned may double.
    private mutating func placesMax(of lane: Int) -> Double {
        guard let concurrency = self.lanes[lane].concurrency else { return Double(self.lanes[lane].limit) }
        return concurrency.isSettled ? Self.quickening * Double(self.lanes[lane].limit) : .infinity
    }

    /// The most attempts of a cost, or of a share (`size`) of it, that a lane's limits and its account's let start.
    private mutating func startsByLimits(
        _ lane: Int,
        _ cost: RateCounts,
        size: Double,
        within seconds: Double
    ) -> Double {
        let own = self.lanes[lane].limits.startsMax(cost, size: size, within: seconds, now: self.now)
        let account = Int(self.lanes[lane].account)
        guard account >= 0 else { return own }
        let shared = self.accounts[account].limits
        return min(own, shared.startsMax(cost, size: size, within: seconds, now: self.now))
    }
}

extension RateGate {
    /// How far estimates of tokens may be above the truth.
    private static let estimateMargin = 1.25

    /// The most attempts of a cost, or of a share of it, that may start within so many seconds; infinite = any number.
    func startsMax(_ cost: RateCounts, size: Double, within seconds: Double, now: Instant) -> Double {
        guard self.isLimited else { return .infinity }
        var most = Double.infinity
        for kind in RateKind.all {
            guard let meter = self.meters[kind.rawValue], cost.amount(kind) > 0 else { continue }
            let back = RateCounts(completion: self.reserved.completion).amount(kind)
            let amount = kind == .requests ? 1 : Double(cost.amount(kind)) * size / Self.estimateMargin
            let level = max(0, meter.bucket.level(at: now)) + Double(back)
            most = min(most, (level + meter.bucket.rate * seconds) / max(amount, 1e-3) + 1)
        }
        if let learned = self.learned {
            most = min(most, RouterCore.quickening * (learned.requests / max(size, 1e-3) * seconds + 1))
        }
        return most
    }
}
