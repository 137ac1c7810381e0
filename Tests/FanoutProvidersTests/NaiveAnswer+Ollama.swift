// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutJSON
import FanoutModel
import FanoutProviders

extension NaiveAnswer {
    /// A whole body of Ollama's, or one line of a stream.
    mutating func takeOllama(_ body: JSONValue) {
        if body["embedding"] != nil { self.vectors = 1 }
        guard self.vectors == 0 else { return }
        var choice = self.choices[0] ?? Choice()
        let message = body["message"] ?? .null
        choice.text += message["content"]?.text ?? body["response"]?.text ?? ""
        choice.reasoning += message["thinking"]?.text ?? ""
        for call in message["tool_calls"]?.elements ?? [] {
            let arguments = String(decoding: (call["function"]?["arguments"] ?? .null).serialized(), as: UTF8.self)
            choice.calls.append("\(call["id"]?.text ?? "") \(call["function"]?["name"]?.text ?? "") \(arguments)")
        }
        choice.finish = body["done_reason"]?.text ?? choice.finish
        self.choices[0] = choice
        func count(_ key: String) -> Int64 { if case .integer(let number)? = body[key] { number } else { 0 } }
        guard body["done"] == .bool(true) else { return }
        self.count(prompt: count("prompt_eval_count"), completion: count("eval_count"))
    }

    /// A whole body of text-generation-inference's, or one event of a stream.
    mutating func takeGeneration(_ body: JSONValue, of recording: Recording) {
        let body = body.elements?.first ?? body
        var choice = self.choices[0] ?? Choice()
        if let token = body["token"] {
            if token["special"] != .bool(true) { choice.text += token["text"]?.text ?? "" }
        } else {
            choice.text = body["generated_text"]?.text ?? ""
        }
        choice.finish = body["details"]?["finish_reason"]?.text ?? ""
        self.choices[0] = choice
        guard case .integer(let written)? = body["details"]?["generated_tokens"] else { return }
        self.count(prompt: Int64(recording.head.promptTokens ?? 0), completion: written)
    }
}
