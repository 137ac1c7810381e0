// Fanout
// SPDX-License-Identifier: Apache-2.0

@testable import FanoutRouter
import FanoutModel
import Testing

/// The breaker by itself: when it trips, how long it stays open, how it comes back.
@Suite struct BreakerTests {
    @Test func `it opens after five failures in a row, for a second and then a twentieth of the outage`() {
        var stand = Stand()
        stand.pass(1_000)
        for _ in 0..<4 { stand.fail() }
        #expect(stand.breaker.openUntil == nil)
        stand.fail()
        #expect(stand.breaker.openUntil == stand.now.adding(milliseconds: 1_000))
        stand.pass(1_000)
        #expect(stand.breaker.isHalfOpen(now: stand.now))
        stand.succeed()
        #expect(stand.breaker.isHalfOpen(now: stand.now), "an old attempt's success proves nothing")
        stand.pass(600_000)
        stand.fail(isProbe: true)
        #expect(stand.breaker.openUntil == stand.now.adding(milliseconds: 30_050))
        stand.pass(30_050)
        stand.succeed(isProbe: true)
        #expect(stand.breaker.openUntil == nil)
    }

    @Test(arguments: [0.0, 0.5, 0.999])
    func `the open time is shortened by at most a tenth, and never grows past two minutes`(jitter: Double) {
        var stand = Stand()
        stand.jitter = jitter
        for _ in 0..<5 { stand.fail() }
        for outage in [1_000, 10_000, 60_000, 600_000, 6_000_000] as [UInt64] {
            stand.now = Instant.zero.adding(milliseconds: outage)
            stand.fail(isProbe: true)
            let open = (stand.breaker.openUntil ?? .zero).nanoseconds(since: stand.now)
            let grown = min(120_000, max(1_000, outage / 20)) * 1_000_000
            #expect(open <= grown && open >= grown / 10 * 9)
        }
    }

    @Test func `a success halves the count of failures`() {
        var stand = Stand()
        for _ in 0..<4 { stand.fail() }
        stand.succeed()
        #expect(stand.breaker.streak == 2)
        stand.fail()
        stand.fail()
        #expect(stand.breaker.openUntil == nil)
        stand.fail()
        #expect(stand.breaker.openUntil != nil)
    }

    @Test func `answers to what began before an outage don't keep it closed`() {
        var stand = Stand()
        stand.turn = 100
        for old in 1...5 as ClosedRange<UInt64> {
            #expect(stand.breaker.openUntil == nil)
            stand.succeed(turn: old)
            stand.fail()
        }
        #expect(stand.breaker.openUntil != nil)
    }

    @Test func `five failures are a run if at most ten attempts began from the first to the last of them`() {
        for (gap, isOutage) in [(1, true), (2, true), (3, false), (20, false)] as [(UInt64, Bool)] {
            var run = FailureRun()
            for number in 0..<5 as Range<UInt64> {
                #expect(!run.isOutage)
                run.failed(100 + number * gap)
            }
            run.succeeded(100)
            #expect(run.isOutage == isOutage)
            run.succeeded(101)
            #expect(!run.isOutage)
        }
    }

    @Test func `half of ten within half a minute trips it, older failures don't`() {
        var stand = Stand()
        for _ in 0..<5 {
            stand.fail()
            stand.succeed()
        }
        stand.pass(31_000)
        stand.fail()
        #expect(stand.breaker.openUntil == nil)
        for _ in 0..<5 {
            stand.succeed()
            #expect(stand.breaker.openUntil == nil)
            stand.fail()
        }
        #expect(stand.breaker.openUntil != nil)
    }

    @Test func `allowed_fails lets so many pass in a minute`() {
        var stand = Stand()
        stand.policy.allowedFails = 6
        for _ in 0..<6 { stand.fail() }
        stand.pass(61_000)
        for _ in 0..<6 { stand.fail() }
        #expect(stand.breaker.openUntil == nil)
        stand.fail()
        #expect(stand.breaker.openUntil == stand.now.adding(milliseconds: 1_000), "the time is ours still")
    }

    @Test func `cooldown_time replaces the time alone`() {
        var stand = Stand()
        stand.policy.cooldownMilliseconds = 7_000
        for _ in 0..<4 { stand.fail() }
        #expect(stand.breaker.openUntil == nil)
        stand.fail()
        #expect(stand.breaker.openUntil == stand.now.adding(milliseconds: 7_000))
        stand.pass(7_000)
        stand.fail(isProbe: true, retryAfter: 9_000)
        #expect(stand.breaker.openUntil == stand.now.adding(milliseconds: 9_000), "Retry-After is a floor")
    }

    @Test func `a kind with a key of its own is counted by itself, the others as ever`() {
        var stand = Stand()
        stand.policy.allowedFailsByKind = FailureCounts()
        stand.policy.allowedFailsByKind?.timeout = 8
        for _ in 0..<8 { stand.fail(.timeout) }
        for _ in 0..<4 { stand.fail(.providerError) }
        #expect(stand.breaker.openUntil == nil)
        var other = stand
        other.fail(.providerError)
        #expect(other.breaker.openUntil != nil)
        stand.fail(.timeout)
        #expect(stand.breaker.openUntil != nil)
    }

    @Test func `a key makes a failure count that the table doesn't, and one for the rest makes none`() {
        var policy = BreakerPolicy()
        #expect(!policy.counts(.invalidRequest) && policy.counts(.timeout))
        policy.allowedFailsByKind = FailureCounts()
        policy.allowedFailsByKind?.others = 3
        #expect(!policy.counts(.invalidRequest) && policy.entry(for: .timeout)?.count == 3)
        policy.allowedFailsByKind?.badRequest = 1
        #expect(policy.counts(.invalidRequest))
    }

    @Test func `a deployment's own settings go before the router's`() {
        var routing = RoutingSettings()
        routing.allowedFails = 3
        routing.allowedFailsPolicy = FailureCounts()
        routing.allowedFailsPolicy?.timeout = 9
        routing.cooldownMilliseconds = 5_000
        var deployment = Bench.snapshot(lanes: [1]).deployments[0]
        #expect(BreakerPolicy(deployment, routing).entry(for: .timeout)?.count == 9)
        deployment.allowedFails = 1
        #expect(BreakerPolicy(deployment, routing).entry(for: .timeout) == nil)
        #expect(BreakerPolicy(deployment, routing).allowedFails == 1)
        deployment.allowedFailsPolicy = FailureCounts()
        deployment.allowedFailsPolicy?.timeout = 2
        deployment.cooldownMilliseconds = 1
        #expect(BreakerPolicy(deployment, routing).entry(for: .timeout)?.count == 2)
        #expect(BreakerPolicy(deployment, routing).cooldownMilliseconds == 1)
    }

    @Test(arguments: [(64, 6, 32), (10, 1, 5), (3, 1, 1), (1, 1, 1)] as [(UInt32, UInt32, UInt32)])
    func `after the probe it takes a tenth of its limit, then half, then all`(
        limit: UInt32,
        tenth: UInt32,
        half: UInt32
    ) {
        var stand = Stand()
        stand.limit = limit
        stand.trip()
        stand.succeed(isProbe: true)
        var widths: [UInt32] = [tenth]
        for _ in 0..<12 {
            let width = stand.breaker.width(of: limit)
            if width != widths.last { widths.append(width) }
            stand.succeed()
        }
        var expected: [UInt32] = []
        for width in [tenth, half, limit] where width != expected.last { expected.append(width) }
        #expect(widths == expected)
        #expect(stand.breaker.ramp == nil)
    }

    @Test func `two failures on the ramp open it again, for a time that counts from the outage's begin`() {
        var stand = Stand()
        stand.trip()
        stand.now = Instant.zero.adding(milliseconds: 400_000)
        stand.succeed(isProbe: true)
        stand.fail()
        #expect(stand.breaker.openUntil == nil)
        stand.fail()
        #expect(stand.breaker.openUntil == stand.now.adding(milliseconds: 20_000))
    }

    @Test func `one failure among successes doesn't end a ramp`() {
        var stand = Stand()
        stand.trip()
        stand.succeed(isProbe: true)
        stand.fail()
        for _ in 0..<12 { stand.succeed() }
        #expect(stand.breaker.openUntil == nil && stand.breaker.ramp == nil)
    }

    @Test func `what is an item's own fault isn't held against the lane`() {
        var stand = Stand()
        for _ in 0..<20 {
            stand.fail()
            stand.takeBack()
            stand.failByItem()
            stand.succeed()
        }
        #expect(stand.breaker.openUntil == nil && stand.breaker.streak == 0)
    }

    @Test func `where a number of failures is configured, it means all of them`() {
        var stand = Stand()
        stand.policy.allowedFails = 2
        stand.fail()
        stand.takeBack()
        stand.failByItem()
        #expect(stand.breaker.openUntil == nil)
        stand.failByItem()
        #expect(stand.breaker.openUntil != nil)
    }

    @Test func `a lane that only ever fails opens at the fifth failure, whoever seems to blame`() {
        var stand = Stand()
        for _ in 0..<4 { stand.failByItem() }
        #expect(stand.breaker.openUntil == nil)
        stand.failByItem()
        #expect(stand.breaker.openUntil != nil)
    }

    @Test func `nothing opens it where cooldowns are disabled`() {
        var stand = Stand()
        stand.policy.isDisabled = true
        for _ in 0..<50 { stand.fail() }
        #expect(stand.breaker.openUntil == nil)
    }

    @Test func `pauses without a hint double up to a minute`() {
        var pause = LanePause()
        var now = Instant.zero
        for seconds in [1, 2, 4, 8, 16, 32, 60, 60] as [UInt64] {
            Self.limit(&pause, isProbe: true, startedAt: now, now: now)
            #expect(pause.until == now.adding(milliseconds: seconds * 1_000))
            now = pause.until
        }
        pause.answered(isProbe: true, startedAt: now)
        Self.limit(&pause, isProbe: false, startedAt: now, now: now)
        #expect(pause.until == now.adding(milliseconds: 1_000))
    }

    @Test func `a pause is as long as asked, else as configured`() {
        for (hint, span) in [(0, 5_000), (200, 200), (9_000, 9_000)] as [(UInt64, UInt64)] {
            var pause = LanePause()
            Self.limit(&pause, isProbe: false, startedAt: .zero, hint: hint, cooldown: 5_000, now: .zero)
            #expect(pause.until == Instant.zero.adding(milliseconds: span))
        }
    }

    @Test func `the first 429 since something was let through asks for no probe, the next one does`() {
        var pause = LanePause()
        let (first, second) = (Instant(nanoseconds: 1_000), Instant(nanoseconds: 5_000_000_000))
        Self.limit(&pause, isProbe: false, startedAt: .zero, now: first)
        #expect(pause.needsProbe, "nothing was ever let through")
        pause.answered(isProbe: true, startedAt: second)
        Self.limit(&pause, isProbe: false, startedAt: second, now: second)
        #expect(!pause.needsProbe && pause.until == second.adding(milliseconds: 1_000))
        pause.answered(isProbe: false, startedAt: first)
        Self.limit(&pause, isProbe: false, startedAt: second, now: second)
        #expect(!pause.needsProbe, "what began before the pause says nothing new")
        Self.limit(&pause, isProbe: false, startedAt: pause.until, now: pause.until)
        #expect(pause.needsProbe)
    }

    private static func limit(
        _ pause: inout LanePause,
        isProbe: Bool,
        startedAt: Instant,
        hint: UInt64 = 0,
        cooldown: UInt64? = nil,
        now: Instant
    ) {
        pause.limited(
            isProbe: isProbe,
            startedAt: startedAt,
            hintMilliseconds: hint,
            cooldownMilliseconds: cooldown,
            now: now
        )
    }
}

/// A breaker on a stand.
private struct Stand {
    var breaker = Breaker()
    var policy = BreakerPolicy()
    var limit: UInt32 = 64
    var now = Instant.zero
    var jitter = 0.0
    var turn: UInt64 = 0

    mutating func pass(_ milliseconds: UInt64) {
        self.now = self.now.adding(milliseconds: milliseconds)
    }

    mutating func fail(
        _ code: FailureCode = .providerError,
        isProbe: Bool = false,
        retryAfter: UInt64 = 0,
        turn: UInt64? = nil
    ) {
        self.turn += 1
        self.breaker.failed(self.fault(code, isProbe, retryAfter, turn), policy: self.policy, now: self.now)
    }

    mutating func failByItem() {
        self.breaker.failedByItem(self.fault(.providerError, false, 0, nil), policy: self.policy, now: self.now)
    }

    mutating func takeBack() {
        self.breaker.takeBack(.providerError, policy: self.policy, now: self.now)
    }

    mutating func succeed(isProbe: Bool = false, turn: UInt64? = nil) {
        self.turn += 1
        self.breaker.succeeded(
            isProbe: isProbe,
            turn: turn ?? self.turn,
            policy: self.policy,
            limit: self.limit,
            now: self.now
        )
    }

    mutating func trip() {
        for _ in 0..<5 { self.fail() }
    }

    private func fault(
        _ code: FailureCode,
        _ isProbe: Bool,
        _ retryAfter: UInt64,
        _ turn: UInt64?
    ) -> Breaker.Fault {
        Breaker.Fault(
            code: code,
            isProbe: isProbe,
            turn: turn ?? self.turn,
            retryAfterMilliseconds: retryAfter,
            jitter: self.jitter
        )
    }
}
