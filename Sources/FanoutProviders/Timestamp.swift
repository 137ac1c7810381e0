// Fanout
// SPDX-License-Identifier: Apache-2.0

/// The dates of JSON bodies (RFC 3339).
package enum Timestamp {
    /// Whole seconds since 1970 of `2024-05-24T20:48:36.231229Z`, or with an offset such as `-07:00`; nil if it is
    /// anything else.
    package static func seconds(of text: String) -> Int64? {
        let bytes = Array(text.utf8)
        func number(_ range: Range<Int>) -> Int64? {
            guard range.upperBound <= bytes.count else { return nil }
            var value: Int64 = 0
            for byte in bytes[range] {
                guard (0x30...0x39).contains(byte) else { return nil }
                value = value * 10 + Int64(byte - 0x30)
            }
            return value
        }
        guard let year = number(0..<4), let month = number(5..<7), let day = number(8..<10),
            let hour = number(11..<13), let minute = number(14..<16), let second = number(17..<19),
            (1970...9999).contains(year), (1...12).contains(month), (1...31).contains(day),
            hour < 24, minute < 60, second <= 60
        else { return nil }
        var place = 19
        if place < bytes.count, bytes[place] == UInt8(ascii: ".") {
            place += 1
            while place < bytes.count, (0x30...0x39).contains(bytes[place]) { place += 1 }
        }
        let local = HTTPDate.days(year: year, month: month, day: day) * 86_400 + hour * 3_600 + minute * 60 + second
        guard place < bytes.count else { return nil }
        switch bytes[place] {
        case UInt8(ascii: "Z"), UInt8(ascii: "z"): return local
        case UInt8(ascii: "+"), UInt8(ascii: "-"):
            guard let hours = number((place + 1)..<(place + 3)), let minutes = number((place + 4)..<(place + 6)) else {
                return nil
            }
            let offset = hours * 3_600 + minutes * 60
            return bytes[place] == UInt8(ascii: "+") ? local - offset : local + offset
        default: return nil
        }
    }
}
