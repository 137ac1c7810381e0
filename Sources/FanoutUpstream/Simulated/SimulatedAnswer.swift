// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import FanoutProviders

/// What a simulated model answers.
///
/// A text always begins by saying that it is simulated, and goes on with the words it was given.
struct SimulatedAnswer {
    /// The text in the pieces in which it is streamed; empty for vectors.
    private(set) var pieces: [String] = []
    /// The whole answer.
    private(set) var response: Response

    /// Makes the answer to a request.
    init(to request: Request, model: SimulatedModel) throws(Failure) {
        switch request.task {
        case .chat(let chat):
            guard let last = chat.messages.last else {
                throw Failure(.invalidRequest, "a chat needs at least one message.", param: "messages")
            }
            let isJSON = chat.responseFormat.map { $0 != .text } ?? false
            let read = chat.messages.reduce(0) { $0 + Self.words(of: $1.text).count }
            let (pieces, finish) =
                isJSON
                ? ([#"{"simulated":true}"#], .stop)
                : Self.pieces(after: last.text, model: model, most: chat.sampling.maxTokens)
            self.pieces = pieces
            let count = max(1, min(chat.choices ?? 1, 128))
            var choice = Choice(message: Message(role: .assistant, text: pieces.joined()))
            choice.finishReason = finish
            choice.nativeFinishReason = finish == .length ? "length" : "stop"
            let choices = (0..<count).map { index in
                var copy = choice
                copy.index = index
                return copy
            }
            self.response = Response(body: .chat(choices))
            self.response.usage = Self.usage(read: read, written: pieces.count * choices.count)
        case .completion(let completion):
            var read = 0
            var written = 0
            var choices: [TextChoice] = []
            for prompt in completion.prompts {
                let (pieces, finish) = Self.pieces(after: prompt, model: model, most: completion.sampling.maxTokens)
                if choices.isEmpty { self.pieces = pieces }
                read += Self.words(of: prompt).count
                written += pieces.count
                var choice = TextChoice(text: pieces.joined())
                choice.index = UInt32(clamping: choices.count)
                choice.finishReason = finish
                choices.append(choice)
            }
            guard !choices.isEmpty else {
                throw Failure(.invalidRequest, "a completion needs at least one prompt.", param: "prompts")
            }
            self.response = Response(body: .completion(choices))
            self.response.usage = Self.usage(read: read, written: written)
        case .embedding(let embedding):
            let size = Int(min(UInt64(embedding.dimensions ?? UInt32(model.dimensions)), 4_096))
            guard !embedding.inputs.isEmpty, size > 0 else {
                throw Failure(.invalidRequest, "an embedding needs at least one input.", param: "inputs")
            }
            let vectors = embedding.inputs.map { Self.vector(of: $0, size: size, seed: model.seed) }
            self.response = Response(body: .embedding(vectors))
            let read = embedding.inputs.reduce(0) { $0 + Self.words(of: $1).count }
            self.response.usage = Self.usage(read: read, written: 0)
        case nil:
            throw Failure(.invalidRequest, "the request asks for nothing: give a chat, completion or embedding.")
        }
        self.response.model = model.name
        self.response.id = "simulated"
    }

    private static func words(of text: String) -> [Substring] {
        text.split(whereSeparator: \.isWhitespace)
    }

    private static func pieces(
        after text: String,
        model: SimulatedModel,
        most: UInt32?
    ) -> (pieces: [String], finish: FinishReason) {
        let words = Self.words(of: text)
        var count = model.tokens == 0 ? max(words.count, 1) : Int(model.tokens)
        var finish = FinishReason.stop
        if let most, Int(most) < count {
            count = max(1, Int(most))
            finish = .length
        }
        var pieces = ["[simulated]"]
        pieces.reserveCapacity(count)
        var index = 0
        while pieces.count < count {
            pieces.append(words.isEmpty ? " nothing" : " \(words[index % words.count])")
            index += 1
        }
        return (pieces, finish)
    }

    private static func usage(read: Int, written: Int) -> Usage {
        var usage = Usage()
        usage.promptTokens = UInt64(read)
        usage.completionTokens = UInt64(written)
        usage.totalTokens = UInt64(read + written)
        return usage
    }

    /// Numbers from -1 to 1, little-endian; the same text and seed have the same vector.
    private static func vector(of text: String, size: Int, seed: UInt64) -> [UInt8] {
        var luck = SimulatedLuck(seed: seed, Self.digest(text))
        var bytes: [UInt8] = []
        bytes.reserveCapacity(4 * size)
        for _ in 0..<size {
            let bits = Float(luck.unit() * 2 - 1).bitPattern.littleEndian
            withUnsafeBytes(of: bits) { bytes.append(contentsOf: $0) }
        }
        return bytes
    }

    /// FNV-1a, 64 bits.
    private static func digest(_ text: String) -> UInt64 {
        text.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0100_0000_01B3 }
    }
}
