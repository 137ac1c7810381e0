// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// The live state of one deployment.
///
/// Whether it may be given an attempt is the product of: configured and in use; off by a fault of its account; paused
/// by its provider or a spent budget; its breaker; its limit. A lane that comes back from a pause that its provider
/// asked for, or from an open breaker, is half-open: it takes one attempt, its probe, and nothing else until that is
/// answered. After an open breaker it is on a ramp first, closed, but with less than its limit.
struct Lane {
    var group: GroupID
    /// Its bit in the group's sets.
    var position: Int
    var isActive = true
    /// The most attempts in flight at present; 0 = none at all.
    var limit: UInt32 = 0
    /// The most there may ever be.
    var ceiling: UInt32 = 0
    /// How many it takes, as its answers show; `nil` = its configuration says it.
    var concurrency: ConcurrencyLimit?
    var inFlight: UInt32 = 0
    /// The same by class.
    var inFlightByClass = SIMD4<UInt32>()
    /// The classes for which it has no place, since what is free is kept for others; a bit for each.
    var keptMask: UInt8 = 0
    var breaker = Breaker()
    var breakerPolicy = BreakerPolicy()
    var pause = LanePause()
    /// Its own limits of requests and tokens.
    var limits = RateGate()
    /// The limits that it shares, among the core's accounts; -1 = none.
    var account: Int32 = -1
    /// Its place among the account's lanes.
    var accountPlace: Int32 = 0
    /// When its limits and its account's let the smallest attempt go, as of its last change.
    var limitsReadyAt = Instant.zero
    /// When the head of a queue that is kept off may fit by itself, hold or not; `never` = none will.
    var lookAt = Instant.never
    /// Why and until when it is off; `nil` = it is on.
    var off: (code: FailureCode, until: Instant)?
    /// The lease of the probe that is out; 0 = none.
    var probe: UInt64 = 0
    /// For retries on a lane that has failed the item.
    var retryBudget = RetryBudget()
    /// Lanes with the same number share a key.
    var credential: Int32 = 0
    /// `nil` = the group's.
    var retries: UInt32?
    /// The places of its provider's and its own budget among the purses.
    var providerPurse = -1
    var purse = -1
    /// Whether both budgets have something left that no attempt under way may need.
    var isFunded = true
    /// All is spent until then.
    var unfundedUntil = Instant.zero
    /// What a token costs, in 10^-9 US dollars; 0 = free, or not known.
    var rates = (prompt: 0.0, completion: 0.0)
    /// Attempts so far.
    var turns: UInt64 = 0
    var succeeded: UInt64 = 0
    var failed: UInt64 = 0
    var lastCode: FailureCode?
    /// What the group's sets say of it at present.
    var state = LaneState.closed
    var isAvailable = false
    /// When it could start an attempt, as of its last change: `zero` = now, `never` = not without a reload.
    var readyAt = Instant.zero
    /// The instant of its earliest entry among the timers.
    var armed = Instant.never

    init(group: GroupID, position: Int) {
        self.group = group
        self.position = position
    }

    /// Whether it takes attempts at this instant, its limit apart.
    @inline(__always)
    func gate(now: Instant) -> LaneState {
        if !self.isActive || self.limit == 0 { return .off }
        if let off = self.off, now < off.until { return .off }
        if now < max(self.pause.until, self.unfundedUntil) { return .paused }
        if self.breaker.isOpen(now: now) { return .open }
        if self.pause.needsProbe || self.breaker.isHalfOpen(now: now) { return .halfOpen }
        return .closed
    }

    /// Whether one more attempt may start, given its gate.
    @inline(__always)
    func takesMore(_ gate: LaneState) -> Bool {
        switch gate {
        case .closed: self.inFlight < self.breaker.width(of: self.limit) && self.isFunded
        case .halfOpen: self.inFlight < self.limit && self.isFunded && self.probe == 0
        case .open, .paused, .off: false
        }
    }

    /// Whether it may be tried for the sake of knowing it better: closed, and past its ramp.
    func isSettled(now: Instant) -> Bool {
        self.gate(now: now) == .closed && self.breaker.ramp == nil
    }

    /// When its gate may change by itself; `nil` = not by itself.
    @inline(__always)
    func changeAt(now: Instant) -> Instant? {
        switch self.gate(now: now) {
        case .off: self.off?.until
        case .paused: max(self.pause.until, self.unfundedUntil)
        case .open: self.breaker.openUntil
        case .halfOpen, .closed: nil
        }
    }

    /// The earliest instant at which an attempt could start; `nil` = only a reload can help.
    ///
    /// A lane that is merely full counts as ready: a slot may come back at any moment. A lane that is off comes back
    /// after half an hour, but nothing waits for that.
    @inline(__always)
    func recovery(now: Instant) -> Instant? {
        switch self.gate(now: now) {
        case .off: nil
        case .paused, .open: max(self.pause.until, max(self.breaker.openUntil ?? .zero, self.unfundedUntil))
        case .halfOpen, .closed: now
        }
    }
}
