// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import FanoutRouter

/// What the referee knows of limits: those of requests that are configured. Tokens it doesn't add up, since what is
/// reserved for an answer is the router's own guess.
extension Referee {
    func account(of lane: LaneID) -> AccountLimits? {
        self.snapshot.deployments[Int(lane.index)].account.map { self.snapshot.accounts[$0] }
    }

    /// Whether a lane may have to wait for a level, so that it can't be called free.
    func isPaced(_ lane: LaneID) -> Bool {
        if self.lanes[Int(lane.index)].isPaced { return true }
        guard self.snapshot.routing.enforcesRates else { return false }
        let deployment = self.snapshot.deployments[Int(lane.index)]
        var own = RateLimits()
        own.requestsPerMinute = deployment.requestsPerMinute
        own.tokensPerMinute = deployment.tokensPerMinute
        own.promptTokensPerMinute = deployment.promptTokensPerMinute
        own.completionTokensPerMinute = deployment.completionTokensPerMinute
        return !own.isEmpty || !(self.account(of: lane)?.rates.isEmpty ?? true)
    }

    mutating func configureRates() {
        while self.rates.count < self.lanes.count { self.rates.append(NaiveRate()) }
        let enforces = self.snapshot.routing.enforcesRates
        while self.told.count < self.lanes.count { self.told.append(NaiveTold()) }
        for index in self.rates.indices {
            let perMinute = enforces ? self.snapshot.deployments[index].requestsPerMinute : nil
            self.rates[index].configure(perMinute)
            self.told[index].configure(perMinute, now: self.now)
        }
        for account in self.snapshot.accounts {
            self.accountRates[account.name, default: NaiveRate()]
                .configure(enforces ? account.rates.requestsPerMinute : nil)
        }
    }

    mutating func judgeRate(_ dispatch: Dispatch, _ name: String) {
        let lane = Int(dispatch.lane.index)
        self.rates[lane].started(dispatch.lease.number, now: self.now)
        if self.rates[lane].isExceeded(now: self.now) { self.blame("\(name): its limit of requests is exceeded") }
        self.told[lane].started()
        self.leases[dispatch.lease]?.taken = self.told[lane].taken
        if self.told[lane].isExceeded(now: self.now) { self.blame("\(name): no request was left, by a header") }
        guard let account = self.account(of: dispatch.lane)?.name else { return }
        self.leases[dispatch.lease]?.account = account
        self.accountRates[account]?.started(dispatch.lease.number, now: self.now)
        if self.accountRates[account]?.isExceeded(now: self.now) == true {
            self.blame("\(name): its account's limit of requests is exceeded")
        }
    }

    mutating func giveBack(_ lease: LeaseID) {
        guard let record = self.leases[lease] else { return }
        self.rates[Int(record.lane.index)].givenBack(lease.number)
        self.told[Int(record.lane.index)].givenBack()
        if let account = record.account { self.accountRates[account]?.givenBack(lease.number) }
    }

    /// An answer's headers spoke of limits.
    mutating func told(_ lease: LeaseID, _ rates: RateReport) {
        guard let record = self.leases[lease] else { return }
        self.lanes[Int(record.lane.index)].isPaced = true
        guard record.outcome == nil else { return }
        self.told[Int(record.lane.index)]
            .heard(
                rates.requests,
                lease: lease.number,
                taken: record.taken,
                start: record.startedAt,
                now: self.now
            )
    }
}
