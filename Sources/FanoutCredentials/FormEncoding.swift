// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// `application/x-www-form-urlencoded` (WHATWG URL, 5.2), with every byte escaped that isn't unreserved (RFC 3986).
enum FormEncoding {
    static func bytes(_ fields: [OAuthGrant.Field]) -> [UInt8] {
        var bytes: [UInt8] = []
        for (index, field) in fields.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: "&")) }
            self.append(field.name, to: &bytes)
            bytes.append(UInt8(ascii: "="))
            self.append(field.value.revealed, to: &bytes)
        }
        return bytes
    }

    private static func append(_ text: String, to bytes: inout [UInt8]) {
        let digits = Array("0123456789ABCDEF".utf8)
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                bytes.append(byte)
            default:
                bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 0x0F)]]
            }
        }
    }
}
