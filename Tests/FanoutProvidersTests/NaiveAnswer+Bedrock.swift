// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutJSON
import FanoutModel

extension NaiveAnswer {
    /// Every frame's payload, cut by its lengths alone.
    mutating func takeBedrock(_ recording: Recording) throws {
        var rest = recording.body[...]
        while recording.isEventStream, rest.count >= 16 {
            let lengths = rest.prefix(8).map(Int.init)
            let total = lengths[..<4].reduce(0) { $0 << 8 | $1 }
            let headers = lengths[4...].reduce(0) { $0 << 8 | $1 }
            try self.takeBedrock(JSONValue(parsing: Array(rest.prefix(total - 4).dropFirst(12 + headers))))
            rest = rest.dropFirst(total)
        }
        if !recording.isEventStream { try self.takeBedrock(JSONValue(parsing: recording.body)) }
        // No fragment at all means an empty object.
        let calls = self.choices[0]?.calls ?? []
        self.choices[0]?.calls = calls.map { $0.hasSuffix(" ") ? $0 + "{}" : $0 }
    }

    private mutating func takeBedrock(_ event: JSONValue) {
        var choice = self.choices[0] ?? Choice()
        defer { self.choices[0] = choice }
        for block in event["output"]?["message"]?["content"]?.elements ?? [] {
            choice.text += block["text"]?.text ?? ""
            for piece in block["citationsContent"]?["content"]?.elements ?? [] {
                choice.text += piece["text"]?.text ?? ""
            }
            choice.reasoning += block["reasoningContent"]?["reasoningText"]?["text"]?.text ?? ""
            Self.call(block["toolUse"], into: &choice)
        }
        Self.call(event["start"]?["toolUse"], into: &choice)
        let delta = event["delta"] ?? .null
        choice.text += delta["text"]?.text ?? ""
        choice.reasoning += delta["reasoningContent"]?["text"]?.text ?? ""
        if let input = delta["toolUse"]?["input"]?.text { choice.calls[choice.calls.count - 1] += input }
        choice.finish = event["stopReason"]?.text ?? choice.finish
        guard let usage = event["usage"] else { return }
        func count(_ key: String) -> Int64 { if case .integer(let number)? = usage[key] { number } else { 0 } }
        let (read, written) = (count("cacheReadInputTokens"), count("cacheWriteInputTokens"))
        self.count(prompt: count("inputTokens") + read + written, completion: count("outputTokens"), cached: read)
        self.usage.cacheWriteTokens = UInt64(clamping: written)
        self.usage.totalTokens = UInt64(clamping: count("totalTokens"))
    }

    private static func call(_ call: JSONValue?, into choice: inout Choice) {
        guard let call, call["type"]?.text != "server_tool_use" else { return }
        let arguments = call["input"].map { String(decoding: $0.serialized(), as: UTF8.self) } ?? ""
        choice.calls.append("\(call["toolUseId"]?.text ?? "") \(call["name"]?.text ?? "") \(arguments)")
    }
}
