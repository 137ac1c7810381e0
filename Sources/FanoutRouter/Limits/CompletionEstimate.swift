// Fanout
// SPDX-License-Identifier: Apache-2.0

/// How many tokens answers of one kind have: their mean, the last few dozen counting most.
struct CompletionEstimate: Sendable {
    /// What an answer is taken to have before any was seen.
    static let prior = 256.0
    /// From here on a new answer counts one part in so many.
    static let memory: UInt32 = 64
    /// A batch's own answers outweigh what its group has shown from so many on.
    static let trust = 4.0

    private var mean = 0.0
    private var count: UInt32 = 0

    mutating func learn(_ tokens: UInt32) {
        if self.count < Self.memory { self.count += 1 }
        self.mean += (Double(tokens) - self.mean) / Double(self.count)
    }

    /// The mean, drawn towards a wider estimate while it rests on few.
    func expected(else wider: Double) -> Double {
        let weight = Double(self.count)
        return (self.mean * weight + wider * Self.trust) / (weight + Self.trust)
    }
}
