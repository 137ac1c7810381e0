// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// Successes and failures of a span of time, in ten buckets.
struct OutcomeWindow: Sendable {
    private struct Bucket {
        var number: UInt64 = .max
        var total: UInt32 = 0
        var failures: UInt32 = 0
    }

    private var buckets: [Bucket] = []

    /// Counts an outcome of now.
    mutating func count(failed: Bool, span: UInt64, now: Instant) {
        if self.buckets.isEmpty { self.buckets = Array(repeating: Bucket(), count: 10) }
        let number = now.nanoseconds / (span / 10)
        let index = Int(number % 10)
        if self.buckets[index].number != number { self.buckets[index] = Bucket(number: number) }
        self.buckets[index].total &+= 1
        if failed { self.buckets[index].failures &+= 1 }
    }

    func counts(span: UInt64, now: Instant) -> (total: UInt32, failures: UInt32) {
        let number = now.nanoseconds / (span / 10)
        var total: UInt32 = 0
        var failures: UInt32 = 0
        for bucket in self.buckets where bucket.number <= number && number - bucket.number < 10 {
            total &+= bucket.total
            failures &+= bucket.failures
        }
        return (total, failures)
    }

    /// Takes the most recent failure of the span out again; returns whether there was one.
    mutating func takeBackFailure(span: UInt64, now: Instant) -> Bool {
        let number = now.nanoseconds / (span / 10)
        var latest: Int?
        for (index, bucket) in self.buckets.enumerated() {
            guard bucket.failures > 0, bucket.number <= number, number - bucket.number < 10 else { continue }
            if latest.map({ self.buckets[$0].number < bucket.number }) ?? true { latest = index }
        }
        guard let latest else { return false }
        self.buckets[latest].failures -= 1
        self.buckets[latest].total -= 1
        return true
    }
}
