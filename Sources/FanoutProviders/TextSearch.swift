// Fanout
// SPDX-License-Identifier: Apache-2.0

/// Finding words in a provider's sentence, whatever their case.
enum TextSearch {
    /// The text's UTF-8 with ASCII letters in lower case.
    static func lowercased(_ text: String) -> [UInt8] {
        text.utf8.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
    }

    /// Where `word` begins first.
    static func firstIndex(of word: StaticString, in text: [UInt8]) -> Int? {
        let length = word.utf8CodeUnitCount
        guard length > 0, text.count >= length else { return nil }
        for start in 0...(text.count - length) where text[start] == word.utf8Start[0] {
            var offset = 1
            while offset < length, text[start + offset] == word.utf8Start[offset] { offset += 1 }
            if offset == length { return start }
        }
        return nil
    }

    /// Whether a text holds a word as it is written.
    ///
    /// The standard library's search makes tables for each word, which takes longer than a short text.
    static func contains(_ word: StaticString, in text: some StringProtocol) -> Bool {
        let found = text.utf8.withContiguousStorageIfAvailable { bytes in
            let length = word.utf8CodeUnitCount
            guard bytes.count >= length else { return false }
            return (0...(bytes.count - length)).contains { start in
                var offset = 0
                while offset < length, bytes[start + offset] == word.utf8Start[offset] { offset += 1 }
                return offset == length
            }
        }
        return found ?? (self.firstIndex(of: word, in: Array(text.utf8)) != nil)
    }

    /// Whether the text holds any of the words.
    static func contains(_ words: [StaticString], in text: [UInt8]) -> Bool {
        words.contains { self.firstIndex(of: $0, in: text) != nil }
    }

    /// The number right behind the first `word`, separators of thousands left out.
    static func number(after word: StaticString, in text: [UInt8]) -> UInt64? {
        guard let place = self.firstIndex(of: word, in: text) else { return nil }
        var value: UInt64?
        for byte in text[(place + word.utf8CodeUnitCount)...] {
            if byte == UInt8(ascii: ","), value != nil { continue }
            guard (0x30...0x39).contains(byte) else { break }
            let (tens, overflow) = (value ?? 0).multipliedReportingOverflow(by: 10)
            let (sum, carry) = tens.addingReportingOverflow(UInt64(byte - 0x30))
            guard !overflow, !carry else { return nil }
            value = sum
        }
        return value
    }

    /// The text cut to at most `bytes` bytes, at a scalar's end.
    static func cut(_ text: String, toBytes bytes: Int) -> String {
        guard text.utf8.count > bytes else { return text }
        let utf8 = text.utf8
        var end = utf8.index(utf8.startIndex, offsetBy: bytes)
        // Continuation bytes belong to the scalar before.
        while end > utf8.startIndex, utf8[end] & 0xC0 == 0x80 { end = utf8.index(before: end) }
        return String(text[..<end])
    }
}
