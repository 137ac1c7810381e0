// Fanout
// SPDX-License-Identifier: Apache-2.0

/// The first index from `start` on that holds one of two bytes.
///
/// Blocks without either are passed over first: the compiler makes vector instructions of a loop without a branch. Then
/// eight bytes at a time, and the last ones singly.
@inline(__always)
func firstIndex(in bytes: UnsafeBufferPointer<UInt8>, from start: Int, of one: UInt8, or other: UInt8) -> Int? {
    guard let base = bytes.baseAddress else { return nil }
    var index = start
    while bytes.count - index >= 32 {
        let block = base + index
        var found: UInt8 = 0
        for offset in 0..<32 {
            found |= (block[offset] == one ? 1 : 0) | (block[offset] == other ? 1 : 0)
        }
        if found != 0 { break }
        index += 32
    }
    let ones: UInt64 = 0x0101_0101_0101_0101
    while bytes.count - index >= 8 {
        let word = UInt64(littleEndian: UnsafeRawPointer(base).loadUnaligned(fromByteOffset: index, as: UInt64.self))
        let first = word ^ (ones &* UInt64(one))
        let second = word ^ (ones &* UInt64(other))
        // A borrow can mark a byte above a true match by mistake, never below one.
        let marks = ((first &- ones) & ~first | (second &- ones) & ~second) & 0x8080_8080_8080_8080
        if marks != 0 { return index + marks.trailingZeroBitCount / 8 }
        index += 8
    }
    while index < bytes.count {
        if base[index] == one || base[index] == other { return index }
        index += 1
    }
    return nil
}
