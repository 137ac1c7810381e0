// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
package import Logging

/// One line of the log, before it is written in one form or another.
package struct LogLine: Sendable, Hashable {
    /// Microseconds since 1970.
    package var microseconds: UInt64
    /// How important it is.
    package var level: Logger.Level
    /// What happened; the same words each time.
    package var message: String
    /// To what: names of small letters, digits and underscores.
    package var fields: [Field]

    /// A name and its value.
    package struct Field: Sendable, Hashable {
        /// Its name.
        package var name: String
        /// Its value.
        package var value: String

        /// Makes a field.
        package init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// Bytes of a line in any form.
    ///
    /// A pipe that is ready takes so many at once, whole: PIPE_BUF of pipe(7).
    package static let bytesMax = 4_096
    /// Bytes of a value or a message; what is longer is cut and ends with `…`.
    package static let valueBytesMax = 1_024

    /// Makes a line.
    package init(microseconds: UInt64, level: Logger.Level, message: String, fields: [Field] = []) {
        self.microseconds = microseconds
        self.level = level
        self.message = message
        self.fields = fields
    }

    /// `key=value` pairs, quoted where they need it; with a line feed.
    package func logfmt() -> [UInt8] {
        var bytes: [UInt8] = []
        Self.append("time", Timestamp.text(self.microseconds), to: &bytes)
        bytes.append(UInt8(ascii: " "))
        Self.append("level", self.level.rawValue, to: &bytes)
        bytes.append(UInt8(ascii: " "))
        Self.append("message", Self.cut(self.message), to: &bytes)
        for field in self.fields {
            var pair: [UInt8] = []
            Self.append(field.name, Self.cut(field.value), to: &pair)
            guard bytes.count + pair.count + 2 <= Self.bytesMax else { break }
            bytes.append(UInt8(ascii: " "))
            bytes += pair
        }
        bytes.append(UInt8(ascii: "\n"))
        return bytes
    }

    /// One JSON object, with a line feed.
    package func json() -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        for (name, value) in [
            ("time", Timestamp.text(self.microseconds)), ("level", self.level.rawValue),
            ("message", Self.cut(self.message)),
        ] {
            writer.key(name)
            writer.string(value)
        }
        var room = Self.bytesMax - Self.jsonBytes(Self.cut(self.message)) - 128
        for field in self.fields {
            let value = Self.cut(field.value)
            room -= field.name.utf8.count + Self.jsonBytes(value) + 6
            guard room >= 0 else { break }
            writer.key(field.name)
            writer.string(value)
        }
        writer.endObject()
        return writer.finish() + [UInt8(ascii: "\n")]
    }

    private static func jsonBytes(_ text: String) -> Int {
        text.utf8.reduce(0) { count, byte in
            count + (byte < 0x20 ? 6 : byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") ? 2 : 1)
        }
    }

    private static func append(_ name: String, _ value: String, to bytes: inout [UInt8]) {
        bytes += name.utf8
        bytes.append(UInt8(ascii: "="))
        let isPlain =
            !value.isEmpty
            && value.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "=") }
        if isPlain {
            bytes += value.utf8
            return
        }
        bytes.append(UInt8(ascii: "\""))
        for byte in value.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
            case UInt8(ascii: "\n"): bytes += "\\n".utf8
            // What moves a terminal's cursor must not come from a client.
            case 0..<0x20, 0x7F: bytes.append(UInt8(ascii: "?"))
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// The first bytes of a text, whole characters of it.
    static func cut(_ text: String) -> String {
        guard text.utf8.count > Self.valueBytesMax else { return text }
        var end = text.utf8.index(text.startIndex, offsetBy: Self.valueBytesMax - 3)
        // Only between two scalars.
        while end.samePosition(in: text.unicodeScalars) == nil { end = text.utf8.index(before: end) }
        return text[..<end] + "…"
    }
}
