// Fanout
// SPDX-License-Identifier: Apache-2.0

/// How long answers hold a place: their mean, the last few dozen counting most, and the quickest of late.
struct ServiceTime: Sendable {
    /// From here on a new answer counts one part in so many.
    static let memory: UInt32 = 32
    /// Answers before anything is said.
    static let answersMin: UInt32 = 8
    /// Each answer lets the quickest be forgotten by so little.
    static let forgetting = 1.02

    private var sum = 0.0
    private var least = Double.infinity
    private var answers: UInt32 = 0

    /// Learns from an answer, in seconds from its start to its end.
    mutating func take(_ seconds: Double) {
        self.answers &+= 1
        let weight = 1 / Double(min(self.answers, Self.memory))
        self.sum += (seconds - self.sum) * weight
        self.least = min(seconds, self.least * Self.forgetting)
    }

    /// In seconds; `nil` = too few answers were seen.
    var mean: Double? { self.answers >= Self.answersMin ? self.sum : nil }

    /// In seconds; `nil` = too few answers were seen.
    var quickest: Double? { self.answers >= Self.answersMin ? self.least : nil }
}
