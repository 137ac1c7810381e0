// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import Testing

struct InstantTests {
    @Test func `an instant past the end of the clock is never`() {
        let late = Instant(nanoseconds: .max - 5)
        #expect(late.adding(nanoseconds: 6) == .never)
        #expect(late.adding(nanoseconds: 5) == .never)
        #expect(late.adding(nanoseconds: 4) < .never)
        #expect(Instant.zero.adding(milliseconds: .max) == .never)
        #expect(Instant.never.adding(milliseconds: 1) == .never)
        #expect(Instant.zero.adding(milliseconds: 3) == Instant(nanoseconds: 3_000_000))
    }

    @Test func `the time since a later instant is zero`() {
        let early = Instant(nanoseconds: 10)
        let late = Instant(nanoseconds: 2_000_011)
        #expect(early.nanoseconds(since: late) == 0)
        #expect(late.nanoseconds(since: early) == 2_000_001)
        #expect(late.microseconds(since: early) == 2_000)
        #expect(late.milliseconds(since: early) == 3)
        #expect(Instant.never.milliseconds(since: .zero) == UInt64.max / 1_000_000 + 1)
    }
}
