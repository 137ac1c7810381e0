// Fanout
// SPDX-License-Identifier: Apache-2.0

/// A point on the monotonic clock, in nanoseconds from an arbitrary origin.
///
/// Pure code takes it as an argument and never reads a clock. Arithmetic saturates: a deadline that is further away
/// than the clock can say is "never".
///
/// It is compared many times a decision. `@usableFromInline` lets other modules inline what it can do, which a package
/// type alone doesn't: a quarter of a decision's instructions (docs/internals/workarounds.md).
@usableFromInline
package struct Instant: Sendable, Hashable, Comparable {
    /// Nanoseconds since the origin.
    @usableFromInline
    package var nanoseconds: UInt64

    /// A point that is never reached.
    @inlinable
    package static var never: Instant { Instant(nanoseconds: .max) }

    /// The origin.
    @inlinable
    package static var zero: Instant { Instant(nanoseconds: 0) }

    /// Makes an instant from nanoseconds since the origin.
    @inlinable
    package init(nanoseconds: UInt64) {
        self.nanoseconds = nanoseconds
    }

    /// Whether both are the same point.
    @inlinable
    package static func == (left: Instant, right: Instant) -> Bool {
        left.nanoseconds == right.nanoseconds
    }

    @inlinable
    package static func < (left: Instant, right: Instant) -> Bool {
        left.nanoseconds < right.nanoseconds
    }

    /// The instant this many nanoseconds later; `never` past the end of the clock.
    @inlinable
    package func adding(nanoseconds: UInt64) -> Instant {
        let (sum, overflow) = self.nanoseconds.addingReportingOverflow(nanoseconds)
        return overflow ? .never : Instant(nanoseconds: sum)
    }

    /// The instant this many milliseconds later; `never` past the end of the clock.
    @inlinable
    package func adding(milliseconds: UInt64) -> Instant {
        let (product, overflow) = milliseconds.multipliedReportingOverflow(by: 1_000_000)
        return overflow ? .never : self.adding(nanoseconds: product)
    }

    /// Nanoseconds since an earlier instant; 0 if that one is later.
    @inlinable
    package func nanoseconds(since earlier: Instant) -> UInt64 {
        self.nanoseconds > earlier.nanoseconds ? self.nanoseconds - earlier.nanoseconds : 0
    }

    /// Microseconds since an earlier instant; 0 if that one is later.
    @inlinable
    package func microseconds(since earlier: Instant) -> UInt64 {
        self.nanoseconds(since: earlier) / 1_000
    }

    /// Milliseconds since an earlier instant, rounded up; 0 if that one is later.
    @inlinable
    package func milliseconds(since earlier: Instant) -> UInt64 {
        let span = self.nanoseconds(since: earlier)
        return span / 1_000_000 + (span % 1_000_000 == 0 ? 0 : 1)
    }
}
