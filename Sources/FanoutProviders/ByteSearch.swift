// Fanout
// SPDX-License-Identifier: Apache-2.0

/// The first index from `start` on that holds one of two bytes.
///
/// Blocks without either are passed over first: the compiler makes vector instructions of a loop without a branch.
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
    while index < bytes.count {
        if base[index] == one || base[index] == other { return index }
        index += 1
    }
    return nil
}
