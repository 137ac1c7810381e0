// Fanout
// SPDX-License-Identifier: Apache-2.0

/// SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
struct SimulatedLuck {
    private var state: UInt64

    init(seed: UInt64, _ number: UInt64) {
        self.state = seed &* 0x9E37_79B9_7F4A_7C15 ^ number &* 0xD1B5_4A32_D192_ED03
        _ = self.next()
    }

    /// The next 64 bits.
    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var value = self.state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }

    /// From 0 up to, not including, 1.
    mutating func unit() -> Double {
        Double(self.next() >> 11) * 0x1p-53
    }
}
