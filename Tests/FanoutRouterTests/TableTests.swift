// Fanout
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import FanoutRouter

@Suite struct TableTests {
    /// Counts the records that are alive.
    private final class Census {
        var alive = 0
    }

    private final class Record {
        private let census: Census
        let number: Int

        init(_ number: Int, _ census: Census) {
            self.number = number
            self.census = census
            census.alive += 1
        }

        deinit { self.census.alive -= 1 }
    }

    @Test func `records keep their places while a table grows`() {
        var table = Table<[Int]>()
        for number in 0..<1_000 {
            table.append([number])
            table[number / 2].append(number)
        }
        #expect(table.count == 1_000 && table.indices == 0..<1_000)
        #expect(table[0] == [0, 0, 1] && table[499] == [499, 998, 999] && table[999] == [999])
        #expect(table.copy.map(\.first) == (0..<1_000).map { $0 })
    }

    @Test func `a table's records end with it, once each`() {
        let census = Census()
        do {
            var table = Table<Record>()
            for number in 0..<100 { table.append(Record(number, census)) }
            table[7] = Record(7, census)
            #expect(census.alive == 100 && table[99].number == 99)
        }
        #expect(census.alive == 0)
    }

    @Test func `an empty table holds nothing`() {
        let table = Table<Record>()
        #expect(table.count == 0 && table.copy.isEmpty)
    }

    @Test func `a record that isn't there can't be looked at`() async {
        await #expect(processExitsWith: .failure) {
            var table = Table<Int>()
            table.append(1)
            _ = table[1]
        }
        await #expect(processExitsWith: .failure) {
            var table = Table<Int>()
            table.append(1)
            table[-1] = 2
        }
    }
}
