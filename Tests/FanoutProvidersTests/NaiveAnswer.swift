// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutJSON
import FanoutModel
import FanoutProviders

/// What an answer says, read twice: from the recording by simple means, and from what the decoder made of it.
struct NaiveAnswer: Equatable {
    struct Choice: Equatable {
        var text = ""
        var reasoning = ""
        var refusal = ""
        var finish = ""
        var calls: [String] = []
    }

    var choices: [Int: Choice] = [:]
    var usage = Usage()
    var vectors = 0
    /// Anthropic's counts so far, and whether its stream is inside a call.
    var counts: [String: Int64] = [:]
    var isInCall = false

    static func == (left: NaiveAnswer, right: NaiveAnswer) -> Bool {
        left.canonical == right.canonical && left.usage == right.usage && left.vectors == right.vectors
    }

    /// The choices with the arguments of their calls in one form, whatever their white space and order.
    private var canonical: [Int: Choice] {
        self.choices.mapValues { choice in
            var choice = choice
            choice.calls = choice.calls.map { call in
                let words = call.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
                guard words.count == 3, let value = try? JSONValue(parsing: Array(words[2].utf8)) else { return call }
                return "\(words[0]) \(words[1]) \(String(decoding: value.serialized(), as: UTF8.self))"
            }
            return choice
        }
    }

    var isEmpty: Bool {
        self.choices.values.allSatisfy {
            $0.text.isEmpty && $0.reasoning.isEmpty && $0.refusal.isEmpty && $0.calls.isEmpty
        }
    }

    /// What deltas can say of it.
    var streamedPart: NaiveAnswer {
        var part = self
        part.usage = Usage()
        for index in part.choices.keys { part.choices[index]?.finish = "" }
        part.choices = part.choices.filter { $0.value != Choice() }
        return part
    }

    /// From a recording's own JSON, a stream's chunks one after the other.
    init(_ recording: Recording) throws {
        guard recording.provider != "bedrock" else {
            try self.takeBedrock(recording)
            return
        }
        guard recording.isEventStream else {
            try self.take(JSONValue(parsing: recording.body), of: recording)
            return
        }
        for line in String(decoding: recording.body, as: UTF8.self).split(whereSeparator: \.isNewline) {
            let data = line.hasPrefix("{") ? line : line.dropFirst(5)
            guard line.hasPrefix("{") || line.hasPrefix("data:"), !line.hasSuffix("[DONE]") else { continue }
            try self.take(JSONValue(parsing: Array(data.utf8)), of: recording)
        }
    }

    /// From the decoder's response.
    init(_ response: Response) {
        switch response.body {
        case .chat(let choices):
            for choice in choices {
                var naive = Choice()
                naive.text = choice.message.text
                naive.reasoning = choice.message.reasoningText
                for part in choice.message.parts {
                    if case .refusal(let text) = part.kind { naive.refusal += text.text }
                }
                naive.finish = choice.nativeFinishReason
                naive.calls = choice.message.calls.map {
                    "\(Self.shown($0.id)) \($0.name) \(String(decoding: $0.arguments, as: UTF8.self))"
                }
                self.choices[Int(choice.index)] = naive
            }
        case .completion(let choices):
            for choice in choices {
                self.choices[Int(choice.index)] = Choice(text: choice.text, finish: choice.nativeFinishReason)
            }
        case .embedding(let vectors):
            self.vectors = vectors.count
        }
        self.usage = response.usage ?? Usage()
    }

    /// From the decoder's deltas.
    init(deltas: [Delta]) {
        var calls: [Int: [UInt32: ToolCall]] = [:]
        for delta in deltas {
            let index = Int(delta.choice)
            switch delta.kind {
            case .text(let text): self.choices[index, default: Choice()].text += text
            case .reasoning(let text): self.choices[index, default: Choice()].reasoning += text
            case .refusal(let text): self.choices[index, default: Choice()].refusal += text
            case .toolCall(let piece):
                var call = calls[index]?[piece.call] ?? ToolCall(id: "", name: "", arguments: [])
                call.id += piece.id
                call.name += piece.name
                call.arguments += piece.arguments
                calls[index, default: [:]][piece.call] = call
            case .restart: break
            }
        }
        for (index, byCall) in calls {
            self.choices[index, default: Choice()].calls = byCall.sorted { $0.key < $1.key }.map {
                "\(Self.shown($0.value.id)) \($0.value.name) \(String(decoding: $0.value.arguments, as: UTF8.self))"
            }
        }
    }

    private mutating func take(_ chunk: JSONValue, of recording: Recording) throws {
        switch (recording.provider, recording.endpoint) {
        case ("cohere", _): return self.takeCohere(chunk)
        case ("ollama", _): return self.takeOllama(chunk)
        case ("gemini", _), ("vertex_ai", _): return self.takeGemini(chunk)
        case ("huggingface", "inference"): return self.takeGeneration(chunk, of: recording)
        default: break
        }
        if chunk["type"] != nil { return self.takeAnthropic(chunk) }
        for (position, choice) in (chunk["choices"]?.elements ?? []).enumerated() {
            let index = Int(Self.number(choice["index"]) ?? Int64(position))
            var naive = self.choices[index] ?? Choice()
            if let word = choice["native_finish_reason"]?.text ?? choice["finish_reason"]?.text { naive.finish = word }
            naive.text += choice["text"]?.text ?? ""
            for turn in [choice["message"], choice["delta"]].compactMap({ $0 }) { Self.take(turn, into: &naive) }
            self.choices[index] = naive
        }
        self.vectors += chunk["data"]?.elements?.count ?? 0
        for usage in [chunk["usage"], chunk["x_groq"]?["usage"]].compactMap({ $0 }) {
            self.takeUsage(usage)
        }
    }

    /// The usage of a provider that counts what was read and written, and no more.
    mutating func count(prompt: Int64, completion: Int64, cached: Int64 = 0) {
        self.usage = Usage()
        self.usage.promptTokens = UInt64(clamping: prompt)
        self.usage.completionTokens = UInt64(clamping: completion)
        self.usage.totalTokens = self.usage.promptTokens + self.usage.completionTokens
        self.usage.cachedPromptTokens = UInt64(clamping: cached)
    }

    private mutating func takeUsage(_ usage: JSONValue) {
        guard case .object(let members) = usage, !members.isEmpty else { return }
        func count(_ path: String...) -> UInt64 {
            UInt64(clamping: Self.number(path.reduce(usage) { $0?[$1] }) ?? 0)
        }
        self.usage = Usage()
        self.usage.promptTokens = count("prompt_tokens")
        self.usage.totalTokens = count("total_tokens")
        // Whatever isn't read was written; where the sum leaves reasoning out, it is the sum of what is reported.
        self.usage.completionTokens = max(
            count("completion_tokens"),
            self.usage.totalTokens - min(self.usage.promptTokens, self.usage.totalTokens)
        )
        self.usage.cachedPromptTokens = min(
            self.usage.promptTokens,
            max(
                count("prompt_tokens_details", "cached_tokens"),
                count("prompt_cache_hit_tokens"),
                count("num_cached_tokens")
            )
        )
        self.usage.cacheWriteTokens = count("prompt_tokens_details", "cache_write_tokens")
        self.usage.reasoningTokens = min(
            self.usage.completionTokens,
            count("completion_tokens_details", "reasoning_tokens")
        )
        self.usage.audioPromptTokens = count("prompt_tokens_details", "audio_tokens")
        self.usage.audioCompletionTokens = count("completion_tokens_details", "audio_tokens")
    }

    private static func take(_ turn: JSONValue, into choice: inout Choice) {
        choice.text += turn["content"]?.text ?? ""
        for part in turn["content"]?.elements ?? [] {
            choice.text += part["text"]?.text ?? ""
            for thought in part["thinking"]?.elements ?? [] { choice.reasoning += thought["text"]?.text ?? "" }
        }
        choice.reasoning += turn["reasoning_content"]?.text ?? turn["reasoning"]?.text ?? ""
        choice.refusal += turn["refusal"]?.text ?? ""
        var calls = turn["tool_calls"]?.elements ?? []
        if let legacy = turn["function_call"], legacy != .null {
            // A later fragment has no name.
            calls.append(.object(["function": legacy, "index": .integer(0)]))
        }
        for call in calls {
            let arguments = call["function"]?["arguments"]?.text ?? ""
            let id = call["id"]?.text ?? ""
            let name = call["function"]?["name"]?.text ?? ""
            if id.isEmpty, name.isEmpty, let index = Self.number(call["index"]) {
                choice.calls[Int(index)] += arguments
            } else {
                choice.calls.append("\(id) \(name) \(arguments)")
            }
        }
    }

    /// An id as the provider gave it: none, where one was made up.
    private static func shown(_ id: String) -> String { id.hasPrefix("fanout-") ? "" : id }

    private static func number(_ value: JSONValue?) -> Int64? {
        if case .integer(let number)? = value { number } else { nil }
    }
}
