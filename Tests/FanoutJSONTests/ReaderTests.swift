// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutJSON
import Testing

@Suite struct ReaderTests {
    /// Lends a reader over a text.
    func read<Result>(_ text: String, _ body: (inout JSONReader) throws(JSONError) -> Result) throws -> Result {
        try withJSONReader(Array(text.utf8), body)
    }

    @Test func `members are read key by key and the rest is skipped`() throws {
        let text = #" {"id":"x", "skip":{"deep":[1,{"a":"]}"}]}, "n":42, "list":[true,null,false], "raw": {"k": 1} } "#
        let seen = try self.read(text) { (reader) throws(JSONError) -> [String] in
            var seen: [String] = []
            try reader.enterObject()
            while try reader.nextMember() {
                if reader.keyIs("id") {
                    seen.append(try reader.string())
                } else if reader.keyIs("n") {
                    seen.append("\(try reader.int64())")
                } else if reader.keyIs("list") {
                    try reader.enterArray()
                    while try reader.nextElement() {
                        seen.append(try reader.isNull() ? "null" : "\(try reader.bool())")
                    }
                } else if reader.keyIs("raw") {
                    seen.append(String(decoding: try reader.raw(), as: UTF8.self))
                } else {
                    try reader.skip()
                }
            }
            try reader.end()
            return seen
        }
        #expect(seen == ["x", "42", "true", "null", "false", #"{"k": 1}"#])
    }

    @Test func `an escaped key equals its decoded name`() throws {
        let found = try self.read(#"{"mo\u0064el":1}"#) { (reader) throws(JSONError) -> [Bool] in
            try reader.enterObject()
            _ = try reader.nextMember()
            return [reader.keyIs("model"), reader.keyIs("mode"), try reader.key() == "model"]
        }
        #expect(found == [true, false, true])
    }

    @Test(arguments: [
        (#""plain""#, "plain"), (#""""#, ""), (#""a\nb\t\"\\\/\b\f\r""#, "a\nb\t\"\\/\u{8}\u{C}\r"),
        (#""\u0041\u00e9\u65e5\uD83D\uDE00""#, "Aé日😀"), (#""\ud83d\ude00""#, "😀"), (#""\uD83D""#, "\u{FFFD}"),
        (#""\uDE00""#, "\u{FFFD}"), (#""\uD83Dx""#, "\u{FFFD}x"), (#""\uDE00\uDE00""#, "\u{FFFD}\u{FFFD}"),
        (#""\uD83D\u0041""#, "\u{FFFD}A"),
        (#""\uD83D\uD83D\uDE00""#, "\u{FFFD}😀"), (#""\uD83D\n""#, "\u{FFFD}\n"), (#""\u0000""#, "\u{0}"),
        (
            #""日本語 and a long run of ASCII without anything special, then \" and more""#,
            "日本語 and a long run of ASCII without anything special, then \" and more"
        ),
    ])
    func `strings decode`(text: String, expected: String) throws {
        #expect(try self.read(text) { (reader) throws(JSONError) in try reader.string() } == expected)
        let bytes = try self.read(text) { (reader) throws(JSONError) -> [UInt8] in
            var bytes: [UInt8] = [0x3E]
            try reader.appendString(to: &bytes)
            return bytes
        }
        #expect(bytes == [0x3E] + Array(expected.utf8))
    }

    @Test func `a special byte is found at every distance`() throws {
        for distance in 0..<40 {
            for tail in ["\"", "\\\"\"", "é\""] {
                let run = String(repeating: "x", count: distance)
                let value = try self.read("\"" + run + tail) { (reader) throws(JSONError) in try reader.string() }
                #expect(value.hasPrefix(run))
            }
            let control = Array("\"".utf8) + [UInt8](repeating: 0x61, count: distance) + [0x1F, 0x22]
            #expect(throws: JSONError(.controlByte, at: distance + 1)) { try validateJSON(control) }
        }
    }

    @Test(arguments: [
        ("0", 0), ("-0", 0), ("12", 12), ("-12", -12), ("12.0", 12), ("1e3", 1000), ("1200e-2", 12), ("0e99999", 0),
        ("9223372036854775807", Int64.max), ("-9223372036854775808", Int64.min),
    ])
    func `whole numbers are read`(text: String, expected: Int64) throws {
        #expect(try self.read(text) { (reader) throws(JSONError) in try reader.int64() } == expected)
    }

    @Test(arguments: [
        "1.5", "9223372036854775808", "-9223372036854775809", "1e19", "1e999999999999", "1e-1", "99999999999999999999",
    ])
    func `numbers beyond Int64 are refused`(text: String) {
        #expect(throws: JSONError(.numberOutOfRange, at: 0)) {
            try self.read(text) { (reader) throws(JSONError) in try reader.int64() }
        }
    }

    @Test func `unsigned numbers reach their own bounds`() throws {
        #expect(
            try self.read("18446744073709551615") { (reader) throws(JSONError) in try reader.uint64() } == UInt64.max
        )
        for text in ["18446744073709551616", "-1"] {
            #expect(throws: JSONError(.numberOutOfRange, at: 0)) {
                try self.read(text) { (reader) throws(JSONError) in try reader.uint64() }
            }
        }
    }

    @Test(arguments: [
        "0.1", "-0.0", "1e22", "1e23", "123456789012345678901234567890", "4.9e-324", "1.7976931348623157e308", "1e-400",
        "0.0069292834", "-0.012345678901234567", "9007199254740993", "2.2250738585072011e-308", "1.0", "3E2",
    ])
    func `doubles are the nearest ones`(text: String) throws {
        let expected = try #require(Double(text))
        let value = try self.read(text) { (reader) throws(JSONError) in try reader.double() }
        #expect(value == expected && value.sign == expected.sign)
    }

    @Test func `a double beyond the finite range is refused`() {
        for text in ["1e309", "-1e400"] {
            #expect(throws: JSONError(.numberOutOfRange, at: 0)) {
                try self.read(text) { (reader) throws(JSONError) in try reader.double() }
            }
        }
    }

    @Test func `another type than asked for is a mismatch`() {
        #expect(throws: JSONError(.typeMismatch, at: 1)) {
            try self.read(" 1") { (reader) throws(JSONError) in try reader.string() }
        }
        #expect(throws: JSONError(.typeMismatch, at: 0)) {
            try self.read("\"1\"") { (reader) throws(JSONError) in try reader.int64() }
        }
        #expect(throws: JSONError(.typeMismatch, at: 0)) {
            try self.read("[]") { (reader) throws(JSONError) in try reader.enterObject() }
        }
        #expect(throws: JSONError(.typeMismatch, at: 0)) {
            try self.read("null") { (reader) throws(JSONError) in try reader.bool() }
        }
    }

    @Test func `entered containers count towards the depth of what is skipped`() throws {
        let text = Array((String(repeating: "[", count: 5) + String(repeating: "]", count: 5)).utf8)
        #expect(throws: JSONError(.tooDeep, at: 4)) {
            try withJSONReader(text, limits: JSONLimits(depthMax: 4)) { (reader) throws(JSONError) in
                try reader.enterArray()
                _ = try reader.nextElement()
                try reader.skip()
            }
        }
    }

    @Test func `a trailing comma is refused in containers that are entered`() {
        #expect(throws: JSONError(.unexpectedByte, at: 3)) {
            try self.read("[1,]") { (reader) throws(JSONError) in
                try reader.enterArray()
                while try reader.nextElement() { try reader.skip() }
            }
        }
        #expect(throws: JSONError(.unexpectedByte, at: 3)) {
            try self.read("[1 2]") { (reader) throws(JSONError) in
                try reader.enterArray()
                while try reader.nextElement() { try reader.skip() }
            }
        }
    }

    @Test func `a key differs from a name by any byte and by its length`() throws {
        func matches(_ key: String) throws -> Bool {
            try self.read("{\"\(key)\":1}") { (reader) throws(JSONError) -> Bool in
                try reader.enterObject()
                _ = try reader.nextMember()
                let isLong = reader.keyLength == 19
                return reader.keyIs("prompt_tokens_total") && isLong
            }
        }
        let name = "prompt_tokens_total"
        #expect(try matches(name) && matches("prompt\\u005ftokens_total"))
        for index in name.indices {
            #expect(try !matches(name.replacing(name[index...index], with: "X")), "\(index)")
        }
        #expect(try !matches(name + "s") && !matches(String(name.dropLast())))
    }

    @Test(
        arguments: ["", "i", "id", "key", "role", "index", "object", "choices", "logprobs", "reasoning"]
            as [StaticString]
    )
    func `a key of any length differs from a name by any byte`(name: StaticString) throws {
        let text = name.description
        func matches(_ key: String) throws -> Bool {
            try self.read("{\"\(key)\":1}") { (reader) throws(JSONError) -> Bool in
                try reader.enterObject()
                _ = try reader.nextMember()
                return reader.keyIs(name)
            }
        }
        #expect(try matches(text) && !matches(text + "s"))
        for index in text.indices {
            var other = text
            other.replaceSubrange(index...index, with: "~")
            #expect(try !matches(other), "\(index)")
        }
    }

    @Test func `a string is told from a word and anything is consumed`() throws {
        for (text, expected) in [
            (#""error""#, true), (#""err\u006fr""#, true), (#""errors""#, false), (#""errox""#, false), (#""""#, false),
            ("null", false), ("12.5", false), (#"{"error":["error"]}"#, false), (#"["error"]"#, false),
        ] {
            let isError = try self.read(text) { (reader) throws(JSONError) -> Bool in
                let isError = try reader.stringIs("error")
                try reader.end()
                return isError
            }
            #expect(isError == expected, "\(text)")
        }
    }

    @Test func `numbers of all lengths are read and skipped`() throws {
        for length in 1...25 {
            let digits = String("1234567890123456789012345".prefix(length))
            for text in [digits, "-" + digits, digits + ".5", digits + "e1"] {
                let value = try self.read(text) { (reader) throws(JSONError) -> JSONValue in
                    let value = try reader.number()
                    try reader.end()
                    return value
                }
                let double = JSONValue.double(try #require(Double(text)))
                #expect(value == Int64(text).map { .integer($0) } ?? double, "\(text)")
                try validateJSON(Array(text.utf8))
            }
        }
    }
}
