// Fanout
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import FanoutTokens

@Suite struct BytePairTests {
    private static let tokenizer = Tokenizer(models: ["*"], ranks: ToyTokenizer.ranks)

    /// Counts as the method is described: of all pairs the one of the lowest rank is merged, until there is none.
    private static func plainCount(_ text: String, _ pattern: Tokenizer.Pattern) -> UInt32 {
        var splitter = PieceSplitter()
        var total: UInt32 = 0
        Array(text.utf8).withUnsafeBufferPointer { bytes in
            splitter.split(bytes, by: pattern) { range in
                var parts = bytes[range].map { [$0] }
                while true {
                    let ranks = zip(parts, parts.dropFirst()).map { ToyTokenizer.ranks.rank(of: $0 + $1) }
                    guard let best = ranks.min(), best != BytePairRanks.none, let place = ranks.firstIndex(of: best)
                    else { break }
                    parts[place] += parts[place + 1]
                    parts.remove(at: place + 1)
                }
                total += UInt32(parts.count)
            }
        }
        return total
    }

    @Test(arguments: Languages.Kind.allCases)
    func `tokens are counted as merging pair by pair counts them`(kind: Languages.Kind) {
        var languages = Languages(seed: 11)
        for pattern in Tokenizer.Pattern.allCases {
            let tokenizer = Tokenizer(models: [], pattern: pattern, ranks: ToyTokenizer.ranks)
            let text = languages.text(kind, bytes: 600)
            #expect(tokenizer.count(text) == Self.plainCount(text, pattern))
        }
    }

    @Test func `a piece without end is cut, and takes no quadratic time`() {
        let count = Self.tokenizer.count(String(repeating: "x", count: 20_000))
        #expect(count > 0 && count <= 20_000)
    }

    @Test func `the size of a file tells the pattern that goes with it`() {
        #expect(Tokenizer.Pattern(tokenCount: 100_256) == .cl100k)
        #expect(Tokenizer.Pattern(tokenCount: 128_000) == .cl100k)
        #expect(Tokenizer.Pattern(tokenCount: 199_998) == .o200k)
    }

    @Test func `a tokenizer is for the models that its patterns name`() {
        let some = Tokenizer(models: ["gpt-4o*", "fast"], ranks: ToyTokenizer.ranks)
        #expect(some.matches("gpt-4o-mini") && some.matches("gpt-4o") && some.matches("fast"))
        #expect(!some.matches("gpt-4") && !some.matches("faster"))
        #expect(Self.tokenizer.matches("anything"))
    }
}

@Suite struct RankFileTests {
    private static func fault(_ file: [UInt8]) -> BytePairRanks.Fault? {
        do {
            _ = try BytePairRanks(tiktoken: file)
            return nil
        } catch {
            return error
        }
    }

    private static let tokens: [[UInt8]] =
        (UInt8.min...UInt8.max).map { [$0] } + [Array("th".utf8), Array("the".utf8), Array(" the".utf8)]

    @Test func `a rank file is read, whatever its lines' order and ends`() throws {
        let file = ToyTokenizer.file(of: Self.tokens)
        let lines = String(decoding: file, as: UTF8.self).split(separator: "\n")
        let other = Array((lines.reversed().joined(separator: "\r\n") + "\r\n").utf8)
        for bytes in [file, other, file.dropLast()] {
            let ranks = try BytePairRanks(tiktoken: bytes)
            #expect(ranks.count == 259)
            #expect(ranks.rank(of: Array("the".utf8)) == 257)
            #expect(ranks.rank(of: Array("he".utf8)) == BytePairRanks.none)
        }
    }

    @Test func `a file that was cut off is refused, or whole up to a line's end`() {
        let file = ToyTokenizer.file(of: Self.tokens)
        for end in stride(from: 0, to: file.count - 1, by: 1) {
            guard Self.fault(Array(file[..<end])) == nil else { continue }
            let rest = String(decoding: file[end...], as: UTF8.self)
            #expect(end > 2_000 && (rest.hasPrefix("\n") || file[end - 1] == UInt8(ascii: "\n")), "cut at \(end)")
        }
    }

    /// A line in place of the last one, and what is said of it.
    private static let lines: [(String, String)] = [
        ("dGhl", "isn't BASE64"), ("dGhl x", "isn't a number"), ("dGhl ", "rank is missing"),
        ("!!!! 258", "isn't base64"),
        ("dGh 258", "isn't base64"), ("dGhl 257", "a second time"), ("dGhl 258", "are the same token"),
        ("dGhlIA== 300", "rank 258 is missing"), ("dGhlIA== 99999999999999999999", "not below"),
        ("dGhlIA== -1", "isn't a number"), ("==== 258", "isn't base64"), (" 258", "isn't base64"),
    ]

    @Test(arguments: lines)
    func `a wrong line is named with what is wrong in it`(line: String, words: String) {
        let file = ToyTokenizer.file(of: Array(Self.tokens.dropLast())) + Array("\(line)\n".utf8)
        let fault = Self.fault(file)
        #expect(fault.map { $0.description.contains(words) } == true, "\(String(describing: fault))")
    }

    @Test func `what is no rank file at all is refused`() {
        #expect(Self.fault([]) != nil)
        #expect(Self.fault(Array("{\"model\": {\"vocab\": {}}}".utf8))?.line == 1)
        #expect(Self.fault(ToyTokenizer.file(of: Array(Self.tokens.dropFirst())))?.reason.contains("byte 0") == true)
        #expect(Self.fault([UInt8](repeating: 0x0A, count: BytePairRanks.fileBytesMax + 1)) != nil)
        let long = ToyTokenizer.file(of: [[UInt8](repeating: 1, count: BytePairRanks.tokenBytesMax + 1)])
        #expect(Self.fault(long)?.reason.contains("from 1 to 1024 bytes") == true)
    }
}
