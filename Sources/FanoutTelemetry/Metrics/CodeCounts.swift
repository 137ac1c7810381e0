// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutModel

/// How often each failure code came, and success beside them.
///
/// The list of codes is closed, which bounds it.
package struct CodeCounts: Sendable, Hashable {
    /// Without a failure.
    package private(set) var succeeded: UInt64 = 0
    private var failed: [FailureCode: UInt64] = [:]

    /// None.
    package init() {}

    /// Counts one; `nil` = success.
    package mutating func count(_ code: FailureCode?) {
        if let code { self.failed[code, default: 0] += 1 } else { self.succeeded += 1 }
    }

    /// The codes that came, in the order of their numbers.
    package var failures: [(code: FailureCode, count: UInt64)] {
        self.failed.sorted { $0.key.rawValue < $1.key.rawValue }.map { ($0.key, $0.value) }
    }
}
