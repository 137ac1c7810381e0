// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import FanoutRouter

/// Judging how items end, and what must hold once an event is over.
extension Referee {
    mutating func judgeEnd(_ id: ItemID, _ verdict: Verdict) {
        let name = "end of \(id.run.number)/\(id.index)"
        guard let item = self.items[id], let run = self.runs[id.run] else { return self.blame("\(name): unknown") }
        if item.isFinal { return self.blame("\(name): the second one") }
        if item.active.contains(where: { self.leases[$0]?.stopped == nil }) {
            self.blame("\(name): an attempt goes on")
        }
        var hasFailed = true
        switch verdict {
        case .success(let lease):
            self.count("success")
            hasFailed = false
            self.judgeSuccess(item, id, lease, name)
        case .failure(let lease, let causes):
            self.count("failure")
            self.judgeFailure(item, id, lease, causes, name)
        case .refused(let refusal):
            self.count("refused \(refusal.code.name)")
            hasFailed = refusal.code != .cancelled && refusal.code != .notStarted
            self.judgeRefusal(id, item, refusal, name)
        }
        self.items[id]?.isFinal = true
        self.items[id]?.finalAt = self.now
        self.open.remove(id)
        if hasFailed && run.terms.failFast && run.ended == nil {
            self.runs[id.run]?.ended = .failFast
            for other in self.open where other.run == id.run { self.markCancelled(other, .failFast) }
            self.count("failFast")
        }
        // Whoever followed it is on its own now, or ends in this event too.
        for other in self.open where self.items[other]?.leader == id { self.items[other]?.leader = nil }
    }

    /// Cancelled, but not in this very event: several items may end at the same moment, each for its own reason.
    private func isCancelled(_ item: Item) -> Bool {
        item.cancelled != nil && item.cancelledAt != self.event
    }

    private mutating func judgeSuccess(_ item: Item, _ id: ItemID, _ lease: LeaseID, _ name: String) {
        guard let record = self.leases[lease], let outcome = record.outcome else {
            return self.blame("\(name): its lease isn't settled")
        }
        if outcome.code != nil { self.blame("\(name): a failed attempt succeeded") }
        if record.settledAt != self.event { self.blame("\(name): its response is gone") }
        if self.isCancelled(item) { self.blame("\(name): it was cancelled, and succeeded") }
        if let committed = item.committed, committed != lease { self.blame("\(name): another leg owned the stream") }
        if record.item != id {
            self.count("shared success")
            if self.items[record.item]?.ticket.digest != item.ticket.digest { self.blame("\(name): another's answer") }
            if item.attempts > 0 && item.leader != nil { self.blame("\(name): both led and followed") }
        }
    }

    private mutating func judgeFailure(
        _ item: Item,
        _ id: ItemID,
        _ lease: LeaseID,
        _ causes: [Verdict.Cause],
        _ name: String
    ) {
        guard let record = self.leases[lease], let code = record.outcome?.code else {
            return self.blame("\(name): its lease didn't fail")
        }
        if self.isCancelled(item) { self.blame("\(name): it was cancelled") }
        guard record.item == id else {
            self.count("shared failure")
            if code.traits.fault != .caller { self.blame("\(name): \(code.name) was shared") }
            return
        }
        if causes.contains(where: { $0.lease == lease }) { self.blame("\(name): its last failure is a cause too") }
        if item.legs.contains(where: { $0.active != nil && !$0.isOver }) { self.blame("\(name): a leg is under way") }
        if record.settledAt == self.event { self.judgeGivingUp(item, record, code, name) }
    }

    /// Whether an item that gave up had a way left.
    private mutating func judgeGivingUp(_ item: Item, _ lease: Lease, _ code: FailureCode, _ name: String) {
        guard item.deadline > self.now, item.committed == nil, let outcome = lease.outcome else { return }
        if self.heldUntil(lease.item) != nil { return }
        if outcome.hadContent && item.ticket.flags.contains(.failsOnStreamBreak) { return }
        let leg = item.legs[lease.leg]
        // What a bound of its own sets aside for fallbacks isn't counted here.
        let isBounded = item.ticket.attemptsMax > 0 && code != .rateLimited
        let hasRetry = self.hasRetry(
            item,
            leg,
            on: lease.lane,
            used: item.retriesUsed,
            limited: item.limitedRetries
        )
        if hasRetry && !isBounded && item.legs.count == 1 {
            // Where only the same lanes are left, the wait for them may be longer than the time there is.
            let tried = Set(leg.failures.map(\.lane))
            let hasTime = item.deadline > self.now.adding(milliseconds: 21_000)
            let ways = self.eligible(item.ticket, leg).filter { lane in
                !leg.barred.contains(lane) && self.state(of: lane) == [.closed] && !self.isPaced(lane)
                    && (hasTime || !tried.contains(lane))
            }
            if !ways.isEmpty { self.blame("\(name): gave up after \(code.name) beside lane \(ways[0].index)") }
        }
        for group in self.fallbacks(of: item, leg: leg, after: code) where !leg.visited.contains(group) {
            let ways = self.eligible(item.ticket, group, above: leg.windowTooSmall).filter {
                self.state(of: $0) == [.closed] && !self.isPaced($0)
            }
            if !ways.isEmpty && !item.sawReload {
                self.blame("\(name): gave up after \(code.name) before fallback \(group.index)")
            }
        }
    }

    private mutating func judgeRefusal(_ id: ItemID, _ item: Item, _ refusal: Refusal, _ name: String) {
        if refusal.hadAttempt != (item.attempts > 0) { self.blame("\(name): attempts \(item.attempts)") }
        switch refusal.code {
        case .notStarted:
            if item.attempts > 0 { self.blame("\(name): not started after an attempt") }
            if refusal.reason != item.cancelled { self.blame("\(name): \(refusal.reason)") }
        case .cancelled:
            if item.attempts == 0 { self.blame("\(name): cancelled without an attempt") }
            if refusal.reason != item.cancelled { self.blame("\(name): \(refusal.reason)") }
            if !item.active.isEmpty { self.blame("\(name): an attempt isn't settled") }
        case .deadlineExceeded:
            if self.isCancelled(item) { self.blame("\(name): it was cancelled") }
            let start = self.now.adding(milliseconds: refusal.earliestMilliseconds)
            if start < item.deadline { self.blame("\(name): there was time until \(item.deadline.nanoseconds)") }
            if self.now < item.deadline && refusal.earliestMilliseconds == 0 { self.blame("\(name): no earliest time") }
            if refusal.isForeseen { self.judgeForesight(id, item, name) }
        case .budgetExceeded: self.judgeBudgetRefusal(id, item, refusal, name)
        case .noRoute, .contextWindow: self.judgeNoRoute(item, refusal, name)
        default:
            guard let lane = refusal.lane else { return self.blame("\(name): \(refusal.code.name) of no lane") }
            if self.lanes[Int(lane.index)].off?.code != refusal.code { self.blame("\(name): lane \(lane.index) is on") }
            if self.state(of: lane) != [.off] { self.blame("\(name): lane \(lane.index) isn't off") }
        }
    }

    mutating func judgeFirstContent(_ id: LeaseID, commits: Bool) {
        guard let lease = self.leases[id], let item = self.items[lease.item] else { return }
        let mayCommit =
            lease.outcome == nil && !item.isFinal && item.cancelled == nil
            && (item.committed == nil || item.committed == id)
        // A lease that was stopped in this very event was stopped by another's commit.
        if commits != (mayCommit && lease.stopped == nil) { self.blame("first content of \(id.number): \(commits)") }
        if commits {
            self.items[lease.item]?.committed = id
            for index in item.legs.indices where item.legs[index].active != id {
                self.items[lease.item]?.legs[index].isOver = true
            }
        }
    }

    // MARK: - After an event

    /// What must hold after each event, and with a thorough look whether somebody waits who needn't, or in vain.
    mutating func finish(isThorough: Bool) {
        var full: [RunID: Bool] = [:]
        for id in self.open.sorted(by: { ($0.run, $0.index) < ($1.run, $1.index) }) {
            guard let item = self.items[id] else { continue }
            let name = "\(id.run.number)/\(id.index)"
            if item.active.isEmpty {
                if item.cancelled != nil { self.blame("\(name) was cancelled and waits") }
                if item.deadline <= self.now { self.blame("\(name) waits at its deadline") }
                if isThorough { self.judgeWaiting(id, item, name, &full) }
            } else if item.cancelled != nil || item.committed != nil {
                for lease in item.active where self.leases[lease]?.stopped == nil && lease != item.committed {
                    self.blame("\(name): lease \(lease.number) goes on")
                }
            }
        }
        for lease in self.running {
            guard let record = self.leases[lease], self.items[record.item]?.isFinal == true else { continue }
            if record.stopped == nil { self.blame("lease \(lease.number) outlives its item") }
        }
    }

    private mutating func judgeWaiting(_ id: ItemID, _ item: Item, _ name: String, _ full: inout [RunID: Bool]) {
        // Once it may wait for a fallback the referee doesn't know which.
        guard self.isFresh(item), !self.mayHaveMoved(item) else { return }
        let lanes = item.lanes
        let isFull = full[id.run] ?? !self.hasPlace(in: id.run)
        full[id.run] = isFull
        if !isFull, !self.isHeldByPause(id), self.isFunded(id), let run = self.runs[id.run],
            let lane = lanes.first(where: { self.isFree($0, for: run.terms.priorityClass) })
        {
            self.blame("\(name) waits beside lane \(lane.index), which is free")
        }
        let earliest = lanes.compactMap { lane in
            let earliest = self.lanes[Int(lane.index)].earliest(now: self.now, isServing: self.isServing(lane))
            return earliest.map { max($0, self.unfundedUntil(lane) ?? .zero) }
        }
        guard let soonest = earliest.min() else { return self.blame("\(name) waits for nothing") }
        if let held = self.heldUntil(id), held >= item.deadline { self.blame("\(name) waits in vain for money") }
        if soonest > self.now && soonest >= item.deadline { self.blame("\(name) waits in vain") }
    }

    /// The router's own view of its lanes agrees with this one.
    mutating func compare(_ status: [LaneStatus]) {
        let active = self.snapshot.deployments.indices.filter { self.snapshot.deployments[$0].isActive }
        guard active.count == status.count else { return self.blame("\(status.count) lanes have a status") }
        for (index, row) in zip(active, status) {
            let states = self.state(of: LaneID(index))
            if !states.contains(row.state) { self.blame("lane \(index) is \(states), the router says \(row.state)") }
            if Int(row.inFlight) != self.lanes[index].active.count { self.blame("lane \(index) miscounts") }
        }
    }
}
