// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutJSON
import FanoutModel

extension NaiveAnswer {
    /// A whole body, or one event of a stream.
    mutating func takeCohere(_ body: JSONValue) {
        if case .object(let vectors)? = body["embeddings"] { self.vectors = vectors["float"]?.elements?.count ?? 0 }
        var choice = self.choices[0] ?? Choice()
        let part = body["delta"] ?? body
        let message = part["message"] ?? .null
        for block in Self.list(message["content"]) {
            choice.text += block["text"]?.text ?? ""
            choice.reasoning += block["thinking"]?.text ?? ""
        }
        choice.reasoning += message["tool_plan"]?.text ?? ""
        for call in Self.list(message["tool_calls"]) {
            let arguments = call["function"]?["arguments"]?.text ?? ""
            if let id = call["id"]?.text {
                choice.calls.append("\(id) \(call["function"]?["name"]?.text ?? "") \(arguments)")
            } else {
                choice.calls[choice.calls.count - 1] += arguments
            }
        }
        if let word = part["finish_reason"]?.text { choice.finish = word }
        if self.vectors == 0 { self.choices[0] = choice }
        let counts = part["usage"]?["tokens"] ?? part["meta"]?["billed_units"]
        func count(_ key: String) -> Int64 { if case .integer(let number)? = counts?[key] { number } else { 0 } }
        guard counts != nil else { return }
        var cached: Int64 = 0
        if case .integer(let number)? = part["usage"]?["cached_tokens"] { cached = number }
        self.count(prompt: count("input_tokens"), completion: count("output_tokens"), cached: cached)
        self.usage.reasoningTokens = UInt64(clamping: count("reasoning_tokens"))
    }

    /// One object, or all of a list.
    private static func list(_ value: JSONValue?) -> [JSONValue] {
        switch value {
        case .array(let elements)?: elements
        case .object?: [value ?? .null]
        default: []
        }
    }
}
