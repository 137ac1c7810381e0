// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import FanoutProviders
import Testing

@Suite struct SSEParserTests {
    struct Event: Equatable {
        var name: String
        var data: String
    }

    /// All events of a stream that comes in these pieces.
    func events(_ pieces: [[UInt8]], finish: Bool = false) throws -> [Event] {
        var parser = SSEParser(eventBytesMax: 200)
        var events: [Event] = []
        func collect() throws(Failure) {
            let data = try parser.withData { (data) throws(Failure) in String(decoding: data, as: UTF8.self) }
            events.append(Event(name: parser.eventName, data: data))
        }
        for piece in pieces {
            piece.withUnsafeBufferPointer { parser.append($0) }
            while try parser.next() { try collect() }
        }
        if finish, try parser.finish() { try collect() }
        return events
    }

    static let samples: [(String, [Event])] = [
        ("data: a\n\n", [Event(name: "", data: "a")]),
        ("data: a\r\n\r\n", [Event(name: "", data: "a")]),
        ("data: a\r\r", [Event(name: "", data: "a")]),
        ("data: a\r\ndata:b\r\rdata: c\n\n", [Event(name: "", data: "a\nb"), Event(name: "", data: "c")]),
        ("\u{FEFF}data: a\n\n", [Event(name: "", data: "a")]),
        (": comment\n\n: x\ndata: a\n: y\n\n", [Event(name: "", data: "a")]),
        ("event: error\ndata: {}\n\ndata: b\n\n", [Event(name: "error", data: "{}"), Event(name: "", data: "b")]),
        ("event: lost\n\ndata: b\n\n", [Event(name: "", data: "b")]),
        ("id: 1\nretry: 5\ndata\ndata:\ndata:  two\n\n", [Event(name: "", data: "\n\n two")]),
        ("data: é日😀\n\ndata: [DONE]\n\n", [Event(name: "", data: "é日😀"), Event(name: "", data: "[DONE]")]),
        ("dat: x\ndatas: y\ndata: z\n\n", [Event(name: "", data: "z")]),
        ("\n\n\ndata:a\n\n\n\n", [Event(name: "", data: "a")]),
        ("data: unfinished\n", []),
        ("data: unfinished", []),
    ]

    @Test(arguments: samples)
    func `a stream gives the same events at every cut`(text: String, expected: [Event]) throws {
        let bytes = Array(text.utf8)
        #expect(try self.events([bytes]) == expected)
        #expect(try self.events(bytes.map { [$0] }) == expected)
        for first in 0...bytes.count {
            for second in first...bytes.count {
                let pieces = [Array(bytes[..<first]), Array(bytes[first..<second]), Array(bytes[second...])]
                #expect(try self.events(pieces) == expected, "cut at \(first) and \(second)")
            }
        }
    }

    @Test(arguments: ["data: last", "data: last\n", "data: last\r", "data: last\n\n"])
    func `the end of the stream ends the event`(text: String) throws {
        #expect(try self.events([Array(text.utf8)], finish: true) == [Event(name: "", data: "last")])
    }

    @Test func `a line or an event over the limit is refused`() {
        let long = Array(("data: " + String(repeating: "x", count: 300)).utf8)
        let failure = #expect(throws: Failure.self) { try self.events(long.map { [$0] }) }
        #expect(failure?.code == .invalidResponse)
        let lines = Array(String(repeating: "data: xxxxxxxxxxxxxxxxxxxx\n", count: 20).utf8)
        #expect(throws: Failure.self) { try self.events([lines]) }
    }
}
