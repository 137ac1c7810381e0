// Fanout
// SPDX-License-Identifier: Apache-2.0

/// Writes JSON into an array of bytes that it owns.
///
/// Commas are its own affair. Whether one is due shows in the last byte: a value never ends in `{`, `[` or `:`. The
/// order of calls is the caller's: a key only in an object, then exactly one value.
package struct JSONWriter {
    /// What was written.
    package private(set) var bytes: [UInt8]
    private let start: Int

    /// A writer with room for this many bytes; it grows beyond.
    package init(capacity: Int = 1024) {
        self.bytes = []
        self.bytes.reserveCapacity(capacity)
        self.start = 0
    }

    /// A writer that appends to `bytes`, which stay as they are.
    package init(appendingTo bytes: consuming [UInt8]) {
        self.start = bytes.count
        self.bytes = bytes
    }

    /// Ends the writing and gives the bytes up without a copy.
    package consuming func finish() -> [UInt8] { self.bytes }

    package mutating func beginObject() {
        self.separate()
        self.bytes.append(UInt8(ascii: "{"))
    }

    package mutating func endObject() {
        self.bytes.append(UInt8(ascii: "}"))
    }

    package mutating func beginArray() {
        self.separate()
        self.bytes.append(UInt8(ascii: "["))
    }

    package mutating func endArray() {
        self.bytes.append(UInt8(ascii: "]"))
    }

    /// Writes a key of our own: ASCII without anything to escape.
    package mutating func key(_ name: StaticString) {
        self.separate()
        self.bytes.append(UInt8(ascii: "\""))
        self.bytes.append(contentsOf: UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
        self.bytes.append(UInt8(ascii: "\""))
        self.bytes.append(UInt8(ascii: ":"))
    }

    /// Writes any key.
    package mutating func key(_ name: String) {
        self.string(name)
        self.bytes.append(UInt8(ascii: ":"))
    }

    /// Writes a string, escaped where RFC 8259 asks for it and nowhere else.
    package mutating func string(_ text: String) {
        self.separate()
        self.bytes.append(UInt8(ascii: "\""))
        self.stringPart(text)
        self.bytes.append(UInt8(ascii: "\""))
    }

    /// Writes a string given as UTF-8.
    ///
    /// Bytes that aren't UTF-8 are repaired with U+FFFD.
    package mutating func string(utf8 text: [UInt8]) {
        self.string(String(decoding: text, as: UTF8.self))
    }

    /// Opens a string that is written in parts.
    package mutating func beginString() {
        self.separate()
        self.bytes.append(UInt8(ascii: "\""))
    }

    /// Writes a part of an opened string.
    package mutating func stringPart(_ text: String) {
        let done: Void? = text.utf8.withContiguousStorageIfAvailable { self.appendEscaped($0) }
        guard done == nil else { return }
        var native = text
        native.withUTF8 { self.appendEscaped($0) }
    }

    /// Writes `bytes` as a part of an opened string, in base64 (RFC 4648, section 4).
    package mutating func stringPart(base64 bytes: [UInt8]) {
        appendBase64(bytes, to: &self.bytes)
    }

    /// Closes an opened string.
    package mutating func endString() {
        self.bytes.append(UInt8(ascii: "\""))
    }

    package mutating func int(_ value: Int64) {
        self.separate()
        if value < 0 { self.bytes.append(UInt8(ascii: "-")) }
        self.digits(value.magnitude)
    }

    package mutating func uint(_ value: UInt64) {
        self.separate()
        self.digits(value)
    }

    /// Writes the shortest decimal that reads back as the same double.
    ///
    /// JSON has no word for NaN and infinity: the caller refuses them before; here they are a bug of ours.
    package mutating func double(_ value: Double) {
        precondition(value.isFinite, "JSON can't hold \(value)")
        self.separate()
        // Not `rounded()`, which in debug builds needs a libm that nothing else here links.
        if value.magnitude < 1e15, Double(Int64(value)) == value {
            // Some servers refuse `1.0` where they want an integer; both are the same JSON number.
            if value.sign == .minus { self.bytes.append(UInt8(ascii: "-")) }
            return self.digits(UInt64(value.magnitude))
        }
        self.bytes.append(contentsOf: value.description.utf8)
    }

    package mutating func bool(_ value: Bool) {
        self.literal(value ? "true" : "false")
    }

    package mutating func null() {
        self.literal("null")
    }

    /// Writes a value that is JSON already.
    ///
    /// Nothing is checked: the caller has validated it.
    package mutating func raw(_ json: [UInt8]) {
        self.separate()
        self.bytes.append(contentsOf: json)
    }

    /// Writes a slice of JSON that was checked before.
    mutating func raw(_ json: Slice<UnsafeBufferPointer<UInt8>>) {
        self.separate()
        self.bytes.append(contentsOf: UnsafeBufferPointer(rebasing: json))
    }

    /// Writes a checked key with its quotes, and the colon.
    mutating func rawKey(_ json: Slice<UnsafeBufferPointer<UInt8>>) {
        self.raw(json)
        self.bytes.append(UInt8(ascii: ":"))
    }

    private mutating func literal(_ word: StaticString) {
        self.separate()
        self.bytes.append(contentsOf: UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount))
    }

    @inline(__always)
    private mutating func separate() {
        guard self.bytes.count > self.start, let last = self.bytes.last else { return }
        switch last {
        case UInt8(ascii: "{"), UInt8(ascii: "["), UInt8(ascii: ":"): return
        default: self.bytes.append(UInt8(ascii: ","))
        }
    }

    private mutating func digits(_ value: UInt64) {
        guard value >= 10 else { return self.bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: value)) }
        let first = self.bytes.count
        var rest = value
        while rest > 0 {
            let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
            self.bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: digit))
            rest = quotient
        }
        self.bytes[first...].reverse()
    }

    private mutating func appendEscaped(_ text: UnsafeBufferPointer<UInt8>) {
        guard let base = text.baseAddress else { return }
        var index = 0
        while index < text.count {
            let special = firstSpecialByte(base, from: index, to: text.count)
            self.bytes.append(contentsOf: UnsafeBufferPointer(start: base + index, count: special - index))
            guard special < text.count else { return }
            self.appendEscape(base[special])
            index = special + 1
        }
    }

    private mutating func appendEscape(_ byte: UInt8) {
        self.bytes.append(UInt8(ascii: "\\"))
        switch byte {
        case 0x08: self.bytes.append(UInt8(ascii: "b"))
        case 0x09: self.bytes.append(UInt8(ascii: "t"))
        case 0x0A: self.bytes.append(UInt8(ascii: "n"))
        case 0x0C: self.bytes.append(UInt8(ascii: "f"))
        case 0x0D: self.bytes.append(UInt8(ascii: "r"))
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): self.bytes.append(byte)
        default:
            let digits: StaticString = "0123456789abcdef"
            self.bytes.append(contentsOf: [UInt8(ascii: "u"), UInt8(ascii: "0"), UInt8(ascii: "0")])
            self.bytes.append(digits.utf8Start[Int(byte >> 4)])
            self.bytes.append(digits.utf8Start[Int(byte & 0x0F)])
        }
    }
}
