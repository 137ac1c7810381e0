// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

/// Puts a text completion of text-generation-inference together: from one whole body, or from the events of a stream.
///
/// Source: huggingface.github.io/text-generation-inference, `/generate` and `/generate_stream`. A whole body is an
/// object, or an array of one from the path of a model. An event has a token; the last one has the whole text, too, and
/// is the stream's end.
struct GenerationAssembler: AnswerAssembler {
    /// Deltas are wanted.
    let emits: Bool
    /// Log-probabilities were asked for.
    let wantsLogprobs: Bool
    private(set) var hasContent = false
    private(set) var isFinished = false
    private var text = ""
    private var finish = ""
    private var promptTokens: UInt64?
    private var completionTokens: UInt64?
    private var logprobs = TokenLogprobs()

    init(for completion: CompletionRequest, emits: Bool) {
        self.emits = emits
        self.wantsLogprobs = completion.logprobs != nil
    }

    /// What the complete answer lacks; nil = nothing.
    var fault: AnswerFault? { self.isFinished ? nil : .incomplete("the answer has no generated_text") }

    /// What an object had, beside what is read at once.
    private struct Piece {
        var generated: String?
        var token: TokenLogprobs.Token?
        var hasToken = false
        var isError = false
    }

    /// Takes a whole body, or the data of an event.
    mutating func take(_ reader: inout JSONReader, _ deltas: inout [Delta]) throws(JSONError) -> AnswerPart {
        var piece = Piece()
        if try reader.kind() == .array {
            var isFirst = true
            try reader.enterArray()
            while try reader.nextElement() {
                let isObject = try reader.kind() == .object
                if isFirst, isObject { try self.takeObject(&reader, &piece) } else { try reader.skip() }
                isFirst = false
            }
        } else {
            try self.takeObject(&reader, &piece)
        }
        try reader.end()
        if piece.isError { return .error }
        if let token = piece.token {
            self.add(token.text, &deltas)
            if self.wantsLogprobs { self.logprobs.add(token) }
        }
        guard let generated = piece.generated else { return .part }
        self.isFinished = true
        // A stream's text has come token by token.
        if !piece.hasToken { self.add(generated, &deltas) }
        return .end
    }

    private mutating func add(_ text: String, _ deltas: inout [Delta]) {
        guard !text.isEmpty else { return }
        self.hasContent = true
        self.text += text
        if self.emits { deltas.append(Delta(.text(text))) }
    }

    private mutating func takeObject(_ reader: inout JSONReader, _ piece: inout Piece) throws(JSONError) {
        var alternatives: [TokenLogprobs.Token] = []
        try reader.enterObject()
        while try reader.nextMember() {
            if reader.keyIs("generated_text") {
                piece.generated = try OpenAIAssembler.text(&reader)
            } else if reader.keyIs("token"), try reader.kind() == .object {
                piece.hasToken = true
                piece.token = try TokenLogprobs.token(&reader)
            } else if reader.keyIs("top_tokens") {
                alternatives = try TokenLogprobs.alternatives(&reader)
            } else if reader.keyIs("details") {
                try self.takeDetails(&reader)
            } else if reader.keyIs("error") {
                piece.isError = try !reader.isNull()
                if piece.isError { try reader.skip() }
            } else {
                try reader.skip()
            }
        }
        piece.token?.alternatives = alternatives
    }

    private mutating func takeDetails(_ reader: inout JSONReader) throws(JSONError) {
        guard try reader.kind() == .object else { return try reader.skip() }
        var tokens: Int?
        var alternatives: [[TokenLogprobs.Token]] = []
        try reader.enterObject()
        while try reader.nextMember() {
            if reader.keyIs("finish_reason") {
                self.finish = try OpenAIAssembler.text(&reader) ?? ""
            } else if reader.keyIs("generated_tokens") {
                self.completionTokens = try TokenCount.read(&reader)
            } else if reader.keyIs("input_length") {
                self.promptTokens = try TokenCount.read(&reader)
            } else if reader.keyIs("tokens"), self.wantsLogprobs {
                tokens = reader.offset
                try reader.skip()
            } else if reader.keyIs("top_tokens"), self.wantsLogprobs, try reader.kind() == .array {
                try reader.enterArray()
                while try reader.nextElement() { alternatives.append(try TokenLogprobs.alternatives(&reader)) }
            } else {
                try reader.skip()
            }
        }
        guard let tokens else { return }
        let end = reader.offset
        reader.seek(to: tokens)
        try self.takeTokens(&reader, alternatives)
        reader.seek(to: end)
    }

    /// Reads the tokens of a whole body, whose alternatives are in a list beside.
    private mutating func takeTokens(
        _ reader: inout JSONReader,
        _ alternatives: [[TokenLogprobs.Token]]
    ) throws(JSONError) {
        guard try reader.kind() == .array else { return try reader.skip() }
        var position = 0
        try reader.enterArray()
        while try reader.nextElement() {
            if var token = try TokenLogprobs.token(&reader) {
                if alternatives.indices.contains(position) { token.alternatives = alternatives[position] }
                self.logprobs.add(token)
            }
            position += 1
        }
    }

    /// The answer as far as it has come.
    func response() -> Response {
        var choice = TextChoice(text: self.text)
        choice.nativeFinishReason = self.finish
        choice.logprobsJSON = self.logprobs.completionJSON
        switch self.finish {
        case "": choice.finishReason = .unspecified
        case "eos_token", "stop_sequence": choice.finishReason = .stop
        case "length": choice.finishReason = .length
        default: choice.finishReason = .other
        }
        var response = Response(body: .completion([choice]))
        guard let completionTokens else { return response }
        var usage = Usage()
        usage.promptTokens = self.promptTokens ?? 0
        usage.completionTokens = completionTokens
        usage.totalTokens = usage.promptTokens + usage.completionTokens
        response.usage = usage
        return response
    }
}
