// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutTokens
import Testing

@Suite struct TextCountsTests {
    private static func counts(_ bytes: [UInt8]) -> TextCounts {
        var counts = TextCounts()
        bytes.withUnsafeBufferPointer { counts.add($0) }
        return counts
    }

    /// The same, byte by byte.
    private static func plainCounts(_ bytes: [UInt8]) -> TextCounts {
        var counts = TextCounts()
        counts.bytes = UInt32(bytes.count)
        var before: UInt8 = 0x80
        func isLetter(_ byte: UInt8) -> Bool { (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) }
        func isSign(_ byte: UInt8) -> Bool {
            (0x21...0x7F).contains(byte) && !isLetter(byte) && !(0x30...0x39).contains(byte)
        }
        for byte in bytes {
            if isLetter(byte) {
                counts.letters += 1
                if !isLetter(before) { counts.words += 1 }
                if byte == UInt8(ascii: "h"), [UInt8(ascii: "t"), UInt8(ascii: "T")].contains(before) {
                    counts.englishPairs += 1
                }
            }
            if (0x30...0x39).contains(byte) { counts.digits += 1 }
            if isSign(byte), !isSign(before) { counts.signs += 1 }
            if isSign(byte), isSign(before) { counts.repeats += 1 }
            if byte <= 0x20, before <= 0x20 { counts.repeats += 1 }
            switch byte {
            case 0xC2...0xCA: counts.accents += 1
            case 0xCB...0xDF: counts.twoByteLetters += 1
            case 0xE3...0xED: counts.ideographs += 1
            case 0xE0...0xFF: counts.others += 1
            default: break
            }
            before = byte
        }
        return counts
    }

    @Test func `sixteen bytes at a time count as one at a time do, for every length and every byte`() {
        var luck = Languages(seed: 5)
        for length in 0..<200 {
            let anything = (0..<length).map { _ in UInt8(luck.number(below: 256)) }
            let letters = (0..<length).map { _ in Array("the Th h t 0 .,\n".utf8)[luck.number(below: 16)] }
            #expect(Self.counts(anything) == Self.plainCounts(anything), "\(anything)")
            #expect(Self.counts(letters) == Self.plainCounts(letters), "\(letters)")
        }
    }

    @Test func `counters of a byte don't overflow in a long text`() {
        for byte in [UInt8(ascii: "a"), UInt8(ascii: "7"), UInt8(ascii: "-"), 0x20, 0xE4, 0xC3, 0xD0, 0xF0] {
            let bytes = [UInt8](repeating: byte, count: 20_011)
            #expect(Self.counts(bytes) == Self.plainCounts(bytes))
        }
    }

    @Test func `characters are counted by script`() {
        let counts = Self.counts(Array("Größe 42, мир! 你好안녕 🙂".utf8))
        #expect(counts.letters == 3 && counts.words == 2 && counts.accents == 2)
        #expect(counts.digits == 2 && counts.signs == 2 && counts.repeats == 0)
        #expect(counts.twoByteLetters == 3 && counts.ideographs == 4 && counts.others == 1)
    }
}
