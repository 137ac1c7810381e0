// Fanout
// SPDX-License-Identifier: Apache-2.0

/// Why bytes are not the JSON that was expected, and where.
package struct JSONError: Error, Equatable, CustomStringConvertible {
    /// What is wrong.
    package var code: Code
    /// The offset in bytes from the input's start at which it was noticed.
    package var offset: Int

    /// The kinds of faults.
    package enum Code: Equatable, Sendable {
        /// The text ends inside a value.
        case unexpectedEnd
        /// A byte that the grammar (RFC 8259) doesn't allow there.
        case unexpectedByte
        /// A control byte inside a string that isn't escaped.
        case controlByte
        /// An escape that isn't one of RFC 8259, section 7.
        case invalidEscape
        /// Bytes that are not UTF-8.
        case invalidUTF8
        /// A number that isn't one of RFC 8259, section 6.
        case invalidNumber
        /// A number outside the type asked for.
        case numberOutOfRange
        /// More nested containers than the limit.
        case tooDeep
        /// More bytes than the limit.
        case tooLarge
        /// Something follows the one value.
        case trailingBytes
        /// Valid JSON of another kind than the one asked for.
        case typeMismatch
    }

    package init(_ code: Code, at offset: Int) {
        self.code = code
        self.offset = offset
    }

    /// A sentence without the input's own words.
    package var description: String {
        let what =
            switch self.code {
            case .unexpectedEnd: "the JSON text ends inside a value"
            case .unexpectedByte: "a byte that JSON doesn't allow here"
            case .controlByte: "a control byte in a string that isn't escaped"
            case .invalidEscape: "an escape that JSON doesn't know"
            case .invalidUTF8: "bytes that are not UTF-8"
            case .invalidNumber: "a malformed number"
            case .numberOutOfRange: "a number out of range"
            case .tooDeep: "too many nested containers"
            case .tooLarge: "too many bytes"
            case .trailingBytes: "something after the value"
            case .typeMismatch: "a value of another type than expected"
            }
        return "\(what) at byte \(self.offset)"
    }
}
