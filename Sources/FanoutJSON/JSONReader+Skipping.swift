// Fanout
// SPDX-License-Identifier: Apache-2.0

extension JSONReader {
    /// Consumes the next value, whatever it is.
    package mutating func skip() throws(JSONError) {
        let byte = try self.peek()
        switch byte {
        case UInt8(ascii: "\""):
            _ = try self.scanString()
        case UInt8(ascii: "{"), UInt8(ascii: "["):
            try self.skipContainer()
        default:
            try self.skipScalar(byte)
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

    @inline(__always)
    private mutating func skipScalar(_ byte: UInt8) throws(JSONError) {
        switch byte {
        case UInt8(ascii: "t"): try self.scanLiteral("true")
        case UInt8(ascii: "f"): try self.scanLiteral("false")
        case UInt8(ascii: "n"): try self.scanLiteral("null")
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            if self.shortNumber() == nil { _ = try self.scanNumber() }
        default: throw JSONError(.unexpectedByte, at: self.position)
        }
    }

    /// Iterative: the kinds of the open containers are bits of one word, which is why 64 is the deepest.
    private mutating func skipContainer() throws(JSONError) {
        let outer = self.depth
        var level = outer
        var objects: UInt64 = 0
        var closing: UInt8 = 0
        repeat {
            if closing == UInt8(ascii: "}") { try self.skipKey() }
            let byte = try self.peek()
            switch byte {
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                guard level < self.depthMax else { throw JSONError(.tooDeep, at: self.position) }
                let bit: UInt64 = 1 << UInt64(level)
                objects = byte == UInt8(ascii: "{") ? objects | bit : objects & ~bit
                level += 1
                self.position += 1
                // In ASCII a closing bracket comes two after its opening one.
                closing = byte + 2
                guard try self.peek() == closing else { continue }
            case UInt8(ascii: "\""):
                _ = try self.scanString()
            default:
                try self.skipScalar(byte)
            }
            // Behind a value, or at the end of an empty container.
            while level > outer {
                let byte = try self.peek()
                if byte == UInt8(ascii: ",") {
                    self.position += 1
                    break
                }
                guard byte == closing else { throw JSONError(.unexpectedByte, at: self.position) }
                self.position += 1
                level -= 1
                guard level > outer else { break }
                closing = objects & (1 << UInt64(level - 1)) != 0 ? UInt8(ascii: "}") : UInt8(ascii: "]")
            }
        } while level > outer
    }

    @inline(__always)
    private mutating func skipKey() throws(JSONError) {
        guard try self.peek() == UInt8(ascii: "\"") else { throw JSONError(.unexpectedByte, at: self.position) }
        _ = try self.scanString()
        guard try self.peek() == UInt8(ascii: ":") else { throw JSONError(.unexpectedByte, at: self.position) }
        self.position += 1
    }
}
