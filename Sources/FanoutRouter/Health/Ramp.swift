// Fanout
// SPDX-License-Identifier: Apache-2.0

/// A lane's way back to full traffic after an outage: a tenth of its limit, then half, then all.
///
/// A step ends when as many attempts succeeded as it lets run at once, five at most, so it takes about one round trip
/// under load. It falls back to open when two have failed and more than have succeeded: the outage isn't over then, and
/// only the few that were let through have found out.
struct Ramp: Sendable, Hashable {
    static let successesMax: UInt32 = 5
    static let failuresMin: UInt32 = 2
    /// Percent of the limit, step by step.
    static let shares: [UInt64] = [10, 50]

    private var step = 0
    private var successes: UInt32 = 0
    private var failures: UInt32 = 0

    /// The most attempts in flight at the present step.
    func width(of limit: UInt32) -> UInt32 {
        min(limit, max(1, UInt32(UInt64(limit) * Self.shares[self.step] / 100)))
    }

    /// Returns whether it has come to its end.
    mutating func succeeded(limit: UInt32) -> Bool {
        self.successes += 1
        guard self.successes >= min(Self.successesMax, self.width(of: limit)) else { return false }
        self.successes = 0
        self.failures = 0
        self.step += 1
        return self.step == Self.shares.count
    }

    /// Returns whether the outage goes on.
    mutating func failed() -> Bool {
        self.failures += 1
        return self.failures >= Self.failuresMin && self.failures > self.successes
    }
}
