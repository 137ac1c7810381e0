// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutProviders

/// What counts of an answer's head: for the translator, and for the connection.
struct ResponseHead {
    /// Where the body ends (RFC 9112, 6.3).
    enum Framing: Equatable {
        case none
        case length(Int)
        case chunked
        case untilClose
    }

    /// What the translator wants of it.
    var answer = AnswerHead(status: 0)
    /// `location`; nil = none.
    private(set) var location: String?
    /// `content-encoding`; nil = none.
    private(set) var contentEncoding: String?
    /// HTTP/1.0, where a connection ends with its answer unless that says otherwise.
    var isVersion10 = false
    private var saysClose = false
    private var saysKeepAlive = false
    private var length: Int?
    private var isChunked = false
    private var bodyEndsIt = false

    var status: UInt16 { self.answer.status }

    /// An interim answer (RFC 9110, 15.2): the final one follows.
    ///
    /// 101 is none: nobody asked for another protocol.
    var isInterim: Bool { self.status < 200 && self.status != 101 }

    /// Whether the connection can be used again.
    var keepsAlive: Bool {
        get { !self.bodyEndsIt && !self.saysClose && (!self.isVersion10 || self.saysKeepAlive) }
        set { self.bodyEndsIt = !newValue }
    }

    /// Takes a field that has been checked.
    mutating func take(_ name: Span<UInt8>, _ value: Span<UInt8>) throws(ResponseFault) {
        switch name.count {
        case 8 where HTTPBytes.same(name, "location"): self.location = HTTPBytes.string(value)
        case 10 where HTTPBytes.same(name, "connection"): self.takeConnection(value)
        case 12 where HTTPBytes.same(name, "content-type") && HTTPBytes.same(value, "application/json"):
            // Nearly all say so; the constant costs no memory.
            self.answer.contentType = "application/json"
        case 14 where HTTPBytes.same(name, "content-length"): try self.takeLength(value)
        case 16 where HTTPBytes.same(name, "content-encoding"): self.contentEncoding = HTTPBytes.string(value)
        case 17 where HTTPBytes.same(name, "transfer-encoding"):
            // Said twice it would be coded twice.
            guard !self.isChunked, HTTPBytes.same(value, "chunked") else { throw .transferEncoding }
            self.isChunked = true
        case let count where AnswerHead.mayTake(name: name[0], count: count):
            self.answer.take(name: HTTPBytes.string(name), value: HTTPBytes.string(value))
        default: break
        }
    }

    /// How the body is framed.
    ///
    /// - Throws: What two readers could read in two ways (RFC 9112, 6.1 and 11.2).
    func framing() throws(ResponseFault) -> Framing {
        guard !(self.isChunked && self.length != nil) else { throw .lengthAndCoding }
        guard !(self.isChunked && self.isVersion10) else { throw .transferEncoding }
        switch self.status {
        case 101, 204, 304: return .none
        default: break
        }
        if self.isChunked { return .chunked }
        if let length = self.length { return .length(length) }
        return .untilClose
    }

    private mutating func takeConnection(_ value: Span<UInt8>) {
        var start = 0
        while start < value.count {
            var end = start
            while end < value.count, value[end] != UInt8(ascii: ",") { end += 1 }
            var last = end
            while last > start, HTTPBytes.isBlank(value[last - 1]) { last -= 1 }
            while start < last, HTTPBytes.isBlank(value[start]) { start += 1 }
            let option = value.extracting(start..<last)
            if HTTPBytes.same(option, "close") { self.saysClose = true }
            if HTTPBytes.same(option, "keep-alive") { self.saysKeepAlive = true }
            start = end + 1
        }
    }

    private mutating func takeLength(_ value: Span<UInt8>) throws(ResponseFault) {
        // Eighteen digits can't overflow.
        guard self.length == nil, (1...18).contains(value.count) else { throw .length }
        var length = 0
        for index in value.indices {
            guard let digit = HTTPBytes.decimal(value[index]) else { throw .length }
            length = length * 10 + Int(digit)
        }
        self.length = length
    }
}

/// Why an answer isn't taken for HTTP.
enum ResponseFault: Error, Equatable {
    case notHTTP
    case version
    case statusLine
    case lineEnd
    case lineTooLong
    case headTooLarge
    case field
    case length
    case transferEncoding
    case lengthAndCoding
    case chunk

    /// For a sentence's brackets.
    var words: String {
        switch self {
        case .notHTTP: "it begins with something else"
        case .version: "its version isn't HTTP/1.0 or HTTP/1.1"
        case .statusLine: "its status line is malformed"
        case .lineEnd: "a line doesn't end in CRLF"
        case .lineTooLong: "a line is longer than \(ResponseParser.lineBytesMax >> 10) KiB"
        case .headTooLarge: "its head is too large"
        case .field: "a header is malformed"
        case .length: "content-length is malformed or said twice"
        case .transferEncoding: "transfer-encoding is something else than chunked"
        case .lengthAndCoding: "it has both content-length and transfer-encoding"
        case .chunk: "a chunk of its body is malformed"
        }
    }
}
