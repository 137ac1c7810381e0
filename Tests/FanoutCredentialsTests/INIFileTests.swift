// Fanout
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import FanoutCredentials

@Suite struct INIFileTests {
    @Test func `sections and properties are read as AWS's tools read them`() throws {
        let text = """
            # the usual one
            [default]
            aws_access_key_id = AKIDEXAMPLE
            AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY==   ; at the end of a line
            s3 =
              addressing_style = path
            region = eu-central-1 # near

            [ profile   dev ]\t; ours
            \trole_arn = arn:aws:iam::123456789012:role/a#b;c
            empty =
            """
        let file = try INIFile(Array(text.replacing("\n", with: "\r\n").utf8))
        #expect(file.names == ["default", "profile dev"])
        #expect(
            file["default"] == [
                "aws_access_key_id": "AKIDEXAMPLE",
                "aws_secret_access_key": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY==",
                "s3": "", "region": "eu-central-1",
            ]
        )
        #expect(file["profile dev"] == ["role_arn": "arn:aws:iam::123456789012:role/a#b;c", "empty": ""])
        #expect(file["dev"] == nil)
    }

    @Test func `what comes twice has its last value, and the rest of both`() throws {
        let file = try INIFile(Array("[a]\nx=1\ny=1\n[b]\n[a]\nx=2".utf8))
        #expect(file["a"] == ["x": "2", "y": "1"])
        #expect(file["b"] == [:])
    }

    @Test(arguments: ["", "\n\n", "# only\n;words", "\u{FEFF}[a]\n"])
    func `little or nothing is a file, too`(text: String) throws {
        _ = try INIFile(Array(text.utf8))
    }

    struct Bad: CustomTestStringConvertible {
        var bytes: [UInt8]
        var line: Int
        var words: String
        var testDescription: String { self.words }
    }

    @Test(arguments: [
        Bad(bytes: Array("x = 1".utf8), line: 1, words: "stands before the first section"),
        Bad(bytes: Array("[a]\n\nnonsense".utf8), line: 3, words: "has no = sign"),
        Bad(bytes: Array("[a]\n= 1".utf8), line: 2, words: "has no key before its = sign"),
        Bad(bytes: Array("[a".utf8), line: 1, words: "has no ] for its ["),
        Bad(bytes: Array("[ ]".utf8), line: 1, words: "names no section"),
        Bad(bytes: Array("[a]\nx=".utf8) + [0xFF], line: 2, words: "isn't UTF-8 text"),
        Bad(bytes: [UInt8](repeating: 0x23, count: 17 << 10), line: 1, words: "is too long"),
        Bad(bytes: [UInt8](repeating: 0x0A, count: (1 << 20) + 1), line: 1, words: "the file is too large"),
        Bad(
            bytes: Array((0...10_000).map { "[s\($0)]\n" }.joined().utf8),
            line: 10_001,
            words: "is a section too many"
        ),
    ])
    func `what is wrong has its line, and no word of the file`(bad: Bad) {
        #expect(throws: INIFile.Problem(line: bad.line, words: bad.words)) { try INIFile(bad.bytes) }
    }

    @Test func `a file cut anywhere or with bytes changed never traps`() {
        let whole = Array("[default]\naws_access_key_id = A # b\n  x = y\n[profile é]\r\nrole_arn=c\n".utf8)
        for length in whole.indices { _ = try? INIFile(Array(whole[..<length])) }
        var chance = Chance(state: 3)
        for _ in 0..<5_000 {
            var bytes = whole
            for _ in 0...chance.below(4) { bytes[chance.below(bytes.count)] = UInt8(chance.below(256)) }
            _ = try? INIFile(bytes)
        }
    }
}
