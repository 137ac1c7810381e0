// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import FanoutRouter

/// What the referee learns from attempts' ends.
extension Referee {
    mutating func learn(_ id: LeaseID, _ lease: Lease, _ outcome: Outcome) {
        let lane = Int(lease.lane.index)
        let limit = self.limit(of: lease.lane)
        guard var code = outcome.code else {
            self.noteAnswer(on: lane, since: lease.startedAt)
            self.lanes[lane].succeeded(
                id,
                turn: lease.turn,
                startedAt: lease.startedAt,
                limit: limit,
                now: self.now
            )
            return
        }
        if code == .cancelled || code == .internal { return }
        if code == .deadlineExceeded || (code == .timeout && outcome.isCallersTimeout) {
            // The lane knows nothing of the caller's time, unless it has been silent for a minute.
            let isLong = self.now.nanoseconds(since: lease.startedAt) >= 60_000_000_000
            guard isLong, !outcome.hadContent, outcome.firstContentMicroseconds == 0 else { return }
            code = .timeout
        }
        let deployment = self.snapshot.deployments[lane]
        let rules = BreakerRules(deployment, self.snapshot.routing)
        // Of a lane that is known to be ill a failure says nothing about the item.
        let twin = self.lanes[lane].probe == id ? nil : self.twin(of: lease, code)
        let isOff = code.traits.fault == .account && !self.lanes[lane].letsPass(code, rules, now: self.now)
        let failure = NaiveFailure(
            lease: id,
            code: code,
            turn: lease.turn,
            startedAt: lease.startedAt,
            hint: outcome.retryAfterMilliseconds ?? 0,
            isItems: twin != nil,
            isAccounts: isOff,
            limit: limit
        )
        self.lanes[lane].failed(failure, rules, now: self.now)
        if let twin {
            self.count("own fault")
            if self.items[lease.item]?.ownFault == nil, rules.counts(code) {
                let other = Int(twin.index)
                let otherRules = BreakerRules(self.snapshot.deployments[other], self.snapshot.routing)
                self.lanes[other].excuseLast(code, otherRules, now: self.now)
            }
            self.items[lease.item]?.ownFault = code
        }
        if isOff { self.switchOff(lane, code) }
    }

    /// Another lane that failed the item in the same way.
    private mutating func twin(of lease: Lease, _ code: FailureCode) -> LaneID? {
        guard [.providerError, .invalidResponse, .schemaMismatch].contains(code), lease.stopped == nil else {
            return nil
        }
        guard let item = self.items[lease.item], !item.isFinal else { return nil }
        self.items[lease.item]?.suspicions.append((lease.lane, code))
        return item.suspicions.first { $0.code == code && $0.lane != lease.lane }?.lane
    }

    private mutating func switchOff(_ lane: Int, _ code: FailureCode) {
        let isKeys = code == .authentication || code == .quotaExhausted
        let credential = self.snapshot.deployments[lane].endpoint.credential
        let provider = self.snapshot.deployments[lane].endpoint.provider
        for index in self.lanes.indices {
            let shares =
                isKeys && credential != .none
                && self.snapshot.deployments[index].endpoint.credential == credential
                && self.snapshot.deployments[index].endpoint.provider == provider
            guard index == lane || shares else { continue }
            self.lanes[index].off = (code, self.now.adding(milliseconds: 1_800_000))
            self.lanes[index].needsProbe = true
        }
    }

    mutating func noteFailure(
        of item: inout Item,
        _ lease: Lease,
        _ id: LeaseID,
        _ code: FailureCode,
        _ outcome: Outcome
    ) {
        if code != .rateLimited { item.charged += 1 }
        if item.committed == id { item.committed = nil }
        var leg = item.legs[lease.leg]
        leg.failures.append((lease.lane, code, self.now))
        leg.last = (code, id)
        let policy = self.snapshot.groups[Int(leg.group.index)].retryPolicy ?? self.snapshot.routing.retryPolicy
        leg.rule = NaiveRetryRule(after: code, policy, shouldRetry: outcome.shouldRetry)
        if code == .contextWindow {
            leg.rule.otherLane = true
            self.outgrow(&leg, lease.lane, item.ticket)
        }
        let granted = leg.rule.named ?? self.retries(of: lease.lane, in: leg.group)
        item.retriesGranted = max(item.retriesGranted, granted)
        if code == .rateLimited {
            item.limitedRetriesGranted = max(item.limitedRetriesGranted, leg.rule.named ?? .max)
        }
        if !leg.rule.sameLane { leg.barred.insert(lease.lane) }
        if code == .contentPolicy {
            let ways = self.contentPolicyFallbacks(of: leg.group)
            leg.policyWays = leg.cameAfterPolicy ? leg.policyWays.union(ways) : ways
        }
        let tried = Set(leg.failures.map(\.lane))
        leg.mustWait = !self.eligible(item.ticket, leg).contains {
            !tried.contains($0) && !leg.barred.contains($0) && self.state(of: $0) == [.closed]
        }
        item.legs[lease.leg] = leg
        self.count("failed \(code.name)")
    }

    /// Whether a leg's last failure leaves it a retry, as far as numbers go; of those started already, `used` counts.
    func hasRetry(_ item: Item, _ leg: Leg, on lane: LaneID, used: Int, limited: Int) -> Bool {
        guard let last = leg.last, leg.rule.sameLane || leg.rule.otherLane else { return false }
        // The legs of a race share their retries; each was granted by the settings of the lane that failed it.
        let isRace = item.legs.count > 1
        if last.code == .rateLimited {
            return leg.rule.named.map { limited < (isRace ? max($0, item.limitedRetriesGranted) : $0) } ?? true
        }
        if item.ownFault == last.code && leg.rule.named == nil && !isRace { return false }
        if let named = leg.rule.named, used >= named, !isRace { return false }
        if item.ticket.attemptsMax > 0 { return true }
        let own = leg.rule.named ?? self.retries(of: lane, in: leg.group)
        return used < (isRace ? max(own, item.retriesGranted) : own)
    }
}
