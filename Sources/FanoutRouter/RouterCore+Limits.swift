// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutModel

/// What attempts take from the limits of lanes and accounts, and what providers say of them.
extension RouterCore {
    /// The headers of an attempt's answer have come, with what they say of the provider's limits.
    ///
    /// Comes before the settle, by minutes for a long stream.
    package mutating func headers(
        _ lease: LeaseID,
        _ rates: RateReport,
        now: Instant,
        into effects: inout [Effect]
    ) {
        self.begin(now, &effects)
        // A header that crosses the settle is late news; the next answer has fresher ones.
        if let slot = self.slot(of: lease) {
            let record = self.leases[slot]
            let lane = Int(record.lane.index)
            let isNew = self.lanes[lane].limits.reconcile(
                rates,
                lease: record.number >> 24,
                startedAt: record.startedAt,
                mark: record.mark,
                now: self.now
            )
            if isNew { self.groups[Int(self.lanes[lane].group.index)].hasLimits = true }
            self.refresh(record.lane, &effects)
        }
        self.finish(&effects)
    }

    // MARK: - Costs

    /// What an attempt of a leg is expected to take: its prompt as estimated, and what answers of its batch, or of its
    /// group, have shown, but no more than it allows.
    mutating func cost(of leg: Slot) -> RateCounts {
        let item = self.legs[leg].item
        var cost = RateCounts(requests: 1, prompt: Int64(self.items[item].ticket.promptTokens))
        guard !self.items[item].ticket.needs.contains(.embedding) else { return cost }
        let group = self.groups[Int(self.legs[leg].group.index)].completions.expected(else: CompletionEstimate.prior)
        let mean = self.runs[self.items[item].run].completions.expected(else: group)
        // Rounded up by hand: the processor that the build is for has no instruction for it.
        let expected = Int64(mean) + (Double(Int64(mean)) < mean ? 1 : 0)
        let bound = Int64(self.items[item].ticket.completionTokens)
        let each = bound == 0 ? expected : min(bound, expected)
        cost.completion = each * Int64(max(1, self.items[item].ticket.choices))
        return cost
    }

    /// What an attempt took, as far as is known.
    ///
    /// An answer 429 took nothing. Where no usage was reported, what may have been billed counts as reserved.
    static func used(_ outcome: Outcome, cost: RateCounts) -> RateCounts {
        if outcome.wasNeverSent || outcome.code == .rateLimited { return .none }
        if outcome.promptTokens > 0 || outcome.completionTokens > 0 {
            let prompt = outcome.promptTokens > 0 ? Int64(outcome.promptTokens) : cost.prompt
            return RateCounts(requests: 1, prompt: prompt, completion: Int64(outcome.completionTokens))
        }
        switch outcome.code {
        case .overloaded, .unreachable: return RateCounts(requests: 1)
        case .providerError where !outcome.hadContent: return RateCounts(requests: 1)
        case let code?:
            let isRefusal = code.traits.fault == .caller || code.traits.fault == .account
            return isRefusal ? RateCounts(requests: 1) : cost
        case nil: return cost
        }
    }

    /// Remembers how long answers are.
    mutating func learnLength(_ outcome: Outcome, of lease: LeaseRecord) {
        guard outcome.code == nil, outcome.completionTokens > 0 else { return }
        let each = self.tokensOfEach(outcome, of: lease.item)
        self.runs[self.items[lease.item].run].completions.learn(each)
        self.groups[Int(self.legs[lease.leg].group.index)].completions.learn(each)
    }

    /// The completion tokens of one of the answers that an item asks for at once.
    mutating func tokensOfEach(_ outcome: Outcome, of item: Slot) -> UInt32 {
        let choices = UInt32(max(1, self.items[item].ticket.choices))
        return outcome.completionTokens / choices + (outcome.completionTokens % choices > 0 ? 1 : 0)
    }

    // MARK: - Reservations

    /// Takes a cost from the limits of a lease's lane and its account.
    mutating func reserveLimits(_ cost: RateCounts, for lease: Slot, rank: Int, _ effects: inout [Effect]) {
        let lane = Int(self.leases[lease].lane.index)
        let pausedUntil = self.lanes[lane].pause.until
        self.leases[lease].rooms.lane = self.lanes[lane].limits
            .reserve(cost, pausedUntil: pausedUntil, now: self.now)
        self.lanes[lane].limits.see(rank: rank, now: self.now)
        self.leases[lease].cost = cost
        let tenant = Int(self.runs[self.items[self.leases[lease].item].run].terms.tenant.index)
        self.leases[lease].rooms.tenant = self.tenants[tenant].limits
            .reserve(cost, pausedUntil: .zero, now: self.now)
        if !self.tenants[tenant].parked.isEmpty { self.armTenant(tenant) }
        self.leases[lease].mark = self.lanes[lane].limits.spent
        let account = self.lanes[lane].account
        self.leases[lease].account = account
        guard account >= 0 else { return }
        self.leases[lease].rooms.account = self.accounts[Int(account)].limits
            .reserve(cost, pausedUntil: pausedUntil, now: self.now)
        self.accounts[Int(account)].limits.see(rank: rank, now: self.now)
        self.accounts[Int(account)].turn = Int(self.lanes[lane].accountPlace) + 1
        self.accountChanged(Int(account), &effects)
    }

    /// Ends a reservation, whatever became of its attempt.
    mutating func settleLimits(_ lease: LeaseRecord, _ outcome: Outcome, _ effects: inout [Effect]) {
        let used = Self.used(outcome, cost: lease.cost)
        let lane = Int(lease.lane.index)
        if lease.isProbe { self.lanes[lane].limits.endProbe(now: self.now) }
        self.lanes[lane].limits.settle(lease, used: used, room: lease.rooms.lane, now: self.now)
        let tenant = Int(self.runs[self.items[lease.item].run].terms.tenant.index)
        self.tenants[tenant].limits.settle(lease, used: used, room: lease.rooms.tenant, now: self.now)
        self.tenantChanged(tenant)
        guard lease.account >= 0 else { return }
        self.accounts[Int(lease.account)].limits.settle(lease, used: used, room: lease.rooms.account, now: self.now)
        self.accountChanged(Int(lease.account), &effects)
    }

    // MARK: - What answers teach

    /// An attempt's end, as news of what its lane takes; before its health hears of it.
    mutating func learnLimits(_ outcome: Outcome, from lease: LeaseRecord) {
        let lane = Int(lease.lane.index)
        let number = lease.number >> 24
        let inFlight = self.lanes[lane].inFlight + 1
        switch outcome.code {
        case .rateLimited where self.isCrowded(outcome, lease):
            self.lanes[lane].concurrency?
                .overloaded(lease: number, inFlight: inFlight, nextLease: self.nextLease)
        case .rateLimited where !lease.isProbe:
            let named = outcome.exceeded
            self.lanes[lane].limits
                .refuse(named, lease.cost, lease: number, nextLease: self.nextLease, now: self.now)
            self.groups[Int(self.lanes[lane].group.index)].hasLimits = true
        case .overloaded:
            self.lanes[lane].concurrency?
                .overloaded(lease: number, inFlight: inFlight, nextLease: self.nextLease)
        case nil:
            let ceiling = self.lanes[lane].ceiling
            self.lanes[lane].concurrency?.answered(inFlight: inFlight, ceiling: ceiling, now: self.now)
            if outcome.firstContentMicroseconds > 0 {
                let time = outcome.firstContentMicroseconds
                self.lanes[lane].concurrency?.firstContent(time, inFlight: inFlight)
            }
        default: break
        }
        if let concurrency = self.lanes[lane].concurrency {
            self.lanes[lane].limit = concurrency.value(ceiling: self.lanes[lane].ceiling)
        }
    }

    /// Whether a rate limit means that too many run at a time, and fewer may run: then its lane takes fewer in place of
    /// pausing.
    mutating func isCrowded(_ outcome: Outcome, _ lease: LeaseRecord) -> Bool {
        let lane = Int(lease.lane.index)
        return outcome.code == .rateLimited && outcome.exceeded == .concurrency && !lease.isProbe
            && self.lanes[lane].concurrency != nil && self.lanes[lane].inFlight > 0
    }

    // MARK: - Lanes

    /// When a lane's limits and its account's let a cost go, if nothing else goes before; its concurrency apart.
    mutating func limitsReadyAt(_ lane: Int, _ cost: RateCounts, headroom: Double = 0) -> Instant {
        let own = self.lanes[lane].limits.readyAt(cost, headroom: headroom, now: self.now)
        let account = self.lanes[lane].account
        guard account >= 0 else { return own }
        return max(own, self.accounts[Int(account)].limits.readyAt(cost, headroom: headroom, now: self.now))
    }

    /// The same, with what attempts in flight may give back.
    mutating func earliestByLimits(_ lane: Int, _ cost: RateCounts) -> Instant {
        let own = self.lanes[lane].limits.earliest(cost, now: self.now)
        let account = self.lanes[lane].account
        guard account >= 0 else { return own }
        return max(own, self.accounts[Int(account)].limits.earliest(cost, now: self.now))
    }

    /// When a lane could start something at the earliest, as others are told of it: `zero` = at any moment.
    mutating func promisedAt(_ lane: Int) -> Instant {
        let earliest = self.earliestByLimits(lane, .smallest)
        return earliest > self.now ? earliest : .zero
    }

    /// Whether a lane's account leaves a place for one more attempt.
    mutating func accountHasPlace(_ lane: Int) -> Bool {
        let account = self.lanes[lane].account
        return account < 0 || self.accounts[Int(account)].limits.hasPlace
    }

    /// An account's level or its attempts in flight have changed: its lanes hear of it if that means anything to them.
    private mutating func accountChanged(_ account: Int, _ effects: inout [Effect]) {
        self.touchLanes(of: account)
        let hasPlace = self.accounts[account].limits.hasPlace
        let isOpen = hasPlace && self.accounts[account].limits.readyAt(.smallest, now: self.now) <= self.now
        if isOpen && self.accounts[account].isOpen && self.accounts[account].limits.hold == nil { return }
        self.accounts[account].isOpen = isOpen
        self.refreshLanes(of: account, &effects)
    }

    /// An account's lanes hear of a change, in turn.
    mutating func refreshLanes(of account: Int, _ effects: inout [Effect]) {
        let count = self.accounts[account].lanes.count
        let first = self.accounts[account].turn
        for offset in 0..<count { self.refresh(self.accounts[account].lanes[(first + offset) % count], &effects) }
    }

    // MARK: - Configuration

    /// Makes accounts agree with the snapshot; lanes join them afterwards.
    mutating func configureAccounts() {
        for index in self.accounts.indices {
            self.accounts[index].lanes = []
            self.accounts[index].turn = 0
            self.accounts[index].isOpen = false
        }
        for limits in self.snapshot.accounts {
            let account = self.account(named: limits.name)
            let rates = self.snapshot.routing.enforcesRates ? limits.rates : RateLimits()
            self.accounts[account].limits.configure(rates, nextLease: self.nextLease, now: self.now)
            self.accounts[account].limits.maxConcurrency = limits.maxConcurrency
        }
    }

    private mutating func account(named name: String) -> Int {
        if let index = self.accounts.indices.first(where: { self.accounts[$0].name == name }) { return index }
        self.accounts.append(Account(name: name))
        return self.accounts.count - 1
    }

    /// Makes a lane's limits agree with the snapshot.
    mutating func configureLimits(_ deployment: Deployment, at index: Int) {
        let rates = self.snapshot.routing.enforcesRates ? deployment.rates : RateLimits()
        self.lanes[index].limits.configure(rates, nextLease: self.nextLease, now: self.now)
        self.lanes[index].ceiling = deployment.maxConcurrency ?? self.snapshot.routing.laneConcurrency
        if deployment.maxConcurrency != nil {
            self.lanes[index].concurrency = nil
        } else if self.lanes[index].concurrency == nil {
            self.lanes[index].concurrency = ConcurrencyLimit(ceiling: self.lanes[index].ceiling)
        }
        let ceiling = self.lanes[index].ceiling
        self.lanes[index].limit = self.lanes[index].concurrency?.value(ceiling: ceiling) ?? ceiling
        self.lanes[index].account = -1
        if let place = deployment.account, self.snapshot.accounts.indices.contains(place) {
            let account = self.account(named: self.snapshot.accounts[place].name)
            self.lanes[index].account = Int32(account)
            if self.lanes[index].isActive {
                self.lanes[index].accountPlace = Int32(self.accounts[account].lanes.count)
                self.accounts[account].lanes.append(LaneID(index))
            }
        }
        if self.lanes[index].limits.isLimited || self.lanes[index].account >= 0 {
            self.groups[Int(deployment.group.index)].hasLimits = true
        }
    }

    /// Whether a deployment, or its account, is configured to take nothing.
    func isShut(_ deployment: Deployment) -> Bool {
        if deployment.maxConcurrency ?? self.snapshot.routing.laneConcurrency == 0 { return true }
        guard self.snapshot.routing.enforcesRates else { return false }
        if deployment.rates.isClosed { return true }
        guard let place = deployment.account, self.snapshot.accounts.indices.contains(place) else { return false }
        let account = self.snapshot.accounts[place]
        return account.rates.isClosed || account.maxConcurrency == 0
    }
}

extension Deployment {
    /// Its own limits.
    var rates: RateLimits {
        var rates = RateLimits()
        rates.requestsPerMinute = self.requestsPerMinute
        rates.tokensPerMinute = self.tokensPerMinute
        rates.promptTokensPerMinute = self.promptTokensPerMinute
        rates.completionTokensPerMinute = self.completionTokensPerMinute
        return rates
    }
}

extension RateGate {
    fileprivate mutating func settle(_ lease: LeaseRecord, used: RateCounts, room: Room, now: Instant) {
        let (number, start) = (lease.number >> 24, lease.startedAt)
        self.settle(lease.cost, used: used, lease: number, room: room, startedAt: start, now: now)
    }
}
