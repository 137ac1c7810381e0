// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import FanoutRouter

/// Judging effects, one by one.
extension Referee {
    /// Counts what kind of effect it is.
    mutating func count(_ effect: Effect) {
        switch effect {
        case .start: self.count("effect start")
        case .stop: self.count("effect stop")
        case .deliver: self.count("effect deliver")
        case .follow: self.count("effect follow")
        case .restart: self.count("effect restart")
        case .sleepUntil: self.count("effect sleepUntil")
        case .laneChanged: self.count("effect laneChanged")
        }
    }

    mutating func judge(_ effect: Effect) {
        switch effect {
        case .start(let dispatch): self.judgeStart(dispatch)
        case .stop(let lease, let reason): self.judgeStop(lease, reason)
        case .deliver(let item, let verdict): self.judgeEnd(item, verdict)
        case .follow(let item, let leader): self.judgeFollow(item, leader)
        case .restart(let item, let code):
            if self.items[item]?.ticket.flags.contains(.streamed) != true { self.blame("restart of a plain item") }
            if !code.traits.retriesOtherLane && !code.traits.fallsBack { self.blame("restart after \(code.name)") }
        case .sleepUntil(let instant):
            if instant <= self.now { self.blame("asked to sleep until \(instant.nanoseconds), which is past") }
        case .laneChanged: break
        }
    }

    private mutating func judgeStart(_ dispatch: Dispatch) {
        let name = "start of \(dispatch.item.run.number)/\(dispatch.item.index) on lane \(dispatch.lane.index)"
        guard var item = self.items[dispatch.item], let run = self.runs[dispatch.item.run] else {
            return self.blame("\(name): unknown")
        }
        guard self.leases[dispatch.lease] == nil else { return self.blame("\(name): lease used before") }
        guard Int(dispatch.leg) < item.legs.count else { return self.blame("\(name): no such leg") }
        if item.isFinal { self.blame("\(name): it is final") }
        if item.cancelled != nil { self.blame("\(name): it was cancelled") }
        if run.ended != nil { self.blame("\(name): its run has ended") }
        if item.deadline <= self.now { self.blame("\(name): its deadline has passed") }
        if let leader = item.leader, !self.mayHaveLost(leader) { self.blame("\(name): it follows another") }
        item.leader = nil
        if item.committed != nil { self.blame("\(name): another leg owns the stream") }
        if Int(dispatch.attempt) != item.attempts + 1 { self.blame("\(name): attempt \(dispatch.attempt)") }
        if item.active.isEmpty {
            if run.isPaused && run.head != dispatch.item.index { self.blame("\(name): its run is paused") }
            if self.itemsInFlight(of: dispatch.item.run) >= self.width(of: run) { self.blame("\(name): run full") }
            self.judgeTurn(dispatch, item, run)
        }
        let tenant = self.leasesInFlight(of: run.terms.tenant)
        if tenant >= Int(self.snapshot.routing.tenantConcurrency) { self.blame("\(name): tenant full") }
        if self.running.count >= Int(self.snapshot.routing.daemonConcurrency) { self.blame("\(name): daemon full") }
        self.judgeFloors(dispatch, run.terms.priorityClass, name)
        self.judgeClass(dispatch, item, run.terms.priorityClass, name)
        self.judgeLane(dispatch, item, name)
        self.judgeMoney(dispatch, item, name)
        self.judgeRoute(dispatch, &item, name)

        item.attempts += 1
        item.active.insert(dispatch.lease)
        item.legs[Int(dispatch.leg)].active = dispatch.lease
        self.items[dispatch.item] = item
        self.lanes[Int(dispatch.lane.index)].started += 1
        self.leases[dispatch.lease] = Lease(
            item: dispatch.item,
            lane: dispatch.lane,
            leg: Int(dispatch.leg),
            turn: self.lanes[Int(dispatch.lane.index)].started,
            startedAt: self.now
        )
        self.judgeRate(dispatch, name)
        self.running.insert(dispatch.lease)
        let lane = Int(dispatch.lane.index)
        if self.state(of: dispatch.lane) != [.closed] {
            self.lanes[lane].probe = dispatch.lease
            self.count("probe")
        }
        self.lanes[lane].active.insert(dispatch.lease)
    }

    /// Inside a run, what is alike goes by priority, deadline and age.
    private mutating func judgeTurn(_ dispatch: Dispatch, _ item: Item, _ run: Run) {
        guard self.isFresh(item), !run.isPaused, dispatch.fallback == 0 else { return }
        for id in self.open where id.run == dispatch.item.run && id != dispatch.item {
            guard let other = self.items[id], self.isFresh(other), !self.mayHaveMoved(other),
                other.ticket.group == item.ticket.group,
                other.lanes == item.lanes,
                self.budgetTags(of: other.ticket) == self.budgetTags(of: item.ticket)
            else { continue }
            let mine = (item.ticket.priority, item.deadline, item.order)
            let its = (other.ticket.priority, other.deadline, other.order)
            if its < mine { self.blame("item \(dispatch.item.index) went before \(id.index) of the same run") }
        }
    }

    private mutating func judgeLane(_ dispatch: Dispatch, _ item: Item, _ name: String) {
        let states = self.state(of: dispatch.lane)
        if !states.contains(.closed) && !states.contains(.halfOpen) { self.blame("\(name): it is \(states)") }
        if !states.contains(.closed), self.lanes[Int(dispatch.lane.index)].probe != nil {
            self.blame("\(name): a second probe")
        }
        if !self.hasRoom(dispatch.lane) { self.blame("\(name): it is full") }
        let leg = item.legs[Int(dispatch.leg)]
        let eligible = self.eligible(item.ticket, dispatch.group, above: leg.windowTooSmall)
        if !eligible.contains(dispatch.lane) { self.blame("\(name): can't serve it") }
        let order = self.snapshot.deployments[Int(dispatch.lane.index)].order ?? .max
        guard leg.failures.isEmpty, item.active.isEmpty, item.legs.count == 1 else { return }
        let priorityClass = self.runs[dispatch.item.run]?.terms.priorityClass ?? .standard
        let free = eligible.filter { self.isFree($0, for: priorityClass) }
        let deployments = free.map { self.snapshot.deployments[Int($0.index)] }
        if deployments.contains(where: { ($0.order ?? .max) < order }) { self.blame("\(name): a lower order was free") }
        guard self.strategy(of: dispatch.group) == .simpleShuffle else { return }
        let peers = deployments.filter { ($0.order ?? .max) == order }
        if peers.contains(where: { ($0.weight ?? 0) > 0 }),
            (self.snapshot.deployments[Int(dispatch.lane.index)].weight ?? 0) <= 0
        {
            self.blame("\(name): weight 0 beside a weighted lane")
        }
    }

    /// Whether the leg may go where it goes after what has happened to it.
    private mutating func judgeRoute(_ dispatch: Dispatch, _ item: inout Item, _ name: String) {
        var leg = item.legs[Int(dispatch.leg)]
        defer { item.legs[Int(dispatch.leg)] = leg }
        if leg.active != nil { self.blame("\(name): its leg runs already") }
        if leg.isOver { self.blame("\(name): its leg is over") }
        let bound = Int(item.ticket.attemptsMax)
        if bound > 0 && item.charged + item.active.count >= bound {
            self.blame("\(name): its \(bound) attempts are spent")
        }
        if dispatch.fallback != leg.fallback {
            self.count("fallback")
            if dispatch.fallback < leg.fallback { self.blame("\(name): back to an earlier group") }
            if Int(dispatch.fallback) > Int(self.snapshot.routing.maxFallbacks), !item.sawReload {
                self.blame("\(name): too many fallbacks")
            }
            if item.ticket.flags.contains(.noFallbacks) { self.blame("\(name): no fallbacks allowed") }
            if leg.visited.contains(dispatch.group) { self.blame("\(name): group entered twice") }
            let isByPolicy = leg.last?.code == .contentPolicy
            if isByPolicy, !item.sawReload, !leg.policyWays.contains(dispatch.group) {
                self.blame("\(name): a content policy was routed around")
            }
            leg.cameAfterPolicy = isByPolicy
            leg.group = dispatch.group
            leg.fallback = dispatch.fallback
            leg.visited.insert(dispatch.group)
            leg.failures = []
            leg.barred = []
            leg.reuses = 0
            leg.mustWait = false
            return
        }
        if dispatch.group != leg.group { self.blame("\(name): changed its group without a fallback") }
        guard let last = leg.failures.last else { return }
        self.count("retry")
        if leg.barred.contains(dispatch.lane) { self.blame("\(name): the lane is barred for it") }
        if !item.sawReload,
            !self.hasRetry(item, leg, on: last.lane, used: item.retriesUsed, limited: item.limitedRetries)
        {
            let used = "\(item.retriesUsed) and \(item.limitedRetries) before"
            self.blame("\(name): retried after \(last.code.name), \(used)")
        }
        if last.code == .rateLimited { item.limitedRetries += 1 } else { item.retriesUsed += 1 }
        self.judgeRepeat(dispatch, &leg, item, name)
    }

    /// No lane twice while another one is free, and not too soon.
    private mutating func judgeRepeat(_ dispatch: Dispatch, _ leg: inout Leg, _ item: Item, _ name: String) {
        let tried = Set(leg.failures.map(\.lane))
        guard tried.contains(dispatch.lane), let last = leg.failures.last, !item.sawReload else { return }
        self.count("same lane")
        let others = self.eligible(item.ticket, leg).filter { !tried.contains($0) && !leg.barred.contains($0) }
        if others.contains(where: { self.state(of: $0) == [.closed] && self.hasRoom($0) }) {
            self.blame("\(name): again, beside an untried lane")
        }
        guard last.code != .rateLimited else { return }
        let isFirst = leg.reuses == 0 && last.code != .overloaded
        leg.reuses += 1
        guard leg.mustWait else { return }
        let least = max(isFirst ? 0 : 250, self.snapshot.routing.retryAfterMilliseconds)
        if self.now < last.instant.adding(milliseconds: least) { self.blame("\(name): again too soon") }
    }

    private mutating func judgeStop(_ id: LeaseID, _ reason: CancelReason) {
        self.count("stop \(reason)")
        guard let lease = self.leases[id], lease.outcome == nil else {
            return self.blame("stop of a lease that isn't out")
        }
        if lease.stopped != nil { self.blame("lease \(id.number) was stopped twice") }
        self.leases[id]?.stopped = reason
        if reason == .race {
            if (self.items[lease.item]?.legs.count ?? 0) < 2 { self.blame("race stop of a plain item") }
            self.items[lease.item]?.legs[lease.leg].isOver = true
        }
    }

    private mutating func judgeFollow(_ id: ItemID, _ leader: ItemID) {
        guard let item = self.items[id], let other = self.items[leader] else { return self.blame("unknown follower") }
        if item.isFinal || !item.active.isEmpty { self.blame("\(id.index) follows while it runs") }
        if other.isFinal || other.attempts == 0 { self.blame("\(id.index) follows an item that doesn't run") }
        if item.ticket.digest != other.ticket.digest { self.blame("\(id.index) follows another request") }
        if item.ticket.extras != other.ticket.extras || item.ticket.flags != other.ticket.flags
            || item.ticket.group != other.ticket.group
        {
            self.blame("\(id.index) follows an item that may go elsewhere")
        }
        self.items[id]?.leader = leader
    }
}
