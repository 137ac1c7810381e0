// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutModel

/// The ledger of an ``Experiment``.
///
/// Times are nanoseconds of the virtual clock.
package struct ExperimentReport: Sendable {
    /// One attempt as its provider saw it.
    package struct Call: Sendable {
        package var lane: LaneID
        /// Its place in ``ExperimentReport/items``.
        package var item: Int
        package var start: UInt64
        /// `nil` = under way at the end.
        package var end: UInt64?
        /// `nil` = success, or under way.
        package var code: FailureCode?
        package var promptTokens: UInt32
        /// What was written, also of an answer that was cut.
        package var completionTokens: UInt32

        /// Whether it succeeded.
        package var succeeded: Bool { self.end != nil && self.code == nil }
        /// Prompt and completion.
        package var tokens: Double { Double(self.promptTokens) + Double(self.completionTokens) }
    }

    /// One item from its submission to its verdict.
    package struct Item: Sendable {
        package var load: Int
        package var submitted: UInt64
        package var deadline: UInt64
        /// Its first attempt; `nil` = none.
        package var started: UInt64?
        /// `nil` = undecided at the end.
        package var ended: UInt64?
        /// `nil` = success, or undecided.
        package var code: FailureCode?
        package var attempts: UInt16 = 0
        /// It was refused at once, since it would have been late.
        package var isForeseen = false
        package var promptTokens: UInt32
        package var completionTokens: UInt32

        /// Whether it succeeded.
        package var succeeded: Bool { self.ended != nil && self.code == nil }
        /// From submission to its first attempt; `nil` = none.
        package var wait: UInt64? { self.started.map { $0 - self.submitted } }
        /// Prompt and completion.
        package var tokens: Double { Double(self.promptTokens) + Double(self.completionTokens) }
    }

    /// A lane's gate from an instant on, as the router shows it.
    package struct LaneChange: Sendable {
        package var lane: LaneID
        package var at: UInt64
        package var state: LaneState
    }

    /// In order of their starts.
    package internal(set) var calls: [Call] = []
    /// In order of submission.
    package internal(set) var items: [Item] = []
    package internal(set) var laneChanges: [LaneChange] = []
    package internal(set) var loads: [Load] = []
    /// When it was over.
    package internal(set) var end: UInt64 = 0
    /// Events that the core was given.
    package internal(set) var events = 0
    /// Equal for equal seeds.
    package internal(set) var trace: UInt64 = 0xCBF2_9CE4_8422_2325
    /// By lane: the limits in force from an instant on.
    var limits: [[(at: UInt64, rates: RateLimits)]] = []
    var shares: [Int] = []
    /// By lane: what others have taken.
    var others: [[(at: UInt64, tokens: (prompt: UInt32, completion: UInt32))]] = []

    // MARK: - Calls

    /// The calls that start in a span, of one lane or of all.
    package func calls(of lane: LaneID? = nil, fromSecond: Double = 0, toSecond: Double = .infinity) -> [Call] {
        self.calls.filter {
            (lane == nil || $0.lane == lane)
                && Double($0.start) >= fromSecond * 1e9 && Double($0.start) < toSecond * 1e9
        }
    }

    /// The share of the calls of a span that ended so; 0 without calls.
    package func share(
        of code: FailureCode,
        lane: LaneID? = nil,
        fromSecond: Double = 0,
        toSecond: Double = .infinity
    ) -> Double {
        let calls = self.calls(of: lane, fromSecond: fromSecond, toSecond: toSecond)
        return calls.isEmpty ? 0 : Double(calls.count { $0.code == code }) / Double(calls.count)
    }

    /// How much of a lane's (and its key's) binding limit was used in a span: requests or tokens let through, others'
    /// too, over what the limit allows in that time.
    ///
    /// Requests count when they come, tokens when the answer is complete; what the bucket held at the start is on top,
    /// so a span that begins with a full bucket may show more than 1. 0 without a limit.
    package func quotaUsed(of lane: LaneID = LaneID(0), fromSecond: Double, toSecond: Double? = nil) -> Double {
        let from = fromSecond * 1e9
        let to = toSecond.map { $0 * 1e9 } ?? Double(self.end)
        guard to > from else { return 0 }
        let owner = self.shares[Int(lane.index)]
        var used = [0.0, 0, 0, 0]
        func add(_ start: UInt64, _ end: UInt64, _ prompt: UInt32, _ completion: UInt32) {
            if Double(start) >= from && Double(start) < to { used[0] += 1 }
            guard Double(end) >= from && Double(end) < to else { return }
            used[1] += Double(prompt) + Double(completion)
            used[2] += Double(prompt)
            used[3] += Double(completion)
        }
        for call in self.calls where self.shares[Int(call.lane.index)] == owner {
            if let code = call.code, code != .cancelled && code != .streamBroken { continue }
            add(call.start, call.end ?? .max, call.promptTokens, call.completionTokens)
        }
        for (at, tokens) in self.others[owner] { add(at, at, tokens.prompt, tokens.completion) }
        let allowed = self.allowance(owner, from: from, to: to)
        return zip(used, allowed).map { $1 > 0 ? $0 / $1 : 0 }.max() ?? 0
    }

    /// What a lane's limits let through in a span: requests, tokens, prompt tokens, completion tokens.
    private func allowance(_ lane: Int, from: Double, to: Double) -> [Double] {
        var sums = [0.0, 0, 0, 0]
        for (index, row) in self.limits[lane].enumerated() {
            let next = index + 1 < self.limits[lane].count ? Double(self.limits[lane][index + 1].at) : .infinity
            let span = min(to, next) - max(from, Double(row.at))
            guard span > 0 else { continue }
            sums[0] += (row.rates.requestsPerMinute ?? 0) * span / 60e9
            sums[1] += (row.rates.tokensPerMinute ?? 0) * span / 60e9
            sums[2] += (row.rates.promptTokensPerMinute ?? 0) * span / 60e9
            sums[3] += (row.rates.completionTokensPerMinute ?? 0) * span / 60e9
        }
        return sums
    }

    /// The attempts in flight on a lane at an instant.
    package func inFlight(on lane: LaneID, atSecond second: Double) -> Int {
        let at = UInt64(second * 1e9)
        return self.calls.count { $0.lane == lane && $0.start <= at && ($0.end ?? .max) > at }
    }

    /// Successes on a lane, or on all, by second of their end.
    package func successesPerSecond(of lane: LaneID? = nil) -> [Int] {
        self.perSecond(of: lane) { _ in 1 }.map { Int($0) }
    }

    /// Tokens of successes on a lane, or on all, by second of their end.
    package func tokensPerSecond(of lane: LaneID? = nil) -> [Double] {
        self.perSecond(of: lane) { $0.tokens }
    }

    private func perSecond(of lane: LaneID?, _ amount: (Call) -> Double) -> [Double] {
        var series = Array(repeating: 0.0, count: Int(self.end / 1_000_000_000) + 1)
        for call in self.calls where call.succeeded && (lane == nil || call.lane == lane) {
            if let end = call.end { series[Int(end / 1_000_000_000)] += amount(call) }
        }
        return series
    }

    // MARK: - Items and tenants

    /// Tokens that a tenant was served in a span.
    package func tokensServed(tenant: Int, fromSecond: Double = 0, toSecond: Double = .infinity) -> Double {
        var sum = 0.0
        for call in self.calls where call.succeeded && self.loads[self.items[call.item].load].tenant == tenant {
            let end = Double(call.end ?? 0)
            if end >= fromSecond * 1e9 && end < toSecond * 1e9 { sum += call.tokens }
        }
        return sum
    }

    /// Items that ended so; `nil` = with success.
    package func count(_ code: FailureCode?) -> Int {
        self.items.count { $0.ended != nil && $0.code == code }
    }

    /// Milliseconds from submission to first attempt at a quantile (0 to 1), over the items of a load that started.
    package func waitMilliseconds(quantile: Double, load: Int? = nil) -> Double {
        let waits = self.items.compactMap { load == nil || $0.load == load ? $0.wait : nil }.sorted()
        guard !waits.isEmpty else { return 0 }
        return Double(waits[min(waits.count - 1, Int(quantile * Double(waits.count)))]) / 1e6
    }
}
