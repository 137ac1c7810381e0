// Fanout
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import FanoutTokens

@Suite struct PieceSplitterTests {
    /// The pieces into which OpenAI's published expressions cut the joined text.
    private static let rows: [(Tokenizer.Pattern, [String])] = [
        (.cl100k, ["Hello", ",", " world", "!"]),
        (.cl100k, ["I", "'m", " you", "'LL", " '", "sam", " don", "'t"]),
        (.cl100k, ["a", "\n\n", " b"]),
        (.cl100k, [" ", " x", " ", " y", " "]),
        (.cl100k, ["\tif", " (", "a", ")", " {\n", "\t", "\treturn", " ", "123", "45", ";\n", "\t", "}\n"]),
        (.cl100k, ["HELLOworld", " HelloWorld", " aB"]),
        (.cl100k, ["//", " path", "/to", "\n", "/x"]),
        (.cl100k, ["\u{65E5}\u{672C}\u{8A9E}\u{30C6}\u{30AD}\u{30B9}\u{30C8}ABC\u{3067}\u{3059}"]),
        (.cl100k, ["e", "\u{301}t", "\u{301}x", " \u{301}", "a"]),
        (.cl100k, ["a", "\u{A0}b", "\u{2003}", " c"]),
        (.cl100k, ["\u{2026}\u{201C}", "quote", "\u{201D}\u{2014}", "dash"]),
        (.cl100k, ["\u{661}\u{662}\u{663}", "\u{664}", " ", "\u{BD}"]),
        (.cl100k, ["   "]),
        (.cl100k, ["\n \n"]),
        (.cl100k, ["x", "\r\n\r\n", "y", "  \n", " z"]),
        (.cl100k, ["!!!???\n\n", "//\n", "/"]),
        (.cl100k, ["don", "\u{2019}t", " it", "'s", "'s"]),
        (.cl100k, ["ABC\u{65E5}\u{672C}"]),
        (.cl100k, ["\u{1C5}ungla"]),
        (.o200k, ["Hello", ",", " world", "!"]),
        (.o200k, ["I'm", " you'LL", " '", "sam", " don't"]),
        (.o200k, ["a", "\n\n", " b"]),
        (.o200k, [" ", " x", " ", " y", " "]),
        (.o200k, ["\tif", " (", "a", ")", " {\n", "\t", "\treturn", " ", "123", "45", ";\n", "\t", "}\n"]),
        (.o200k, ["HELLOworld", " Hello", "World", " a", "B"]),
        (.o200k, ["//", " path", "/to", "\n", "/x"]),
        (.o200k, ["\u{65E5}\u{672C}\u{8A9E}\u{30C6}\u{30AD}\u{30B9}\u{30C8}ABC\u{3067}\u{3059}"]),
        (.o200k, ["e\u{301}t\u{301}x", " \u{301}a"]),
        (.o200k, ["a", "\u{A0}b", "\u{2003}", " c"]),
        (.o200k, ["\u{2026}\u{201C}", "quote", "\u{201D}\u{2014}", "dash"]),
        (.o200k, ["\u{661}\u{662}\u{663}", "\u{664}", " ", "\u{BD}"]),
        (.o200k, ["   "]),
        (.o200k, ["\n \n"]),
        (.o200k, ["x", "\r\n\r\n", "y", "  \n", " z"]),
        (.o200k, ["!!!???\n\n//\n/"]),
        (.o200k, ["don", "\u{2019}t", " it's", "'s"]),
        (.o200k, ["ABC\u{65E5}\u{672C}"]),
        (.o200k, ["\u{1C5}ungla"]),
    ]

    private static func pieces(_ bytes: [UInt8], _ pattern: Tokenizer.Pattern) -> [[UInt8]] {
        var splitter = PieceSplitter()
        var pieces: [[UInt8]] = []
        bytes.withUnsafeBufferPointer { buffer in
            splitter.split(buffer, by: pattern) { pieces.append(Array(buffer[$0])) }
        }
        return pieces
    }

    @Test(arguments: rows)
    func `a text is cut as the published expression cuts it`(pattern: Tokenizer.Pattern, pieces: [String]) {
        let found = Self.pieces(Array(pieces.joined().utf8), pattern)
        #expect(found.map { String(decoding: $0, as: UTF8.self) } == pieces)
    }

    @Test(arguments: Tokenizer.Pattern.allCases)
    func `whatever the bytes, the pieces are all of them and none is empty`(pattern: Tokenizer.Pattern) {
        var luck = Languages(seed: 3)
        let alphabet: [UInt8] =
            Array("aZ9 '\n\r\t./".utf8) + [0xC3, 0xA9, 0xE4, 0xBD, 0xA0, 0xF0, 0x9F, 0x98, 0x80, 0xFF, 0xCC, 0x81]
        for length in 0..<300 {
            let bytes = (0..<length % 60).map { _ in alphabet[luck.number(below: alphabet.count)] }
            let pieces = Self.pieces(bytes, pattern)
            #expect(pieces.flatMap { $0 } == bytes)
            #expect(pieces.allSatisfy { !$0.isEmpty })
        }
    }
}
