// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutTokens

/// A byte-pair vocabulary trained on made-up texts: the truth that estimates are held against.
enum ToyTokenizer {
    /// Of 256 bytes and 1,500 merges; English has the largest part in it, as in real ones.
    static let ranks: BytePairRanks = {
        do {
            return try BytePairRanks(tiktoken: Self.file)
        } catch {
            preconditionFailure("the toy vocabulary is no rank file: \(error)")
        }
    }()

    /// As a file in tiktoken's format.
    static let file: [UInt8] = Self.file(of: Self.train(merges: 1_500))

    static func file(of tokens: [[UInt8]]) -> [UInt8] {
        var file: [UInt8] = []
        for (rank, token) in tokens.enumerated() { file += Array("\(Self.base64(token)) \(rank)\n".utf8) }
        return file
    }

    private static func base64(_ bytes: [UInt8]) -> String {
        let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
        var text = ""
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            let bits = (0..<3).reduce(0) { $0 << 8 | Int($1 < group.count ? group[start + $1] : 0) }
            for place in 0..<4 {
                text.append(place <= group.count ? digits[bits >> (18 - 6 * place) & 63] : "=")
            }
        }
        return text
    }

    /// Merges the commonest pair again and again; of equally common ones that of the smaller parts.
    private static func train(merges: Int) -> [[UInt8]] {
        var tokens: [[UInt8]] = (UInt8.min...UInt8.max).map { [$0] }
        var known = Set(tokens)
        var words = Self.words()
        var counts: [Pair: Int] = [:]
        var places: [Pair: Set<Int>] = [:]
        for (index, word) in words.enumerated() {
            for pair in Self.pairs(of: word.parts) {
                counts[pair, default: 0] += word.count
                places[pair, default: []].insert(index)
            }
        }
        while tokens.count < 256 + merges {
            guard let best = counts.max(by: { ($0.value, $1.key) < ($1.value, $0.key) }), best.value > 1 else { break }
            counts[best.key] = nil
            let token = tokens[best.key.left] + tokens[best.key.right]
            // Two ways may lead to one token; it has the rank of the first.
            guard known.insert(token).inserted else { continue }
            tokens.append(token)
            for index in places[best.key] ?? [] {
                for pair in Self.pairs(of: words[index].parts) where pair != best.key {
                    counts[pair, default: 0] -= words[index].count
                }
                words[index].parts = Self.merged(words[index].parts, best.key, into: tokens.count - 1)
                for pair in Self.pairs(of: words[index].parts) {
                    counts[pair, default: 0] += words[index].count
                    places[pair, default: []].insert(index)
                }
            }
        }
        return tokens
    }

    private struct Pair: Hashable, Comparable {
        var left: Int
        var right: Int

        static func < (one: Pair, other: Pair) -> Bool { (one.left, one.right) < (other.left, other.right) }
    }

    private static func pairs(of parts: [Int]) -> [Pair] {
        zip(parts, parts.dropFirst()).map { Pair(left: $0, right: $1) }
    }

    private static func merged(_ parts: [Int], _ pair: Pair, into token: Int) -> [Int] {
        var merged: [Int] = []
        var place = 0
        while place < parts.count {
            if place + 1 < parts.count, parts[place] == pair.left, parts[place + 1] == pair.right {
                merged.append(token)
                place += 2
            } else {
                merged.append(parts[place])
                place += 1
            }
        }
        return merged
    }

    private static func words() -> [(parts: [Int], count: Int)] {
        var languages = Languages(seed: 7)
        var counts: [String: Int] = [:]
        for kind in Languages.Kind.allCases {
            let text = languages.text(kind, bytes: kind == .english ? 40_000 : 12_000)
            for word in text.split(separator: " ") { counts[" " + word, default: 0] += 1 }
        }
        return counts.sorted { $0.key < $1.key }.map { (Array($0.key.utf8).map(Int.init), $0.value) }
    }
}
