// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// A time that is learned from samples: peak-EWMA, as in Finagle's load balancer.
///
/// It jumps up with a sample at once, and comes down to the mean of what was seen with a time constant of ten seconds,
/// so that a lane that turns slow is left before its mean says so. A mean that nobody has confirmed for minutes is
/// worth less and less; what the other lanes of the group show takes its place.
struct Estimate: Sendable {
    static let peakNanoseconds = 10e9
    static let staleNanoseconds = 300e9
    /// The least weight of a sample in the mean.
    static let weightMin = 0.1

    private(set) var samples: UInt32 = 0
    private var mean = 0.0
    private var peak = 0.0
    private var at = Instant.zero

    /// Learns from one answer.
    mutating func take(_ sample: Double, now: Instant) {
        if self.samples == 0 {
            (self.mean, self.peak) = (sample, sample)
        } else {
            let present = self.mean + self.excess(now: now)
            self.mean += (sample - self.mean) * max(Self.weightMin, 1 / Double(self.samples + 1))
            self.peak = max(sample, present)
        }
        self.samples &+= 1
        self.at = now
    }

    /// Takes a time as a peak only: that of a failure, which says nothing of how long an answer takes.
    mutating func suffer(_ sample: Double, now: Instant) {
        guard self.samples > 0 else { return }
        let present = self.mean + self.excess(now: now)
        guard sample > present else { return }
        self.peak = sample
        self.at = now
    }

    /// The time to expect, given what is typical elsewhere.
    func value(now: Instant, typical: Double) -> Double {
        guard self.samples > 0 else { return typical }
        let age = Double(now.nanoseconds(since: self.at))
        return typical + (self.mean - typical) * Self.decay(age / Self.staleNanoseconds) + self.excess(now: now)
    }

    private func excess(now: Instant) -> Double {
        let age = Double(now.nanoseconds(since: self.at))
        return max(0, self.peak - self.mean) * Self.decay(age / Self.peakNanoseconds)
    }

    /// About e^-x for x from 0 up, without the C library: 1 at 0, 0.4 at 1, 0.2 at 2, 0.02 at 10.
    static func decay(_ x: Double) -> Double {
        1 / (1 + x + x * x / 2)
    }
}
