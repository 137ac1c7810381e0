// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// Continuously refilled buckets as a strict provider keeps them.
struct StrictLimits {
    struct Bucket {
        /// A nanosecond; 0 = no limit.
        private(set) var rate = 0.0
        private var level = 0.0
        private var size = 0.0
        private var at = Instant.zero
        private(set) var perMinute: Double?

        mutating func configure(_ perMinute: Double?, burstSeconds: Double, now: Instant) {
            let isNew = self.perMinute == nil
            self.refill(now)
            self.perMinute = perMinute
            self.rate = (perMinute ?? 0) / 60e9
            self.size = (perMinute ?? 0) / 60 * burstSeconds
            self.level = isNew ? self.size : min(self.level, self.size)
            self.at = now
        }

        mutating func refill(_ now: Instant) {
            self.level = min(self.size, self.level + self.rate * Double(now.nanoseconds(since: self.at)))
            self.at = max(self.at, now)
        }

        func holds(_ amount: Double) -> Bool { self.perMinute == nil || self.level >= amount }

        mutating func take(_ amount: Double) { self.level -= amount }

        /// Until it holds so much, in nanoseconds; an amount beyond its size is never there.
        func wait(for amount: Double) -> Double {
            self.perMinute == nil || self.rate == 0 ? 0 : max(0, amount - self.level) / self.rate
        }

        var meter: RateReport.Meter {
            var meter = RateReport.Meter()
            guard let perMinute else { return meter }
            meter.limit = UInt64(perMinute)
            meter.remaining = UInt64(max(0, self.level))
            meter.resetMilliseconds = UInt64((self.wait(for: self.size) / 1e6).rounded(.up))
            return meter
        }
    }

    /// Requests, tokens, prompt tokens, completion tokens.
    private var buckets = Array(repeating: Bucket(), count: 4)
    private let burstSeconds: Double
    /// What stood against the last call that was refused.
    private(set) var exceeded = ExceededLimit.unknown

    init(_ rates: RateLimits, burstSeconds: Double) {
        self.burstSeconds = burstSeconds
        self.configure(rates, now: .zero)
    }

    mutating func configure(_ rates: RateLimits, now: Instant) {
        let limits = [
            rates.requestsPerMinute, rates.tokensPerMinute, rates.promptTokensPerMinute,
            rates.completionTokensPerMinute,
        ]
        for (index, limit) in limits.enumerated() {
            self.buckets[index].configure(limit, burstSeconds: self.burstSeconds, now: now)
        }
    }

    private static func needs(_ prompt: UInt32, _ completion: UInt32) -> [Double] {
        [1, Double(prompt) + Double(completion), Double(prompt), Double(completion)]
    }

    /// Takes a call in, or says how long until it could be, in nanoseconds.
    mutating func admit(
        prompt: UInt32,
        completion: UInt32,
        _ charging: SimulatedProvider.Charging,
        countsRefusals: Bool,
        now: Instant
    ) -> UInt64? {
        let needs = Self.needs(prompt, completion)
        var wait = 0.0
        for index in self.buckets.indices {
            self.buckets[index].refill(now)
            if !self.buckets[index].holds(needs[index]) {
                wait = max(wait, self.buckets[index].wait(for: needs[index]), 1)
                self.exceeded = index == 0 ? .requests : .tokens
            }
        }
        if wait > 0 {
            if countsRefusals { self.buckets[0].take(1) }
            return UInt64(wait.rounded(.up))
        }
        self.buckets[0].take(1)
        switch charging {
        case .onArrival: self.charge(prompt: prompt, completion: completion)
        case .promptFirst: self.charge(prompt: prompt, completion: 0)
        case .whenAnswered: break
        }
        return nil
    }

    /// An answer is complete, or was cut after so many tokens.
    mutating func finish(
        prompt: UInt32,
        completion: UInt32,
        _ charging: SimulatedProvider.Charging,
        now: Instant
    ) {
        for index in self.buckets.indices { self.buckets[index].refill(now) }
        switch charging {
        case .onArrival: break
        case .promptFirst: self.charge(prompt: 0, completion: completion)
        case .whenAnswered: self.charge(prompt: prompt, completion: completion)
        }
    }

    private mutating func charge(prompt: UInt32, completion: UInt32) {
        let needs = Self.needs(prompt, completion)
        for index in 1..<self.buckets.count { self.buckets[index].take(needs[index]) }
    }

    mutating func report(now: Instant) -> RateReport {
        for index in self.buckets.indices { self.buckets[index].refill(now) }
        var report = RateReport()
        report.requests = self.buckets[0].meter
        report.tokens = self.buckets[1].meter
        report.promptTokens = self.buckets[2].meter
        report.completionTokens = self.buckets[3].meter
        return report
    }
}
