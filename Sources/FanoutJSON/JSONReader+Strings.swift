// Fanout
// SPDX-License-Identifier: Apache-2.0

extension JSONReader {
    /// Where a string's bytes lie between its quotes, and whether any of them is a backslash.
    struct StringToken {
        var start: Int
        var end: Int
        var escaped: Bool
    }

    /// Reads a string.
    ///
    /// A surrogate without its partner becomes U+FFFD, since no UTF-8 text can hold it.
    package mutating func string() throws(JSONError) -> String {
        guard try self.peek() == UInt8(ascii: "\"") else { throw JSONError(.typeMismatch, at: self.position) }
        return try self.text(of: try self.scanString())
    }

    /// Reads a string, or nil for null.
    package mutating func stringOrNull() throws(JSONError) -> String? {
        try self.isNull() ? nil : try self.string()
    }

    /// Reads a string and appends its decoded UTF-8 to `bytes`.
    package mutating func appendString(to bytes: inout [UInt8]) throws(JSONError) {
        guard try self.peek() == UInt8(ascii: "\"") else { throw JSONError(.typeMismatch, at: self.position) }
        let token = try self.scanString()
        let buffer = UnsafeBufferPointer(start: self.base + token.start, count: token.end - token.start)
        try Self.checkUTF8(buffer, offset: token.start)
        guard token.escaped else { return bytes.append(contentsOf: buffer) }
        let decoded = [UInt8](unsafeUninitializedCapacity: buffer.count) { target, count in
            count = unescape(buffer, into: target)
        }
        bytes.append(contentsOf: decoded)
    }

    /// Consumes the next value, whatever it is; true = it is that string.
    package mutating func stringIs(_ word: StaticString) throws(JSONError) -> Bool {
        guard try self.peek() == UInt8(ascii: "\"") else {
            try self.skip()
            return false
        }
        let token = try self.scanString()
        // One with broken UTF-8 equals no word.
        if token.escaped { return (try? self.text(of: token)) == word.description }
        let bytes = UnsafeBufferPointer(start: self.base + token.start, count: token.end - token.start)
        return bytes.count == word.utf8CodeUnitCount && word.withUTF8Buffer { bytes.elementsEqual($0) }
    }

    /// The last key that ``nextMember()`` read.
    package func key() throws(JSONError) -> String {
        try self.text(of: StringToken(start: self.keyStart, end: self.keyEnd, escaped: self.keyEscaped))
    }

    /// Whether the last key is `name`; allocates nothing unless the key has escapes.
    ///
    /// Inlined it is a comparison or two with constants. It changes nothing: were it not mutating, the compiler would
    /// copy the reader for each call.
    @inlinable
    @inline(__always)
    package mutating func keyIs(_ name: StaticString) -> Bool {
        let length = name.utf8CodeUnitCount
        if self.keyEscaped { return self.escapedKeyIs(name) }
        guard self.keyEnd - self.keyStart == length else { return false }
        let key = UnsafeRawPointer(self.base + self.keyStart)
        let other = UnsafeRawPointer(name.utf8Start)
        // The last word overlaps the one before it, so that no bytes are left over.
        if length >= 8 {
            var index = 0
            while true {
                let left = key.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                guard left == other.loadUnaligned(fromByteOffset: index, as: UInt64.self) else { return false }
                if index + 8 >= length { return true }
                index = min(index + 8, length - 8)
            }
        }
        if length >= 4 {
            let last = length - 4
            return key.loadUnaligned(as: UInt32.self) == other.loadUnaligned(as: UInt32.self)
                && key.loadUnaligned(fromByteOffset: last, as: UInt32.self)
                    == other.loadUnaligned(fromByteOffset: last, as: UInt32.self)
        }
        for index in 0..<length
        where key.load(fromByteOffset: index, as: UInt8.self) != other.load(fromByteOffset: index, as: UInt8.self) {
            return false
        }
        return true
    }

    /// How many bytes the last key has, decoded: a `switch` over it spares most comparisons of an object with many
    /// keys.
    @inlinable
    @inline(__always)
    package var keyLength: Int {
        mutating get { self.keyEscaped ? self.escapedKeyLength : self.keyEnd - self.keyStart }
    }

    /// The same of a key with escapes.
    @inline(never)
    @usableFromInline
    package var escapedKeyLength: Int {
        mutating get {
            // A key with broken UTF-8 equals no name.
            (try? self.key().utf8.count) ?? -1
        }
    }

    /// Where the last key lies in the input, with its quotes.
    package var keySlice: Range<Int> { (self.keyStart - 1)..<(self.keyEnd + 1) }

    /// The same as ``keyIs(_:)`` of a key with escapes.
    @inline(never)
    @usableFromInline
    package mutating func escapedKeyIs(_ name: StaticString) -> Bool {
        // A key with broken UTF-8 equals no name.
        (try? self.key()) == name.description
    }

    private func text(of token: StringToken) throws(JSONError) -> String {
        let buffer = UnsafeBufferPointer(start: self.base + token.start, count: token.end - token.start)
        guard token.escaped else {
            // `String(validating:as:)` does the same, but looks up generic metadata at run time for each string.
            do throws(UTF8.ValidationError) {
                return String(copying: try UTF8Span(validating: buffer.span))
            } catch {
                throw JSONError(.invalidUTF8, at: token.start + error.byteOffsets.lowerBound)
            }
        }
        // Escapes are ASCII, so the text is UTF-8 exactly if its raw form is.
        try Self.checkUTF8(buffer, offset: token.start)
        return String(unsafeUninitializedCapacity: buffer.count) { unescape(buffer, into: $0) }
    }

    /// Consumes a string, checking its bytes and escapes but not its UTF-8; the opening quote is next.
    @inline(__always)
    mutating func scanString() throws(JSONError) -> StringToken {
        let start = self.position + 1
        let end = firstSpecialByte(self.base, from: start, to: self.count)
        if end < self.count, self.base[end] == UInt8(ascii: "\"") {
            self.position = end + 1
            return StringToken(start: start, end: end, escaped: false)
        }
        return try self.scanEscapedString(start: start, at: end)
    }

    private mutating func scanEscapedString(start: Int, at first: Int) throws(JSONError) -> StringToken {
        var index = first
        while index < self.count {
            switch self.base[index] {
            case UInt8(ascii: "\""):
                self.position = index + 1
                return StringToken(start: start, end: index, escaped: true)
            case UInt8(ascii: "\\"):
                index = try self.escapeEnd(index)
            default:
                throw JSONError(.controlByte, at: index)
            }
            index = firstSpecialByte(self.base, from: index, to: self.count)
        }
        throw JSONError(.unexpectedEnd, at: self.count)
    }

    /// Where the escape that begins at `index` ends.
    private func escapeEnd(_ index: Int) throws(JSONError) -> Int {
        guard index + 1 < self.count else { throw JSONError(.unexpectedEnd, at: self.count) }
        switch self.base[index + 1] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            return index + 2
        case UInt8(ascii: "u"):
            for offset in 2..<6 {
                guard index + offset < self.count else { throw JSONError(.unexpectedEnd, at: self.count) }
                guard hexValue(self.base[index + offset]) != nil else { throw JSONError(.invalidEscape, at: index) }
            }
            return index + 6
        default:
            throw JSONError(.invalidEscape, at: index)
        }
    }
}
