// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// What attempts teach about lanes: whose fault a failure was, and what follows for its lane.
extension RouterCore {
    /// An attempt that was ended from our side after this long without a word counts as one that the lane let time out.
    static let silenceMax: UInt64 = 60_000_000_000

    /// An attempt's end, as news of its lane.
    mutating func learn(_ outcome: Outcome, from lease: LeaseRecord, _ effects: inout [Effect]) {
        let lane = Int(lease.lane.index)
        if let code = outcome.code {
            if let code = self.lanesFault(code, outcome, lease) { self.learn(code, outcome, lease, &effects) }
        } else {
            self.lanes[lane].succeeded &+= 1
            self.lanes[lane].pause.answered(isProbe: lease.isProbe, startedAt: lease.startedAt)
            self.vouch(for: lease)
        }
        self.measure(outcome, from: lease)
        self.refresh(lease.lane, &effects)
    }

    /// What a failure says of its lane; `nil` = nothing: stopped by us, our own bug, or ended by a deadline or a timer
    /// of the caller, of which the lane knows nothing.
    private mutating func lanesFault(_ code: FailureCode, _ outcome: Outcome, _ lease: LeaseRecord) -> FailureCode? {
        switch code {
        case .cancelled, .internal: return nil
        case .deadlineExceeded: break
        case .timeout where outcome.isCallersTimeout: break
        default: return code
        }
        let wasSilent = !outcome.hadContent && outcome.firstContentMicroseconds == 0
        return wasSilent && self.now.nanoseconds(since: lease.startedAt) >= Self.silenceMax ? .timeout : nil
    }

    private mutating func learn(
        _ code: FailureCode,
        _ outcome: Outcome,
        _ lease: LeaseRecord,
        _ effects: inout [Effect]
    ) {
        let lane = Int(lease.lane.index)
        let traits = code.traits
        let policy = self.lanes[lane].breakerPolicy
        let hint = outcome.retryAfterMilliseconds ?? 0
        self.lanes[lane].failed &+= 1
        self.lanes[lane].lastCode = code
        if self.isCrowded(outcome, lease) {
            self.lanes[lane].pause.extend(byMilliseconds: hint, now: self.now)
        } else if code == .rateLimited {
            self.lanes[lane].pause.limited(
                isProbe: lease.isProbe,
                startedAt: lease.startedAt,
                hintMilliseconds: hint,
                cooldownMilliseconds: policy.cooldownMilliseconds,
                now: self.now
            )
            self.lanes[lane].limits.rest(until: self.lanes[lane].pause.until, now: self.now)
        } else {
            self.lanes[lane].pause.answered(isProbe: lease.isProbe, startedAt: lease.startedAt)
            if traits.fault == .capacity || traits.fault == .provider {
                self.lanes[lane].pause.extend(byMilliseconds: hint, now: self.now)
            }
        }
        let twin = self.twin(of: lease, code)
        if traits.fault == .account, !self.isLetPass(code, lane) {
            self.switchOff(lane, code, &effects)
        } else if traits.fault != .account, policy.counts(code) {
            self.count(code, outcome, lease, twin)
        } else if lease.isProbe {
            // It was refused, but by a provider that is there to refuse.
            self.vouch(for: lease)
        }
        if twin != nil { self.items[lease.item].ownFault = code }
    }

    /// Whether a fault of the account leaves its lane on: so many a minute where a key allows them, and a deployment
    /// for any model is not to blame for one that doesn't exist.
    private mutating func isLetPass(_ code: FailureCode, _ lane: Int) -> Bool {
        if code == .notFound && self.snapshot.deployments[lane].servesAnyModel { return true }
        let policy = self.lanes[lane].breakerPolicy
        return self.lanes[lane].breaker.letsPass(code, policy: policy, now: self.now)
    }

    private mutating func vouch(for lease: LeaseRecord) {
        let lane = Int(lease.lane.index)
        let policy = self.lanes[lane].breakerPolicy
        let limit = self.lanes[lane].limit
        self.lanes[lane].breaker.succeeded(
            isProbe: lease.isProbe,
            turn: lease.turn,
            policy: policy,
            limit: limit,
            now: self.now
        )
    }

    /// Counts a failure against its lane, or, where the item has failed elsewhere in the same way, against the item.
    private mutating func count(_ code: FailureCode, _ outcome: Outcome, _ lease: LeaseRecord, _ twin: LaneID?) {
        let lane = Int(lease.lane.index)
        let policy = self.lanes[lane].breakerPolicy
        let fault = Breaker.Fault(
            code: code,
            isProbe: lease.isProbe,
            turn: lease.turn,
            retryAfterMilliseconds: outcome.retryAfterMilliseconds ?? 0,
            jitter: self.generator.fraction()
        )
        guard let twin else {
            self.lanes[lane].breaker.failed(fault, policy: policy, now: self.now)
            return
        }
        self.lanes[lane].breaker.failedByItem(fault, policy: policy, now: self.now)
        // What the first lane was charged with is taken back once, at the second.
        guard self.items[lease.item].ownFault == nil else { return }
        let other = Int(twin.index)
        let otherPolicy = self.lanes[other].breakerPolicy
        self.lanes[other].breaker.takeBack(code, policy: otherPolicy, now: self.now)
    }

    /// Another lane that failed the same item in the same way.
    ///
    /// Probes aren't counted: their lanes were known to be ill.
    private mutating func twin(of lease: LeaseRecord, _ code: FailureCode) -> LaneID? {
        let item = lease.item
        guard code.followsItem, !lease.isProbe, !lease.isStopped, self.items[item].fate == .live else { return nil }
        let twin = self.items[item].suspicions.first { $0.code == code && $0.lane != lease.lane }?.lane
        self.items[item].suspicions.append((code, lease.lane))
        return twin
    }

    /// A fault of the account: the key is off with every lane that uses it, or, where only the model is refused, this
    /// lane.
    private mutating func switchOff(_ lane: Int, _ code: FailureCode, _ effects: inout [Effect]) {
        let until = self.now.adding(nanoseconds: RetryPolicy.offNanoseconds)
        let isKeys = code == .authentication || code == .quotaExhausted
        let credential = self.lanes[lane].credential
        var affected: [(id: LaneID, old: LaneLook)] = []
        for index in self.lanes.indices where index == lane || (isKeys && self.lanes[index].credential == credential) {
            self.lanes[index].off = (code, until)
            // When the half hour is over, one attempt finds out whether it is mended.
            self.lanes[index].pause.demandProbe()
            affected.append((LaneID(index), self.look(at: LaneID(index))))
        }
        // All of them first, so that nobody is sent from one to the other.
        for (id, _) in affected { self.update(id) }
        for (id, old) in affected { self.announce(id, since: old, &effects) }
    }
}

extension FailureCode {
    /// Whether what an item asks for may be the reason, wherever it is sent.
    ///
    /// A connection that can't be had, cut or silent, a limit or an overload says nothing of the item.
    var followsItem: Bool {
        self == .providerError || self == .invalidResponse || self == .schemaMismatch
    }
}
