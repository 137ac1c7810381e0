// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import CAllocations
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
        if !isJSON {
            print("| micro benchmark | median ns | best ns | p99 ns | allocations | per |\n|---|---|---|---|---|---|")
        }
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

    /// Times each repetition of a short `work` by itself, for its quantiles, and counts what it allocates.
    ///
    /// The clock is the wall's, since reading the thread's takes a system call: a quantile that other work on the machine
    /// reaches is too high, never too low. What reading it takes is taken off.
    func measureEach(_ name: String, per unit: String, _ work: () -> Void) {
        guard self.wants(name) else { return }
        var samples = [UInt64](repeating: 0, count: 10_000 * self.runs)
        let empty = Self.quantile(
            0.5,
            of: samples.indices.map { _ in
                let start = Self.nanoseconds()
                return Self.nanoseconds() - start
            }
        )
        let before = fanout_allocations()
        for index in samples.indices {
            let start = Self.nanoseconds()
            work()
            samples[index] = Self.nanoseconds() - start
        }
        let allocations = Double(fanout_allocations() - before) / Double(samples.count)
        samples = samples.map { $0 > empty ? $0 - empty : 0 }
        let row = Row(
            name: name,
            unit: unit,
            median: Double(Self.quantile(0.5, of: samples)),
            best: Double(samples.min() ?? 0),
            p99: Double(Self.quantile(0.99, of: samples)),
            allocations: allocations
        )
        self.report(row)
    }

    private static func quantile(_ share: Double, of samples: [UInt64]) -> UInt64 {
        let sorted = samples.sorted()
        return sorted[min(sorted.count - 1, Int(share * Double(sorted.count)))]
    }

    /// Reports samples that were timed elsewhere, in nanoseconds for one unit.
    func report(_ name: String, per unit: String, _ nanoseconds: [Double]) {
        let sorted = nanoseconds.sorted()
        guard let best = sorted.first else { return }
        self.report(Row(name: name, unit: unit, median: sorted[sorted.count / 2], best: best))
    }

    private struct Row {
        var name: String
        var unit: String
        var median: Double
        var best: Double
        /// Of single repetitions; `nil` = they weren't timed.
        var p99: Double?
        /// For each repetition.
        var allocations: Double?
    }

    private func report(_ row: Row) {
        let rounded = { (number: Double?) in number.map { String(Int($0 + 0.5)) } ?? "" }
        let allocations = row.allocations.map { String(Double(Int($0 * 10_000 + 0.5)) / 10_000) }
        if self.isJSON {
            var line = "{\"name\":\"\(row.name)\",\"of\":\"\(row.unit)\","
            line += "\"median_ns\":\(row.median),\"best_ns\":\(row.best)"
            if let p99 = row.p99 { line += ",\"p99_ns\":\(p99)" }
            if let allocations { line += ",\"allocations\":\(allocations)" }
            print(line + "}")
        } else {
            let cells = [
                row.name, rounded(row.median), rounded(row.best), rounded(row.p99), allocations ?? "", row.unit,
            ]
            print("| " + cells.joined(separator: " | ") + " |")
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

    private static func nanoseconds() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    /// The time of this thread on a core.
    static func threadNanoseconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
    }
}
