// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutJSON
import Testing

/// A text and why it is in its table.
struct Sample: CustomTestStringConvertible, Sendable {
    var bytes: [UInt8]
    var testDescription: String

    init(_ text: String) {
        self.bytes = Array(text.utf8)
        self.testDescription = text
    }

    init(bytes: [UInt8], _ description: String) {
        self.bytes = bytes
        self.testDescription = description
    }
}

/// SplitMix64 (Steele, Lea, Flood, 2014): the same seed, the same values.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    init(seed: UInt64) { self.state = seed }

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

extension JSONValue {
    /// A random value at most `depth` containers deep.
    static func random(depth: Int, using generator: inout SeededGenerator) -> JSONValue {
        switch Int.random(in: 0..<(depth > 0 ? 8 : 6), using: &generator) {
        case 0: return .null
        case 1: return .bool(Bool.random(using: &generator))
        case 2: return .integer(Int64.random(in: .min + 1 ... .max, using: &generator))
        case 3:
            let bits = Double(bitPattern: generator.next())
            // Whole doubles are written like integers and read back as such, so they are left out here.
            return bits.isFinite && bits.rounded() != bits ? .double(bits) : .double(0.1)
        case 4, 5: return .string(String.random(using: &generator))
        case 6:
            let count = Int.random(in: 0..<5, using: &generator)
            return .array((0..<count).map { _ in .random(depth: depth - 1, using: &generator) })
        default:
            var members: [String: JSONValue] = [:]
            for _ in 0..<Int.random(in: 0..<5, using: &generator) {
                members[String.random(using: &generator)] = .random(depth: depth - 1, using: &generator)
            }
            return .object(members)
        }
    }
}

extension String {
    /// A random text with much of what is hard: quotes, control bytes, all lengths of UTF-8.
    static func random(using generator: inout SeededGenerator) -> String {
        let hard: [Unicode.Scalar] = ["\"", "\\", "/", "\n", "\u{0}", "\u{1F}", "\u{7F}", "é", "日", "😀", "\u{FFFD}"]
        var text = String.UnicodeScalarView()
        for _ in 0..<Int.random(in: 0..<30, using: &generator) {
            let easy = Unicode.Scalar(UInt8.random(in: 0x20..<0x7F, using: &generator))
            text.append(Bool.random(using: &generator) ? easy : hard.randomElement(using: &generator) ?? easy)
        }
        return String(text)
    }
}
