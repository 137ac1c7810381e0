// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import FanoutRouter

/// What clients, providers and persons do to the router.
extension Simulation {
    mutating func step(_ event: Event) {
        self.referee.begin(now: self.now)
        switch event {
        case .open: self.open()
        case .submit(let run): self.submit(run)
        case .close(let run): self.close(run)
        case .cancelItems(let run): self.cancelItems(of: run)
        case .cancelRun(let run): self.cancel(run, self.world.pick([.client, .disconnect, .drain]))
        case .pause(let run): self.pause(run)
        case .resume(let run):
            self.referee.resumed(run)
            self.core.resume(run, now: self.now, into: &self.effects)
        case .reload:
            guard !self.isHealed else { return }
            self.reload(self.world.reloaded())
        case .heal: self.heal()
        case .mood:
            guard !self.isHealed else { return }
            self.world.moods[self.world.below(self.world.moods.count)] = self.world.mood()
            return
        case .settle(let lease, let outcome):
            self.core.settle(lease, outcome, now: self.now, into: &self.effects)
            self.referee.observe(limits: self.core.laneLimits())
            self.referee.settled(lease, outcome)
        case .settleAgain:
            let lease = LeaseID(UInt64(self.world.below(40)) << 24 | UInt64(self.world.below(3)))
            guard self.referee.leases[lease]?.outcome != nil || self.referee.leases[lease] == nil else { return }
            self.core.settle(lease, Outcome(code: nil), now: self.now, into: &self.effects)
        case .firstContent(let lease):
            // The commit comes before its stops, as it does for the engine.
            let commits = self.core.firstContent(lease, now: self.now, into: &self.effects)
            self.referee.judgeFirstContent(lease, commits: commits)
        case .headers(let lease, let rates):
            self.referee.told(lease, rates)
            self.core.headers(lease, rates, now: self.now, into: &self.effects)
        case .tick: self.core.tick(now: self.now, into: &self.effects)
        case .drain:
            self.referee.count("fault drain")
            self.referee.drained()
            self.core.drain(now: self.now, into: &self.effects)
        }
        self.perform()
    }

    private mutating func open() {
        let run = RunID(self.nextRun)
        self.nextRun += 1
        var terms = RunTerms(tenant: TenantID(self.world.below(3)))
        terms.priorityClass = self.world.pick(PriorityClass.allCases)
        terms.maxConcurrency = UInt32(self.world.pick([0, 1, 2, 5]))
        terms.bounds.budget = self.world.tenantBudgets[Int(terms.tenant.index)]
        if self.world.chance(10) { terms.maxCostNanoUSD = Int64(self.world.pick([1, 500_000, 30_000_000])) }
        terms.failFast = self.world.chance(10)
        if self.world.chance(20) {
            terms.deadline = self.now.adding(milliseconds: UInt64(self.world.pick([1_000, 20_000])))
        }
        if self.world.chance(40) { self.streamed.insert(run) }
        self.nextIndex[run] = 0
        self.referee.opened(run, terms)
        self.core.open(run, terms, now: self.now, into: &self.effects)
        var at = 0
        for _ in 0..<(1 + self.world.below(4)) {
            self.plan(.submit(run), in: at)
            at += self.world.below(2_000)
        }
        self.plan(.close(run), in: at)
        if self.world.chance(25) { self.plan(.cancelItems(run), in: self.world.below(4_000)) }
        if self.world.chance(10) { self.plan(.cancelRun(run), in: self.world.below(8_000)) }
        if self.world.chance(35) {
            let start = self.world.below(3_000)
            self.plan(.pause(run), in: start)
            self.plan(.pause(run), in: start + 500)
            self.plan(.resume(run), in: start + 1_000 + self.world.below(9_000))
        }
    }

    private mutating func submit(_ run: RunID) {
        guard !self.closed.contains(run) else { return }
        var tickets: [Ticket] = []
        for _ in 0..<self.world.pick([1, 2, 5, 12]) {
            let index = self.nextIndex[run, default: 0]
            self.nextIndex[run] = index + 1
            tickets.append(self.world.ticket(index: index, now: self.now, streamed: self.streamed.contains(run)))
        }
        self.referee.submitted(run, tickets)
        self.core.submit(run, tickets, now: self.now, into: &self.effects)
    }

    private mutating func close(_ run: RunID) {
        guard self.closed.insert(run).inserted else { return }
        self.referee.closed(run)
        self.core.close(run, now: self.now, into: &self.effects)
    }

    private mutating func cancelItems(of run: RunID) {
        self.referee.count("fault cancelled items")
        let count = Int(self.nextIndex[run] ?? 0)
        let indexes = (0..<3).map { _ in UInt32(self.world.below(count + 2)) }
        let reason = self.world.pick([CancelReason.client, .none])
        self.referee.cancelled(run, indexes, reason)
        self.core.cancel(run, items: indexes, reason: reason, now: self.now, into: &self.effects)
    }

    private mutating func cancel(_ run: RunID, _ reason: CancelReason) {
        self.referee.count("fault cancelled run")
        self.closed.insert(run)
        self.referee.cancelled(run, nil, reason)
        self.core.cancel(run, items: nil, reason: reason, now: self.now, into: &self.effects)
    }

    private mutating func pause(_ run: RunID) {
        guard !self.isHealed else { return }
        self.referee.count("fault pause")
        // Like a reorder buffer that is full: the first item that isn't final is the head.
        let open = self.referee.open.filter { $0.run == run }.map(\.index)
        let head = self.world.chance(60) ? open.min() : nil
        self.referee.paused(run, head: head)
        self.core.pause(run, except: head, now: self.now, into: &self.effects)
    }

    private mutating func reload(_ snapshot: Snapshot) {
        self.referee.count("fault reload")
        self.referee.reloaded(snapshot)
        self.core.reload(snapshot, now: self.now, into: &self.effects)
    }

    /// Everything is mended, so everything has to end.
    private mutating func heal() {
        self.isHealed = true
        self.reload(self.world.healed())
        self.perform()
        for number in 1..<self.nextRun {
            let run = RunID(number)
            self.referee.resumed(run)
            self.core.resume(run, now: self.now, into: &self.effects)
            self.perform()
        }
    }
}
