// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutJSON
import FanoutModel

extension NaiveAnswer {
    /// A whole message, or one event of a stream.
    mutating func takeAnthropic(_ event: JSONValue) {
        let type = event["type"]?.text ?? ""
        var choice = self.choices[0] ?? Choice()
        defer { self.choices[0] = choice }
        let message = type == "message" ? event : event["message"] ?? .null
        for block in message["content"]?.elements ?? [] { Self.take(block, into: &choice) }
        if type == "content_block_start", let block = event["content_block"] { Self.take(block, into: &choice) }
        let delta = event["delta"] ?? .null
        switch delta["type"]?.text ?? "" {
        case "text_delta": choice.text += delta["text"]?.text ?? ""
        case "thinking_delta": choice.reasoning += delta["thinking"]?.text ?? ""
        case "input_json_delta" where self.isInCall:
            choice.calls[choice.calls.count - 1] += delta["partial_json"]?.text ?? ""
        default: break
        }
        if type == "content_block_start" { self.isInCall = event["content_block"]?["type"]?.text == "tool_use" }
        if let word = message["stop_reason"]?.text ?? delta["stop_reason"]?.text { choice.finish = word }
        if type == "message_stop" || type == "message" {
            // No fragment at all means an empty object.
            choice.calls = choice.calls.map { $0.hasSuffix(" ") ? $0 + "{}" : $0 }
        }
        for usage in [message["usage"], event["usage"]].compactMap({ $0 }) { self.takeUsage(usage) }
    }

    private static func take(_ block: JSONValue, into choice: inout Choice) {
        choice.text += block["text"]?.text ?? ""
        choice.reasoning += block["thinking"]?.text ?? ""
        guard block["type"]?.text == "tool_use" else { return }
        let input = block["input"] ?? .null
        let isEmpty = if case .object(let members) = input { members.isEmpty } else { true }
        let arguments = isEmpty ? "" : String(decoding: input.serialized(), as: UTF8.self)
        choice.calls.append("\(block["id"]?.text ?? "") \(block["name"]?.text ?? "") \(arguments)")
    }

    private mutating func takeUsage(_ usage: JSONValue) {
        func count(_ key: String) -> Int64? { if case .integer(let number)? = usage[key] { number } else { nil } }
        for key in ["input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens"] {
            self.counts[key] = count(key) ?? self.counts[key]
        }
        if case .integer(let thinking)? = usage["output_tokens_details"]?["thinking_tokens"] {
            self.usage.reasoningTokens = UInt64(clamping: thinking)
        }
        let counts = self.counts.mapValues { UInt64(clamping: $0) }
        self.usage.completionTokens = counts["output_tokens"] ?? 0
        self.usage.totalTokens = counts.values.reduce(0, +)
        self.usage.promptTokens = self.usage.totalTokens - self.usage.completionTokens
        self.usage.cachedPromptTokens = counts["cache_read_input_tokens"] ?? 0
        self.usage.cacheWriteTokens = counts["cache_creation_input_tokens"] ?? 0
    }
}
