// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import FanoutProviders
import Testing

@Suite struct LineParserTests {
    static func lines(_ pieces: [[UInt8]], lineBytesMax: Int = 1 << 20) throws -> [String] {
        var parser = LineParser(lineBytesMax: lineBytesMax)
        var lines: [String] = []
        func take() throws(Failure) {
            lines.append(try parser.withData { String(decoding: $0, as: UTF8.self) })
        }
        for piece in pieces {
            piece.withUnsafeBufferPointer { parser.append($0) }
            while try parser.next() { try take() }
        }
        if try parser.finish() { try take() }
        return lines
    }

    @Test func `the same bytes give the same lines at any cut`() throws {
        let bytes = Array("{\"a\":1}\n\n  \n{\"b\":\"ü\"}\r\n{\"c\":3}".utf8)
        let expected = ["{\"a\":1}", "{\"b\":\"ü\"}\r", "{\"c\":3}"]
        #expect(try Self.lines([bytes]) == expected)
        for first in 0...bytes.count {
            for second in first...bytes.count {
                let cut = [Array(bytes[..<first]), Array(bytes[first..<second]), Array(bytes[second...])]
                #expect(try Self.lines(cut) == expected, "cut at \(first) and \(second)")
            }
        }
    }

    @Test func `nothing is no line`() throws {
        #expect(try Self.lines([]) == [])
        #expect(try Self.lines([Array("\n \n".utf8)]) == [])
    }

    @Test(arguments: ["12345678\n", "12345678"])
    func `a line over the limit is refused, ended or not`(text: String) {
        #expect(throws: Failure.self) { try Self.lines([Array(text.utf8)], lineBytesMax: 7) }
        #expect(throws: Never.self) { try Self.lines([Array(text.utf8)], lineBytesMax: 8) }
    }
}
