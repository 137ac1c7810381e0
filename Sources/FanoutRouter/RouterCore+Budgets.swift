// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// Money: who may still spend, and what follows when somebody may not.
///
/// A provider's or deployment's budget closes lanes, a tag's closes queues, a tenant's parks its nodes, a batch's parks
/// its flows; where all is spent, what waits in vain ends or goes to a fallback. An attempt whose price isn't known
/// reserves and costs nothing: a budget can't count what it doesn't know.
extension RouterCore {
    /// How far above its estimate a prompt may be.
    static let promptMargin = 1.25
    /// The most that one attempt is taken to cost, so that sums stay far from their limits: a million dollars.
    static let costMax = 1e15

    /// The most that an attempt may cost.
    mutating func reservation(for item: Slot, on lane: Int) -> Int64 {
        let rates = self.lanes[lane].rates
        guard rates.prompt > 0 || rates.completion > 0 else { return 0 }
        let bound = self.items[item].ticket.completionTokens
        let group = Int(self.lanes[lane].group.index)
        let each = bound == 0 ? self.groups[group].pace.completionCeiling : Double(bound)
        let completion = each * Double(max(1, self.items[item].ticket.choices))
        let prompt = Double(self.items[item].ticket.promptTokens) * Self.promptMargin
        return Int64(min(Self.costMax, prompt * rates.prompt + completion * rates.completion))
    }

    /// Sets money aside for an attempt that begins.
    mutating func reserve(_ lease: Slot, _ effects: inout [Effect]) {
        let item = self.leases[lease].item
        let lane = Int(self.leases[lease].lane.index)
        let amount = self.reservation(for: item, on: lane)
        guard amount > 0 else { return }
        self.leases[lease].reserved = amount
        let run = self.items[item].run
        self.runs[run].purse.reserve(amount)
        self.forEachPurse(of: item, lane: lane) { purse, core in
            core.purses[purse].purse.reserve(amount)
            core.purseChanged(purse, &effects)
        }
    }

    /// An attempt has ended: what it cost takes the place of what was set aside.
    mutating func pay(_ lease: LeaseRecord, cost: Int64, _ effects: inout [Effect]) {
        guard lease.reserved > 0 || cost > 0 else { return }
        let run = self.items[lease.item].run
        self.runs[run].purse.settle(lease.reserved, cost: cost, now: self.now)
        if self.runs[run].purse.budget != nil {
            if self.runs[run].purse.exhaustedUntil(now: self.now) != nil { self.spentRuns.append(run) }
            self.unparkFlows(of: run)
        }
        let number = lease.number >> 24
        self.forEachPurse(of: lease.item, lane: Int(lease.lane.index)) { purse, core in
            let reserved = number >= core.purses[purse].firstLease ? lease.reserved : 0
            core.purses[purse].purse.settle(reserved, cost: cost, now: core.now)
            core.purseChanged(purse, &effects)
        }
    }

    private mutating func forEachPurse(of item: Slot, lane: Int, _ body: (Int, inout RouterCore) -> Void) {
        body(self.lanes[lane].providerPurse, &self)
        body(self.lanes[lane].purse, &self)
        body(self.tenants[Int(self.runs[self.items[item].run].terms.tenant.index)].purse, &self)
        guard !self.tagPurses.isEmpty else { return }
        self.tagPurses(of: item).forEach { body($0, &self) }
    }

    /// The purses of an item's tags that have a budget.
    mutating func tagPurses(of item: Slot) -> LaneSet {
        var result = LaneSet()
        guard !self.tagPurses.isEmpty, let extras = self.items[item].ticket.extras else { return result }
        for tag in extras.tags { if let purse = self.tagPurses[tag] { result.insert(purse) } }
        return result
    }

    // MARK: - Holds

    /// Whether each of a queue's tags may spend.
    mutating func isFunded(_ purses: LaneSet) -> Bool {
        guard !purses.isEmpty else { return true }
        return TagRule.filter(purses) { !self.purses[$0].purse.takesMore(now: self.now) }.isEmpty
    }

    /// A budget that is spent and holds an item back from every lane.
    mutating func budgetHold(of item: Slot) -> (until: Instant, obstacle: RouteObstacle)? {
        let run = self.items[item].run
        if let until = self.runs[run].purse.exhaustedUntil(now: self.now) { return (until, .batchBudget) }
        let tenant = self.tenants[Int(self.runs[run].terms.tenant.index)].purse
        var hold: (until: Instant, obstacle: RouteObstacle)?
        if let until = self.purses[tenant].purse.exhaustedUntil(now: self.now) { hold = (until, .tenantBudget) }
        guard !self.tagPurses.isEmpty else { return hold }
        self.tagPurses(of: item).forEach { purse in
            guard let until = self.purses[purse].purse.exhaustedUntil(now: self.now) else { return }
            if until > hold?.until ?? .zero { hold = (until, .tagBudget) }
        }
        return hold
    }

    /// Whether each of some lanes waits for nothing but money.
    mutating func isUnfunded(_ lanes: LaneSet, group: Int) -> Bool {
        guard !lanes.isEmpty else { return false }
        return !lanes.contains { position in
            self.lanes[Int(self.groups[group].lanes[position].index)].unfundedUntil <= self.now
        }
    }

    /// Whose budget closes the lanes of a set that come back first.
    mutating func obstacle(of lanes: LaneSet, group: Int) -> RouteObstacle {
        var first: (until: Instant, obstacle: RouteObstacle)?
        lanes.forEach { position in
            let lane = Int(self.groups[group].lanes[position].index)
            let until = self.lanes[lane].unfundedUntil
            if let first, first.until <= until { return }
            let own = self.purses[self.lanes[lane].purse].purse.exhaustedUntil(now: self.now)
            first = (until, own == until ? .deploymentBudget : .providerBudget)
        }
        return first?.obstacle ?? .none
    }

    // MARK: - News

    /// Brings what a lane says of its money up to date.
    mutating func fund(_ lane: Int) {
        let provider = self.purses[self.lanes[lane].providerPurse].purse
        let own = self.purses[self.lanes[lane].purse].purse
        guard provider.budget != nil || own.budget != nil else {
            self.lanes[lane].isFunded = true
            self.lanes[lane].unfundedUntil = .zero
            return
        }
        self.lanes[lane].isFunded = provider.takesMore(now: self.now) && own.takesMore(now: self.now)
        self.lanes[lane].unfundedUntil = max(
            provider.exhaustedUntil(now: self.now) ?? .zero,
            own.exhaustedUntil(now: self.now) ?? .zero
        )
    }

    /// A purse was paid from or into, or its window is over: those who depend on it are told if that matters.
    mutating func purseChanged(_ index: Int, _ effects: inout [Effect]) {
        guard self.purses[index].purse.budget != nil || !self.purses[index].isOpen else { return }
        let wasOpen = self.purses[index].isOpen
        let isOpen = self.purses[index].purse.takesMore(now: self.now)
        let until = self.purses[index].purse.exhaustedUntil(now: self.now)
        let isSpent = until != nil && until != self.purses[index].until
        self.purses[index].isOpen = isOpen
        self.purses[index].until = until
        if !isOpen { self.armPurse(index) }
        guard wasOpen != isOpen || isSpent else { return }
        switch self.purses[index].owner {
        case .provider, .deployment: self.refreshAll(self.purses[index].lanes, &effects)
        case .tag:
            if isOpen { for group in self.groups.indices { self.wake(group) } }
            if let until, isSpent { self.reviewTag(index, until: until, &effects) }
        case .tenant(let tenant):
            if isOpen { self.unparkNodes(of: tenant) } else { self.touch(headsOfTenant: tenant) }
            if let until, isSpent { self.reviewTenant(tenant, until: until, &effects) }
        }
    }

    /// A purse that is closed may open by itself at the end of its window.
    private mutating func armPurse(_ index: Int) {
        let instant = self.purses[index].purse.nextWindow(now: self.now)
        guard instant < self.purses[index].armed else { return }
        self.purses[index].armed = instant
        self.purseTimers.insert(TimerHeap.Entry(instant: instant, slot: Slot(index), stamp: 0))
    }

    mutating func runPurseTimers(_ effects: inout [Effect]) {
        while let entry = self.purseTimers.popDue(now: self.now) {
            let index = Int(entry.slot)
            guard self.purses[index].armed == entry.instant else { continue }
            self.purses[index].armed = .never
            self.purseChanged(index, &effects)
        }
    }

    /// Items with a tag that may not spend before `until`: those whose deadline comes first end now.
    private mutating func reviewTag(_ index: Int, until: Instant, _ effects: inout [Effect]) {
        for queue in self.queues.slots() where self.queues[queue].key.purses.contains(index) {
            if until >= self.queues[queue].deadlineFloor { self.evict(from: queue, before: until, &effects) }
        }
    }

    private mutating func reviewTenant(_ tenant: Int, until: Instant, _ effects: inout [Effect]) {
        for run in self.runs.slots() where Int(self.runs[run].terms.tenant.index) == tenant {
            self.endWaiting(of: run, before: until, &effects)
        }
    }

    /// A batch has spent what it may: what waits of it ends, what runs goes on.
    mutating func endSpent(_ run: Slot, _ effects: inout [Effect]) {
        guard self.runs[run].purse.exhaustedUntil(now: self.now) != nil else { return }
        self.endWaiting(of: run, before: .never, &effects)
    }

    /// Places anew what waits of a run and has its deadline no later than `instant`: its budget is spent.
    private mutating func endWaiting(of run: Slot, before instant: Instant, _ effects: inout [Effect]) {
        for (index, item) in self.runs[run].items.sorted where self.runs[run].items[index] == item {
            guard self.items[item].fate == .live, self.items[item].deadline <= instant else { continue }
            let stamp = self.items[item].stamp
            var leg = self.items[item].firstLeg
            while leg != .none, self.items[item].stamp == stamp {
                let next = self.legs[leg].next
                switch self.legs[leg].place {
                case .waiting:
                    self.withdraw(leg)
                    self.place(leg, &effects)
                case .delayed:
                    self.delayedLegs -= 1
                    self.legs[leg].place = .idle
                    self.legs[leg].stamp &+= 1
                    self.place(leg, &effects)
                // Another item pays for what it follows.
                case .idle, .running, .held, .following, .spent: break
                }
                leg = next
            }
        }
    }

    // MARK: - Configuration

    /// Gives each lane, provider and tag its purse, and each purse the budget that is in force.
    mutating func configurePurses() {
        let routing = self.snapshot.routing
        for index in self.purses.indices { self.purses[index].lanes = [] }
        for (index, deployment) in self.snapshot.deployments.enumerated() {
            let provider = deployment.endpoint.provider
            let shared = self.providerPurses[provider] ?? self.addPurse(.provider)
            self.providerPurses[provider] = shared
            if self.lanes[index].purse < 0 { self.lanes[index].purse = self.addPurse(.deployment) }
            self.lanes[index].providerPurse = shared
            self.purses[shared].lanes.append(LaneID(index))
            self.purses[self.lanes[index].purse].lanes.append(LaneID(index))
            self.purses[self.lanes[index].purse].purse.budget = deployment.budget
        }
        for (provider, purse) in self.providerPurses {
            self.purses[purse].purse.budget = routing.providerBudgets[provider]
        }
        for tag in routing.tagBudgets.keys.sorted() where self.tagPurses[tag] == nil {
            self.tagPurses[tag] = self.addPurse(.tag)
        }
        for (tag, purse) in self.tagPurses { self.purses[purse].purse.budget = routing.tagBudgets[tag] }
        for index in self.purses.indices {
            let isOpen = self.purses[index].purse.takesMore(now: self.now)
            self.purses[index].isOpen = isOpen
            self.purses[index].until = self.purses[index].purse.exhaustedUntil(now: self.now)
            if !isOpen { self.armPurse(index) }
        }
    }

    /// What a token costs, in 10^-9 US dollars; nothing where the price isn't known.
    static func rates(of price: Price?) -> (prompt: Double, completion: Double) {
        guard let price else { return (0, 0) }
        let sane = { (dollars: Double) in dollars.isFinite ? max(0, dollars * 1e9) : 0 }
        return (sane(price.promptToken), sane(price.completionToken))
    }

    mutating func addPurse(_ owner: SharedPurse.Owner) -> Int {
        self.purses.append(SharedPurse(owner, firstLease: self.nextLease))
        return self.purses.count - 1
    }
}
