// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// How long a provider asks to wait, from its headers or its words.
enum RetryHint {
    /// The larger of the two headers, in milliseconds; nil = neither says anything.
    ///
    /// Azure has been seen to send `retry-after-ms: 0` beside `retry-after: 1`.
    static func milliseconds(of head: AnswerHead, wallClockSeconds: Int64) -> UInt64? {
        var longest: UInt64?
        if let milliseconds = self.number(head.retryAfterMilliseconds, scale: 1) { longest = milliseconds }
        let seconds =
            self.number(head.retryAfter, scale: 1_000)
            ?? HTTPDate.seconds(of: head.retryAfter).map { date in
                let (wait, overflow) = date.subtractingReportingOverflow(wallClockSeconds)
                return overflow ? 0 : UInt64(max(wait, 0)).multipliedClamping(by: 1_000)
            }
        if let seconds { longest = max(longest ?? 0, seconds) }
        return longest
    }

    /// Until a limit that is used up is renewed, in milliseconds; nil = no header says.
    ///
    /// What names no meter is seconds (the IETF's draft on rate limits), a duration, or a moment since 1970 in seconds
    /// or, from OpenRouter, milliseconds. Of the meters only those count of which nothing is left, the slowest of them.
    static func milliseconds(ofReset head: AnswerHead, wallClockSeconds: Int64) -> UInt64? {
        if let value = Double(head.rateReset), value.isFinite, value >= 1e8 {
            let moment = value >= 1e11 ? value : value * 1_000
            return self.roundedUp(max(0, moment - Double(wallClockSeconds) * 1_000))
        }
        if let wait = self.milliseconds(ofDuration: head.rateReset) { return wait }
        guard let rates = head.rates else { return nil }
        let meters = [rates.requests, rates.tokens, rates.promptTokens, rates.completionTokens]
        return meters.filter { $0.remaining == 0 }.compactMap(\.resetMilliseconds).max()
    }

    /// The wait that a sentence names, in milliseconds: "try again in 6.36s", "reset after 2m 13s", "retry after 20
    /// seconds".
    static func milliseconds(inText text: String) -> UInt64? {
        let bytes = TextSearch.lowercased(text)
        let leads: [StaticString] = [
            "try again in ", "retry in ", "reset after ", "retry after ", "resets in ", "reset in ", "please wait ",
        ]
        for lead in leads {
            guard let place = TextSearch.firstIndex(of: lead, in: bytes) else { continue }
            if let wait = self.duration(bytes[(place + lead.utf8CodeUnitCount)...], bareUnit: nil) { return wait }
        }
        return nil
    }

    /// A duration in Go's manner (`1m30s`, `120ms`, `21m36.001s`) or in bare seconds, in milliseconds.
    static func milliseconds(ofDuration text: String) -> UInt64? {
        self.duration(TextSearch.lowercased(text)[...], bareUnit: 1_000)
    }

    private static func number(_ text: String, scale: Double) -> UInt64? {
        guard let value = Double(text), value >= 0, value.isFinite else { return nil }
        return self.roundedUp(value * scale)
    }

    /// Numbers with units, at least one; `bareUnit` is what a number without a unit counts in milliseconds.
    private static func duration(_ text: ArraySlice<UInt8>, bareUnit: Double?) -> UInt64? {
        var rest = text
        var total: Double?
        while true {
            let digits = rest.prefix { (0x30...0x39).contains($0) || $0 == UInt8(ascii: ".") }
            guard !digits.isEmpty, let value = self.decimal(digits) else { break }
            rest = rest[digits.endIndex...]
            let spaced = rest.drop { $0 == 0x20 }
            let letters = spaced.prefix { (0x61...0x7A).contains($0) }
            guard let unit = self.unit(letters) ?? (letters.isEmpty ? bareUnit : nil) else { break }
            total = (total ?? 0) + value * unit
            rest = spaced[letters.endIndex...].drop { $0 == 0x20 || $0 == UInt8(ascii: ",") }
        }
        guard let total, total.isFinite else { return nil }
        return self.roundedUp(total)
    }

    /// The next whole number; the largest there is for what doesn't fit.
    private static func roundedUp(_ value: Double) -> UInt64 {
        // 2^63 is far beyond any wait, and below it the conversion can't trap.
        guard value < 0x1p63 else { return .max }
        let whole = UInt64(value)
        return Double(whole) < value ? whole + 1 : whole
    }

    /// A number; a full stop at its end is the sentence's.
    private static func decimal(_ digits: ArraySlice<UInt8>) -> Double? {
        let text = digits.last == UInt8(ascii: ".") ? digits.dropLast() : digits
        return Double(String(decoding: text, as: UTF8.self))
    }

    /// A unit's milliseconds.
    private static func unit(_ letters: ArraySlice<UInt8>) -> Double? {
        switch String(decoding: letters, as: UTF8.self) {
        case "ms", "milliseconds", "millisecond": 1
        case "s", "sec", "secs", "second", "seconds": 1_000
        case "m", "min", "mins", "minute", "minutes": 60_000
        case "h", "hr", "hour", "hours": 3_600_000
        case "d", "day", "days": 86_400_000
        default: nil
        }
    }
}

extension UInt64 {
    /// The product, or the largest value where it doesn't fit.
    func multipliedClamping(by factor: UInt64) -> UInt64 {
        let (product, overflow) = self.multipliedReportingOverflow(by: factor)
        return overflow ? .max : product
    }
}
