// Fanout
// SPDX-License-Identifier: Apache-2.0

extension JSONReader {
    /// A number's parts: ±`mantissa` × 10^`exponent`, if `exact`.
    struct NumberToken {
        var start = 0
        var end = 0
        var negative = false
        var mantissa: UInt64 = 0
        var exponent = 0
        /// False if there were more digits than the mantissa holds.
        var exact = true
        /// Neither a fraction nor an exponent was written.
        var integral = true
    }

    /// Reads a whole number; `12.0` and `1e3` are whole, too.
    package mutating func int64() throws(JSONError) -> Int64 {
        let token = try self.numberToken()
        let magnitude = try self.magnitude(token)
        if token.negative {
            guard magnitude <= UInt64(Int64.max) + 1 else { throw JSONError(.numberOutOfRange, at: token.start) }
            return Int64(truncatingIfNeeded: 0 &- magnitude)
        }
        guard let value = Int64(exactly: magnitude) else { throw JSONError(.numberOutOfRange, at: token.start) }
        return value
    }

    /// Reads a whole number that isn't negative; `12.0` and `1e3` are whole, too.
    package mutating func uint64() throws(JSONError) -> UInt64 {
        let token = try self.numberToken()
        let magnitude = try self.magnitude(token)
        guard !token.negative || magnitude == 0 else { throw JSONError(.numberOutOfRange, at: token.start) }
        return magnitude
    }

    /// Reads a number, rounded to the nearest double; beyond the finite range it throws.
    package mutating func double() throws(JSONError) -> Double {
        let token = try self.numberToken()
        // Both operands are exact then, so one rounding gives the nearest (W. D. Clinger, 1990).
        if token.exact, token.mantissa <= 1 << 53, token.exponent.magnitude <= 22 {
            let power = powersOfTen[Int(token.exponent.magnitude)]
            let mantissa = Double(token.mantissa)
            let value = token.exponent < 0 ? mantissa / power : mantissa * power
            return token.negative ? -value : value
        }
        let buffer = UnsafeBufferPointer(start: self.base + token.start, count: token.end - token.start)
        guard let value = Double(String(decoding: buffer, as: UTF8.self)), value.isFinite else {
            throw JSONError(.numberOutOfRange, at: token.start)
        }
        return value
    }

    /// Consumes a number of at most 18 digits and nothing else, which most are; nil = the next value isn't such a one,
    /// and nothing is consumed.
    @inline(__always)
    mutating func shortNumber() -> Int64? {
        var index = self.position
        var value: Int64 = 0
        while index < self.count {
            let digit = self.base[index] &- UInt8(ascii: "0")
            guard digit <= 9 else { break }
            value = value &* 10 &+ Int64(digit)
            index += 1
        }
        let length = index - self.position
        guard length > 0, length <= 18, length == 1 || self.base[self.position] != UInt8(ascii: "0") else { return nil }
        if index < self.count {
            let next = self.base[index]
            guard next != UInt8(ascii: "."), next | 0x20 != UInt8(ascii: "e") else { return nil }
        }
        self.position = index
        return value
    }

    private mutating func numberToken() throws(JSONError) -> NumberToken {
        guard case .number = try self.kind() else { throw JSONError(.typeMismatch, at: self.position) }
        return try self.scanNumber()
    }

    private func magnitude(_ token: NumberToken) throws(JSONError) -> UInt64 {
        guard token.exact else { throw JSONError(.numberOutOfRange, at: token.start) }
        if token.exponent == 0 || token.mantissa == 0 { return token.mantissa }
        guard token.exponent.magnitude <= 19 else { throw JSONError(.numberOutOfRange, at: token.start) }
        var value = token.mantissa
        for _ in 0..<token.exponent.magnitude {
            if token.exponent > 0 {
                let (product, overflow) = value.multipliedReportingOverflow(by: 10)
                guard !overflow else { throw JSONError(.numberOutOfRange, at: token.start) }
                value = product
            } else {
                let (quotient, remainder) = value.quotientAndRemainder(dividingBy: 10)
                guard remainder == 0 else { throw JSONError(.numberOutOfRange, at: token.start) }
                value = quotient
            }
        }
        return value
    }

    /// Consumes a number; its first byte is next.
    mutating func scanNumber() throws(JSONError) -> NumberToken {
        var token = NumberToken()
        token.start = self.position
        if self.base[self.position] == UInt8(ascii: "-") {
            token.negative = true
            self.position += 1
        }
        let first = self.position
        try self.scanDigits(&token, fraction: false)
        if self.base[first] == UInt8(ascii: "0"), self.position - first > 1 {
            throw JSONError(.invalidNumber, at: first)
        }
        if self.position < self.count, self.base[self.position] == UInt8(ascii: ".") {
            self.position += 1
            token.integral = false
            try self.scanDigits(&token, fraction: true)
        }
        if self.position < self.count, self.base[self.position] | 0x20 == UInt8(ascii: "e") {
            token.integral = false
            try self.scanExponent(&token)
        }
        token.end = self.position
        return token
    }

    @inline(__always)
    private mutating func scanDigits(_ token: inout NumberToken, fraction: Bool) throws(JSONError) {
        let start = self.position
        while self.position < self.count {
            let digit = self.base[self.position] &- UInt8(ascii: "0")
            guard digit <= 9 else { break }
            let (tens, overflow) = token.mantissa.multipliedReportingOverflow(by: 10)
            let (sum, carry) = tens.addingReportingOverflow(UInt64(digit))
            if overflow || carry || !token.exact {
                token.exact = false
            } else {
                token.mantissa = sum
                if fraction { token.exponent -= 1 }
            }
            self.position += 1
        }
        guard self.position > start else {
            throw JSONError(self.position < self.count ? .invalidNumber : .unexpectedEnd, at: self.position)
        }
    }

    private mutating func scanExponent(_ token: inout NumberToken) throws(JSONError) {
        self.position += 1
        var negative = false
        if self.position < self.count {
            let sign = self.base[self.position]
            negative = sign == UInt8(ascii: "-")
            if negative || sign == UInt8(ascii: "+") { self.position += 1 }
        }
        let start = self.position
        var exponent = 0
        while self.position < self.count {
            let digit = self.base[self.position] &- UInt8(ascii: "0")
            guard digit <= 9 else { break }
            // Far beyond what a double holds; more digits change nothing.
            if exponent < 100_000 { exponent = exponent * 10 + Int(digit) }
            self.position += 1
        }
        guard self.position > start else {
            throw JSONError(self.position < self.count ? .invalidNumber : .unexpectedEnd, at: self.position)
        }
        token.exponent += negative ? -exponent : exponent
    }
}

/// The powers of ten that a double holds exactly.
private let powersOfTen: [Double] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
]
