// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutModel

/// One endpoint as a provider runs it: its speed, its limits and what goes wrong there.
///
/// What the router is told of it is the configuration's business (``Experiment/add(_:group:_:)``); all of this is
/// hidden but for what the answers show.
package struct SimulatedProvider: Sendable {
    /// How long answers take.
    package var latency = LatencyLaw()
    /// Its strict limits; empty = none.
    package var rates = RateLimits()
    /// How many seconds' worth each limit's bucket holds; it starts full.
    package var burstSeconds = 60.0
    /// When tokens leave the buckets.
    package var charging: Charging = .whenAnswered
    /// Whether a refused call counts as a request too.
    package var countsRefusals = false
    /// The lane whose limits it shares instead of having its own (one key); `nil` = its own.
    package var sharesLimitsOf: LaneID?
    /// Others who use the same limits; `nil` = nobody.
    package var others: OtherConsumer?
    /// Calls that it takes at once: one more is refused; `nil` = any number.
    package var concurrency: Int?
    /// What is answered beyond that: OVERLOADED, or a rate limit that names concurrency.
    package var crowdedCode = FailureCode.overloaded
    /// Whether a refusal names the limit.
    package var namesLimits = false
    /// What a refusal says of waiting.
    package var retryAfter: RetryAfter = .none
    /// What the headers say of the limits.
    package var rateHeaders: RateHeaders = .none
    /// Until a refusal or OVERLOADED is there.
    package var refusalMilliseconds: UInt64 = 20
    /// What goes wrong from the start; see ``changes`` for later.
    package var fault: Fault?
    /// The share of calls that the fault strikes.
    package var faultShare = 1.0
    /// What changes in time, in any order.
    package var changes: [Change] = []

    /// A provider without limits or faults.
    package init() {}

    /// When tokens leave the provider's buckets.
    ///
    /// A call is refused, whatever the law, unless what it will really use is there when it comes.
    package enum Charging: Sendable {
        /// Prompt and answer when the call comes.
        case onArrival
        /// The prompt when the call comes, the answer when it is complete.
        case promptFirst
        /// Both when the answer is complete; the bucket may go below zero meanwhile, and refuses until it is back.
        case whenAnswered
    }

    /// What a 429 says of waiting.
    package enum RetryAfter: Sendable {
        /// Nothing.
        case none
        /// To the millisecond (`retry-after-ms`).
        case exact
        /// In whole seconds, rounded up (`Retry-After`).
        case seconds
    }

    /// `x-ratelimit-{limit,remaining,reset}`, told to the router at the time of the headers.
    package enum RateHeaders: Sendable {
        case none
        /// As the limits stood when the call came.
        case ofArrival
        /// As they stand when the headers are sent.
        case ofSending
    }

    /// What goes wrong.
    package enum Fault: Sendable {
        /// The call fails.
        case fails(FailureCode, afterMilliseconds: UInt64, retryAfterMilliseconds: UInt64? = nil)
        /// No header ever comes: the attempt's own timer ends it.
        case hangs
        /// The stream is cut after this share of the answer.
        case cuts(after: Double)
        /// Everything takes this many times as long.
        case slows(Double)
    }

    /// Somebody else with the same key.
    package struct OtherConsumer: Sendable {
        /// As a Poisson process.
        package var requestsPerSecond: Double
        package var prompt: TokenLaw
        package var completion: TokenLaw

        /// Makes a consumer.
        package init(requestsPerSecond: Double, prompt: TokenLaw = .fixed(0), completion: TokenLaw = .fixed(0)) {
            self.requestsPerSecond = requestsPerSecond
            self.prompt = prompt
            self.completion = completion
        }
    }

    /// One thing that is different from an instant on.
    package struct Change: Sendable {
        package var milliseconds: UInt64
        package var kind: Kind

        package enum Kind: Sendable {
            /// New limits; what a bucket holds is kept, up to its new size.
            case rates(RateLimits)
            case concurrency(Int?)
            case fault(Fault?, share: Double)
            case latency(LatencyLaw)
            case others(OtherConsumer?)
        }

        /// Makes a change.
        package init(at milliseconds: UInt64, _ kind: Kind) {
            self.milliseconds = milliseconds
            self.kind = kind
        }
    }

    /// Every call fails between the two instants.
    package mutating func addOutage(
        fromMilliseconds: UInt64,
        toMilliseconds: UInt64,
        _ fault: Fault = .fails(.unreachable, afterMilliseconds: 5)
    ) {
        self.changes.append(Change(at: fromMilliseconds, .fault(fault, share: 1)))
        self.changes.append(Change(at: toMilliseconds, .fault(nil, share: 1)))
    }

    /// It is down for a while, again and again.
    package mutating func addFlaps(
        fromMilliseconds: UInt64,
        toMilliseconds: UInt64,
        everyMilliseconds: UInt64,
        forMilliseconds: UInt64,
        _ fault: Fault = .fails(.providerError, afterMilliseconds: 5)
    ) {
        var start = fromMilliseconds
        while start < toMilliseconds {
            self.addOutage(fromMilliseconds: start, toMilliseconds: start + forMilliseconds, fault)
            start += max(1, everyMilliseconds)
        }
    }
}
