// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// One row of the table of bounds: a situation, what is measured of it, and what it has to be.
///
/// `scripts/routing-table` runs all of them over many seeds into docs/routing.md; tests run them over a few.
package struct Bound: Sendable {
    /// One number of a row.
    package struct Measure: Sendable {
        package var name: String
        package var bar: Bar
        package var unit: Unit

        /// Makes a measure.
        package init(_ name: String, _ bar: Bar, _ unit: Unit = .count) {
            self.name = name
            self.bar = bar
            self.unit = unit
        }

        /// Whether a value is what it has to be.
        package func isMet(by value: Double) -> Bool {
            switch self.bar {
            case .atLeast(let least): value >= least
            case .atMost(let most): value <= most
            case .shown: true
            }
        }

        /// The worse of two values.
        package func worse(_ left: Double, _ right: Double) -> Double {
            if case .atLeast = self.bar { min(left, right) } else { max(left, right) }
        }
    }

    /// What a number has to be.
    package enum Bar: Sendable, Hashable {
        case atLeast(Double)
        case atMost(Double)
        /// Nothing: it is told to understand the others.
        case shown
    }

    /// How a number is written.
    package enum Unit: Sendable {
        /// A share of 1, written as per cent.
        case share
        case count
        case seconds
        case milliseconds
    }

    /// The part of the table it belongs to.
    package var topic: String
    package var name: String
    package var measures: [Measure]
    /// The values of the measures, in their order, for a seed.
    package var run: @Sendable (UInt64) -> [Double]

    /// Every row.
    package static var all: [Bound] {
        self.quota + self.quotaOfSizes + self.quotaHalved + self.concurrency + self.outages + self.choice
            + self.sharing + self.admission
    }

    /// The rows of a name's beginning.
    package static func named(_ name: String) -> [Bound] {
        self.all.filter { $0.name.hasPrefix(name) }
    }
}
