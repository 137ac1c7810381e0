// Fanout
// SPDX-License-Identifier: Apache-2.0

/// Breaks answers in the ways that connections, proxies and servers with a bug do, and in some that nobody does.
struct Mutator {
    var generator: SeededGenerator

    /// What parsers stumble over.
    private static let tokens: [[UInt8]] = [
        "{", "}", "[", "]", "\"", ":", ",", "\\", "\\u", "\\ud800", "\\u0000", "null", "true", "-", "0", "1e999", "-0",
        "18446744073709551616", "9223372036854775807", "-1", "0.1", "data: ", "event: error\n", "data: [DONE]\n\n",
        "\n\n", "\r\n\r\n", "\r", ": ", "{}", "[]", "\"\"", "\u{FEFF}", "{\"error\":{}}", "\"index\":4294967296,",
        "\"index\":-1,", "\"type\":\"error\",", "\"usage\":null,", "\"choices\":[],",
    ].map { Array($0.utf8) }

    /// An answer of one to six faults; `other` is one to take pieces of.
    mutating func mutated(_ bytes: [UInt8], with other: [UInt8]) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...6, using: &self.generator) { self.mutate(&bytes, with: other) }
        return bytes
    }

    private mutating func mutate(_ bytes: inout [UInt8], with other: [UInt8]) {
        let place = Int.random(in: 0...bytes.count, using: &self.generator)
        let end = min(bytes.count, place + Int.random(in: 1...40, using: &self.generator))
        switch Int.random(in: 0..<10, using: &self.generator) {
        case 0 where place < bytes.count: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &self.generator)
        case 1 where place < bytes.count: bytes[place] = UInt8.random(in: 0...255, using: &self.generator)
        case 2: bytes.removeSubrange(place..<end)
        case 3: bytes.insert(contentsOf: bytes[place..<end], at: place)
        case 4: bytes.removeSubrange(end...)
        case 5:
            let token = Self.tokens.randomElement(using: &self.generator) ?? []
            let count = [1, 1, 1, 2, 70, 3_000].randomElement(using: &self.generator) ?? 1
            bytes.insert(contentsOf: Array(repeatElement(token, count: count).joined()), at: place)
        case 6 where !other.isEmpty:
            let start = Int.random(in: 0..<other.count, using: &self.generator)
            bytes.replaceSubrange(place..., with: other[start...])
        default:
            let token = Self.tokens.randomElement(using: &self.generator) ?? []
            bytes.replaceSubrange(place..<end, with: token)
        }
    }
}
