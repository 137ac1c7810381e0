// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import CFanoutProto
internal import CProtobufC
internal import FanoutModel

/// Turns the C structures of one frame into values of the model.
///
/// The parts by subject are extensions in this folder. A reader of the daemon's frames is lenient: the daemon is
/// trusted to keep its bounds, and may be newer, so what it says beyond this version's knowledge is left out.
///
/// A class, since its methods are passed as functions: one that is bound to an object needs no context of its own,
/// while one bound to a structure allocates a copy of it, at each field. What takes such a function is inlined, which
/// also saves the counting of references.
final class Reader {
    let caps: WireCaps
    let isLenient: Bool

    init(caps: WireCaps, isLenient: Bool) {
        self.caps = caps
        self.isLenient = isLenient
    }

    // MARK: Messages

    /// The message unless it holds too many fields that this version doesn't know.
    func known<T>(_ message: UnsafeMutablePointer<T>) throws(Fault) -> UnsafeMutablePointer<T> {
        // Every generated structure begins with its ProtobufCMessage.
        let base = UnsafeRawPointer(message).assumingMemoryBound(to: ProtobufCMessage.self)
        if base.pointee.n_unknown_fields > self.caps.unknownFields {
            throw Fault(.badFrame, "", "has more than \(self.caps.unknownFields) unknown fields")
        }
        return message
    }

    /// Whether the message holds fields that this version doesn't know, such as a new arm of a `oneof`.
    func hasUnknown<T>(_ message: UnsafeMutablePointer<T>) -> Bool {
        UnsafeRawPointer(message).assumingMemoryBound(to: ProtobufCMessage.self).pointee.n_unknown_fields > 0
    }

    /// A singular message; `nil` = absent.
    @inline(__always)
    func one<T, Value>(
        _ message: UnsafeMutablePointer<T>?,
        _ field: StaticString,
        _ read: (UnsafeMutablePointer<T>) throws(Fault) -> Value
    ) throws(Fault) -> Value? {
        guard let message else { return nil }
        do {
            return try read(try self.known(message))
        } catch {
            throw error.inside(field)
        }
    }

    /// A singular message that is read into a place which exists already, so that nothing large is moved.
    @inline(__always)
    func one<T, Value>(
        _ message: UnsafeMutablePointer<T>?,
        _ field: StaticString,
        into value: inout Value,
        _ fill: (inout Value, UnsafeMutablePointer<T>) throws(Fault) -> Void
    ) throws(Fault) {
        guard let message else { return }
        do {
            try fill(&value, try self.known(message))
        } catch {
            throw error.inside(field)
        }
    }

    /// A repeated message.
    @inline(__always)
    func list<T, Value>(
        _ count: Int,
        _ messages: UnsafeMutablePointer<UnsafeMutablePointer<T>?>?,
        max: Int,
        _ field: StaticString,
        _ read: (UnsafeMutablePointer<T>) throws(Fault) -> Value
    ) throws(Fault) -> [Value] {
        guard count > 0, let messages else { return [] }
        try self.check(count, max: max, field)
        var values: [Value] = []
        values.reserveCapacity(count)
        for index in 0..<count {
            guard let message = messages[index] else { continue }
            do {
                values.append(try read(try self.known(message)))
            } catch {
                throw error.inside(field, index)
            }
        }
        return values
    }

    func check(_ count: Int, max: Int, _ field: StaticString) throws(Fault) {
        if count > max, !self.isLenient {
            throw Fault(.invalidRequest, "\(field)", "has \(count) entries; at most \(max) are allowed")
        }
    }

    // MARK: Strings

    /// Any text of valid UTF-8.
    func text(_ bytes: Proto.Bytes, _ field: StaticString) throws(Fault) -> String {
        guard bytes.len > 0, let data = bytes.data else { return "" }
        let buffer = UnsafeBufferPointer(start: data, count: bytes.len)
        do {
            // Half the time of String(validating:as:), which looks up generic metadata at each call.
            return String(copying: try UTF8Span(validating: buffer.span))
        } catch {
            throw Fault(.invalidRequest, "\(field)", "is not valid UTF-8")
        }
    }

    /// A name: bounded, without NUL.
    func name(_ bytes: Proto.Bytes, _ field: StaticString) throws(Fault) -> String {
        try self.bounded(bytes, field, max: self.caps.nameBytes)
    }

    /// An identifier that a provider made: bounded more widely, without NUL.
    func identifier(_ bytes: Proto.Bytes, _ field: StaticString) throws(Fault) -> String {
        try self.bounded(bytes, field, max: self.caps.identifierBytes)
    }

    private func bounded(_ bytes: Proto.Bytes, _ field: StaticString, max: Int) throws(Fault) -> String {
        guard bytes.len > 0, let data = bytes.data else { return "" }
        if self.isLenient { return try self.text(bytes, field) }
        if bytes.len > max {
            throw Fault(.invalidRequest, "\(field)", "has \(bytes.len) bytes; at most \(max) are allowed")
        }
        if UnsafeBufferPointer(start: data, count: bytes.len).contains(0) {
            throw Fault(.invalidRequest, "\(field)", "holds a NUL character")
        }
        return try self.text(bytes, field)
    }

    /// A repeated string.
    @inline(__always)
    func strings(
        _ count: Int,
        _ strings: UnsafeMutablePointer<Proto.Bytes>?,
        max: Int,
        _ field: StaticString,
        _ read: (Proto.Bytes, StaticString) throws(Fault) -> String
    ) throws(Fault) -> [String] {
        guard count > 0, let strings else { return [] }
        try self.check(count, max: max, field)
        var values: [String] = []
        values.reserveCapacity(count)
        for index in 0..<count {
            do {
                values.append(try read(strings[index], ""))
            } catch {
                throw Fault(error.code, "\(field)[\(index)]", error.message)
            }
        }
        return values
    }

    // MARK: Bytes and numbers

    func bytes(_ bytes: Proto.Bytes) -> [UInt8] {
        guard bytes.len > 0, let data = bytes.data else { return [] }
        return [UInt8](UnsafeBufferPointer(start: data, count: bytes.len))
    }

    /// A value of an enum; `nil` = unspecified.
    ///
    /// A value that this version doesn't know is a fault, or `unknown` where the reader is lenient.
    func choice<C: RawRepresentable, Value: RawRepresentable>(
        _ raw: C,
        _ field: StaticString,
        unknown: Value?
    ) throws(Fault) -> Value? where C.RawValue == UInt32, Value.RawValue == UInt8 {
        if raw.rawValue == 0 { return nil }
        if let small = UInt8(exactly: raw.rawValue), let value = Value(rawValue: small) { return value }
        if self.isLenient { return unknown }
        throw Fault(.invalidRequest, "\(field)", "has the unknown value \(Int32(bitPattern: raw.rawValue))")
    }

    /// A finite number in a range.
    func number(
        _ value: Double,
        _ field: StaticString,
        in range: ClosedRange<Double>
    ) throws(Fault) -> Double {
        // NaN is in no range.
        if range.contains(value) || self.isLenient { return value }
        throw Fault(
            .invalidRequest,
            "\(field)",
            "is \(value); it has to be from \(range.lowerBound) to \(range.upperBound)"
        )
    }
}
