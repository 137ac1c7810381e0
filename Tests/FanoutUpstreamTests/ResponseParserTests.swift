// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import FanoutProviders
import Testing

@testable import FanoutUpstream

/// What a parser made of some bytes.
private struct Reading: Equatable {
    var statuses: [UInt16] = []
    var keepsAlive: [Bool] = []
    var body: [UInt8] = []
    var hasEnded = false
    /// Bytes behind the end of the answer.
    var surplus = 0
    var fault: ResponseFault?

    /// Feeds bytes in pieces that end where `cuts` say.
    init(_ bytes: [UInt8], cuts: [Int] = []) {
        var parser = ResponseParser()
        var start = 0
        for end in cuts + [bytes.count] where self.fault == nil {
            self.feed(Array(bytes[start..<end]), to: &parser)
            start = end
        }
    }

    init(_ text: String, cuts: [Int] = []) {
        self.init(Array(text.utf8), cuts: cuts)
    }

    private mutating func feed(_ piece: [UInt8], to parser: inout ResponseParser) {
        var offset = 0
        do throws(ResponseFault) {
            while let event = try parser.next(piece.span, from: &offset) {
                switch event {
                case .head:
                    let head = parser.takeHead()
                    self.statuses.append(head.answer.status)
                    self.keepsAlive.append(head.keepsAlive)
                case .body(let range): self.body += piece[range]
                case .end: self.hasEnded = true
                }
            }
        } catch {
            self.fault = error
        }
        self.surplus += self.fault == nil ? piece.count - offset : 0
    }

    var text: String { String(decoding: self.body, as: UTF8.self) }
}

/// A generator for bytes that nobody would think of; the same seed gives the same bytes.
private struct Dice {
    var state: UInt64

    mutating func roll(_ sides: Int) -> Int {
        self.state = self.state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int(self.state >> 33) % sides
    }
}

@Suite struct ResponseParserTests {
    private static let ok = "HTTP/1.1 200 OK\r\n"
    private static let chunked = ok + "Transfer-Encoding: chunked\r\n\r\n"

    /// An answer, and what it says: statuses, body, whether it has ended, whether the connection can be used again.
    private static let answers: [(text: String, statuses: [UInt16], body: String, ends: Bool, keeps: Bool)] = [
        (ok + "content-length: 5\r\n\r\nhello", [200], "hello", true, true),
        (ok + "CONTENT-LENGTH:5\r\n\r\nhello", [200], "hello", true, true),
        (ok + "content-length: \t 5 \t\r\n\r\nhello", [200], "hello", true, true),
        (ok + "content-length: 0\r\n\r\n", [200], "", true, true),
        (ok + "content-length: 000000000000000005\r\n\r\nhello", [200], "hello", true, true),
        ("HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n", [200], "", true, true),
        ("HTTP/1.1 429 \r\ncontent-length: 0\r\n\r\n", [429], "", true, true),
        ("HTTP/1.1 200 \u{e9}t\u{e9}\r\ncontent-length: 0\r\n\r\n", [200], "", true, true),
        ("HTTP/1.1 204 No Content\r\n\r\n", [204], "", true, true),
        ("HTTP/1.1 304 Not Modified\r\ncontent-length: 7\r\n\r\n", [304], "", true, true),
        ("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n", [101], "", true, true),
        (ok + "connection: close\r\ncontent-length: 2\r\n\r\nhi", [200], "hi", true, false),
        (ok + "connection: x , Close\r\ncontent-length: 2\r\n\r\nhi", [200], "hi", true, false),
        (ok + "connection: closed\r\ncontent-length: 2\r\n\r\nhi", [200], "hi", true, true),
        ("HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nhi", [200], "hi", true, false),
        ("HTTP/1.0 200 OK\r\nconnection: Keep-Alive\r\ncontent-length: 2\r\n\r\nhi", [200], "hi", true, true),
        (ok + "\r\nuntil the end", [200], "until the end", false, false),
        (ok + "x:\r\ny: \r\ncontent-length: 1\r\n\r\n!", [200], "!", true, true),
        (ok + "x: a\tb \u{fc}\r\ncontent-length: 1\r\n\r\n!", [200], "!", true, true),
        ("HTTP/1.1 100 Continue\r\n\r\n" + ok + "content-length: 1\r\n\r\n!", [100, 200], "!", true, true),
        (
            "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\ncontent-length: 9\r\n\r\n" + ok + "content-length: 1\r\n\r\n!",
            [103, 200], "!", true, true
        ),
        (chunked + "5\r\nhello\r\n0\r\n\r\n", [200], "hello", true, true),
        (chunked + "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", [200], "hello", true, true),
        (chunked + "00A\r\n0123456789\r\n000\r\n\r\n", [200], "0123456789", true, true),
        (chunked + "5;name=value;\"a b\"\r\nhello\r\n0;last\r\n\r\n", [200], "hello", true, true),
        (chunked + "5\r\nhello\r\n0\r\nx-checksum: 12\r\ny: z\r\n\r\n", [200], "hello", true, true),
        (ok + "transfer-encoding: Chunked\r\n\r\n1\r\n\n\r\n0\r\n\r\n", [200], "\n", true, true),
    ]

    @Test(arguments: answers)
    func `an answer is read alike wherever its pieces are cut`(
        row: (text: String, statuses: [UInt16], body: String, ends: Bool, keeps: Bool)
    ) {
        let bytes = Array(row.text.utf8)
        let whole = Reading(bytes)
        #expect(whole.fault == nil)
        #expect(whole.statuses == row.statuses)
        #expect(whole.text == row.body)
        #expect(whole.hasEnded == row.ends)
        #expect(whole.keepsAlive.last == row.keeps)
        #expect(whole.surplus == 0)
        for cut in 0...bytes.count { #expect(Reading(bytes, cuts: [cut]) == whole) }
        #expect(Reading(bytes, cuts: Array(0..<bytes.count)) == whole)
    }

    /// Bytes that are no answer, or more than one.
    private static let refused: [(String, ResponseFault)] = [
        ("\u{1}\u{2}\u{3} nothing", .notHTTP),
        ("SSH-2.0-OpenSSH_9.2\r\n", .notHTTP),
        ("\r\n" + ok, .notHTTP),
        ("HTTP/2.0 200 OK\r\n", .notHTTP),
        ("http/1.1 200 OK\r\n", .notHTTP),
        ("HTTP/1.2 200 OK\r\n", .version),
        ("HTTP/1.11 200 OK\r\n", .statusLine),
        ("HTTP/1.1  200 OK\r\n", .statusLine),
        ("HTTP/1.1 2000 OK\r\n", .statusLine),
        ("HTTP/1.1 20 OK\r\n", .statusLine),
        ("HTTP/1.1 099 OK\r\n", .statusLine),
        ("HTTP/1.1 +20 OK\r\n", .statusLine),
        ("HTTP/1.1\r\n", .statusLine),
        ("HTTP/1.1 200 a\u{0}b\r\n", .statusLine),
        ("HTTP/1.1 200 OK\n", .lineEnd),
        (ok + "a: b\n", .lineEnd),
        (ok + "a: b\rc: d\r\n", .field),
        (ok + "content-length: 5\r\ncontent-length: 5\r\n", .length),
        (ok + "content-length: 5\r\nContent-Length: 6\r\n", .length),
        (ok + "content-length: 5, 5\r\n", .length),
        (ok + "content-length: -1\r\n", .length),
        (ok + "content-length: +5\r\n", .length),
        (ok + "content-length: 0x5\r\n", .length),
        (ok + "content-length: 5 5\r\n", .length),
        (ok + "content-length:\r\n", .length),
        (ok + "content-length: 9999999999999999999\r\n", .length),
        (ok + "content-length : 5\r\n", .field),
        (ok + " content-length: 5\r\n", .field),
        (ok + "a: b\r\n c\r\n", .field),
        (ok + "a: b\r\n\tc\r\n", .field),
        (ok + ": b\r\n", .field),
        (ok + "a b: c\r\n", .field),
        (ok + "a\r\n", .field),
        (ok + "a: b\u{0}\r\n", .field),
        (ok + "a: b\u{7f}\r\n", .field),
        (ok + "a\u{fc}: b\r\n", .field),
        (ok + "transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n", .lengthAndCoding),
        (ok + "content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n", .lengthAndCoding),
        (ok + "transfer-encoding: identity\r\n", .transferEncoding),
        (ok + "transfer-encoding: gzip, chunked\r\n", .transferEncoding),
        (ok + "transfer-encoding: chunked, identity\r\n", .transferEncoding),
        (ok + "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n", .transferEncoding),
        (ok + "transfer-encoding: xchunked\r\n", .transferEncoding),
        (ok + "transfer-encoding:\r\n", .transferEncoding),
        ("HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", .transferEncoding),
        (chunked + "\r\n", .chunk),
        (chunked + "zz\r\n", .chunk),
        (chunked + "0x5\r\n", .chunk),
        (chunked + "-5\r\n", .chunk),
        (chunked + " 5\r\n", .chunk),
        (chunked + "5 \r\n", .chunk),
        (chunked + "5 ;a\r\n", .chunk),
        (chunked + "5\n", .lineEnd),
        (chunked + "5;a\u{0}\r\n", .chunk),
        (chunked + "1000000000000000\r\n", .chunk),
        (chunked + "fffffffffffffffff\r\n", .chunk),
        (chunked + "5\r\nhelloX\r\n", .chunk),
        (chunked + "5\r\nhello\n", .lineEnd),
        (chunked + "5\r\nhello\r\n0\r\nbad\r\n", .field),
        (chunked + "0\r\nx: y\n", .lineEnd),
    ]

    @Test(arguments: refused)
    func `what could be read in two ways is refused, wherever it is cut`(row: (String, ResponseFault)) {
        let bytes = Array(row.0.utf8)
        let whole = Reading(bytes)
        #expect(whole.fault == row.1, "\(row.0.debugDescription)")
        #expect(!whole.hasEnded)
        for cut in 0...bytes.count { #expect(Reading(bytes, cuts: [cut]).fault == row.1) }
        #expect(Reading(bytes, cuts: Array(0..<bytes.count)).fault == row.1)
    }

    @Test func `bytes behind an answer are left alone`() {
        let second = Self.ok + "content-length: 1\r\n\r\n!"
        let reading = Reading(Self.ok + "content-length: 5\r\n\r\nhello" + second)
        #expect(reading.text == "hello")
        #expect(reading.statuses == [200])
        #expect(reading.surplus == second.utf8.count)
    }

    @Test func `a new request begins anew, whatever was left of the last answer`() throws {
        var parser = ResponseParser()
        for text in [Self.ok + "content-length: 9\r\n\r\nfour", Self.chunked + "5", Self.ok + "half: a li"] {
            var offset = 0
            let bytes = Array(text.utf8)
            while try parser.next(bytes.span, from: &offset) != nil {}
            parser.begin()
        }
        let bytes = Array((Self.ok + "content-length: 1\r\n\r\n!").utf8)
        var offset = 0
        var events = 0
        while try parser.next(bytes.span, from: &offset) != nil { events += 1 }
        #expect(events == 3)
    }

    @Test func `only an answer without a length ends with its connection`() throws {
        for (text, ends) in [
            (Self.ok + "\r\nsome", true), (Self.ok + "content-length: 9\r\n\r\nsome", false),
            (Self.chunked + "9\r\nsome", false), (Self.ok, false), ("", false),
        ] {
            var parser = ResponseParser()
            var offset = 0
            let bytes = Array(text.utf8)
            while try parser.next(bytes.span, from: &offset) != nil {}
            #expect(parser.endsWithConnection() == ends, "\(text.debugDescription)")
        }
    }

    /// Each bound, an answer that just keeps it and one that doesn't.
    private static let bounds: [(ResponseFault, @Sendable (Int) -> String, Int)] = [
        (.lineTooLong, { ok + "x: " + String(repeating: "a", count: $0 - 3) + "\r\n\r\n" }, 32 << 10),
        (.lineTooLong, { "HTTP/1.1 200 " + String(repeating: "a", count: $0 - 13) + "\r\n\r\n" }, 32 << 10),
        (.lineTooLong, { chunked + "1;" + String(repeating: "a", count: $0 - 2) + "\r\n" }, 32 << 10),
        (.headTooLarge, { ok + String(repeating: "x: a\r\n", count: $0) + "\r\n" }, 128),
        (.headTooLarge, { chunked + "0\r\n" + String(repeating: "x: a\r\n", count: $0) + "\r\n" }, 128),
        (
            .headTooLarge,
            { count in
                // Five lines and the status line of 17 bytes; the last line fills the head up.
                let line = "x: " + String(repeating: "a", count: 25_000) + "\r\n"
                let rest = count - 17 - 5 * line.utf8.count - 5
                return ok + String(repeating: line, count: 5) + "x: " + String(repeating: "a", count: rest) + "\r\n\r\n"
            }, 128 << 10
        ),
    ]

    @Test(arguments: bounds.indices)
    func `lines, heads and trailers have a bound`(row: Int) {
        let (fault, text, most) = Self.bounds[row]
        #expect(Reading(text(most)).fault == nil)
        #expect(Reading(text(most + 1)).fault == fault)
        let bytes = Array(text(most + 1).utf8)
        #expect(Reading(bytes, cuts: Array(stride(from: 0, to: bytes.count, by: 1_000))).fault == fault)
    }

    @Test func `a line that never ends isn't kept past its bound`() throws {
        var parser = ResponseParser()
        let begin = Array((Self.ok + "x: ").utf8)
        var offset = 0
        while try parser.next(begin.span, from: &offset) != nil {}
        let more = [UInt8](repeating: UInt8(ascii: "a"), count: 4_096)
        #expect(throws: ResponseFault.lineTooLong) {
            for _ in 0..<9 {
                var offset = 0
                while try parser.next(more.span, from: &offset) != nil {}
            }
        }
    }

    @Test func `the headers that count reach the translator`() throws {
        let text =
            Self.ok + "Content-Type: application/json\r\nRetry-After: 7\r\nX-Request-ID: r1\r\nServer: nginx\r\n"
            + "x-ratelimit-remaining-requests: 59\r\nLocation: /a\r\nContent-Encoding: br\r\ncontent-length: 0\r\n\r\n"
        let bytes = Array(text.utf8)
        var parser = ResponseParser()
        var offset = 0
        guard case .head? = try parser.next(bytes.span, from: &offset) else {
            Issue.record("no head")
            return
        }
        let head = parser.takeHead()
        #expect(head.answer.contentType == "application/json")
        #expect(head.answer.retryAfter == "7")
        #expect(head.answer.requestID == "r1")
        #expect(head.answer.rates?.requests.remaining == 59)
        #expect(head.location == "/a")
        #expect(head.contentEncoding == "br")
    }

    /// Grammar's own signs, so that changes at random meet it often.
    private static let signs = Array("\r\n\t :;,09afF-+xHTP/.\u{0}\u{7f}".utf8)

    @Test func `answers changed at random are read alike whole and in pieces, and never end twice`() {
        var dice = Dice(state: 20_261_121)
        var accepted = 0
        for _ in 0..<20_000 {
            var bytes = Array(Self.answers[dice.roll(Self.answers.count)].text.utf8)
            if dice.roll(4) == 0 { bytes += Array(Self.answers[dice.roll(Self.answers.count)].text.utf8) }
            for _ in 0...dice.roll(4) {
                let place = dice.roll(bytes.count)
                switch dice.roll(4) {
                case 0: bytes.remove(at: place)
                case 1: bytes.insert(Self.signs[dice.roll(Self.signs.count)], at: place)
                case 2: bytes[place] = Self.signs[dice.roll(Self.signs.count)]
                default: bytes[place] = UInt8(dice.roll(256))
                }
                if bytes.isEmpty { bytes = [0] }
            }
            let whole = Reading(bytes)
            let cuts = (0..<dice.roll(6)).map { _ in dice.roll(bytes.count) }.sorted()
            let pieces = Reading(bytes, cuts: cuts)
            #expect(pieces == whole, "\(bytes)")
            accepted += whole.hasEnded ? 1 : 0
            #expect(whole.statuses.count(where: { $0 >= 200 || $0 == 101 }) <= 1)
            #expect(!whole.hasEnded || whole.fault == nil)
        }
        // The changes are neither all harmless nor all fatal.
        #expect((2_000..<18_000).contains(accepted))
    }

    @Test func `a token's bytes are those of RFC 9110`() {
        let signs = Set("!#$%&'*+-.^_`|~".utf8)
        for byte in UInt8.min...UInt8.max {
            let isLetter = (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
            let isDigit = (0x30...0x39).contains(byte)
            #expect(HTTPBytes.isToken(byte) == (isLetter || isDigit || signs.contains(byte)))
        }
    }
}
