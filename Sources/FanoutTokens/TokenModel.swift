// Fanout
// SPDX-License-Identifier: Apache-2.0

/// How many tokens a model makes of a prompt of some shape: a linear law, corrected by each report of usage.
///
/// A Kalman filter (recursive least squares with a prior) over sixteen features. Each report is divided by what was
/// estimated, so that errors count in proportion and a long prompt teaches no more than a short one. A report that is
/// further off than four times what is usual teaches only as much as that would: some providers misreport.
///
/// The prior is from English and 30 other languages, code and JSON under OpenAI's `cl100k_base` and `o200k_base`; one
/// that a provider's own words precede (Anthropic's 346 tokens before tools) has wide bounds in these features.
struct TokenModel {
    typealias Features = SIMD16<Double>

    private var weights: Features
    /// The covariance of the weights, row by row; symmetric.
    private var covariance: [Features]
    private let drift: Features
    private let widest: Features
    /// The mean relative error, for what is usual.
    private(set) var usualError = 0.5
    /// Reports taken so far.
    private(set) var reports: UInt32 = 0

    /// The relative error that a single report has although the law were right.
    private static let noise = 0.1
    /// How far a weight may wander from one report to the next, as a part of its prior's bounds.
    private static let wander = 0.0125

    private static let prior = Features(
        0.144,
        0.61,
        0.97,
        0.91,
        0.056,
        0.98,
        0.98,
        0.48,
        0.43,
        -2.26,
        0,
        0.22,
        15,
        1,
        4,
        3
    )
    private static let bounds = Features(
        0.072,
        0.31,
        0.48,
        0.46,
        0.028,
        0.49,
        0.49,
        0.24,
        0.22,
        1.1,
        0,
        0.13,
        150,
        0.5,
        3,
        30
    )
    /// Where a tokenizer counts, only what is around the texts is left to learn.
    private static let countedPrior = Features(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0.22, 15, 1, 4, 3)
    private static let countedBounds = Features(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0.05, 0.13, 150, 0.5, 3, 30)

    /// A model of which nothing is known.
    init(isCounted: Bool) {
        let bounds = isCounted ? Self.countedBounds : Self.bounds
        self.weights = isCounted ? Self.countedPrior : Self.prior
        self.widest = bounds * bounds
        self.drift = self.widest * (Self.wander * Self.wander)
        self.covariance = (0..<Features.scalarCount).map { index in
            var row = Features()
            row[index] = bounds[index] * bounds[index]
            return row
        }
    }

    private static func features(of shape: PromptShape, isCounted: Bool) -> Features {
        var features = Features()
        if isCounted {
            features[10] = Double(shape.counted)
        } else {
            let text = shape.text
            features[0] = Double(text.letters)
            features[1] = Double(text.words)
            features[2] = Double(text.digits)
            features[3] = Double(text.signs)
            features[4] = Double(text.repeats)
            features[5] = Double(text.ideographs)
            features[6] = Double(text.accents)
            features[7] = Double(text.twoByteLetters)
            features[8] = Double(text.others)
            // As many as English has; more say nothing more.
            features[9] = min(Double(text.englishPairs), Double(text.letters) / 50)
        }
        features[11] = Double(shape.toolBytes)
        features[12] = shape.hasTools ? 1 : 0
        features[13] = Double(shape.mediaTokens)
        features[14] = Double(shape.messages)
        features[15] = Double(shape.prompts)
        return features
    }

    /// The tokens of a prompt, at least 1.
    func tokens(of shape: PromptShape) -> UInt32 {
        let estimate = (self.weights * Self.features(of: shape, isCounted: shape.counted > 0)).sum()
        return UInt32(clamping: Int64(Self.bounded(estimate, shape).rounded()))
    }

    /// No text has less than a token in 20 bytes or more than one a byte, whatever was learned from others.
    private static func bounded(_ estimate: Double, _ shape: PromptShape) -> Double {
        let bytes = Double(shape.text.bytes)
        let most = bytes + Double(shape.toolBytes) + 4 * Double(shape.mediaTokens) + 64 * Double(shape.messages) + 2_000
        return min(max(estimate, bytes / 20 + 1), most)
    }

    /// Takes what a provider reports for a prompt; 0 = nothing reported, which teaches nothing.
    mutating func learn(_ shape: PromptShape, tokens: UInt64) {
        guard tokens > 0 else { return }
        let isCounted = shape.counted > 0
        let features = Self.features(of: shape, isCounted: isCounted)
        let estimate = Self.bounded((self.weights * features).sum(), shape)
        let scaled = features / estimate
        let limit = max(0.1, 4 * self.usualError)
        let error = min(max(Double(tokens) / estimate - 1, -limit), limit)
        // The first reports say what is usual, then about the last twenty.
        self.usualError += (abs(error) - self.usualError) * max(0.05, 1 / Double(self.reports + 2))
        self.reports &+= 1
        self.correct(scaled, by: error)
    }

    private mutating func correct(_ features: Features, by error: Double) {
        var along = Features()
        for index in 0..<Features.scalarCount where features[index] != 0 {
            // A weight that is used may have changed since, but is never less certain than at the start.
            let spread = self.covariance[index][index]
            self.covariance[index][index] = min(spread + self.drift[index], max(spread, self.widest[index]))
            along += self.covariance[index] * features[index]
        }
        let spread = (along * features).sum() + Self.noise * Self.noise
        let gain = along / spread
        self.weights += gain * error
        for index in 0..<Features.scalarCount where gain[index] != 0 {
            self.covariance[index] -= along * gain[index]
        }
    }
}
