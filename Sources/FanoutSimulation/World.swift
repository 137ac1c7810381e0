// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutModel
package import FanoutRouter

/// What a simulated provider does with an attempt.
package enum ProviderMood: UInt8, Sendable, Hashable, CaseIterable {
    case healthy
    case flaky
    case dead
    case limited
    case limitedSilently
    case overloaded
    case hanging
    case badKey
    case outOfQuota
    case noModel
    case picky
    case cutting
}

/// Random configurations and requests, all from one seed.
package struct World: Sendable {
    package var generator: SplitMix64
    package var snapshot = Snapshot()
    package var moods: [ProviderMood] = []
    /// By tenant.
    var tenantBudgets: [Budget?] = []
    /// Answers say what is left of limits.
    var tellsRates = false

    static let keys = 3
    static let accounts = 2
    static let needs: [Needs] = [.chat, [.chat, .tools], [.chat, .vision], [.chat, .tools, .vision]]

    /// Makes a world.
    package init(seed: UInt64) {
        self.generator = SplitMix64(seed: seed)
        self.makeRouting()
        self.makeAccounts()
        for index in 0..<(1 + self.below(4)) { self.snapshot.groups.append(ModelGroup(name: "group-\(index)")) }
        for group in self.snapshot.groups.indices {
            for _ in 0..<self.pick([1, 1, 2, 2, 3, 4]) { self.addLane(to: group) }
        }
        self.chooseLimits()
        self.makeFallbacks()
        for _ in 0..<3 { self.tenantBudgets.append(self.chance(10) ? self.budget() : nil) }
        self.tellsRates = self.chance(30)
    }

    mutating func below(_ bound: Int) -> Int { self.generator.below(bound) }

    mutating func chance(_ percent: Int) -> Bool { self.below(100) < percent }

    mutating func pick<Element>(_ choices: [Element]) -> Element { choices[self.below(choices.count)] }

    private mutating func makeRouting() {
        var routing = RoutingSettings()
        routing.retries = UInt32(self.below(4))
        routing.maxFallbacks = UInt32(self.below(4))
        routing.daemonConcurrency = UInt32(self.pick([6, 20, 100]))
        routing.tenantConcurrency = UInt32(self.pick([2, 4, 100]))
        routing.batchConcurrency = UInt32(self.pick([1, 3, 8, 100]))
        routing.laneConcurrency = UInt32(self.pick([2, 4, 8]))
        if self.chance(20) { routing.retryAfterMilliseconds = UInt64(self.below(400)) }
        if self.chance(20) { routing.allowedFails = UInt32(self.below(4)) }
        if self.chance(20) { routing.cooldownMilliseconds = UInt64(100 + self.below(5_000)) }
        routing.disablesCooldowns = self.chance(8)
        self.chooseStrategy(&routing)
        self.chooseClasses(&routing)
        routing.enforcesRates = self.chance(60)
        if self.chance(20) { routing.retryPolicy = self.counts(to: 5) }
        if self.chance(15) { routing.allowedFailsPolicy = self.counts(to: 8) }
        if self.chance(15) { routing.retryBudgetRatio = 0 }
        self.snapshot.routing = routing
        self.snapshot.version += 1
    }

    private mutating func makeAccounts() {
        self.snapshot.accounts = (0..<Self.accounts).map { index in
            var account = AccountLimits(name: "account-\(index)")
            if self.chance(30) { account.maxConcurrency = UInt32(1 + self.below(4)) }
            if self.chance(30) { account.rates.requestsPerMinute = Double(6 + self.below(300)) }
            if self.chance(30) { account.rates.tokensPerMinute = Double(1_000 + self.below(100_000)) }
            return account
        }
    }

    private mutating func addLane(to group: Int) {
        let id = self.snapshot.deployments.count
        var endpoint = Endpoint(
            provider: "provider-\(self.below(Self.providers))",
            format: .openAI,
            isSecure: false,
            host: "host",
            port: 80,
            pathPrefix: "",
            model: "model"
        )
        if self.chance(70) { endpoint.credential = .bearer(Secret("key-\(self.below(Self.keys))")) }
        var lane = Deployment(identity: "\(id)", name: "lane-\(id)", group: GroupID(group), endpoint: endpoint)
        self.alter(&lane)
        self.snapshot.deployments.append(lane)
        self.snapshot.groups[group].lanes.append(LaneID(id))
        self.moods.append(self.mood())
    }

    private mutating func alter(_ lane: inout Deployment) {
        lane.weight = self.chance(50) ? Double(self.below(4)) : nil
        lane.requestsPerMinute = self.chance(20) ? Double(self.pick([0, 1, 6, 60, 300])) : nil
        lane.tokensPerMinute = self.chance(15) ? Double(1_000 + self.below(100_000)) : nil
        lane.promptTokensPerMinute = self.chance(5) ? Double(1_000 + self.below(100_000)) : nil
        lane.completionTokensPerMinute = self.chance(5) ? Double(1_000 + self.below(100_000)) : nil
        lane.account = self.chance(20) ? self.below(Self.accounts) : nil
        lane.order = self.chance(25) ? Int32(self.below(3)) : nil
        lane.maxConcurrency = self.chance(50) ? UInt32(self.pick([0, 1, 2, 3, 8, 8, 20])) : nil
        lane.retries = self.chance(15) ? UInt32(self.below(4)) : nil
        lane.allowedFails = self.chance(10) ? UInt32(self.below(3)) : nil
        lane.allowedFailsPolicy = self.chance(8) ? self.counts(to: 4) : nil
        lane.cooldownMilliseconds = self.chance(10) ? UInt64(100 + self.below(3_000)) : nil
        lane.offers = self.chance(80) ? .all : self.pick(Self.needs)
        self.mark(&lane)
    }

    private mutating func makeFallbacks() {
        for group in self.snapshot.groups.indices {
            self.snapshot.groups[group].strategy = self.chance(20) ? self.pick(RoutingStrategy.allCases) : nil
            self.snapshot.groups[group].retries = self.chance(20) ? UInt32(self.below(3)) : nil
            self.snapshot.groups[group].retryPolicy = self.chance(10) ? self.counts(to: 4) : nil
            self.snapshot.groups[group].fallbacks = self.chance(50) ? self.groups() : []
            self.snapshot.groups[group].contextWindowFallbacks = self.chance(20) ? self.groups() : nil
            self.snapshot.groups[group].contentPolicyFallbacks = self.chance(20) ? self.groups() : nil
        }
    }

    /// Counts for some kinds of failure.
    private mutating func counts(to bound: Int) -> FailureCounts {
        var counts = FailureCounts()
        if self.chance(30) { counts.badRequest = UInt32(self.below(bound)) }
        if self.chance(30) { counts.authentication = UInt32(self.below(bound)) }
        if self.chance(40) { counts.timeout = UInt32(self.below(bound)) }
        if self.chance(40) { counts.rateLimit = UInt32(self.below(bound)) }
        if self.chance(20) { counts.contentPolicy = UInt32(self.below(bound)) }
        if self.chance(40) { counts.internalServer = UInt32(self.below(bound)) }
        if self.chance(20) { counts.notFound = UInt32(self.below(bound)) }
        if self.chance(20) { counts.badGateway = UInt32(self.below(bound)) }
        if self.chance(20) { counts.others = UInt32(self.below(bound)) }
        return counts
    }

    mutating func groups() -> [GroupID] {
        (0..<self.below(3)).map { _ in GroupID(self.below(self.snapshot.groups.count)) }
    }

    package mutating func mood() -> ProviderMood {
        self.chance(45) ? .healthy : self.pick(ProviderMood.allCases)
    }

    /// A configuration as a person might change it: lanes come, go and change.
    mutating func reloaded() -> Snapshot {
        self.snapshot.version += 1
        if self.chance(30) { self.makeRouting() }
        if self.chance(30) { self.makeAccounts() }
        for index in self.snapshot.deployments.indices {
            if self.chance(20) { self.snapshot.deployments[index].isActive.toggle() }
            guard self.chance(20) else { continue }
            var lane = self.snapshot.deployments[index]
            self.alter(&lane)
            self.snapshot.deployments[index] = lane
        }
        if self.chance(40), self.snapshot.deployments.count < 20 {
            self.addLane(to: self.below(self.snapshot.groups.count))
        }
        if self.chance(30) { self.makeFallbacks() }
        return self.snapshot
    }

    /// Everything is well again: every provider answers, every lane is configured to take something.
    mutating func healed() -> Snapshot {
        self.snapshot.version += 1
        for index in self.moods.indices { self.moods[index] = .healthy }
        for index in self.snapshot.deployments.indices {
            self.snapshot.deployments[index].isActive = true
            if self.snapshot.deployments[index].maxConcurrency == 0 {
                self.snapshot.deployments[index].maxConcurrency = 1
            }
            if self.snapshot.deployments[index].requestsPerMinute == 0 {
                self.snapshot.deployments[index].requestsPerMinute = 60
            }
        }
        return self.snapshot
    }

    /// A random request, received at `now`.
    mutating func ticket(index: UInt32, now: Instant, streamed: Bool) -> Ticket {
        let group = GroupID(self.below(self.snapshot.groups.count))
        var ticket = Ticket(index: index, group: group, needs: self.pick(Self.needs), deadline: .never)
        if self.chance(40) { ticket.needs = .chat }
        if self.chance(90) {
            ticket.deadline = now.adding(milliseconds: UInt64(self.pick([500, 5_000, 60_000, 600_000])))
        }
        if self.chance(20) { ticket.priority = Int32(self.below(3)) - 1 }
        if self.chance(80) { ticket.promptTokens = UInt32(self.pick([1, 200, 900, 5_000, 20_000])) }
        if self.chance(60) { ticket.completionTokens = UInt32(self.pick([1, 100, 2_000])) }
        if self.chance(15) { ticket.attemptsMax = UInt16(1 + self.below(5)) }
        if streamed { ticket.flags.insert(.streamed) }
        if streamed && self.chance(30) { ticket.flags.insert(.failsOnStreamBreak) }
        if self.chance(15) { ticket.flags.insert(.noFallbacks) }
        if self.chance(25) {
            ticket.group = GroupID(0)
            let request = self.below(3)
            ticket.digest = RequestDigest(high: 1, low: UInt64(1 + request))
            ticket.needs = Self.needs[request]
            ticket.promptTokens = UInt32(100 * request)
        }
        let isRace = self.chance(12)
        let asked = self.ask()
        if isRace || !asked.tags.isEmpty || asked.region != nil || self.chance(15) {
            var race: [GroupID] = []
            if isRace { race = (0..<(2 + self.below(3))).map { _ in GroupID(self.below(self.snapshot.groups.count)) } }
            if let first = race.first { ticket.group = first }
            ticket.extras = TicketExtras(
                fallbacks: self.chance(20) ? self.groups() : nil,
                race: race,
                tags: asked.tags,
                region: asked.region
            )
            ticket.raceWidth = isRace ? UInt16(self.below(4)) : 0
        }
        return ticket
    }

    /// What an answer's headers may say; any number, whether it is true or not.
    mutating func rates() -> RateReport {
        var report = RateReport()
        if self.chance(60) { report.requests = self.meter(limit: self.pick([20, 60, 600])) }
        if self.chance(30) { report.tokens = self.meter(limit: self.pick([2_000, 40_000])) }
        if self.chance(10) { report.completionTokens = self.meter(limit: 5_000) }
        return report
    }

    private mutating func meter(limit: Int) -> RateReport.Meter {
        var meter = RateReport.Meter()
        if self.chance(90) { meter.limit = UInt64(limit) }
        if self.chance(80) { meter.remaining = UInt64(self.below(limit + 1)) }
        if self.chance(60) { meter.resetMilliseconds = UInt64(self.below(90_000)) }
        return meter
    }

    /// What the provider of a lane answers, and after how many milliseconds.
    mutating func answer(of lane: LaneID, streamed: Bool) -> (outcome: Outcome, milliseconds: UInt64) {
        let quick = UInt64(1 + self.below(40))
        let usual = UInt64(20 + self.below(1_500))
        if self.chance(12) { return (self.mishap(streamed: streamed), self.chance(50) ? quick : usual) }
        switch self.moods[Int(lane.index)] {
        case .healthy: return (self.healthy(), usual)
        case .flaky: return self.flaky(after: usual)
        case .dead: return (Outcome(code: self.pick([.unreachable, .providerError, .timeout])), quick)
        case .limited:
            let hint = UInt64(self.pick([0, 1, 300, 1_000, 4_000, 90_000]))
            return (Outcome(code: .rateLimited, retryAfterMilliseconds: hint), quick)
        case .limitedSilently: return (Outcome(code: self.chance(80) ? .rateLimited : nil), quick)
        case .overloaded:
            return (Outcome(code: .overloaded, retryAfterMilliseconds: self.chance(40) ? 700 : nil), quick)
        case .hanging:
            var outcome = Outcome(code: .timeout)
            outcome.isCallersTimeout = self.chance(20)
            return (outcome, self.chance(80) ? 20_000 : 61_000)
        case .badKey: return (Outcome(code: .authentication), quick)
        case .outOfQuota: return (Outcome(code: .quotaExhausted), quick)
        case .noModel: return (Outcome(code: self.pick([.notFound, .permission])), quick)
        case .picky:
            let codes: [FailureCode?] = [
                nil, .invalidRequest, .contextWindow, .contentPolicy, .tooLarge, .unsupportedParameter,
                .schemaMismatch, .internal,
            ]
            var outcome = Outcome(code: self.pick(codes))
            if outcome.code != nil && self.chance(10) { outcome.shouldRetry = self.chance(70) }
            return (outcome, quick)
        case .cutting:
            var outcome = Outcome(code: .streamBroken)
            outcome.hadContent = streamed
            return (outcome, usual)
        }
    }

    /// What may happen anywhere, whatever the provider's mood.
    private mutating func mishap(streamed: Bool) -> Outcome {
        let codes: [FailureCode] = [
            .invalidRequest, .unsupportedParameter, .tooLarge, .contextWindow, .contentPolicy, .authentication,
            .permission, .notFound, .quotaExhausted, .rateLimited, .overloaded, .providerError, .unreachable,
            .streamBroken, .streamBroken, .invalidResponse, .schemaMismatch, .internal,
        ]
        var outcome = Outcome(code: self.pick(codes))
        outcome.hadContent = outcome.code == .streamBroken && streamed
        return outcome
    }

    private mutating func healthy() -> Outcome {
        var outcome = Outcome(code: self.chance(96) ? nil : .providerError)
        guard outcome.code == nil, self.chance(70) else { return outcome }
        outcome.promptTokens = UInt32(self.below(2_000))
        outcome.completionTokens = UInt32(self.below(1_000))
        return outcome
    }

    private mutating func flaky(after milliseconds: UInt64) -> (outcome: Outcome, milliseconds: UInt64) {
        var outcome = Outcome(code: self.chance(50) ? nil : self.pick([.providerError, .invalidResponse, .overloaded]))
        if outcome.code != nil && self.chance(20) { outcome.shouldRetry = self.chance(50) }
        return (outcome, milliseconds)
    }
}
