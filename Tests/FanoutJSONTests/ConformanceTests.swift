// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutJSON
import Testing

/// What RFC 8259 accepts and refuses.
@Suite struct ConformanceTests {
    static let accepted: [Sample] = [
        "null", "true", "false", "0", "-0", "1", "-1", "0.5", "1e5", "1E+5", "1e-5", "123.456e7", "-0.0", "1e400",
        "\"\"",
        "\"a\"", "\"é日😀\"", #""\"\\\/\b\f\n\r\t""#, #""\u0000\u00e9\uD83D\uDE00""#, #""\uD800""#, #""\uDC00\uD800x""#,
        "[]", "{}", "[1]", "[1,2]", "[[],[]]", "{\"a\":1}", "{\"a\":1,\"a\":2}", "{\"\":{}}", " [ 1 , { } ] ",
        "\t\n\r {\"a\" : [ null ] }\n", "\"\u{7F}\"", "[1,\"a\",null,true,{\"b\":[]}]",
    ].map { Sample($0) }

    static let refused: [Sample] =
        [
            "", " ", "nul", "nulll", "True", "NaN", "Infinity", "-", "+1", "01", "-01", "1.", ".5", "1.e5", "1e", "1e+",
            "0x1", "1_000", "\"", "\"a", "\"\\", "\"\\x\"", "\"\\u12\"", "\"\\u12G4\"", "\"\\uD83", "'a'", "\"a\nb\"",
            "\"\t\"", "[", "]", "[1", "[1,", "[1,]", "[,1]", "[,]", "[1 2]", "[1,,2]", "{", "}", "{1:2}", "{\"a\"}",
            "{\"a\":}", "{\"a\":1", "{\"a\":1,}", "{,}", "{\"a\":1,,}", "{\"a\" 1}", "{a:1}", "[}", "{]", "[1}",
            "{\"a\":1]",
            "1 2", "{} {}", "[1]x", "// x\n1", "/**/1", "\u{FEFF}1", "[\u{A0}1]", "\u{C}1", "{\"a\":1 \"b\":2}",
            "[\"a\":1]",
            "[tru]", "{\"a\":fals}", "[-]", "[1.]", "[\"\\u00\"]",
        ].map { Sample($0) } + [
            Sample(bytes: [0x22, 0x00, 0x22], "a NUL in a string"),
            Sample(bytes: [0x22, 0xFF, 0x22], "a byte that is never UTF-8"),
            Sample(bytes: [0x22, 0xC0, 0x80, 0x22], "an overlong NUL"),
            Sample(bytes: [0x22, 0xED, 0xA0, 0x80, 0x22], "a surrogate in UTF-8"),
            Sample(bytes: [0x22, 0xE6, 0x97, 0x22], "a cut scalar"),
            Sample(bytes: [0x22, 0x5C, 0x6E, 0xE6, 0x97, 0x22], "a cut scalar behind an escape"),
            Sample(bytes: [0x7B, 0x22, 0xFF, 0x22, 0x3A, 0x31, 0x7D], "a key that isn't UTF-8"),
            Sample(bytes: [0x31, 0x00], "a NUL behind the value"),
            Sample(bytes: [0xFF], "a stray byte"),
        ]

    @Test(arguments: accepted)
    func `valid JSON is accepted`(sample: Sample) throws {
        try validateJSON(sample.bytes)
        let length = try withJSONReader(sample.bytes) { (reader) throws(JSONError) -> Int in
            let range = try reader.slice()
            try reader.end()
            return range.count
        }
        #expect(length <= sample.bytes.count && length > 0)
        // The tree refuses only what no double holds.
        if sample.testDescription != "1e400" { _ = try JSONValue(parsing: sample.bytes) }
    }

    @Test(arguments: refused)
    func `malformed JSON is refused by the validator and by the tree`(sample: Sample) {
        #expect(throws: JSONError.self) { try validateJSON(sample.bytes) }
        #expect(throws: JSONError.self) { _ = try JSONValue(parsing: sample.bytes) }
    }

    @Test(arguments: [
        #"{"a":[1,-2.5e3,"x\u00e9\uD83D\uDE00"],"b":{"c":null,"d":true},"e":false}"#, #"[[[["a"]]],{"k":"v"}]"#,
        #""text with \"quotes\" and é""#,
    ])
    func `every truncation is refused`(text: String) {
        let bytes = Array(text.utf8)
        for length in 0..<bytes.count {
            let prefix = Array(bytes[..<length])
            #expect(throws: JSONError.self, "\(length)") { try validateJSON(prefix) }
            #expect(throws: JSONError.self, "\(length)") { _ = try JSONValue(parsing: prefix) }
        }
    }

    @Test func `any single changed byte ends in a value or a typed error`() {
        let bytes = Array(#"{"a":[1,-2.5e3,"x\u00e9"],"b":{"c":null},"e":false}"#.utf8)
        var valid = 0
        for index in bytes.indices {
            for byte in UInt8.min...UInt8.max {
                var changed = bytes
                changed[index] = byte
                let judged = (try? validateJSON(changed)) != nil
                let read = (try? JSONValue(parsing: changed)) != nil
                // The readers differ only where a number is valid JSON and too big for a double.
                #expect(judged == read, "byte \(byte) at \(index)")
                valid += judged ? 1 : 0
            }
        }
        #expect(valid > bytes.count)
    }

    @Test(arguments: ["[", "{\"a\":", "[{\"a\":"])
    func `a hundred thousand levels fail at the limit`(opening: String) {
        let bytes = Array(String(repeating: opening, count: 100_000).utf8)
        #expect(throws: JSONError(.tooDeep, at: 64 * opening.utf8.count / (opening.hasPrefix("[{") ? 2 : 1))) {
            try validateJSON(bytes)
        }
        #expect(throws: JSONError.self) { _ = try JSONValue(parsing: bytes) }
    }

    @Test(arguments: [1, 2, 63, 64])
    func `exactly the depth limit is accepted`(depth: Int) throws {
        func nested(_ levels: Int) -> [UInt8] {
            Array((String(repeating: "[", count: levels) + String(repeating: "]", count: levels)).utf8)
        }
        let limits = JSONLimits(depthMax: depth)
        try validateJSON(nested(depth), limits: limits)
        _ = try JSONValue(parsing: nested(depth), limits: limits)
        #expect(throws: JSONError(.tooDeep, at: depth)) { try validateJSON(nested(depth + 1), limits: limits) }
        #expect(throws: JSONError(.tooDeep, at: depth)) {
            _ = try JSONValue(parsing: nested(depth + 1), limits: limits)
        }
    }

    @Test func `the size limit and the kind are checked`() throws {
        let bytes = Array("[1]".utf8)
        #expect(throws: JSONError(.tooLarge, at: 2)) { try validateJSON(bytes, limits: JSONLimits(bytesMax: 2)) }
        #expect(throws: JSONError(.tooLarge, at: 0)) {
            try withJSONReader(bytes, limits: JSONLimits(bytesMax: 2)) { (reader) throws(JSONError) in
                try reader.enterArray()
            }
        }
        #expect(throws: JSONError(.typeMismatch, at: 0)) { try validateJSON(bytes, objectOnly: true) }
        try validateJSON(Array(" {} ".utf8), objectOnly: true)
    }
}
