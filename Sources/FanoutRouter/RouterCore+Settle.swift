// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutModel

extension RouterCore {
    /// An attempt has ended, stopped or not.
    ///
    /// Settles of leases that are settled already are ignored.
    package mutating func settle(
        _ lease: LeaseID,
        _ outcome: Outcome,
        now: Instant,
        into effects: inout [Effect]
    ) {
        self.begin(now, &effects)
        if let slot = self.slot(of: lease) { self.settle(slot, lease, outcome, &effects) }
        self.finish(&effects)
    }

    /// Content of an attempt has come.
    ///
    /// `true` = it owns the item's stream from now on, and the other legs of the race are stopped; `false` =
    /// another one does, or it was stopped: its pieces are void.
    package mutating func firstContent(_ lease: LeaseID, now: Instant, into effects: inout [Effect]) -> Bool {
        self.begin(now, &effects)
        defer { self.finish(&effects) }
        guard let slot = self.slot(of: lease), !self.leases[slot].isStopped else { return false }
        let item = self.leases[slot].item
        guard self.items[item].fate == .live else { return false }
        if self.items[item].committed != 0 { return self.items[item].committed == lease.number }
        self.items[item].committed = lease.number
        self.dropLegs(of: item, except: self.leases[slot].leg, reason: .race, &effects)
        return true
    }

    mutating func slot(of lease: LeaseID) -> Slot? {
        let slot = Int(lease.number & 0xFF_FFFF)
        guard slot < self.leases.capacity, lease.number != 0 else { return nil }
        return self.leases[Slot(slot)].number == lease.number ? Slot(slot) : nil
    }

    private mutating func settle(
        _ slot: Slot,
        _ id: LeaseID,
        _ outcome: Outcome,
        _ effects: inout [Effect]
    ) {
        let lease = self.leases[slot]
        let item = lease.item
        let stamp = self.items[item].stamp
        self.pay(lease, cost: outcome.costNanoUSD, &effects)
        self.giveBack(slot)
        self.learnLength(outcome, of: lease)
        self.correct(outcome, of: lease)
        self.touch(headsOf: self.items[item].run)
        self.settleLimits(lease, outcome, &effects)
        self.learnLimits(outcome, from: lease)
        self.learn(outcome, from: lease, &effects)
        // What it teaches may have ended the item: its lane is off, and the leg that waited has nowhere to go.
        guard self.items[item].stamp == stamp else { return }
        switch self.items[item].fate {
        case .delivered:
            if self.items[item].leases == 0 { self.free(item) }
        case .ending(let reason):
            guard self.items[item].leases == 0 else { return }
            let refusal = Refusal(code: .cancelled, reason: reason, hadAttempt: true, causes: self.items[item].causes)
            self.decide(item, .refused(refusal), code: .cancelled, &effects)
        case .live:
            // The loser of a race that has committed: its leg is spent, and it was an attempt.
            if lease.isStopped {
                self.items[item].charged += 1
                return
            }
            guard let code = outcome.code else {
                self.decide(item, .success(id), code: nil, &effects)
                return
            }
            self.legs[lease.leg].place = .idle
            self.fail(lease, code: code, outcome, &effects)
        }
    }

    /// Capacity comes back: to the lane, the tenant, the daemon and, with an item's last lease, to the run.
    private mutating func giveBack(_ slot: Slot) {
        let lease = self.leases[slot]
        self.leases[slot].number = 0
        self.leases.release(slot)
        self.legs[lease.leg].lease = .none
        let lane = Int(lease.lane.index)
        if self.lanes[lane].probe == lease.number { self.lanes[lane].probe = 0 }
        let item = lease.item
        let run = self.items[item].run
        self.countInFlight(of: run, lane: lease.lane, starts: false)
        // Its limits are settled next, and with them it is looked at what the tenant may go on with.
        self.tenants[Int(self.runs[run].terms.tenant.index)].inFlight -= 1
        self.items[item].leases -= 1
        guard self.items[item].leases == 0 else { return }
        if self.items[item].fate != .delivered { self.queuedItems += 1 }
        self.runs[run].inFlight -= 1
        if self.items[item].isRace { self.moveWaitingLegs(of: item) }
        self.unparkFlows(of: run)
    }

    // MARK: - Ends

    /// An item is final.
    mutating func decide(_ item: Slot, _ verdict: Verdict, code: FailureCode?, _ effects: inout [Effect]) {
        let run = self.items[item].run
        self.dropLegs(of: item, except: .none, reason: .race, &effects)
        let followers = self.items[item].sharing == .none ? [] : self.leaveChain(item)
        effects.append(.deliver(ItemID(run: self.runs[run].id, index: self.items[item].ticket.index), verdict))
        self.items[item].fate = .delivered
        self.runs[run].items.remove(self.items[item].ticket.index)
        if let code, code.isFailureOfItem, self.runs[run].terms.failFast, self.runs[run].endReason == nil {
            self.failedRuns.append(run)
        }
        if self.items[item].leases == 0 {
            self.queuedItems -= 1
            self.free(item)
        }
        if !followers.isEmpty { self.share(verdict, code: code, with: followers, &effects) }
    }

    /// Ends what an item still has under way: leases are stopped, waiting legs leave their queues.
    mutating func dropLegs(of item: Slot, except kept: Slot, reason: CancelReason, _ effects: inout [Effect]) {
        var leg = self.items[item].firstLeg
        while leg != .none {
            let next = self.legs[leg].next
            if leg != kept { self.drop(leg, reason: reason, &effects) }
            leg = next
        }
    }

    private mutating func drop(_ leg: Slot, reason: CancelReason, _ effects: inout [Effect]) {
        let lease = self.legs[leg].lease
        if self.legs[leg].place == .running, lease != .none, !self.leases[lease].isStopped {
            self.leases[lease].isStopped = true
            effects.append(.stop(LeaseID(self.leases[lease].number), reason))
        }
        self.retire(leg)
    }

    private mutating func retire(_ leg: Slot) {
        switch self.legs[leg].place {
        case .waiting: self.withdraw(leg)
        case .delayed: self.delayedLegs -= 1
        case .idle, .running, .held, .following, .spent: break
        }
        self.legs[leg].place = .spent
        self.legs[leg].stamp &+= 1
    }

    /// A race has no attempt left to give: what isn't under way is over.
    mutating func dropUnstartedLegs(of item: Slot) {
        var leg = self.items[item].firstLeg
        while leg != .none {
            if self.legs[leg].place != .running && self.legs[leg].place != .spent {
                if let last = self.legs[leg].last { self.items[item].causes.append(last) }
                self.legs[leg].last = nil
                self.retire(leg)
            }
            leg = self.legs[leg].next
        }
    }

    /// A leg has no way left.
    ///
    /// The item ends with it, unless another leg is under way or may begin.
    mutating func spend(_ leg: Slot, refusal: Refusal? = nil, _ effects: inout [Effect]) {
        let item = self.legs[leg].item
        self.legs[leg].place = .spent
        if let last = self.legs[leg].last {
            self.items[item].causes.append(last)
            self.legs[leg].last = nil
        }
        if self.items[item].isRace {
            if self.items[item].committed == 0, self.startNextLeg(of: item, &effects) { return }
            var other = self.items[item].firstLeg
            while other != .none {
                if self.legs[other].place != .spent { return }
                other = self.legs[other].next
            }
        }
        var causes = self.items[item].causes
        if var refusal, refusal.code == .deadlineExceeded || refusal.code == .budgetExceeded || causes.isEmpty {
            refusal.hadAttempt = self.items[item].attempts > 0
            refusal.causes = causes
            self.decide(item, .refused(refusal), code: refusal.code, &effects)
        } else if let last = causes.popLast() {
            self.decide(item, .failure(last.lease, causes: causes), code: last.code, &effects)
        } else {
            preconditionFailure("an item ends without a reason: \(self.items[item])")
        }
    }

    /// A leg's deadline has passed, or will before anything could start.
    ///
    /// `earliest` in milliseconds; 0 = unknown. `late` = that is when it would be answered, as things are.
    mutating func expire(_ leg: Slot, earliest: UInt64, late: Lateness? = nil, _ effects: inout [Effect]) {
        let item = self.legs[leg].item
        let isRuns = self.items[item].deadline < self.items[item].ticket.deadline
        var refusal = Refusal(
            code: .deadlineExceeded,
            reason: isRuns ? .batchDeadline : .none,
            earliestMilliseconds: earliest
        )
        refusal.isForeseen = late != nil
        let tenant = Int(self.runs[self.items[item].run].terms.tenant.index)
        if late == nil, let instant = self.pacedUntil(tenant) {
            refusal.obstacle = .tenantRates
            refusal.earliestMilliseconds = max(earliest, instant.milliseconds(since: self.now))
        }
        refusal.retryMilliseconds = late.map(\.retryMilliseconds) ?? earliest
        self.spend(leg, refusal: refusal, &effects)
    }

    /// A record that nothing refers to any more.
    mutating func free(_ item: Slot) {
        var leg = self.items[item].firstLeg
        while leg != .none {
            let next = self.legs[leg].next
            self.legs[leg].stamp &+= 1
            self.legs[leg].place = .spent
            self.legs[leg].flow = .none
            self.legs.release(leg)
            leg = next
        }
        if self.items[item].isDeadlineArmed { self.armedDeadlines -= 1 }
        let run = self.items[item].run
        self.items[item].stamp = 0
        self.items[item].isDeadlineArmed = false
        self.items[item].ticket.extras = nil
        self.items[item].causes = []
        self.items[item].suspicions = []
        self.items.release(item)
        self.runs[run].records -= 1
        if self.runs[run].records == 0 && self.runs[run].isClosed { self.runsToForget.append(run) }
    }
}

extension FailureCode {
    /// Whether an item that ends so has failed, for the sake of fail-fast: being cancelled isn't failing.
    var isFailureOfItem: Bool { self != .cancelled && self != .notStarted }
}
