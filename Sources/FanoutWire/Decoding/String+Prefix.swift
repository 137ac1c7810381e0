// Fanout
// SPDX-License-Identifier: Apache-2.0

extension String {
    /// The longest beginning of at most so many bytes that doesn't cut a character of Unicode in two.
    func prefix(utf8 bytesMax: Int) -> String {
        let bytes = self.utf8
        guard bytes.count > bytesMax else { return self }
        var end = bytes.index(bytes.startIndex, offsetBy: max(0, bytesMax))
        // A byte of the form 10xxxxxx continues a scalar (RFC 3629, 3).
        while end > bytes.startIndex, bytes[end] & 0xC0 == 0x80 { end = bytes.index(before: end) }
        return String(self[..<end])
    }
}
