// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// One answer, as far as it tells how fast a lane is.
struct PaceSample {
    /// From start to end.
    var seconds: Double
    /// From start to first content; 0 = not streamed.
    var firstContent: Double
    /// Of the prompt, as estimated.
    var promptTokens: UInt32
    /// As reported; 0 = not reported, or none.
    var completionTokens: UInt32
}

/// What a lane's attempts have taught of its speed and its luck.
///
/// Only answers are samples of time. A failure that is the lane's own fault, however fast it came, makes the lane look
/// worse under every strategy that measures; refusals of the request itself say nothing either way.
struct LanePace: Sendable {
    /// Prompts of up to 256, 1,024, 4,096, 16,384, 65,536 tokens, and longer ones, take their time apart.
    static let sizes = 6
    /// A failure counts as at least so long an attempt, as in Linkerd's load biaser.
    static let failureSeconds = 5.0
    /// The longest Retry-After that a failure counts as.
    static let hintSeconds = 300.0
    /// The weight of one outcome in the share of failures.
    static let outcomeWeight = 0.3
    static let failureShareMax = 0.99
    /// Answers until a lane counts as measured: the first of a cold connection is no measure.
    static let trialsMax: UInt8 = 3

    private var firstContent = [Estimate](repeating: Estimate(), count: LanePace.sizes)
    private var perToken = Estimate()
    /// Seconds for each completion token, or of the whole answer where there are none.
    private var latencies = LatencySamples()
    private var firstContents = LatencySamples()
    private var failureShare = 0.0
    private var outcomeAt = Instant.zero
    /// Answers seen, up to ``trialsMax``; a failure ends the trial.
    private(set) var trials: UInt8 = 0
    /// Failures since the last answer, up to 3.
    private(set) var failureStreak: UInt8 = 0
    /// Tokens of this minute.
    var usage = MinuteUsage()
    private(set) var service = ServiceTime()

    var isMeasured: Bool { self.trials >= Self.trialsMax }

    /// An attempt was answered.
    mutating func answered(_ sample: PaceSample, isProbe: Bool, keeping listSize: UInt32, now: Instant) {
        self.count(failure: false, now: now)
        // It was let in again alone; what it did before its breaker opened counts at most half.
        if isProbe { self.failureShare = min(self.failureShare, 0.5) }
        self.failureStreak = 0
        self.service.take(sample.seconds)
        self.trials = min(Self.trialsMax, self.trials + 1)
        let tokens = Double(sample.completionTokens)
        self.latencies.take(tokens > 0 ? sample.seconds / tokens : sample.seconds, now: now, countMax: listSize)
        let size = Self.size(of: sample.promptTokens)
        if sample.firstContent > 0 {
            self.firstContents.take(sample.firstContent, now: now, countMax: listSize)
            self.firstContent[size].take(sample.firstContent, now: now)
            if tokens > 0 {
                self.perToken.take(max(0, sample.seconds - sample.firstContent) / tokens, now: now)
            }
        } else if tokens > 0 {
            // Without a first content the two parts can't be told apart: what is known of one gives the other.
            let first = self.nearest(to: size)?.value(now: now, typical: 0) ?? 0
            self.perToken.take(max(0, sample.seconds - first) / tokens, now: now)
        } else {
            self.firstContent[size].take(sample.seconds, now: now)
        }
    }

    /// An attempt failed by the lane's fault.
    mutating func failed(_ seconds: Double, promptTokens: UInt32, hintMilliseconds: UInt64, now: Instant) {
        self.count(failure: true, now: now)
        self.failureStreak = min(3, self.failureStreak + 1)
        self.trials = Self.trialsMax
        let hint = min(Self.hintSeconds, Double(hintMilliseconds) / 1_000)
        self.firstContent[Self.size(of: promptTokens)].suffer(
            max(seconds, max(hint, Self.failureSeconds)),
            now: now
        )
    }

    /// An attempt was stopped, so it would have taken at least this long.
    mutating func stopped(after seconds: Double, promptTokens: UInt32, now: Instant) {
        self.firstContent[Self.size(of: promptTokens)].suffer(seconds, now: now)
    }

    /// How many attempts an answer takes, as far as the last outcomes tell: from 1 to 100.
    ///
    /// Bad luck is forgotten with a time constant of five minutes.
    func attemptsPerAnswer(now: Instant) -> Double {
        if self.failureShare == 0 { return 1 }
        return 1 / (1 - self.presentShare(now: now))
    }

    /// LiteLLM's measure: seconds a completion token, or to the first content where that was asked for and is known.
    ///
    /// `nil` = no answer is young enough.
    mutating func latency(streamed: Bool, _ arguments: StrategyArguments, now: Instant) -> Double? {
        let ttl = arguments.ttlMilliseconds
        if streamed,
            let first = self.firstContents.value(
                now: now,
                ttlMilliseconds: ttl,
                percentile: arguments.firstContentPercentile
            )
        {
            return first
        }
        return self.latencies.value(now: now, ttlMilliseconds: ttl, percentile: nil)
    }

    /// The seconds that an item would take here; `typical` of the group takes the place of what isn't known.
    func seconds(promptTokens: UInt32, completionTokens: Double, typical: GroupPace, now: Instant) -> Double {
        let first = self.nearest(to: Self.size(of: promptTokens))
        // An answer that was never streamed is all in the time per token.
        let typicalFirst = first == nil && self.perToken.samples > 0 ? 0 : typical.firstContent
        return (first?.value(now: now, typical: typicalFirst) ?? typicalFirst)
            + completionTokens * self.perToken.value(now: now, typical: typical.perToken)
    }

    private mutating func count(failure: Bool, now: Instant) {
        let share = self.presentShare(now: now)
        self.failureShare = min(Self.failureShareMax, share + ((failure ? 1 : 0) - share) * Self.outcomeWeight)
        if self.failureShare < 0.001 { self.failureShare = 0 }
        self.outcomeAt = now
    }

    private func presentShare(now: Instant) -> Double {
        if self.failureShare == 0 { return 0 }
        let age = Double(now.nanoseconds(since: self.outcomeAt))
        return self.failureShare * Estimate.decay(age / Estimate.staleNanoseconds)
    }

    /// The measured size that is nearest, the smaller one first.
    private func nearest(to size: Int) -> Estimate? {
        for distance in 0..<Self.sizes {
            if size >= distance, self.firstContent[size - distance].samples > 0 {
                return self.firstContent[size - distance]
            }
            if size + distance < Self.sizes, self.firstContent[size + distance].samples > 0 {
                return self.firstContent[size + distance]
            }
        }
        return nil
    }

    static func size(of promptTokens: UInt32) -> Int {
        var size = 0
        var bound: UInt32 = 256
        while size < Self.sizes - 1 && promptTokens > bound {
            size += 1
            bound *= 4
        }
        return size
    }
}

/// What is typical of a group's lanes: stands for what a lane hasn't shown yet, or not for long.
struct GroupPace: Sendable {
    static let weight = 0.05
    /// Assumed until an answer was seen.
    static let ceilingAtFirst = 4_096.0
    /// Each answer lowers the ceiling by so little: long ones are rare, and must not be forgotten in between.
    static let ceilingMemory = 0.998

    private(set) var firstContent = 0.0
    private(set) var perToken = 0.0
    private(set) var service = ServiceTime()
    /// Twice the longest answer of late: what an answer without a bound of its own is taken to have at most.
    private(set) var completionCeiling = GroupPace.ceilingAtFirst
    private var samples: UInt32 = 0

    mutating func answered(_ sample: PaceSample) {
        let weight = max(Self.weight, 1 / Double(self.samples + 1))
        self.samples &+= 1
        self.service.take(sample.seconds)
        let tokens = Double(sample.completionTokens)
        if tokens > 0 {
            self.completionCeiling = max(2 * tokens, self.completionCeiling * Self.ceilingMemory)
            self.perToken += ((sample.seconds - sample.firstContent) / tokens - self.perToken) * weight
        }
        let first = tokens > 0 ? sample.firstContent : sample.seconds
        if first > 0 { self.firstContent += (first - self.firstContent) * weight }
    }
}

/// Tokens of one lane in the present minute, those of attempts under way included as estimated.
struct MinuteUsage: Sendable {
    static let minuteNanoseconds: UInt64 = 60_000_000_000

    private var minute: UInt64 = 0
    private var settled: UInt64 = 0
    private(set) var underWay: UInt64 = 0

    mutating func start(_ tokens: UInt64) {
        self.underWay += tokens
    }

    /// An attempt that was to use `estimate` tokens used so many.
    mutating func settle(_ estimate: UInt64, used: UInt64, now: Instant) {
        self.underWay -= min(estimate, self.underWay)
        let minute = now.nanoseconds / Self.minuteNanoseconds
        if minute != self.minute { (self.minute, self.settled) = (minute, 0) }
        self.settled &+= used
    }

    func tokens(now: Instant) -> UInt64 {
        let isPresent = now.nanoseconds / Self.minuteNanoseconds == self.minute
        return (isPresent ? self.settled : 0) + self.underWay
    }
}
