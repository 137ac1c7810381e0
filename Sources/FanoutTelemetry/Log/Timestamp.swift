// Fanout
// SPDX-License-Identifier: Apache-2.0

/// Instants as RFC 3339 writes them, in UTC.
enum Timestamp {
    /// For example `2026-11-29T02:31:20.123Z`.
    static func text(_ microseconds: UInt64) -> String {
        let seconds = microseconds / 1_000_000
        let (year, month, day) = Self.date(day: Int(seconds / 86_400))
        let time = [seconds % 86_400 / 3_600, seconds % 3_600 / 60, seconds % 60].map { Self.padded($0, 2) }
        let milliseconds = Self.padded(microseconds % 1_000_000 / 1_000, 3)
        return "\(Self.padded(UInt64(year), 4))-\(Self.padded(UInt64(month), 2))-\(Self.padded(UInt64(day), 2))"
            + "T\(time.joined(separator: ":")).\(milliseconds)Z"
    }

    /// The Gregorian date of a day since 1970.
    ///
    /// Years are counted from March, so that the leap day is the last of its year.
    private static func date(day: Int) -> (year: Int, month: Int, day: Int) {
        // 719,468 days lie between 1 March of the year 0 and 1970.
        let days = day + 719_468
        let era = days / 146_097
        let ofEra = days % 146_097
        let yearOfEra = (ofEra - ofEra / 1_460 + ofEra / 36_524 - ofEra / 146_096) / 365
        let ofYear = ofEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let place = (5 * ofYear + 2) / 153
        let month = place < 10 ? place + 3 : place - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, ofYear - (153 * place + 2) / 5 + 1)
    }

    private static func padded(_ number: UInt64, _ digits: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
    }
}
