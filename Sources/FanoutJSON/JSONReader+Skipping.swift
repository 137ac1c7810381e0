// Fanout
// SPDX-License-Identifier: Apache-2.0

extension JSONReader {
    /// Consumes the next value, whatever it is.
    package mutating func skip() throws(JSONError) {
        switch try self.peek() {
        case UInt8(ascii: "\""):
            _ = try self.scanString()
        case UInt8(ascii: "{"), UInt8(ascii: "["):
            try self.skipContainer()
        default:
            try self.skipScalar()
        }
    }

    /// Consumes the next value and gives where it lies in the input, without white space around it.
    ///
    /// It is checked for grammar, but not for UTF-8.
    package mutating func slice() throws(JSONError) -> Range<Int> {
        _ = try self.peek()
        let start = self.position
        try self.skip()
        return start..<self.position
    }

    /// Consumes the next value and gives its own bytes, strictly checked.
    package mutating func raw() throws(JSONError) -> [UInt8] {
        let range = try self.slice()
        let buffer = UnsafeBufferPointer(start: self.base + range.lowerBound, count: range.count)
        try Self.checkUTF8(buffer, offset: range.lowerBound)
        return Array(buffer)
    }

    /// Throws unless the bytes are UTF-8.
    static func checkUTF8(_ bytes: UnsafeBufferPointer<UInt8>, offset: Int) throws(JSONError) {
        do throws(UTF8.ValidationError) {
            _ = try UTF8Span(validating: bytes.span)
        } catch {
            throw JSONError(.invalidUTF8, at: offset + error.byteOffsets.lowerBound)
        }
    }

    private mutating func skipScalar() throws(JSONError) {
        switch self.base[self.position] {
        case UInt8(ascii: "t"): try self.scanLiteral("true")
        case UInt8(ascii: "f"): try self.scanLiteral("false")
        case UInt8(ascii: "n"): try self.scanLiteral("null")
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): _ = try self.scanNumber()
        default: throw JSONError(.unexpectedByte, at: self.position)
        }
    }

    /// Iterative: the kinds of the open containers are bits of one word, which is why 64 is the deepest.
    private mutating func skipContainer() throws(JSONError) {
        let outer = self.depth
        var level = outer
        var objects: UInt64 = 0
        // What may come next inside the innermost container.
        var closable = true
        repeat {
            var byte = try self.peek()
            if level > outer {
                let isObject = objects & (1 << UInt64(level - 1)) != 0
                if byte == (isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) {
                    guard closable else { throw JSONError(.unexpectedByte, at: self.position) }
                    self.position += 1
                    level -= 1
                    if level > outer { closable = try self.skipComma(objects: objects, level: level) }
                    continue
                }
                if isObject {
                    try self.skipKey(byte)
                    byte = try self.peek()
                }
            }
            switch byte {
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                guard level < self.depthMax else { throw JSONError(.tooDeep, at: self.position) }
                let bit: UInt64 = 1 << UInt64(level)
                objects = byte == UInt8(ascii: "{") ? objects | bit : objects & ~bit
                level += 1
                self.position += 1
                closable = true
                continue
            case UInt8(ascii: "\""):
                _ = try self.scanString()
            default:
                try self.skipScalar()
            }
            closable = try self.skipComma(objects: objects, level: level)
        } while level > outer
    }

    private mutating func skipKey(_ byte: UInt8) throws(JSONError) {
        guard byte == UInt8(ascii: "\"") else { throw JSONError(.unexpectedByte, at: self.position) }
        _ = try self.scanString()
        guard try self.peek() == UInt8(ascii: ":") else { throw JSONError(.unexpectedByte, at: self.position) }
        self.position += 1
    }

    /// After a value: consumes a comma; true if the container's end is next.
    private mutating func skipComma(objects: UInt64, level: Int) throws(JSONError) -> Bool {
        let byte = try self.peek()
        if byte == UInt8(ascii: ",") {
            self.position += 1
            return false
        }
        let isObject = objects & (1 << UInt64(level - 1)) != 0
        guard byte == (isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) else {
            throw JSONError(.unexpectedByte, at: self.position)
        }
        return true
    }
}
