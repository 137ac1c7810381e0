// Fanout
// SPDX-License-Identifier: Apache-2.0

/// A JSON value as a tree, for paths where speed doesn't count.
package enum JSONValue: Equatable, Sendable {
    case null
    case bool(Bool)
    /// A number that was written as a whole one and fits.
    case integer(Int64)
    /// Any other number.
    case double(Double)
    case string(String)
    case array([JSONValue])
    /// Of members with the same key the last one counts.
    case object([String: JSONValue])

    /// Reads exactly one value.
    package init(parsing bytes: [UInt8], limits: JSONLimits = JSONLimits()) throws(JSONError) {
        guard bytes.count <= limits.bytesMax else { throw JSONError(.tooLarge, at: limits.bytesMax) }
        self = try withJSONReader(bytes, limits: limits) { (reader) throws(JSONError) -> JSONValue in
            let value = try JSONValue(reading: &reader)
            try reader.end()
            return value
        }
    }

    /// Reads the reader's next value.
    ///
    /// It recurses, at most as deep as the reader's limit.
    package init(reading reader: inout JSONReader) throws(JSONError) {
        switch try reader.kind() {
        case .null:
            guard try reader.isNull() else { throw JSONError(.unexpectedByte, at: reader.offset) }
            self = .null
        case .bool:
            self = .bool(try reader.bool())
        case .string:
            self = .string(try reader.string())
        case .number:
            self = try reader.number()
        case .array:
            var elements: [JSONValue] = []
            try reader.enterArray()
            while try reader.nextElement() { elements.append(try JSONValue(reading: &reader)) }
            self = .array(elements)
        case .object:
            var members: [String: JSONValue] = [:]
            try reader.enterObject()
            while try reader.nextMember() {
                let key = try reader.key()
                members[key] = try JSONValue(reading: &reader)
            }
            self = .object(members)
        }
    }

    /// The member of that name, if this is an object and has one.
    package subscript(key: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members[key]
    }

    /// The elements, if this is an array.
    package var elements: [JSONValue]? {
        guard case .array(let elements) = self else { return nil }
        return elements
    }

    /// The text, if this is a string.
    package var text: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }

    /// The value as bytes, members sorted by key.
    package func serialized() -> [UInt8] {
        var writer = JSONWriter()
        self.write(to: &writer)
        return writer.finish()
    }

    /// Writes the value, members sorted by key.
    package func write(to writer: inout JSONWriter) {
        switch self {
        case .null: writer.null()
        case .bool(let value): writer.bool(value)
        case .integer(let value): writer.int(value)
        case .double(let value): writer.double(value)
        case .string(let value): writer.string(value)
        case .array(let elements):
            writer.beginArray()
            for element in elements { element.write(to: &writer) }
            writer.endArray()
        case .object(let members):
            writer.beginObject()
            for (key, value) in members.sorted(by: { $0.key < $1.key }) {
                writer.key(key)
                value.write(to: &writer)
            }
            writer.endObject()
        }
    }
}

extension JSONReader {
    /// Where the reader stands, in bytes from the input's start.
    package var offset: Int { self.position }

    /// Reads a number as whole if it was written so and fits, else as a double.
    package mutating func number() throws(JSONError) -> JSONValue {
        guard case .number = try self.kind() else { throw JSONError(.typeMismatch, at: self.position) }
        if let value = self.shortNumber() { return .integer(value) }
        let start = self.position
        let token = try self.scanNumber()
        let end = self.position
        self.position = start
        guard token.integral, token.exact, !(token.negative && token.mantissa == 0),
            token.mantissa <= UInt64(Int64.max)
        else { return .double(try self.double()) }
        self.position = end
        let magnitude = Int64(token.mantissa)
        return .integer(token.negative ? -magnitude : magnitude)
    }
}
