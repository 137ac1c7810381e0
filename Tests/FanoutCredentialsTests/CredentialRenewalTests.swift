// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import Testing

@testable import FanoutCredentials

@Suite struct CredentialRenewalTests {
    private static let start = Instant(nanoseconds: 5_000_000_000)

    private func at(_ milliseconds: UInt64) -> Instant { Self.start.adding(milliseconds: milliseconds) }

    /// A renewal that holds what was fetched at the start.
    private func holding(_ life: UInt64, fraction: Double = 0) -> CredentialRenewal {
        var renewal = CredentialRenewal()
        #expect(renewal.ask(now: Self.start) == .wait(fetch: true))
        renewal.fetched(lifeMilliseconds: life, now: Self.start, fraction: fraction)
        return renewal
    }

    @Test func `the first who asks begins a fetch, the others wait for it`() {
        var renewal = CredentialRenewal()
        #expect(renewal.ask(now: Self.start) == .wait(fetch: true))
        for _ in 0..<100 { #expect(renewal.ask(now: Self.start) == .wait(fetch: false)) }
        renewal.fetched(lifeMilliseconds: 3_600_000, now: self.at(200), fraction: 0)
        #expect(renewal.ask(now: self.at(200)) == .use(fetch: false))
        #expect(renewal.generation == 1)
    }

    @Test func `a credential is renewed in time, by one, while all use the old one`() {
        var renewal = self.holding(3_600_000)
        #expect(renewal.ask(now: self.at(3_299_999)) == .use(fetch: false))
        #expect(renewal.ask(now: self.at(3_300_000)) == .use(fetch: true))
        for _ in 0..<10 { #expect(renewal.ask(now: self.at(3_300_001)) == .use(fetch: false)) }
        renewal.fetched(lifeMilliseconds: 3_600_000, now: self.at(3_300_500), fraction: 0)
        #expect(renewal.generation == 2)
        #expect(renewal.ask(now: self.at(6_600_499)) == .use(fetch: false))
    }

    @Test func `chance brings the renewal forward by up to a minute`() {
        var early = self.holding(3_600_000, fraction: 0.999_999_9)
        #expect(early.ask(now: self.at(3_239_000)) == .use(fetch: false))
        #expect(early.ask(now: self.at(3_240_100)) == .use(fetch: true))
    }

    @Test func `a short life is used for three quarters at least, and never to its very end`() {
        var renewal = self.holding(10_000)
        #expect(renewal.ask(now: self.at(7_499)) == .use(fetch: false))
        #expect(renewal.ask(now: self.at(7_500)) == .use(fetch: true))
        #expect(renewal.ask(now: self.at(8_999)) == .use(fetch: false))
        #expect(renewal.ask(now: self.at(9_000)) == .wait(fetch: false))
    }

    @Test(arguments: [0, 1, 999, UInt64.max])
    func `a life that no server means is bounded`(life: UInt64) {
        var renewal = self.holding(life)
        #expect(renewal.ask(now: self.at(700)) == .use(fetch: false))
        #expect(renewal.ask(now: self.at(604_800_000)) == .wait(fetch: true))
    }

    @Test func `a renewal that fails harms nobody until the end, and is tried again after a pause`() {
        var renewal = self.holding(3_600_000)
        #expect(renewal.ask(now: self.at(3_300_000)) == .use(fetch: true))
        #expect(renewal.failed(askedMilliseconds: nil, now: self.at(3_300_100), fraction: 0.5) == 750)
        #expect(renewal.ask(now: self.at(3_300_800)) == .use(fetch: false))
        #expect(renewal.ask(now: self.at(3_300_850)) == .use(fetch: true))
        #expect(renewal.failed(askedMilliseconds: nil, now: self.at(3_589_900), fraction: 0.5) == 1_500)
        #expect(renewal.ask(now: self.at(3_590_000)) == .fail(retryAfterMilliseconds: 1_400))
        #expect(renewal.ask(now: self.at(3_591_400)) == .wait(fetch: true))
    }

    @Test func `pauses double to a minute, and a success ends them`() {
        var renewal = CredentialRenewal()
        var now: UInt64 = 0
        var pauses: [UInt64] = []
        for _ in 0..<9 {
            #expect(renewal.ask(now: self.at(now)) == .wait(fetch: true))
            let pause = renewal.failed(askedMilliseconds: nil, now: self.at(now), fraction: 0)
            #expect(renewal.ask(now: self.at(now + pause - 1)) == .fail(retryAfterMilliseconds: 1))
            pauses.append(pause)
            now += pause
        }
        #expect(pauses == [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000])
        #expect(renewal.ask(now: self.at(now)) == .wait(fetch: true))
        renewal.fetched(lifeMilliseconds: 10_000, now: self.at(now), fraction: 0)
        #expect(renewal.ask(now: self.at(now + 9_000)) == .wait(fetch: true))
        #expect(renewal.failed(askedMilliseconds: nil, now: self.at(now + 9_000), fraction: 0) == 500)
    }

    @Test func `a server that asks for a longer pause has it, within reason`() {
        var renewal = CredentialRenewal()
        _ = renewal.ask(now: Self.start)
        #expect(renewal.failed(askedMilliseconds: 20_000, now: Self.start, fraction: 1) == 20_000)
        #expect(renewal.ask(now: self.at(20_000)) == .wait(fetch: true))
        #expect(renewal.failed(askedMilliseconds: .max, now: self.at(20_000), fraction: 1) == 300_000)
    }

    @Test func `a provider's refusal leads to one renewal, and then stands for a minute`() {
        var renewal = self.holding(3_600_000)
        #expect(renewal.refused(1, now: self.at(10)) == .wait(fetch: true))
        #expect(renewal.refused(1, now: self.at(11)) == .wait(fetch: false))
        #expect(renewal.ask(now: self.at(12)) == .use(fetch: false))
        renewal.fetched(lifeMilliseconds: 3_600_000, now: self.at(20), fraction: 0)
        // One that was refused what has been renewed since takes the new one.
        #expect(renewal.refused(1, now: self.at(21)) == .use(fetch: false))
        #expect(renewal.refused(2, now: self.at(60_009)) == nil)
        #expect(renewal.refused(2, now: self.at(60_010)) == .wait(fetch: true))
    }

    @Test func `a refusal begins no fetch amid a pause`() {
        var renewal = self.holding(3_600_000)
        #expect(renewal.ask(now: self.at(3_300_000)) == .use(fetch: true))
        _ = renewal.failed(askedMilliseconds: nil, now: self.at(3_300_000), fraction: 0)
        #expect(renewal.refused(1, now: self.at(3_300_100)) == nil)
    }

    /// Whatever happens: one fetch at most, pauses kept, and nothing used after its end.
    @Test(arguments: 0..<40 as Range<UInt64>)
    func `no order of events makes a storm or hands out what has ended`(seed: UInt64) {
        var chance = Chance(state: seed)
        var renewal = CredentialRenewal()
        var now = Self.start
        var end = Instant.zero
        var pauseEnd = Instant.zero
        var fetching = false
        var generation: UInt64 = 0
        for _ in 0..<2_000 {
            now = now.adding(milliseconds: UInt64(chance.below(chance.below(20) == 0 ? 400_000 : 900)))
            let choice = chance.below(4)
            if fetching, choice == 0 {
                let life = UInt64(chance.below(1_200_000))
                renewal.fetched(lifeMilliseconds: life, now: now, fraction: chance.fraction())
                end = now.adding(milliseconds: max(1_000, life))
                (fetching, generation, pauseEnd) = (false, generation + 1, .zero)
            } else if fetching, choice == 1 {
                let pause = renewal.failed(askedMilliseconds: nil, now: now, fraction: chance.fraction())
                #expect((500...60_000).contains(pause))
                pauseEnd = now.adding(milliseconds: pause)
                fetching = false
            } else {
                let old = generation > 0 && chance.below(10) == 0 ? generation - 1 : generation
                let refused = choice == 2 && generation > 0
                let answer = refused ? renewal.refused(old, now: now) : renewal.ask(now: now)
                switch answer {
                case .use(let fetch):
                    #expect(now < end)
                    if fetch { #expect(!fetching && now >= pauseEnd) }
                    fetching = fetching || fetch
                case .wait(let fetch):
                    #expect(fetch != fetching)
                    if fetch { #expect(now >= pauseEnd) }
                    fetching = true
                case .fail(let wait):
                    #expect(!fetching && now.adding(milliseconds: wait) >= pauseEnd && now < pauseEnd)
                case nil: #expect(refused && !fetching)
                }
            }
            #expect(renewal.isFetching == fetching && renewal.generation == generation)
        }
    }
}

/// A small seeded generator: SplitMix64.
struct Chance {
    var state: UInt64

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var word = self.state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }

    mutating func below(_ bound: Int) -> Int { Int(self.next() % UInt64(bound)) }

    mutating func fraction() -> Double { Double(self.next() >> 11) * 0x1p-53 }
}
