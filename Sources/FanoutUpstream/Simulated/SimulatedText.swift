// Fanout
// SPDX-License-Identifier: Apache-2.0

/// A text of a simulated model, in the pieces in which it is streamed.
///
/// It says first that it is simulated, and goes on with the words it was given, over and over.
struct SimulatedText {
    private var bytes: [UInt8] = []
    /// Where each piece ends.
    private var ends: [Int] = []

    /// Pieces; each counts as a token.
    var count: Int { self.ends.count }

    var whole: String { String(decoding: self.bytes, as: UTF8.self) }

    /// No pieces at all.
    init() {}

    /// A text of one piece.
    init(_ piece: String) {
        self.append(piece.utf8)
    }

    /// `count` pieces, at least one.
    init(repeating text: String, count: Int) {
        let given = Array(text.utf8)
        let words = Self.words(of: given)
        self.ends.reserveCapacity(count)
        self.append("[simulated]".utf8)
        for index in 1..<max(1, count) {
            self.bytes.append(UInt8(ascii: " "))
            guard !words.isEmpty else {
                self.append("nothing".utf8)
                continue
            }
            self.append(given[words[(index - 1) % words.count]])
        }
    }

    subscript(piece: Int) -> String {
        String(decoding: self.bytes[(piece == 0 ? 0 : self.ends[piece - 1])..<self.ends[piece]], as: UTF8.self)
    }

    private mutating func append(_ piece: some Collection<UInt8>) {
        self.bytes.append(contentsOf: piece)
        self.ends.append(self.bytes.count)
    }

    /// How many words a text has; between them is ASCII's white space.
    static func wordCount(of text: String) -> Int {
        var text = text
        return text.withUTF8 { self.words(of: $0).count }
    }

    private static func words(of text: some Collection<UInt8>) -> [Range<Int>] {
        var words: [Range<Int>] = []
        var start: Int?
        var offset = 0
        for byte in text {
            if byte == 0x20 || (0x09...0x0D).contains(byte) {
                if let first = start { words.append(first..<offset) }
                start = nil
            } else if start == nil {
                start = offset
            }
            offset += 1
        }
        if let start { words.append(start..<offset) }
        return words
    }
}
