// Fanout
// SPDX-License-Identifier: Apache-2.0

/// The bounds within which JSON is read.
package struct JSONLimits: Sendable, Equatable {
    /// The most containers inside each other, 1 to 64: nesting is kept in one 64-bit word.
    package var depthMax: Int
    /// The most bytes of the whole text.
    package var bytesMax: Int

    package init(depthMax: Int = 64, bytesMax: Int = .max) {
        self.depthMax = min(max(depthMax, 1), 64)
        self.bytesMax = bytesMax
    }
}

/// Reads JSON value by value, without a tree and without recursion.
///
/// The reader stands before a value. The caller looks at ``kind()`` and consumes that value exactly once, with the
/// method of its type, with ``skip()`` or with ``raw()``; an object or array by `enterObject`/`nextMember` or
/// `enterArray`/`nextElement` until these say false. A value that is not consumed makes the next step throw.
///
/// It holds a pointer, so it can't be copied and is only lent, `inout`, inside ``withJSONReader(_:limits:_:)``.
///
/// What is skipped is checked for grammar, but not for UTF-8; strings that are asked for, and ``raw()``, are checked
/// for both.
///
/// `@usableFromInline`, so that keys are compared in place by those who read: see docs/internals/workarounds.md.
@usableFromInline
package struct JSONReader: ~Copyable {
    /// The input's first byte.
    @usableFromInline
    package let base: UnsafePointer<UInt8>
    let count: Int
    let depthMax: Int
    /// The input was over the limit of bytes and nothing of it is read.
    let refused: Bool
    var position = 0
    /// How many containers are open.
    package internal(set) var depth = 0
    /// Bit n: nothing of the container at depth n + 1 was read yet.
    private var fresh: UInt64 = 0
    /// The bytes between the quotes of the last key.
    @usableFromInline
    package internal(set) var keyStart = 0
    @usableFromInline
    package internal(set) var keyEnd = 0
    @usableFromInline
    package internal(set) var keyEscaped = false

    /// What the next value is, told by its first byte alone.
    package enum Kind: Sendable {
        case object
        case array
        case string
        case number
        case bool
        case null
    }

    init(base: UnsafePointer<UInt8>, count: Int, depthMax: Int, refused: Bool = false) {
        self.base = base
        self.count = count
        self.depthMax = depthMax
        self.refused = refused
    }

    /// What the next value is; consumes nothing but white space.
    package mutating func kind() throws(JSONError) -> Kind {
        switch try self.peek() {
        case UInt8(ascii: "{"): return .object
        case UInt8(ascii: "["): return .array
        case UInt8(ascii: "\""): return .string
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number
        case UInt8(ascii: "t"), UInt8(ascii: "f"): return .bool
        case UInt8(ascii: "n"): return .null
        default: throw JSONError(.unexpectedByte, at: self.position)
        }
    }

    /// Goes into an object; ``nextMember()`` then gives its members.
    package mutating func enterObject() throws(JSONError) {
        try self.enter(UInt8(ascii: "{"))
    }

    /// Goes into an array; ``nextElement()`` then gives its elements.
    package mutating func enterArray() throws(JSONError) {
        try self.enter(UInt8(ascii: "["))
    }

    /// Reads the next key and stops before its value; false at the object's end, which is consumed.
    ///
    /// The key is asked for with ``keyIs(_:)`` or ``key()`` until the next call.
    package mutating func nextMember() throws(JSONError) -> Bool {
        guard try self.next(closing: UInt8(ascii: "}")) else { return false }
        guard try self.peek() == UInt8(ascii: "\"") else { throw JSONError(.unexpectedByte, at: self.position) }
        let token = try self.scanString()
        (self.keyStart, self.keyEnd, self.keyEscaped) = (token.start, token.end, token.escaped)
        guard try self.peek() == UInt8(ascii: ":") else { throw JSONError(.unexpectedByte, at: self.position) }
        self.position += 1
        return true
    }

    /// Stops before the next element; false at the array's end, which is consumed.
    package mutating func nextElement() throws(JSONError) -> Bool {
        try self.next(closing: UInt8(ascii: "]"))
    }

    /// Goes back to a value, or on to where the reader was before it went back.
    ///
    /// For members that can only be understood once a later one is known: `offset` is one that ``offset`` gave inside
    /// the same container or one that is around it, and the value is consumed before the reader is sent on.
    package mutating func seek(to offset: Int) {
        precondition((0...self.count).contains(offset), "offset \(offset) of \(self.count)")
        self.position = offset
    }

    /// Consumes the value if it is null.
    package mutating func isNull() throws(JSONError) -> Bool {
        guard try self.peek() == UInt8(ascii: "n") else { return false }
        try self.scanLiteral("null")
        return true
    }

    /// Reads true or false.
    package mutating func bool() throws(JSONError) -> Bool {
        switch try self.peek() {
        case UInt8(ascii: "t"):
            try self.scanLiteral("true")
            return true
        case UInt8(ascii: "f"):
            try self.scanLiteral("false")
            return false
        default:
            throw JSONError(.typeMismatch, at: self.position)
        }
    }

    /// Throws unless only white space is left.
    package mutating func end() throws(JSONError) {
        self.skipWhitespace()
        if self.position < self.count { throw JSONError(.trailingBytes, at: self.position) }
    }

    private mutating func enter(_ opening: UInt8) throws(JSONError) {
        guard try self.peek() == opening else { throw JSONError(.typeMismatch, at: self.position) }
        guard self.depth < self.depthMax else { throw JSONError(.tooDeep, at: self.position) }
        self.fresh |= 1 << UInt64(self.depth)
        self.depth += 1
        self.position += 1
    }

    @inline(__always)
    private mutating func next(closing: UInt8) throws(JSONError) -> Bool {
        precondition(self.depth > 0, "no container was entered")
        let byte = try self.peek()
        let bit: UInt64 = 1 << UInt64(self.depth - 1)
        if byte == closing {
            self.position += 1
            self.depth -= 1
            self.fresh &= ~bit
            return false
        }
        if self.fresh & bit != 0 {
            self.fresh &= ~bit
            return true
        }
        guard byte == UInt8(ascii: ",") else { throw JSONError(.unexpectedByte, at: self.position) }
        self.position += 1
        return true
    }

    /// The next byte that isn't white space, not consumed.
    @inline(__always)
    mutating func peek() throws(JSONError) -> UInt8 {
        self.skipWhitespace()
        guard self.position < self.count else {
            throw JSONError(self.refused ? .tooLarge : .unexpectedEnd, at: self.position)
        }
        return self.base[self.position]
    }

    @inline(__always)
    mutating func skipWhitespace() {
        while self.position < self.count {
            let byte = self.base[self.position]
            // Space, tab, line feed, carriage return: RFC 8259, section 2.
            guard byte <= 0x20, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return }
            self.position += 1
        }
    }

    mutating func scanLiteral(_ word: StaticString) throws(JSONError) {
        for index in 0..<word.utf8CodeUnitCount {
            guard self.position + index < self.count else { throw JSONError(.unexpectedEnd, at: self.count) }
            guard self.base[self.position + index] == word.utf8Start[index] else {
                throw JSONError(.unexpectedByte, at: self.position + index)
            }
        }
        self.position += word.utf8CodeUnitCount
    }
}

/// Lends a reader over `bytes` to `body`.
///
/// Nothing checks that `body` reads to the end: it calls ``JSONReader/end()`` where that matters. Of an input with more
/// bytes than the limit nothing is read: the first step throws `tooLarge`.
package func withJSONReader<Result, Failure: Error>(
    _ bytes: UnsafeBufferPointer<UInt8>,
    limits: JSONLimits = JSONLimits(),
    _ body: (inout JSONReader) throws(Failure) -> Result
) throws(Failure) -> Result {
    // An empty buffer may have no address; a reader with a count of zero never looks at it.
    guard let base = bytes.baseAddress, bytes.count <= limits.bytesMax else {
        var empty: UInt8 = 0
        return try withUnsafePointer(to: &empty) { (pointer) throws(Failure) -> Result in
            var reader = JSONReader(base: pointer, count: 0, depthMax: limits.depthMax, refused: !bytes.isEmpty)
            return try body(&reader)
        }
    }
    var reader = JSONReader(base: base, count: bytes.count, depthMax: limits.depthMax)
    return try body(&reader)
}

/// Lends a reader over an array to `body`.
package func withJSONReader<Result, Failure: Error>(
    _ bytes: [UInt8],
    limits: JSONLimits = JSONLimits(),
    _ body: (inout JSONReader) throws(Failure) -> Result
) throws(Failure) -> Result {
    try bytes.withUnsafeBufferPointer { (buffer) throws(Failure) -> Result in
        try withJSONReader(buffer, limits: limits, body)
    }
}
