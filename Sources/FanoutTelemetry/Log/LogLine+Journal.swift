// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import Logging

extension LogLine {
    /// A datagram for systemd's journal: MESSAGE, PRIORITY and each field in capitals.
    ///
    /// See "Native Journal Protocol" of systemd: a field is `NAME=value` and a line feed, or, where the value has line
    /// feeds itself, `NAME`, a line feed, the length as 64 bits little-endian, the value and a line feed.
    package func journal(identifier: String) -> [UInt8] {
        var bytes: [UInt8] = []
        Self.append(journal: "MESSAGE", Self.cut(self.message), to: &bytes)
        Self.append(journal: "PRIORITY", String(self.priority), to: &bytes)
        Self.append(journal: "SYSLOG_IDENTIFIER", identifier, to: &bytes)
        for field in self.fields {
            guard let name = Self.journalName(field.name) else { continue }
            Self.append(journal: name, Self.cut(field.value), to: &bytes)
        }
        return bytes
    }

    /// As syslog(3) numbers them.
    private var priority: Int {
        switch self.level {
        case .critical: 2
        case .error: 3
        case .warning: 4
        case .notice: 5
        case .info: 6
        case .debug, .trace: 7
        }
    }

    /// Capitals, digits and underscores, not an underscore first, 64 bytes at most; the journal drops others.
    private static func journalName(_ name: String) -> String? {
        let upper = name.uppercased()
        guard let first = upper.utf8.first, (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(first),
            upper.utf8.count <= 64
        else { return nil }
        let isValid = upper.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"): true
            default: false
            }
        }
        return isValid ? upper : nil
    }

    private static func append(journal name: String, _ value: String, to bytes: inout [UInt8]) {
        bytes += name.utf8
        if value.utf8.contains(UInt8(ascii: "\n")) {
            bytes.append(UInt8(ascii: "\n"))
            withUnsafeBytes(of: UInt64(value.utf8.count).littleEndian) { bytes += $0 }
        } else {
            bytes.append(UInt8(ascii: "="))
        }
        bytes += value.utf8
        bytes.append(UInt8(ascii: "\n"))
    }
}
