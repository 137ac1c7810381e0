// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON

/// The log-probabilities of an answer's tokens, from formats that have their own form for them, in OpenAI's.
struct TokenLogprobs: Sendable {
    /// A token, or what might have stood in its place.
    struct Token: Sendable {
        var text = ""
        /// A natural logarithm.
        var logprob = 0.0
        var alternatives: [Token] = []
    }

    private var tokens: [Token] = []

    mutating func add(_ token: Token) {
        self.tokens.append(token)
    }

    /// Reads Cohere's: an object for each piece of text, or an array of them.
    ///
    /// A piece may be of several tokens, whose own texts aren't told: the first then has the text of all.
    mutating func takeCohere(_ reader: inout JSONReader) throws(JSONError) {
        switch try reader.kind() {
        case .object: try self.takeCoherePiece(&reader)
        case .array:
            try reader.enterArray()
            while try reader.nextElement() {
                if try reader.kind() == .object { try self.takeCoherePiece(&reader) } else { try reader.skip() }
            }
        default: try reader.skip()
        }
    }

    private mutating func takeCoherePiece(_ reader: inout JSONReader) throws(JSONError) {
        var text = ""
        var values: [Double] = []
        try reader.enterObject()
        while try reader.nextMember() {
            if reader.keyIs("text") {
                text = try OpenAIAssembler.text(&reader) ?? ""
            } else if reader.keyIs("logprobs"), try reader.kind() == .array {
                try reader.enterArray()
                while try reader.nextElement() { values.append(try reader.double()) }
            } else {
                try reader.skip()
            }
        }
        for (position, value) in values.enumerated() {
            self.add(Token(text: position == 0 ? text : "", logprob: value))
        }
    }

    /// Reads Ollama's: an array of tokens with `token`, `logprob` and `top_logprobs`; or TGI's, with `text` for
    /// `token`.
    mutating func take(_ reader: inout JSONReader) throws(JSONError) {
        guard try reader.kind() == .array else { return try reader.skip() }
        try reader.enterArray()
        while try reader.nextElement() {
            if let token = try Self.token(&reader) { self.add(token) }
        }
    }

    /// Reads one token; nil for what is none, or a special one.
    static func token(_ reader: inout JSONReader) throws(JSONError) -> Token? {
        guard try reader.kind() == .object else {
            try reader.skip()
            return nil
        }
        var token = Token()
        var isSpecial = false
        try reader.enterObject()
        while try reader.nextMember() {
            if reader.keyIs("token") || reader.keyIs("text") {
                token.text = try OpenAIAssembler.text(&reader) ?? ""
            } else if reader.keyIs("logprob"), try reader.kind() == .number {
                token.logprob = try reader.double()
            } else if reader.keyIs("special"), try reader.kind() == .bool {
                isSpecial = try reader.bool()
            } else if reader.keyIs("top_logprobs") {
                token.alternatives = try Self.alternatives(&reader)
            } else {
                try reader.skip()
            }
        }
        return isSpecial ? nil : token
    }

    /// Reads the tokens that might have stood in one's place.
    static func alternatives(_ reader: inout JSONReader) throws(JSONError) -> [Token] {
        var alternatives: [Token] = []
        guard try reader.kind() == .array else {
            try reader.skip()
            return alternatives
        }
        try reader.enterArray()
        while try reader.nextElement() {
            guard try reader.kind() == .object else {
                try reader.skip()
                continue
            }
            var token = Token()
            try reader.enterObject()
            while try reader.nextMember() {
                if reader.keyIs("token") || reader.keyIs("text") {
                    token.text = try OpenAIAssembler.text(&reader) ?? ""
                } else if reader.keyIs("logprob"), try reader.kind() == .number {
                    token.logprob = try reader.double()
                } else {
                    try reader.skip()
                }
            }
            alternatives.append(token)
        }
        return alternatives
    }

    /// As a chat's choice has them: `{"content":[{"token","logprob","top_logprobs"}…]}`; empty = there are none.
    var chatJSON: [UInt8] {
        guard !self.tokens.isEmpty else { return [] }
        var writer = JSONWriter(capacity: 64 * self.tokens.count)
        writer.beginObject()
        writer.key("content")
        writer.beginArray()
        for token in self.tokens {
            Self.write(token, to: &writer) { (writer) in
                writer.key("top_logprobs")
                writer.beginArray()
                for other in token.alternatives { Self.write(other, to: &writer) { _ in } }
                writer.endArray()
            }
        }
        writer.endArray()
        writer.endObject()
        return writer.finish()
    }

    private static func write(_ token: Token, to writer: inout JSONWriter, _ rest: (inout JSONWriter) -> Void) {
        writer.beginObject()
        writer.key("token")
        writer.string(token.text)
        writer.key("logprob")
        writer.double(token.logprob)
        rest(&writer)
        writer.endObject()
    }

    /// As a completion's choice has them: `{"tokens","token_logprobs","top_logprobs","text_offset"}`; empty = there are
    /// none.
    ///
    /// Offsets count Unicode scalars from the answer's start.
    var completionJSON: [UInt8] {
        guard !self.tokens.isEmpty else { return [] }
        var writer = JSONWriter(capacity: 64 * self.tokens.count)
        func array(_ key: StaticString, _ write: (inout JSONWriter, Token) -> Void) {
            writer.key(key)
            writer.beginArray()
            for token in self.tokens { write(&writer, token) }
            writer.endArray()
        }
        writer.beginObject()
        array("tokens") { $0.string($1.text) }
        array("token_logprobs") { $0.double($1.logprob) }
        array("top_logprobs") { (writer, token) in
            writer.beginObject()
            var written: Set<String> = []
            for other in token.alternatives where written.insert(other.text).inserted {
                writer.key(other.text)
                writer.double(other.logprob)
            }
            writer.endObject()
        }
        var offset: UInt64 = 0
        array("text_offset") { (writer, token) in
            writer.uint(offset)
            offset += UInt64(token.text.unicodeScalars.count)
        }
        writer.endObject()
        return writer.finish()
    }
}
