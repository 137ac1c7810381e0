// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import FanoutProviders

/// What a simulated model answers.
struct SimulatedAnswer {
    /// What is streamed of it; empty for vectors.
    private(set) var text = SimulatedText()
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
            let read = chat.messages.reduce(0) { $0 + SimulatedText.wordCount(of: $1.text) }
            let (text, finish) =
                isJSON
                ? (SimulatedText(#"{"simulated":true}"#), .stop)
                : Self.text(after: last.text, model: model, most: chat.sampling.maxTokens)
            self.text = text
            let count = max(1, min(chat.choices ?? 1, 128))
            var choice = Choice(message: Message(role: .assistant, text: text.whole))
            choice.finishReason = finish
            choice.nativeFinishReason = finish == .length ? "length" : "stop"
            let choices = (0..<count).map { index in
                var copy = choice
                copy.index = index
                return copy
            }
            self.response = Response(body: .chat(choices))
            self.response.usage = Self.usage(read: read, written: text.count * choices.count)
        case .completion(let completion):
            var read = 0
            var written = 0
            var choices: [TextChoice] = []
            for prompt in completion.prompts {
                let (text, finish) = Self.text(after: prompt, model: model, most: completion.sampling.maxTokens)
                if choices.isEmpty { self.text = text }
                read += SimulatedText.wordCount(of: prompt)
                written += text.count
                var choice = TextChoice(text: text.whole)
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
            let read = embedding.inputs.reduce(0) { $0 + SimulatedText.wordCount(of: $1) }
            self.response.usage = Self.usage(read: read, written: 0)
        case nil:
            throw Failure(.invalidRequest, "the request asks for nothing: give a chat, completion or embedding.")
        }
        self.response.model = model.name
        self.response.id = "simulated"
    }

    private static func text(
        after prompt: String,
        model: SimulatedModel,
        most: UInt32?
    ) -> (text: SimulatedText, finish: FinishReason) {
        let count = model.tokens == 0 ? max(SimulatedText.wordCount(of: prompt), 1) : Int(model.tokens)
        guard let most, Int(most) < count else { return (SimulatedText(repeating: prompt, count: count), .stop) }
        return (SimulatedText(repeating: prompt, count: max(1, Int(most))), .length)
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
