// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// How many retries there may be beside first attempts: each attempt earns a share of one, and one a second comes by
/// itself.
///
/// After Finagle's RetryBudget (deposits 20 % of the requests, a floor a second), with a floor of one: ten would allow
/// 6,000 retries in an outage of ten minutes.
struct RetryBudget: Sendable {
    static let perSecond = 1.0

    /// Full at first.
    private var level = Double.greatestFiniteMagnitude
    private var filledAt = Instant.zero

    /// An attempt has begun.
    mutating func earn(_ ratio: Double, burst: Double, now: Instant) {
        self.refill(burst, now: now)
        self.level = min(burst, self.level + ratio)
    }

    /// Whether a retry may go now.
    mutating func has(burst: Double, now: Instant) -> Bool {
        self.refill(burst, now: now)
        return self.level >= 1
    }

    /// Pays for a retry; only after ``has(burst:now:)``.
    mutating func pay() {
        self.level -= 1
    }

    /// Until one comes by itself, in nanoseconds; at most a second.
    func wait() -> UInt64 {
        UInt64(max(0, min(1, 1 - self.level)) / Self.perSecond * 1e9)
    }

    private mutating func refill(_ burst: Double, now: Instant) {
        let seconds = Double(now.nanoseconds(since: self.filledAt)) / 1e9
        self.filledAt = max(self.filledAt, now)
        self.level = min(burst, self.level + seconds * Self.perSecond)
    }
}

extension RouterCore {
    /// The most retries that may be saved up for a lane: so many as can fail at one moment, or ten.
    private func retryBurst(of lane: LaneID) -> Double {
        Double(max(10, self.lanes[Int(lane.index)].limit))
    }

    /// The same for all lanes together: a quarter of what may be in flight, or a hundred.
    private var retryBurst: Double {
        Double(max(100, self.snapshot.routing.daemonConcurrency / 4))
    }

    /// An attempt begins: it counts as a retry if it is one, and earns its share of another.
    mutating func countStart(of leg: Slot, on lane: LaneID) {
        self.lanes[Int(lane.index)].turns += 1
        if let last = self.legs[leg].last {
            if last.code == .rateLimited {
                self.items[self.legs[leg].item].limitedRetries &+= 1
            } else {
                self.items[self.legs[leg].item].retriesUsed &+= 1
                // Also who was to go elsewhere, and found nobody well there when its turn came.
                let position = self.lanes[Int(lane.index)].position
                if self.legs[leg].failed.contains(position) { self.legs[leg].sameLaneRetries &+= 1 }
            }
        }
        let ratio = self.snapshot.routing.retryBudgetRatio
        self.retryBudget.earn(ratio, burst: self.retryBurst, now: self.now)
        self.lanes[Int(lane.index)].retryBudget.earn(ratio, burst: self.retryBurst(of: lane), now: self.now)
    }

    /// Takes one retry from the daemon's budget, and from that of `lane`; `nil` = it goes to a lane that hasn't failed
    /// the item.
    ///
    /// `false` = there is none.
    mutating func payForRetry(on lane: LaneID?) -> Bool {
        guard self.retryBudget.has(burst: self.retryBurst, now: self.now) else { return false }
        if let lane {
            let burst = self.retryBurst(of: lane)
            guard self.lanes[Int(lane.index)].retryBudget.has(burst: burst, now: self.now) else { return false }
            self.lanes[Int(lane.index)].retryBudget.pay()
        }
        self.retryBudget.pay()
        return true
    }

    /// When to ask again, in nanoseconds: when the next one comes by itself, and a little later, so that not all who
    /// wait ask at once.
    mutating func retryBudgetWait(on lane: LaneID?) -> UInt64 {
        var wait = self.retryBudget.wait()
        if let lane { wait = max(wait, self.lanes[Int(lane.index)].retryBudget.wait()) }
        return max(1_000_000, wait) + UInt64(self.generator.fraction() * 250_000_000)
    }
}
