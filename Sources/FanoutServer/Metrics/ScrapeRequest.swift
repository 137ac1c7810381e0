// Fanout
// SPDX-License-Identifier: Apache-2.0

/// The head of an HTTP request for the metrics, as far as it has come.
///
/// One request a connection, as in HTTP/1.0: what comes after the head is ignored, and the answer ends the connection.
package struct ScrapeRequest: Sendable {
    /// What to answer.
    package enum Answer: Sendable, Hashable {
        /// The metrics.
        case metrics
        /// The same without a body, for HEAD.
        case head
        /// A status line and a sentence.
        case refusal(status: StaticStatus, words: String)
    }

    /// The statuses of refusals.
    package enum StaticStatus: String, Sendable, Hashable {
        case badRequest = "400 Bad Request"
        case notFound = "404 Not Found"
        case methodNotAllowed = "405 Method Not Allowed"
        case tooLarge = "431 Request Header Fields Too Large"
    }

    /// Bytes of a head.
    package static let headBytesMax = 8 << 10
    /// The path that is served.
    package static let path = "/metrics"

    private var head: [UInt8] = []

    /// Nothing yet.
    package init() {}

    /// Takes bytes; `nil` = the head isn't whole yet.
    package mutating func receive(_ bytes: some Sequence<UInt8>) -> Answer? {
        for byte in bytes {
            guard self.head.count < Self.headBytesMax else {
                return .refusal(status: .tooLarge, words: "the head has more than \(Self.headBytesMax) bytes")
            }
            self.head.append(byte)
            if byte == UInt8(ascii: "\n"), self.isWhole { return self.answer() }
        }
        return nil
    }

    /// RFC 9112, 2.2: a lone line feed may end a line, too.
    private var isWhole: Bool {
        self.head.suffix(4).elementsEqual("\r\n\r\n".utf8) || self.head.suffix(2).elementsEqual("\n\n".utf8)
    }

    private func answer() -> Answer {
        let line = self.head.prefix { $0 != UInt8(ascii: "\r") && $0 != UInt8(ascii: "\n") }
        let parts = String(decoding: line, as: UTF8.self).split(separator: " ", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[2].hasPrefix("HTTP/1.") else {
            return .refusal(status: .badRequest, words: "this socket answers GET \(Self.path) over HTTP/1.1")
        }
        guard parts[0] == "GET" || parts[0] == "HEAD" else {
            return .refusal(status: .methodNotAllowed, words: "this socket answers GET \(Self.path) alone")
        }
        guard parts[1].prefix(while: { $0 != "?" }) == Self.path else {
            return .refusal(status: .notFound, words: "the metrics are at \(Self.path)")
        }
        return parts[0] == "GET" ? .metrics : .head
    }
}
