// Fanout
// SPDX-License-Identifier: Apache-2.0

/// The first index in `start..<end` of a quote, a backslash or a control byte; `end` if there is none.
///
/// Most keys and many values end within two words, which are looked at first. Of longer ones, blocks without any are
/// passed over: the compiler makes vector instructions of a loop without a branch, at a quarter of what words cost.
@inline(__always)
func firstSpecialByte(_ base: UnsafePointer<UInt8>, from start: Int, to end: Int) -> Int {
    var index = start
    let near = min(end - 8, start + 8)
    while index <= near {
        let marks = specialMarks(base, at: index)
        if marks != 0 { return index + marks.trailingZeroBitCount / 8 }
        index += 8
    }
    return firstSpecialByteFar(base, from: index, to: end)
}

/// The same from where the near words end; a call of its own, since it is long and comes after many bytes.
@inline(never)
private func firstSpecialByteFar(_ base: UnsafePointer<UInt8>, from start: Int, to end: Int) -> Int {
    var index = start
    while end - index >= 32 {
        let block = base + index
        var found: UInt8 = 0
        for offset in 0..<32 {
            let byte = block[offset]
            found |= (byte == 0x22 ? 1 : 0) | (byte == 0x5C ? 1 : 0) | (byte < 0x20 ? 1 : 0)
        }
        if found != 0 { break }
        index += 32
    }
    while end - index >= 8 {
        let marks = specialMarks(base, at: index)
        if marks != 0 { return index + marks.trailingZeroBitCount / 8 }
        index += 8
    }
    while index < end {
        let byte = base[index]
        if byte == 0x22 || byte == 0x5C || byte < 0x20 { return index }
        index += 1
    }
    return end
}

/// The high bit of the first special byte among the eight at `index` is set, and none below it; 0 = there is none.
///
/// `(x - 0x01…) & ~x & 0x80…` marks the zero bytes of x. A borrow can mark a byte above a true match by mistake, but
/// none below it, so the lowest mark is exact on the little-endian word.
@inline(__always)
private func specialMarks(_ base: UnsafePointer<UInt8>, at index: Int) -> UInt64 {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let word = UInt64(littleEndian: UnsafeRawPointer(base).loadUnaligned(fromByteOffset: index, as: UInt64.self))
    let quote = word ^ (ones &* 0x22)
    let backslash = word ^ (ones &* 0x5C)
    let quotes = (quote &- ones) & ~quote
    let backslashes = (backslash &- ones) & ~backslash
    let controls = (word &- ones &* 0x20) & ~word
    return (quotes | backslashes | controls) & 0x8080_8080_8080_8080
}

/// The value of a hexadecimal digit.
@inline(__always)
func hexValue(_ byte: UInt8) -> UInt32? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(byte - UInt8(ascii: "a") + 10)
    case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt32(byte - UInt8(ascii: "A") + 10)
    default: nil
    }
}

/// Writes the decoded form of a string's checked raw bytes, which is never longer, and gives its length.
func unescape(_ source: UnsafeBufferPointer<UInt8>, into target: UnsafeMutableBufferPointer<UInt8>) -> Int {
    guard let from = source.baseAddress, let to = target.baseAddress else { return 0 }
    var read = 0
    var written = 0
    while read < source.count {
        let special = firstSpecialByte(from, from: read, to: source.count)
        (to + written).update(from: from + read, count: special - read)
        written += special - read
        read = special
        guard read + 1 < source.count else { break }
        let letter = from[read + 1]
        if letter == UInt8(ascii: "u") {
            written += encodeUTF8(unicodeEscape(source, at: &read), at: to + written)
            continue
        }
        to[written] =
            switch letter {
            case UInt8(ascii: "b"): 0x08
            case UInt8(ascii: "f"): 0x0C
            case UInt8(ascii: "n"): 0x0A
            case UInt8(ascii: "r"): 0x0D
            case UInt8(ascii: "t"): 0x09
            default: letter
            }
        written += 1
        read += 2
    }
    return written
}

/// The scalar of one `\uXXXX`, or of a pair of surrogates, at `index`, which moves behind it.
private func unicodeEscape(_ source: UnsafeBufferPointer<UInt8>, at index: inout Int) -> UInt32 {
    let first = codeUnit(source, at: index) ?? 0xFFFD
    index += 6
    guard first & 0xF800 == 0xD800 else { return first }
    guard first < 0xDC00, let second = codeUnit(source, at: index), second & 0xFC00 == 0xDC00 else { return 0xFFFD }
    index += 6
    return 0x10000 + (first - 0xD800) << 10 + (second - 0xDC00)
}

/// The UTF-16 code unit of the `\uXXXX` at `index`, nil if there is none.
private func codeUnit(_ source: UnsafeBufferPointer<UInt8>, at index: Int) -> UInt32? {
    guard index + 6 <= source.count, source[index] == UInt8(ascii: "\\"), source[index + 1] == UInt8(ascii: "u") else {
        return nil
    }
    var unit: UInt32 = 0
    for offset in 2..<6 {
        guard let digit = hexValue(source[index + offset]) else { return nil }
        unit = unit << 4 | digit
    }
    return unit
}

private func encodeUTF8(_ scalar: UInt32, at target: UnsafeMutablePointer<UInt8>) -> Int {
    func tail(_ shift: UInt32) -> UInt8 { UInt8(truncatingIfNeeded: 0x80 | (scalar >> shift) & 0x3F) }
    switch scalar {
    case 0..<0x80:
        target[0] = UInt8(truncatingIfNeeded: scalar)
        return 1
    case 0x80..<0x800:
        target[0] = UInt8(truncatingIfNeeded: 0xC0 | scalar >> 6)
        target[1] = tail(0)
        return 2
    case 0x800..<0x10000:
        target[0] = UInt8(truncatingIfNeeded: 0xE0 | scalar >> 12)
        target[1] = tail(6)
        target[2] = tail(0)
        return 3
    default:
        target[0] = UInt8(truncatingIfNeeded: 0xF0 | scalar >> 18)
        target[1] = tail(12)
        target[2] = tail(6)
        target[3] = tail(0)
        return 4
    }
}
