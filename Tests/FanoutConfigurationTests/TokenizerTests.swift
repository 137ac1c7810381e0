// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutConfiguration
import FanoutModel
import FanoutTokens
import Testing

@Suite struct TokenizerTests {
    /// The 256 single bytes, in order.
    private static let bytes: String = (UInt8.min...UInt8.max).map { byte in
        let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
        return "\(digits[Int(byte >> 2)])\(digits[Int(byte & 3) << 4])== \(byte)\n"
    }.joined()

    private static func yaml(_ tokenizer: String) -> String {
        """
        model_list:
          - model_name: echo
            litellm_params: {model: simulated/echo}
        fanout:
          tokenizers:
            - \(tokenizer)
        """
    }

    @Test func `a rank file is read for its models`() throws {
        let yaml = Self.yaml("{models: [gpt-4o*, echo], file: /etc/ranks}")
        let loaded = try load(yaml, files: ["/etc/ranks": Self.bytes + "YWI= 256\n"])
        #expect(loaded.warnings.isEmpty)
        let tokenizer = try #require(loaded.tokenizers.first)
        #expect(tokenizer.matches("gpt-4o-mini") && tokenizer.matches("echo"))
        #expect(tokenizer.pattern == .cl100k && tokenizer.count("ab a") == 3)
    }

    /// A file's contents (`nil` = it isn't there), and what is said of it.
    private static let broken: [(String?, String)] = [
        (nil, "doesn't exist"), ("", "no token is the byte 0"),
        (String(Self.bytes.dropLast(400)), "its rank is missing"),
        ("{\"model\": {}}", "line 1"), (Self.bytes + "YWI=", "line 257"), (Self.bytes + "YWI= 255\n", "a second time"),
    ]

    @Test(arguments: broken)
    func `a file that is missing, cut off or something else is one warning, and the rest is taken`(
        contents: String?,
        words: String
    ) throws {
        let yaml = Self.yaml("{models: ['*'], file: /etc/ranks}")
        let loaded = try load(yaml, files: contents.map { ["/etc/ranks": $0] } ?? [:])
        #expect(loaded.tokenizers.isEmpty)
        #expect(loaded.warnings.count == 1)
        let warning = try #require(loaded.warnings.first)
        #expect(warning.message.contains(words) && warning.message.contains("estimated instead"), "\(warning)")
        #expect(!loaded.snapshot.groups.isEmpty)
    }

    @Test func `a tokenizer without models or file, or of an unknown pattern, is refused`() {
        #expect(errors(Self.yaml("{file: /etc/ranks}")).count == 1)
        #expect(errors(Self.yaml("{models: [a]}")).count == 1)
        let pattern = Self.yaml("{models: [a], file: /etc/ranks, pattern: p50k}")
        #expect(errors(pattern, files: ["/etc/ranks": Self.bytes]).first?.contains("cl100k or o200k") == true)
        let many = Self.yaml(Array(repeating: "{models: [a], file: /r}", count: 17).joined(separator: "\n    - "))
        #expect(errors(many, files: ["/r": Self.bytes]).first?.contains("more than 16") == true)
    }
}
