// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel

@testable import FanoutWire

/// Seeded random values (SplitMix64).
struct Generator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        self.state = seed
    }

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    mutating func flag() -> Bool { self.next() & 1 == 0 }

    mutating func below(_ bound: Int) -> Int { Int(self.next() % UInt64(bound)) }

    /// Often 0 or an end of the range.
    mutating func number() -> UInt64 {
        switch self.below(4) {
        case 0: 0
        case 1: .max
        case 2: self.next() >> 40
        default: self.next()
        }
    }

    mutating func small() -> UInt32 { UInt32(truncatingIfNeeded: self.number()) }

    mutating func signed() -> Int64 { Int64(bitPattern: self.number()) }

    mutating func status() -> UInt16 { UInt16(self.below(600)) }

    /// Empty now and then, with characters of one to four bytes.
    mutating func text() -> String {
        let alphabet = ["a", "Z", "7", " ", "é", "ß", "漢", "😀", "\u{0}", "\n", "\u{FFFD}"]
        return self.characters(alphabet)
    }

    /// Without NUL.
    mutating func name() -> String {
        let alphabet = ["a", "b", "-", "/", "4", "ö", "漢", "😀"]
        return self.characters(alphabet)
    }

    private mutating func characters(_ alphabet: [String]) -> String {
        var text = ""
        let count = self.flag() ? self.below(4) : self.below(40)
        for _ in 0..<count { text += alphabet[self.below(alphabet.count)] }
        return text
    }

    mutating func filled() -> String { "x" + self.name() }

    mutating func bytes() -> [UInt8] {
        (0..<self.below(20)).map { _ in UInt8(truncatingIfNeeded: self.next()) }
    }

    mutating func list<Element>(_ max: Int = 4, _ make: (inout Generator) -> Element) -> [Element] {
        (0..<self.below(max)).map { _ in make(&self) }
    }

    mutating func maybe<Value>(_ make: (inout Generator) -> Value) -> Value? {
        self.flag() ? make(&self) : nil
    }

    mutating func pick<Value>(_ values: [Value]) -> Value { values[self.below(values.count)] }

    mutating func code() -> FailureCode { self.pick(FailureCode.allCases) }
}
