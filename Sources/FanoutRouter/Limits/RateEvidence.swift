// Fanout
// SPDX-License-Identifier: Apache-2.0

/// Whether refusals speak of requests or of tokens, where the provider doesn't say.
///
/// Between two refusals both were taken at some rate. The one that is limited comes out alike each time, whatever the
/// sizes of the requests were; the other one goes with the sizes. So what varies less, by half at least, is the limit.
struct RateEvidence: Sendable {
    /// Measures before anything is said.
    static let measuresMin: UInt32 = 4
    /// The weight of a new measure.
    static let weightMin = 1.0 / 8
    /// Rates that vary by less than this share tell nothing.
    static let spreadMin = 0.05

    private var count: UInt32 = 0
    private var requests = Spread()
    private var tokens = Spread()

    /// A mean, and the mean square of what deviates from it.
    private struct Spread: Sendable {
        var mean = 0.0
        var square = 0.0

        mutating func take(_ value: Double, weight: Double) {
            let difference = value - self.mean
            self.mean += difference * weight
            self.square = (1 - weight) * (self.square + weight * difference * difference)
        }

        /// The variance over the squared mean.
        var relative: Double { self.mean > 0 ? self.square / (self.mean * self.mean) : 0 }
    }

    /// What was taken a second between two refusals.
    mutating func take(requests: Double, tokens: Double) {
        self.count = min(self.count + 1, 1_000)
        let weight = max(Self.weightMin, 1 / Double(self.count))
        self.requests.take(requests, weight: weight)
        self.tokens.take(tokens, weight: weight)
    }

    /// The kind that is limited; `nil` = it can't be told.
    var kind: RateKind? {
        guard self.count >= Self.measuresMin else { return nil }
        let (requests, tokens) = (self.requests.relative, self.tokens.relative)
        guard max(requests, tokens) > Self.spreadMin * Self.spreadMin else { return nil }
        if tokens * 4 < requests { return .tokens }
        if requests * 4 < tokens { return .requests }
        return nil
    }
}
