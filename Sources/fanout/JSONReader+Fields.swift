// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

// The steps of a JSONReader with failures that name the field. The path grows outwards while a failure travels, so that
// a request without a fault pays nothing for it.

extension Failure {
    /// A request that can't be read.
    static func unreadable(_ message: String, param: String = "") -> Failure {
        var failure = Failure(.invalidRequest, message, param: param)
        failure.notStarted = true
        return failure
    }

    static func unreadable(_ error: JSONError, wanted: String) -> Failure {
        switch error.code {
        case .typeMismatch, .unexpectedByte: .unreadable("must be \(wanted)")
        case .numberOutOfRange, .invalidNumber: .unreadable("must be \(wanted): the number is out of range")
        default: .unreadable(error.description)
        }
    }

    /// The same failure, of something inside the field.
    func under(_ field: String) -> Failure {
        var failure = self
        let joint = self.param.isEmpty || self.param.hasPrefix("[") ? "" : "."
        failure.param = field + joint + self.param
        return failure
    }
}

extension JSONReader {
    mutating func readString() throws(Failure) -> String {
        do { return try self.string() } catch { throw .unreadable(error, wanted: "a string") }
    }

    mutating func readBool() throws(Failure) -> Bool {
        do { return try self.bool() } catch { throw .unreadable(error, wanted: "true or false") }
    }

    mutating func readDouble() throws(Failure) -> Double {
        do { return try self.double() } catch { throw .unreadable(error, wanted: "a number") }
    }

    mutating func readInt64() throws(Failure) -> Int64 {
        do { return try self.int64() } catch { throw .unreadable(error, wanted: "a whole number") }
    }

    mutating func readUInt32() throws(Failure) -> UInt32 {
        let wanted = "a whole number from 0 to \(UInt32.max)"
        let value: UInt64
        do { value = try self.uint64() } catch { throw .unreadable(error, wanted: wanted) }
        guard let small = UInt32(exactly: value) else { throw .unreadable("must be \(wanted)") }
        return small
    }

    /// Reads any value as it is written.
    mutating func readRaw() throws(Failure) -> [UInt8] {
        do { return try self.raw() } catch { throw .unreadable(error, wanted: "a JSON value") }
    }

    mutating func readObjectRaw() throws(Failure) -> [UInt8] {
        guard try self.readKind() == .object else { throw .unreadable("must be an object") }
        return try self.readRaw()
    }

    mutating func readKind() throws(Failure) -> Kind {
        do { return try self.kind() } catch { throw .unreadable(error, wanted: "a JSON value") }
    }

    mutating func readNull() throws(Failure) -> Bool {
        do { return try self.isNull() } catch { throw .unreadable(error, wanted: "a JSON value") }
    }

    mutating func skipValue() throws(Failure) {
        do { try self.skip() } catch { throw .unreadable(error, wanted: "a JSON value") }
    }

    /// Reads an object's members that aren't null.
    mutating func readMembers(_ each: (String, inout JSONReader) throws(Failure) -> Void) throws(Failure) {
        do { try self.enterObject() } catch { throw .unreadable(error, wanted: "an object") }
        while try self.readNextMember() {
            let key: String
            do { key = try self.key() } catch { throw .unreadable(error, wanted: "a key") }
            if try self.readNull() { continue }
            do throws(Failure) { try each(key, &self) } catch { throw error.under(key) }
        }
    }

    /// Reads an array's elements.
    mutating func readElements(_ each: (Int, inout JSONReader) throws(Failure) -> Void) throws(Failure) {
        do { try self.enterArray() } catch { throw .unreadable(error, wanted: "an array") }
        var index = 0
        while try self.readNextElement() {
            do throws(Failure) { try each(index, &self) } catch { throw error.under("[\(index)]") }
            index += 1
        }
    }

    /// Reads a string or an array of strings.
    mutating func readStrings() throws(Failure) -> [String] {
        if try self.readKind() == .string { return [try self.readString()] }
        var strings: [String] = []
        try self.readElements { (_, reader) throws(Failure) in strings.append(try reader.readString()) }
        return strings
    }

    private mutating func readNextMember() throws(Failure) -> Bool {
        do { return try self.nextMember() } catch { throw .unreadable(error, wanted: "an object") }
    }

    private mutating func readNextElement() throws(Failure) -> Bool {
        do { return try self.nextElement() } catch { throw .unreadable(error, wanted: "an array") }
    }
}
