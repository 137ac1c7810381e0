// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import Testing

struct FailureCodeTests {
    @Test func `each code has its own number and name`() {
        let names = Set(FailureCode.allCases.map(\.name))
        #expect(names.count == FailureCode.allCases.count)
        #expect(FailureCode.allCases.count == 34)
        for code in FailureCode.allCases {
            #expect(FailureCode(rawValue: code.rawValue) == code)
            #expect(!code.name.isEmpty && code.name.allSatisfy { $0.isUppercase || $0 == "_" })
        }
    }

    @Test(arguments: FailureCode.allCases)
    func `the hundred of a code says whose fault it is`(code: FailureCode) {
        let faults: [UInt16: Fault] = [
            1: .caller, 2: .account, 3: .capacity, 4: .provider, 5: .lifeCycle, 6: .fanout, 7: .connection,
        ]
        #expect(code.traits.fault == faults[code.rawValue / 100])
    }

    @Test(arguments: FailureCode.allCases)
    func `no code may do what makes no sense`(code: FailureCode) {
        let traits = code.traits
        // Where the same lane may be tried, so may another, and where another, so may a fallback group.
        #expect(!traits.retriesSameLane || traits.retriesOtherLane)
        #expect(!traits.retriesOtherLane || traits.fallsBack)
        #expect((400..<600).contains(traits.status))
        #expect(!traits.exception.isEmpty)
        switch traits.fault {
        case .lifeCycle, .fanout, .connection:
            #expect(!traits.fallsBack && !traits.countsAgainstLane)
        case .caller:
            // A bad request says nothing about the lane.
            #expect(!traits.retriesSameLane && !traits.countsAgainstLane)
        case .account:
            // Wrong credentials stay wrong.
            #expect(!traits.retriesSameLane)
        case .capacity, .provider: break
        }
    }

    @Test func `the rows of the table are those of the design`() {
        #expect(FailureCode.rateLimited.traits.retriesSameLane)
        #expect(!FailureCode.rateLimited.traits.countsAgainstLane)
        #expect(FailureCode.overloaded.traits.countsAgainstLane)
        #expect(!FailureCode.contentPolicy.traits.fallsBack)
        #expect(FailureCode.contextWindow.traits.fallsBack)
        #expect(!FailureCode.deadlineExceeded.traits.fallsBack)
        #expect(FailureCode.rateLimited.name == "RATE_LIMITED")
        #expect(FailureCode.internal.traits.status == 500)
    }
}
