// Fanout
// SPDX-License-Identifier: Apache-2.0

/// Failures of attempts that began one after another.
///
/// When an outage begins, answers to attempts from before it still come in for a while, and each of them halves the
/// count of failures in a row. This one goes by when attempts began: successes of those that began before the first of
/// the failures say nothing, one of a later attempt ends the run. Where few of many fail, those in between are still
/// under way, so half of what began from the first to the last of them has to have failed.
struct FailureRun: Sendable {
    private var first: UInt64 = 0
    private var last: UInt64 = 0
    private var failures: UInt32 = 0

    /// Whether this is an outage.
    var isOutage: Bool {
        self.failures >= Breaker.streakMax && UInt64(self.failures) * 2 >= self.last - self.first + 1
    }

    mutating func failed(_ turn: UInt64) {
        self.first = self.failures == 0 ? turn : min(self.first, turn)
        self.last = self.failures == 0 ? turn : max(self.last, turn)
        self.failures += 1
    }

    mutating func succeeded(_ turn: UInt64) {
        if self.failures > 0 && turn > self.first { self.failures = 0 }
    }
}
