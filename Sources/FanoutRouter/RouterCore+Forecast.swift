// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutModel

/// What is to be expected of a batch that would come now.
package struct Forecast: Sendable, Hashable {
    /// Until its last answer, in milliseconds; 0 = not known.
    package var finishMilliseconds: UInt64 = 0
    /// None of it could be answered by its deadline: until the first could, in milliseconds; 0 = some may make it.
    package var tooLateMilliseconds: UInt64 = 0
    /// Where none could: until trying again may help, in milliseconds; 0 = it doesn't.
    package var retryMilliseconds: UInt64 = 0

    /// Nothing is known.
    package init() {}
}

/// Items of a batch that ask for one model group.
package struct ForecastWork: Sendable, Hashable {
    package var group: GroupID
    package var items: Int

    /// Makes work.
    package init(group: GroupID, items: Int) {
        self.group = group
        self.items = items
    }
}

/// When a batch will be done, as things are: what waits before it, what its lanes take, how long answers take.
extension RouterCore {
    /// What is to be expected of a batch.
    ///
    /// It is done when its slowest group is. Others who wait share the lanes with it; lanes that are ill count as if
    /// they stayed so.
    package mutating func forecast(_ terms: RunTerms, _ work: [ForecastWork], now: Instant) -> Forecast {
        self.now = max(self.now, now)
        var forecast = Forecast()
        var longest = 0.0
        var isKnown = !work.isEmpty
        var soonest = (start: Instant.never, end: Instant.never)
        for part in work {
            let group = Int(self.host(of: part.group).index)
            guard group < self.groups.count else { return Forecast() }
            if let seconds = self.seconds(for: part.items, group: group, terms) {
                longest = max(longest, seconds)
            } else {
                isKnown = false
            }
            let answer = self.soonestAnswer(of: group)
            if answer.end < soonest.end { soonest = answer }
        }
        if isKnown { forecast.finishMilliseconds = UInt64(min(1e12, (longest * 1_000).rounded(.up))) }
        if soonest.end > self.now, soonest.end != .never, soonest.end >= terms.deadline {
            forecast.tooLateMilliseconds = soonest.end.milliseconds(since: self.now)
            if soonest.start > self.now { forecast.retryMilliseconds = soonest.end.milliseconds(since: terms.deadline) }
        }
        return forecast
    }

    /// How long so many items of a batch would take; `nil` = too little is known.
    private func seconds(for items: Int, group: Int, _ terms: RunTerms) -> Double? {
        guard let service = self.groups[group].pace.service.mean else { return nil }
        var rate = 0.0
        self.groups[group].healthy.intersection(self.groups[group].members).forEach { position in
            let lane = Int(self.groups[group].lanes[position].index)
            let places = Double(self.lanes[lane].limit) / (self.paces[lane].service.mean ?? service)
            rate += min(places, self.perSecond(lane))
        }
        guard rate > 0 else { return nil }
        var ahead = 0.0
        for queue in self.groups[group].queues where !self.queues[queue].isFree {
            let rank = Self.index(of: self.queues[queue].key.priorityClass) - Self.index(of: terms.priorityClass)
            let waiting = Double(self.queues[queue].waiting)
            if rank < 0 { ahead += waiting }
            guard rank == 0 else { continue }
            ahead += min(waiting, Double(items) * Double(self.queues[queue].nodes.count))
        }
        let places = terms.bounds.maxConcurrency ?? self.snapshot.routing.tenantConcurrency
        let width = Double(min(self.width(of: terms), max(1, places)))
        // The tenant's own limit of tokens is left out: it hangs on answers that are not known yet.
        let paced = terms.bounds.rates.requestsPerMinute.map { Double(items) * 60 / max($0, 1e-3) } ?? 0
        return max(max(service, paced), max((ahead + Double(items)) / rate, Double(items) * service / width))
    }

    /// What a lane's limits and its account's let start in a second in the long run.
    private func perSecond(_ lane: Int) -> Double {
        let group = Int(self.lanes[lane].group.index)
        let answer = self.groups[group].completions.expected(else: CompletionEstimate.prior)
        let cost = RateCounts(requests: 1, prompt: 1, completion: Int64(answer))
        let own = self.lanes[lane].limits.perSecond(cost)
        let account = Int(self.lanes[lane].account)
        return account < 0 ? own : min(own, self.accounts[account].limits.perSecond(cost))
    }

    /// When one more item could be answered at the earliest, by this group or by a fallback of it.
    private mutating func soonestAnswer(of group: Int) -> (start: Instant, end: Instant) {
        let lanes = self.groups[group].members.intersection(self.groups[group].recoverable)
        guard self.groups[group].reachableFallbacks == 0, !lanes.isEmpty else { return (self.now, self.now) }
        let start = self.recovery(of: lanes, group: group)
        guard start != .never, let least = self.quickest(of: lanes, group: group) else { return (start, start) }
        return (start, start.adding(nanoseconds: UInt64(least * 1e9)))
    }
}

extension RateGate {
    /// Attempts of a cost a second in the long run; infinite = any number.
    func perSecond(_ cost: RateCounts) -> Double {
        guard self.isLimited else { return .infinity }
        var least = self.learned?.requests ?? .infinity
        for kind in RateKind.all {
            guard let meter = self.meters[kind.rawValue] else { continue }
            least = min(least, meter.bucket.rate / Double(max(1, cost.amount(kind))))
        }
        return least
    }
}
