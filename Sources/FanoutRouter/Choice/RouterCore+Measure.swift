// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// What an attempt's end says of its lane's speed.
extension RouterCore {
    /// Learns from an attempt's end, whatever strategy is in force: a reload may name another.
    mutating func measure(_ outcome: Outcome, from lease: LeaseRecord) {
        let lane = Int(lease.lane.index)
        let prompt = self.items[lease.item].ticket.promptTokens
        let seconds = Double(self.now.nanoseconds(since: lease.startedAt)) / 1e9
        self.settleUsage(outcome, of: lease)
        guard let code = outcome.code else {
            let sample = PaceSample(
                seconds: seconds,
                firstContent: min(seconds, Double(outcome.firstContentMicroseconds) / 1e6),
                promptTokens: prompt,
                completionTokens: self.tokensOfEach(outcome, of: lease.item)
            )
            let group = Int(self.lanes[lane].group.index)
            let listSize = self.groups[group].arguments.maxLatencyListSize
            self.paces[lane].answered(sample, isProbe: lease.isProbe, keeping: listSize, now: self.now)
            self.groups[group].pace.answered(sample)
            self.noteMeasured(lane)
            return
        }
        if code == .cancelled {
            self.paces[lane].stopped(after: seconds, promptTokens: prompt, now: self.now)
        } else if code.traits.countsAgainstLane {
            let hint = outcome.retryAfterMilliseconds ?? 0
            self.paces[lane].failed(seconds, promptTokens: prompt, hintMilliseconds: hint, now: self.now)
            self.noteMeasured(lane)
        }
    }

    private mutating func settleUsage(_ outcome: Outcome, of lease: LeaseRecord) {
        let estimate = UInt64(lease.cost.amount(.tokens))
        var used = UInt64(outcome.promptTokens) + UInt64(outcome.completionTokens)
        // An answer whose provider counts nothing used what was thought. So did a failure by the lane's fault: a lane
        // that fails at once would never use anything, and be the least used one for good.
        if used == 0 && outcome.code?.traits.countsAgainstLane ?? true { used = estimate }
        self.paces[Int(lease.lane.index)].usage.settle(estimate, used: used, now: self.now)
    }

    private mutating func noteMeasured(_ lane: Int) {
        guard self.paces[lane].isMeasured else { return }
        self.groups[Int(self.lanes[lane].group.index)].unmeasured.remove(self.lanes[lane].position)
    }
}
