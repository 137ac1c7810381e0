// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import FanoutRouter

/// One budget, kept as the list of what was paid and the list of what is under way.
struct NaivePurse {
    /// Whose it is.
    enum Owner: Hashable {
        case provider(String)
        case lane(LaneID)
        case tag(String)
        case tenant(TenantID)
        case run(RunID)
    }

    var budget: Budget?
    /// What was paid since the running window began, which is when the first of it was.
    private var paid: [(at: Instant, cost: Int64)] = []
    /// The least and the most that attempts under way may have set aside; the most is `nil` where it is learned.
    var underWay: [LeaseID: (least: Int64, most: Int64?)] = [:]

    init(_ budget: Budget?) {
        self.budget = budget
    }

    mutating func pay(_ cost: Int64, now: Instant) {
        guard cost > 0 else { return }
        if self.isOver(now) { self.paid = [] }
        self.paid.append((now, cost))
    }

    private func isOver(_ now: Instant) -> Bool {
        guard let first = self.paid.first, let budget, budget.windowMilliseconds > 0 else { return false }
        return now >= first.at.adding(milliseconds: budget.windowMilliseconds)
    }

    func spent(_ now: Instant) -> Int64 {
        self.isOver(now) ? 0 : self.paid.reduce(0) { $0 + $1.cost }
    }

    /// Whether one more may have started.
    func mayTake(_ now: Instant) -> Bool {
        guard let budget else { return true }
        return self.spent(now) + self.underWay.values.reduce(0) { $0 + $1.least } < budget.limitNanoUSD
    }

    /// Whether one more could start for certain.
    func surelyTakes(_ now: Instant) -> Bool {
        guard let budget else { return true }
        if self.underWay.values.contains(where: { $0.most == nil }) { return false }
        return self.spent(now) + self.underWay.values.reduce(0) { $0 + ($1.most ?? 0) } < budget.limitNanoUSD
    }

    /// When spending may go on, where all is spent; `nil` = not all is.
    func exhaustedUntil(_ now: Instant) -> Instant? {
        guard let budget, self.spent(now) >= budget.limitNanoUSD else { return nil }
        guard let first = self.paid.first, budget.limitNanoUSD > 0, budget.windowMilliseconds > 0 else { return .never }
        return first.at.adding(milliseconds: budget.windowMilliseconds)
    }
}

extension Referee {
    /// The purses that an attempt of an item on a lane is paid from.
    func purses(of item: ItemID, on lane: LaneID) -> [NaivePurse.Owner] {
        let provider = self.snapshot.deployments[Int(lane.index)].endpoint.provider
        return [.provider(provider), .lane(lane)] + self.purses(of: item)
    }

    /// Those that hold it back from every lane.
    func purses(of item: ItemID) -> [NaivePurse.Owner] {
        var result: [NaivePurse.Owner] = [.run(item.run)]
        if let run = self.runs[item.run] { result.append(.tenant(run.terms.tenant)) }
        for tag in Set(self.items[item]?.ticket.extras?.tags ?? []) { result.append(.tag(tag)) }
        return result
    }

    func purse(_ owner: NaivePurse.Owner) -> NaivePurse { self.money[owner] ?? NaivePurse(nil) }

    mutating func configureBudgets() {
        for (lane, deployment) in self.snapshot.deployments.enumerated() {
            self.money[.lane(LaneID(lane)), default: NaivePurse(nil)].budget = deployment.budget
            let provider = deployment.endpoint.provider
            self.money[.provider(provider), default: NaivePurse(nil)].budget =
                self.snapshot.routing.providerBudgets[provider]
        }
        for owner in self.money.keys {
            guard case .tag(let tag) = owner else { continue }
            self.money[owner]?.budget = self.snapshot.routing.tagBudgets[tag]
        }
        for (tag, budget) in self.snapshot.routing.tagBudgets where self.money[.tag(tag)] == nil {
            self.money[.tag(tag)] = NaivePurse(budget)
        }
    }

    mutating func openPurses(of run: RunID, _ terms: RunTerms) {
        self.money[.tenant(terms.tenant), default: NaivePurse(nil)].budget = terms.bounds.budget
        if terms.maxCostNanoUSD > 0 {
            self.money[.run(run)] = NaivePurse(Budget(limitNanoUSD: terms.maxCostNanoUSD, windowMilliseconds: 0))
        }
    }

    /// Judges the start of an attempt, and writes down what it may cost.
    mutating func judgeMoney(_ dispatch: Dispatch, _ item: Item, _ name: String) {
        let price = self.snapshot.deployments[Int(dispatch.lane.index)].price
        let prompt = Double(item.ticket.promptTokens) * 1.25 * (price?.promptToken ?? 0) * 1e9
        let completion = (price?.completionToken ?? 0) * 1e9
        let least = Int64(prompt + Double(item.ticket.completionTokens) * completion)
        let isKnown = item.ticket.completionTokens > 0 || completion == 0
        for owner in self.purses(of: dispatch.item, on: dispatch.lane) where self.money[owner] != nil {
            if !self.purse(owner).mayTake(self.now) { self.blame("\(name): the budget of \(owner) is spent") }
            // Rounding may take one away.
            self.money[owner]?.underWay[dispatch.lease] = (max(0, least - 1), isKnown ? least + 1 : nil)
        }
        if self.purses(of: dispatch.item, on: dispatch.lane).contains(where: { self.purse($0).budget != nil }) {
            self.count("start within a budget")
        }
    }

    /// An attempt has ended: its cost counts also where it set nothing aside, because the budget is younger.
    mutating func paid(_ lease: LeaseID, _ cost: Int64) {
        guard let record = self.leases[lease] else { return }
        for owner in self.purses(of: record.item, on: record.lane) where self.money[owner] != nil {
            self.money[owner]?.underWay[lease] = nil
            self.money[owner]?.pay(cost, now: self.now)
        }
    }

    /// When the budgets of a lane and its provider allow more, where one is spent; `nil` = none is.
    func unfundedUntil(_ lane: LaneID) -> Instant? {
        let provider = self.snapshot.deployments[Int(lane.index)].endpoint.provider
        let ends = [self.purse(.provider(provider)), self.purse(.lane(lane))].compactMap {
            $0.exhaustedUntil(self.now)
        }
        return ends.max()
    }

    /// Whether the budgets of a lane and its provider allow one more for certain.
    func isFunded(_ lane: LaneID) -> Bool {
        let provider = self.snapshot.deployments[Int(lane.index)].endpoint.provider
        return self.purse(.provider(provider)).surelyTakes(self.now) && self.purse(.lane(lane)).surelyTakes(self.now)
    }

    /// When the budgets of an item's run, tenant and tags allow more, where one is spent; `nil` = none is.
    func heldUntil(_ item: ItemID) -> Instant? {
        self.purses(of: item).compactMap { self.purse($0).exhaustedUntil(self.now) }.max()
    }

    /// Whether the budgets of an item's run, tenant and tags allow one more for certain.
    func isFunded(_ item: ItemID) -> Bool {
        self.purses(of: item).allSatisfy { self.purse($0).surelyTakes(self.now) }
    }

    /// Judges a refusal for want of money.
    mutating func judgeBudgetRefusal(_ id: ItemID, _ item: Item, _ refusal: Refusal, _ name: String) {
        let own = self.purses(of: id).compactMap { self.purse($0).exhaustedUntil(self.now) }
        // A window that was too small takes lanes out of the filters, and that may let others in.
        let lanes = item.legs.flatMap { leg in
            self.snapshot.groups.indices.flatMap { self.eligible(item.ticket, GroupID($0), above: leg.windowTooSmall) }
        }
        let theirs = lanes.flatMap { lane -> [Instant] in
            let provider = self.snapshot.deployments[Int(lane.index)].endpoint.provider
            return [NaivePurse.Owner.provider(provider), .lane(lane)].compactMap {
                self.purse($0).exhaustedUntil(self.now)
            }
        }
        if own.isEmpty && theirs.isEmpty { self.blame("\(name): no budget is spent") }
        let isOwn = [RouteObstacle.batchBudget, .tenantBudget, .tagBudget].contains(refusal.obstacle)
        if isOwn, !own.contains(where: { $0 >= item.deadline || refusal.obstacle == .batchBudget }) {
            self.blame("\(name): \(refusal.obstacle) opens in time")
        }
    }
}
