// Fanout
// SPDX-License-Identifier: Apache-2.0

/// Appends `bytes` in base64 (RFC 4648, section 4), padded.
package func appendBase64(_ bytes: [UInt8], to target: inout [UInt8]) {
    let alphabet: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    target.reserveCapacity(target.count + (bytes.count + 2) / 3 * 4)
    var index = 0
    while index < bytes.count {
        let left = bytes.count - index
        var group = UInt32(bytes[index]) << 16
        if left > 1 { group |= UInt32(bytes[index + 1]) << 8 }
        if left > 2 { group |= UInt32(bytes[index + 2]) }
        target.append(alphabet.utf8Start[Int(group >> 18 & 0x3F)])
        target.append(alphabet.utf8Start[Int(group >> 12 & 0x3F)])
        target.append(left > 1 ? alphabet.utf8Start[Int(group >> 6 & 0x3F)] : UInt8(ascii: "="))
        target.append(left > 2 ? alphabet.utf8Start[Int(group & 0x3F)] : UInt8(ascii: "="))
        index += 3
    }
}

/// The bytes of a base64 text (RFC 4648, section 4), padded or not; nil if it is malformed.
package func decodeBase64(_ text: [UInt8]) -> [UInt8]? {
    var length = text.count
    while length > 0, text.count - length < 2, text[length - 1] == UInt8(ascii: "=") { length -= 1 }
    guard length % 4 != 1, length == text.count || text.count % 4 == 0 else { return nil }
    var result: [UInt8] = []
    result.reserveCapacity(length / 4 * 3 + 2)
    var group: UInt32 = 0
    var bits = 0
    for index in 0..<length {
        guard let value = base64Value(text[index]) else { return nil }
        group = (group << 6 | value) & 0x00FF_FFFF
        bits += 6
        if bits >= 8 {
            bits -= 8
            result.append(UInt8(truncatingIfNeeded: group >> UInt32(bits)))
        }
    }
    return result
}

@inline(__always)
private func base64Value(_ byte: UInt8) -> UInt32? {
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(byte - UInt8(ascii: "A"))
    case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(byte - UInt8(ascii: "a") + 26)
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0") + 52)
    case UInt8(ascii: "+"): 62
    case UInt8(ascii: "/"): 63
    default: nil
    }
}
