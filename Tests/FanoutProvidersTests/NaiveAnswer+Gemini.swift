// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutJSON
import FanoutModel

extension NaiveAnswer {
    /// A whole answer, an event of a stream, or a list of what would be events.
    mutating func takeGemini(_ chunk: JSONValue) {
        for element in chunk.elements ?? [] { self.takeGemini(element) }
        let vectors = chunk["embeddings"]?.elements ?? chunk["predictions"]?.elements
        if let vectors { self.vectors += vectors.count }
        if case .object? = chunk["embedding"] { self.vectors += 1 }
        if let counts = chunk["usageMetadata"] { self.takeGeminiUsage(counts) }
        for (position, candidate) in (chunk["candidates"]?.elements ?? []).enumerated() {
            var index = position
            if case .integer(let number)? = candidate["index"] { index = Int(number) }
            var choice = self.choices[index] ?? Choice()
            for part in candidate["content"]?["parts"]?.elements ?? [] { Self.takeGemini(part, into: &choice) }
            if let word = candidate["finishReason"]?.text { choice.finish = word }
            self.choices[index] = choice
        }
    }

    private static func takeGemini(_ part: JSONValue, into choice: inout Choice) {
        if part["thought"] == .bool(true) {
            choice.reasoning += part["text"]?.text ?? ""
        } else {
            choice.text += part["text"]?.text ?? ""
        }
        guard let call = part["functionCall"] else { return }
        let arguments = String(decoding: (call["args"] ?? .object([:])).serialized(), as: UTF8.self)
        choice.calls.append("\(call["id"]?.text ?? "") \(call["name"]?.text ?? "") \(arguments)")
    }

    /// All counts so far; what Google's own tools gave to read was read, too.
    private mutating func takeGeminiUsage(_ counts: JSONValue) {
        func count(_ key: String) -> Int64 { if case .integer(let number)? = counts[key] { number } else { 0 } }
        guard counts["totalTokenCount"] != nil else { return }
        func sound(_ key: String) -> UInt64 {
            let parts = (counts[key]?.elements ?? []).filter { $0["modality"]?.text == "AUDIO" }
            return parts.reduce(0) { sum, part in
                if case .integer(let number)? = part["tokenCount"] { sum + UInt64(clamping: number) } else { sum }
            }
        }
        self.count(
            prompt: count("promptTokenCount") + count("toolUsePromptTokenCount"),
            completion: count("candidatesTokenCount") + count("thoughtsTokenCount"),
            cached: count("cachedContentTokenCount")
        )
        self.usage.reasoningTokens = UInt64(clamping: count("thoughtsTokenCount"))
        self.usage.totalTokens = UInt64(clamping: count("totalTokenCount"))
        self.usage.audioPromptTokens = sound("promptTokensDetails")
        self.usage.audioCompletionTokens = sound("candidatesTokensDetails")
    }
}
