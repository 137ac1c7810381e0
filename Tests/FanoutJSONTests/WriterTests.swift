// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutJSON
import Testing

@Suite struct WriterTests {
    /// What a writer wrote, as text.
    func written(_ body: (inout JSONWriter) throws -> Void) rethrows -> String {
        var writer = JSONWriter()
        try body(&writer)
        return String(decoding: writer.finish(), as: UTF8.self)
    }

    @Test func `commas fall where they belong`() {
        let text = self.written {
            $0.beginObject()
            $0.key("a")
            $0.beginArray()
            $0.int(1)
            $0.string("x{")
            $0.beginObject()
            $0.endObject()
            $0.beginArray()
            $0.endArray()
            $0.null()
            $0.endArray()
            $0.key("b")
            $0.bool(true)
            $0.key("c:")
            $0.raw(Array("[1, 2]".utf8))
            $0.key("d")
            $0.uint(.max)
            $0.endObject()
        }
        #expect(text == #"{"a":[1,"x{",{},[],null],"b":true,"c:":[1, 2],"d":18446744073709551615}"#)
    }

    @Test func `appending to bytes leaves them alone`() {
        var writer = JSONWriter(appendingTo: Array("data: ".utf8))
        writer.int(.min)
        writer.bool(false)
        #expect(String(decoding: writer.finish(), as: UTF8.self) == "data: -9223372036854775808,false")
    }

    @Test(arguments: [
        (0.1, "0.1"), (1.0, "1"), (-2.0, "-2"), (-0.0, "-0"), (1e16, "1e+16"), (0.7, "0.7"), (1e-7, "1e-07"),
        (Double.leastNonzeroMagnitude, "5e-324"), (1.7976931348623157e308, "1.7976931348623157e+308"),
    ])
    func `doubles are written short and read back the same`(value: Double, expected: String) throws {
        let text = self.written { $0.double(value) }
        #expect(text == expected)
        #expect(Double(text)?.bitPattern == value.bitPattern)
        try validateJSON(Array(text.utf8))
    }

    @Test func `every ASCII byte is escaped as it must be and nothing else is`() throws {
        let all = String(String.UnicodeScalarView((0..<0x80).map { Unicode.Scalar(UInt8($0)) })) + "é日😀\u{2028}"
        let text = self.written { $0.string(all) }
        try validateJSON(Array(text.utf8))
        #expect(try JSONValue(parsing: Array(text.utf8)) == .string(all))
        #expect(text.contains(#"\u0000\u0001"#) && text.contains(#"\b\t\n\u000b\f\r\u000e"#) && text.contains(#"\"#))
        #expect(text.contains("\u{7F}é日😀\u{2028}") && text.contains("/0123"))
    }

    @Test func `what is written reads back the same, from any seed`() throws {
        for seed in UInt64(0)..<300 {
            var generator = SeededGenerator(seed: seed)
            let value = JSONValue.random(depth: 5, using: &generator)
            let bytes = value.serialized()
            try validateJSON(bytes)
            #expect(try JSONValue(parsing: bytes) == value, "seed \(seed)")
        }
    }

    @Test func `members of another object are merged shallowly`() throws {
        let extra = Array(#" { "a":1, "mod\u0065l":"x", "b" : {"c":[1, 2]}, "a":3 } "#.utf8)
        let text = try self.written {
            $0.beginObject()
            $0.key("model")
            $0.string("m")
            try $0.members(of: extra, skipping: { $0 == "model" })
            $0.endObject()
        }
        #expect(text == #"{"model":"m","a":3,"b":{"c":[1, 2]}}"#)
    }

    @Test(arguments: ["[]", "1", "{\"a\":}", "{", "", "{\"a\":[[[[1]]]]}"])
    func `nothing is merged of what is no shallow object`(text: String) {
        var writer = JSONWriter()
        writer.beginObject()
        #expect(throws: JSONError.self) { try writer.members(of: Array(text.utf8), limits: JSONLimits(depthMax: 4)) }
        #expect(writer.bytes == Array("{".utf8))
    }

    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ])
    func `base64 follows the vectors of RFC 4648`(plain: String, coded: String) {
        var bytes: [UInt8] = []
        appendBase64(Array(plain.utf8), to: &bytes)
        #expect(String(decoding: bytes, as: UTF8.self) == coded)
        #expect(decodeBase64(bytes) == Array(plain.utf8))
    }

    @Test func `base64 survives all bytes and refuses garbage`() {
        let all = (0...255).map { UInt8($0) }
        var bytes: [UInt8] = []
        appendBase64(all, to: &bytes)
        #expect(decodeBase64(bytes) == all)
        #expect(decodeBase64(Array("Zm8".utf8)) == Array("fo".utf8))
        for text in ["A", "A===", "Zm8==", "Zm 8", "Zm8=x", "====", "Zg="] {
            #expect(decodeBase64(Array(text.utf8)) == nil, "\(text)")
        }
    }
}
