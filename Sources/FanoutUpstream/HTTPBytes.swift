// Fanout
// SPDX-License-Identifier: Apache-2.0

/// The classes of bytes that HTTP's grammar knows (RFC 9110, 5).
enum HTTPBytes {
    /// One bit for each byte below 64, and from there below 128, that may stand in a token.
    private static let tokens: (low: UInt64, high: UInt64) = (0x03FF_6CFA_0000_0000, 0x57FF_FFFF_C7FF_FFFE)

    /// Whether a byte may stand in a token: a letter, a digit or one of fifteen signs.
    static func isToken(_ byte: UInt8) -> Bool {
        let bits = byte < 64 ? Self.tokens.low : Self.tokens.high
        return byte < 128 && bits >> UInt64(byte & 63) & 1 == 1
    }

    /// Whether a byte may stand in a value: no control character but the tab.
    static func isText(_ byte: UInt8) -> Bool {
        (byte >= 0x20 && byte != 0x7F) || byte == 0x09
    }

    static func isBlank(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x09
    }

    static func decimal(_ byte: UInt8) -> UInt8? {
        let digit = byte &- UInt8(ascii: "0")
        return digit < 10 ? digit : nil
    }

    static func hexadecimal(_ byte: UInt8) -> UInt8? {
        if let digit = Self.decimal(byte) { return digit }
        let letter = (byte | 0x20) &- UInt8(ascii: "a")
        return letter < 6 ? letter + 10 : nil
    }

    /// Whether bytes are this word, which is in lower case; theirs doesn't count.
    static func same(_ bytes: Span<UInt8>, _ word: StaticString) -> Bool {
        guard bytes.count == word.utf8CodeUnitCount else { return false }
        return word.withUTF8Buffer { letters in
            for index in bytes.indices {
                let byte = bytes[index]
                let lower = (0x41...0x5A).contains(byte) ? byte | 0x20 : byte
                if lower != letters[index] { return false }
            }
            return true
        }
    }

    /// Whether a word begins with these bytes.
    static func isPrefix(_ bytes: Span<UInt8>, of word: StaticString) -> Bool {
        guard bytes.count <= word.utf8CodeUnitCount else { return false }
        return word.withUTF8Buffer { letters in
            for index in bytes.indices where bytes[index] != letters[index] { return false }
            return true
        }
    }

    /// The bytes as text; what isn't UTF-8 is replaced.
    static func string(_ bytes: Span<UInt8>) -> String {
        bytes.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
    }
}
