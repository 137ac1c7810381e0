// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// One budget's state: what was spent in the running window, and what attempts under way may still cost.
///
/// An attempt may start while spent and reserved are below the limit, and reserves the most that it can cost; so
/// however many run at once, all but the last one stay within it. The window begins with the first spend and nothing
/// has to happen at its end: what was spent in a window that is over counts no more. Money is in 10^-9 US dollars;
/// sums saturate.
struct Purse: Sendable {
    /// `nil` = any sum may be spent.
    ///
    /// A window of 0 never ends.
    var budget: Budget?
    private(set) var reserved: Int64 = 0
    private var spent: Int64 = 0
    private var began = Instant.zero

    init(_ budget: Budget? = nil) {
        self.budget = budget
    }

    /// Whether another attempt may start.
    func takesMore(now: Instant) -> Bool {
        guard let budget else { return true }
        return Self.sum(self.spent(now: now), self.reserved) < budget.limitNanoUSD
    }

    /// When spending may go on, if all is spent; `nil` = not all is, `never` = not before a reload.
    func exhaustedUntil(now: Instant) -> Instant? {
        guard let budget, self.spent(now: now) >= budget.limitNanoUSD else { return nil }
        return budget.limitNanoUSD <= 0 ? .never : self.windowEnd
    }

    /// The end of the running window; `never` if none runs, or it has no end.
    func nextWindow(now: Instant) -> Instant {
        self.spent(now: now) > 0 ? self.windowEnd : .never
    }

    /// What the running window has cost.
    func spent(now: Instant) -> Int64 {
        now < self.windowEnd ? self.spent : 0
    }

    mutating func reserve(_ amount: Int64) {
        self.reserved = Self.sum(self.reserved, amount)
    }

    /// An attempt that had reserved `amount` cost `cost`.
    mutating func settle(_ amount: Int64, cost: Int64, now: Instant) {
        self.reserved -= amount
        guard cost > 0 else { return }
        let before = self.spent(now: now)
        if before == 0 { self.began = now }
        self.spent = Self.sum(before, cost)
    }

    private var windowEnd: Instant {
        guard let budget, budget.windowMilliseconds > 0 else { return .never }
        return self.began.adding(milliseconds: budget.windowMilliseconds)
    }

    private static func sum(_ left: Int64, _ right: Int64) -> Int64 {
        let (sum, overflow) = left.addingReportingOverflow(right)
        return overflow ? .max : sum
    }
}

/// A purse and those who spend from it.
struct SharedPurse: Sendable {
    /// Who has to be told when it opens or closes.
    enum Owner: Sendable, Equatable {
        case provider
        case deployment
        case tag
        case tenant(Int)
    }

    var purse: Purse
    let owner: Owner
    /// Leases before this number reserved nothing here.
    let firstLease: UInt64
    /// The lanes whose attempts are paid from it, where it is theirs.
    var lanes: [LaneID] = []
    /// What those who depend on it were told last.
    var isOpen = true
    var until: Instant?
    /// The instant of its earliest entry among the timers.
    var armed = Instant.never

    init(_ owner: Owner, firstLease: UInt64) {
        self.owner = owner
        self.purse = Purse()
        self.firstLease = firstLease
    }
}
