// Fanout
// SPDX-License-Identifier: Apache-2.0

/// The checksum of zlib, gzip and Amazon's event streams: CRC-32 (ISO 3309), polynomial 0xEDB88320 reflected.
enum CRC32 {
    /// Eight tables of 256: table k has what a byte does to the sum k bytes later, so that eight are taken at once.
    private static let tables: [UInt32] = {
        var tables = [UInt32](repeating: 0, count: 8 * 256)
        for byte in 0..<256 {
            var sum = UInt32(byte)
            for _ in 0..<8 { sum = sum & 1 == 1 ? 0xEDB8_8320 ^ (sum >> 1) : sum >> 1 }
            tables[byte] = sum
        }
        for place in 256..<tables.count {
            let before = tables[place - 256]
            tables[place] = tables[Int(before & 0xFF)] ^ (before >> 8)
        }
        return tables
    }()

    /// The checksum of bytes.
    static func sum(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt32 {
        self.tables.withUnsafeBufferPointer { tables in
            var sum: UInt32 = 0xFFFF_FFFF
            var index = 0
            while index + 8 <= bytes.count {
                var folded: UInt32 = 0
                for place in 0..<8 {
                    var byte = bytes[index + place]
                    if place < 4 { byte ^= UInt8(truncatingIfNeeded: sum >> (8 * UInt32(place))) }
                    folded ^= tables[(7 - place) * 256 + Int(byte)]
                }
                sum = folded
                index += 8
            }
            while index < bytes.count {
                sum = tables[Int(UInt8(truncatingIfNeeded: sum) ^ bytes[index])] ^ (sum >> 8)
                index += 1
            }
            return ~sum
        }
    }
}
