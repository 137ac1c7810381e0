// Fanout
// SPDX-License-Identifier: Apache-2.0

/// Makes frames of an Amazon event stream.
enum AmazonFrame {
    /// An event with its JSON.
    static func event(_ type: String, _ json: String) -> [UInt8] {
        let headers =
            self.header(":event-type", type) + self.header(":content-type", "application/json")
            + self.header(":message-type", "event")
        let prelude = self.bytes(16 + headers.count + json.utf8.count) + self.bytes(headers.count)
        let whole = prelude + self.sum(prelude) + headers + Array(json.utf8)
        return whole + self.sum(whole)
    }

    private static func header(_ name: String, _ value: String) -> [UInt8] {
        // A text is of type 7, with a length of two bytes.
        [UInt8(name.utf8.count)] + Array(name.utf8) + [7, 0, UInt8(value.utf8.count)] + Array(value.utf8)
    }

    private static func bytes(_ value: Int) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
    }

    /// CRC-32 by its definition, one bit after the other.
    private static func sum(_ bytes: [UInt8]) -> [UInt8] {
        var sum: UInt32 = 0xFFFF_FFFF
        for byte in bytes {
            sum ^= UInt32(byte)
            for _ in 0..<8 { sum = sum & 1 == 1 ? 0xEDB8_8320 ^ (sum >> 1) : sum >> 1 }
        }
        return self.bytes(Int(~sum))
    }
}
