// Fanout
// SPDX-License-Identifier: Apache-2.0

/// A `traceparent` of W3C Trace Context, level 1, section 3.2.
///
/// Fanout makes no spans of its own, so it hands one on as it came, as the specification lets a participant do that
/// doesn't record: with an id of ours in it the caller's trace would have a gap.
package enum TraceParent {
    /// The trace's id, 32 hexadecimal digits, of a text that is a trace context; `nil` = it is none.
    ///
    /// Later versions may be longer, and are read as far as this one goes (section 4.3).
    package static func traceID(of text: String) -> Substring? {
        let bytes = text.utf8
        guard (Self.length...Self.lengthMax).contains(bytes.count) else { return nil }
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count >= 4, Self.isHex(parts[0], 2), Self.isHex(parts[1], 32), Self.isHex(parts[2], 16),
            Self.isHex(parts[3], 2)
        else { return nil }
        guard parts[0] != "ff", parts[0] != "00" || parts.count == 4 else { return nil }
        let isZero = [parts[1], parts[2]].contains { $0.utf8.allSatisfy { $0 == UInt8(ascii: "0") } }
        // What follows in a later version is sent as it is, so it must be fit for a header.
        let isClean = parts[4...].allSatisfy { Self.isHex($0, $0.utf8.count) }
        return isZero || !isClean ? nil : parts[1]
    }

    /// Bytes of version 00.
    private static let length = 55
    private static let lengthMax = 128

    /// Lower-case hexadecimal digits, so many.
    private static func isHex(_ text: Substring, _ count: Int) -> Bool {
        text.utf8.count == count
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"): true
                default: false
                }
            }
    }
}
