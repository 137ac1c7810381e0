// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON

/// The log-probabilities of a candidate, of which a stream sends a piece with each chunk.
struct GeminiLogprobs: Sendable {
    private struct Token: Sendable {
        var text = ""
        var logProbability = 0.0
    }

    private var chosen: [Token] = []
    /// The alternatives at each step.
    private var top: [[Token]] = []

    /// The next piece, a reader standing before an object.
    mutating func take(_ reader: inout JSONReader) throws(JSONError) {
        try reader.enterObject()
        while try reader.nextMember() {
            if reader.keyIs("chosenCandidates") {
                self.chosen += try Self.tokens(&reader)
            } else if reader.keyIs("topCandidates"), try reader.kind() == .array {
                try reader.enterArray()
                while try reader.nextElement() {
                    var tokens: [Token] = []
                    try reader.enterObject()
                    while try reader.nextMember() {
                        if reader.keyIs("candidates") { tokens = try Self.tokens(&reader) } else { try reader.skip() }
                    }
                    self.top.append(tokens)
                }
            } else {
                try reader.skip()
            }
        }
    }

    private static func tokens(_ reader: inout JSONReader) throws(JSONError) -> [Token] {
        var tokens: [Token] = []
        guard try reader.kind() == .array else {
            try reader.skip()
            return tokens
        }
        try reader.enterArray()
        while try reader.nextElement() {
            var token = Token()
            try reader.enterObject()
            while try reader.nextMember() {
                if reader.keyIs("token"), try reader.kind() == .string {
                    token.text = try reader.string()
                } else if reader.keyIs("logProbability"), try reader.kind() == .number {
                    token.logProbability = try reader.double()
                } else {
                    try reader.skip()
                }
            }
            tokens.append(token)
        }
        return tokens
    }

    /// In OpenAI's form: one JSON object, or empty.
    var json: [UInt8] {
        guard !self.chosen.isEmpty else { return [] }
        var writer = JSONWriter(capacity: 64 + 96 * self.chosen.count)
        writer.beginObject()
        writer.key("content")
        writer.beginArray()
        for (step, token) in self.chosen.enumerated() {
            writer.beginObject()
            Self.write(token, to: &writer)
            writer.key("top_logprobs")
            writer.beginArray()
            for other in step < self.top.count ? self.top[step] : [] {
                writer.beginObject()
                Self.write(other, to: &writer)
                writer.endObject()
            }
            writer.endArray()
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
        return writer.finish()
    }

    private static func write(_ token: Token, to writer: inout JSONWriter) {
        writer.key("token")
        writer.string(token.text)
        writer.key("logprob")
        writer.double(token.logProbability)
        writer.key("bytes")
        writer.beginArray()
        for byte in token.text.utf8 { writer.uint(UInt64(byte)) }
        writer.endArray()
    }
}
