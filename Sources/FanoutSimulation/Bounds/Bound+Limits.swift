// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// How much of a limit is used, and how often the provider has to say so.
extension Bound {
    private static let topicOfQuota = "quota used / 429s after 2 minutes"
    /// Where a steady state is measured.
    private static let settled = 120.0
    private static let length = 720.0

    static var quota: [Bound] {
        let requests = RateLimits(requests: 3_000)
        let tokens = RateLimits(tokens: 600_000)
        let nothing = { @Sendable (_: inout Deployment) in }
        let known = { @Sendable (deployment: inout Deployment) in
            deployment.requestsPerMinute = 3_000
        }
        let knownTokens = { @Sendable (deployment: inout Deployment) in
            deployment.tokensPerMinute = 600_000
        }
        return [
            self.quota("a: requests known", 0.97, 0.005, requests, known),
            self.quota("a: requests known, enforced by the second", 0.97, 0.005, requests, known) {
                $0.burstSeconds = 1
            },
            self.quota("b: tokens known, charged when answered", 0.97, 0.005, tokens, knownTokens),
            self.quota("b: tokens known, prompt charged first", 0.97, 0.005, tokens, knownTokens) {
                $0.charging = .promptFirst
            },
            self.quota("b: tokens known, charged on arrival", 0.97, 0.005, tokens, knownTokens) {
                $0.charging = .onArrival
            },
            self.quota("c: requests from headers", 0.95, 0.01, requests, nothing) { $0.rateHeaders = .ofSending },
            self.quota("c: tokens from headers", 0.95, 0.01, tokens, nothing) { $0.rateHeaders = .ofSending },
            self.quota("c: tokens from headers as of arrival", 0.95, 0.01, tokens, nothing) {
                $0.rateHeaders = .ofArrival
            },
            self.quota("c: requests from headers, another takes 30 %", 0.95, 0.01, requests, nothing) {
                $0.rateHeaders = .ofSending
                $0.others = SimulatedProvider.OtherConsumer(requestsPerSecond: 15)
            },
            self.quota("c: tokens from headers, another takes 30 %", 0.95, 0.01, tokens, nothing) {
                $0.rateHeaders = .ofSending
                $0.others = SimulatedProvider.OtherConsumer(
                    requestsPerSecond: 6,
                    prompt: .fixed(200),
                    completion: .lognormal(mean: 300, sigma: 0.8)
                )
            },
            self.quota("d: hidden requests, no headers", 0.85, 0.02, requests, nothing),
            self.quota("d: hidden tokens, no headers", 0.85, 0.02, tokens, nothing),
            self.quota("d: hidden requests, Retry-After", 0.85, 0.02, requests, nothing) { $0.retryAfter = .seconds },
        ]
    }

    /// Small items in one minute, large ones in the next.
    static var quotaOfSizes: [Bound] {
        [(false, "sizes change"), (true, "sizes change, named")].map { isNamed, name in
            Bound(
                topic: self.topicOfQuota,
                name: "quota d: hidden tokens, \(name)",
                measures: [Measure("used", .atLeast(0.85), .share), Measure("429s", .atMost(0.02), .share)]
            ) { seed in
                var provider = SimulatedProvider()
                provider.rates = RateLimits(tokens: 600_000)
                provider.namesLimits = isNamed
                var experiment = Experiment(seed: seed)
                experiment.add(provider)
                for minute in 0..<UInt64(12) {
                    var load = Load(.backlog(500))
                    load.prompt = .fixed(minute % 2 == 0 ? 200 : 1_000)
                    load.completion = .lognormal(mean: minute % 2 == 0 ? 100 : 600, sigma: 0.5)
                    load.fromMilliseconds = minute * 60_000
                    load.untilMilliseconds = (minute + 1) * 60_000
                    experiment.loads.append(load)
                }
                let report = experiment.run(seconds: self.length)
                return [
                    report.quotaUsed(fromSecond: self.settled),
                    report.share(of: .rateLimited, fromSecond: self.settled),
                ]
            }
        }
    }

    /// A limit that nobody tells of becomes half of what it was.
    static var quotaHalved: [Bound] {
        [
            Bound(
                topic: self.topicOfQuota,
                name: "quota d: hidden requests, halved",
                measures: [
                    Measure("429s in the minute after", .atMost(0.01), .share),
                    Measure("used, two minutes after", .atLeast(0.85), .share),
                ]
            ) { seed in
                var provider = SimulatedProvider()
                provider.rates = RateLimits(requests: 3_000)
                provider.changes = [SimulatedProvider.Change(at: 300_000, .rates(RateLimits(requests: 1_500)))]
                var experiment = Experiment(seed: seed)
                experiment.add(provider)
                experiment.loads = [Load(.backlog(2_000))]
                let report = experiment.run(seconds: 600)
                return [
                    report.share(of: .rateLimited, fromSecond: 300, toSecond: 360),
                    report.quotaUsed(fromSecond: 420),
                ]
            }
        ]
    }

    private static func quota(
        _ name: String,
        _ used: Double,
        _ refused: Double,
        _ rates: RateLimits,
        _ knows: @escaping @Sendable (inout Deployment) -> Void,
        _ change: @escaping @Sendable (inout SimulatedProvider) -> Void = { _ in }
    ) -> Bound {
        Bound(
            topic: self.topicOfQuota,
            name: "quota \(name)",
            measures: [Measure("used", .atLeast(used), .share), Measure("429s", .atMost(refused), .share)]
        ) { seed in
            var provider = SimulatedProvider()
            provider.rates = rates
            change(&provider)
            var experiment = Experiment(seed: seed)
            experiment.add(provider, knows)
            var load = Load(.backlog(2_000))
            load.prompt = .lognormal(mean: 200, sigma: 0.5)
            load.estimateError = 0.1
            experiment.loads = [load]
            let report = experiment.run(seconds: self.length)
            return [
                report.quotaUsed(fromSecond: self.settled),
                report.share(of: .rateLimited, fromSecond: self.settled),
            ]
        }
    }

    static var concurrency: [Bound] {
        [FailureCode.overloaded, .rateLimited].map { code in
            Bound(
                topic: "hidden concurrency limit 40",
                name: code == .overloaded ? "hidden concurrency" : "hidden concurrency, told by 429",
                measures: [
                    Measure("in flight of 40, 30 s to 5 min", .atLeast(0.9), .share),
                    Measure("overload answers", .atMost(0.01), .share),
                    Measure("in flight 5 s after it halved, of 20", .atMost(1.1), .share),
                    Measure("in flight of 20 thereafter", .atLeast(0.9), .share),
                ]
            ) { seed in
                var provider = SimulatedProvider()
                provider.concurrency = 40
                provider.crowdedCode = code
                provider.changes = [SimulatedProvider.Change(at: 300_000, .concurrency(20))]
                var experiment = Experiment(seed: seed)
                let lane = experiment.add(provider)
                experiment.loads = [Load(.backlog(500))]
                let report = experiment.run(seconds: 600)
                func mean(_ seconds: ClosedRange<Int>) -> Double {
                    let counts = seconds.map { report.inFlight(on: lane, atSecond: Double($0)) }
                    return Double(counts.reduce(0, +)) / Double(counts.count)
                }
                return [
                    mean(30...299) / 40,
                    report.share(of: code),
                    Double(report.inFlight(on: lane, atSecond: 305)) / 20,
                    mean(310...590) / 20,
                ]
            }
        }
    }
}

extension RateLimits {
    fileprivate init(requests: Double? = nil, tokens: Double? = nil) {
        self.init()
        self.requestsPerMinute = requests
        self.tokensPerMinute = tokens
    }
}
