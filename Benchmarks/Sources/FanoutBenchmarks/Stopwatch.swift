// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Times a piece of work by many short runs and reports their median.
///
/// The time is the thread's on a core, so that other work on the machine doesn't count.
struct Stopwatch {
    /// Each run lasts at least this long, so that the clock's own cost doesn't count.
    private static let runAtLeast = 10_000_000.0

    private let runs: Int
    private let isJSON: Bool
    private let filter: String

    /// Makes a stopwatch.
    ///
    /// `isJSON`: a line of JSON for each benchmark in place of a table's row. `filter`: only names that contain it.
    init(isJSON: Bool, isQuick: Bool, filter: String) {
        self.isJSON = isJSON
        self.runs = isQuick ? 5 : 25
        self.filter = filter
        if !isJSON { print("| micro benchmark | median ns | best ns | per |\n|---|---|---|---|") }
    }

    /// Whether a benchmark of this name is asked for: what is costly to prepare asks first.
    func wants(_ name: String) -> Bool {
        self.filter.isEmpty || name.contains(self.filter)
    }

    /// Times `work`, which does `units` of what `unit` names and gives a number that depends on all it did.
    func measure(_ name: String, per unit: String, units: Int = 1, _ work: () throws -> Int) throws {
        guard self.wants(name) else { return }
        var repetitions = 1
        while try self.time(repetitions, work) < Self.runAtLeast { repetitions *= 2 }
        var nanoseconds: [Double] = []
        for _ in 0..<self.runs {
            nanoseconds.append(try self.time(repetitions, work) / Double(repetitions * units))
        }
        self.report(name, per: unit, nanoseconds)
    }

    /// Reports samples that were timed elsewhere, in nanoseconds for one unit.
    func report(_ name: String, per unit: String, _ nanoseconds: [Double]) {
        let sorted = nanoseconds.sorted()
        guard let best = sorted.first else { return }
        let median = sorted[sorted.count / 2]
        if self.isJSON {
            print("{\"name\":\"\(name)\",\"of\":\"\(unit)\",\"median_ns\":\(median),\"best_ns\":\(best)}")
        } else {
            print("| \(name) | \(Int(median + 0.5)) | \(Int(best + 0.5)) | \(unit) |")
        }
    }

    private func time(_ repetitions: Int, _ work: () throws -> Int) rethrows -> Double {
        let start = Self.threadNanoseconds()
        var sum = 0
        for _ in 0..<repetitions { sum &+= try work() }
        let elapsed = Self.threadNanoseconds() - start
        // The sum is read, so that the optimiser can't drop the work.
        precondition(sum != .min, "the work gave an impossible sum")
        return elapsed
    }

    /// The time of this thread on a core.
    static func threadNanoseconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
    }
}
