// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutModel

/// How often something may happen: a bucket that holds one second's worth and refills evenly.
package struct RateGate: Sendable {
    private let perSecond: UInt64
    private var level: UInt64
    private var last: Instant

    /// Makes a full gate.
    package init(perSecond: UInt64, now: Instant) {
        self.perSecond = perSecond
        self.level = perSecond * 1_000_000_000
        self.last = now
    }

    /// Takes one; `false` = too often.
    package mutating func pass(now: Instant) -> Bool {
        let whole = self.perSecond * 1_000_000_000
        let elapsed = min(now.nanoseconds(since: self.last), 1_000_000_000)
        self.level = min(whole, self.level + elapsed * self.perSecond)
        self.last = max(self.last, now)
        guard self.level >= 1_000_000_000 else { return false }
        self.level -= 1_000_000_000
        return true
    }
}
