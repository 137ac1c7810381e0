// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutClient
internal import FanoutJSON
internal import FanoutModel

/// Writes an item's result as one line of JSON.
enum ResultLine {
    /// Appends the line with its line feed.
    static func append(_ result: ItemResult, to bytes: inout [UInt8]) {
        var writer = JSONWriter(appendingTo: bytes)
        bytes = []
        writer.beginObject()
        writer.key("index")
        writer.uint(UInt64(result.index))
        if !result.id.isEmpty {
            writer.key("id")
            writer.string(result.id)
        }
        switch result.outcome {
        case .success(let response): self.members(response, &writer)
        case .failure: break
        }
        if let trail = result.trail { self.members(trail, &writer) }
        switch result.outcome {
        case .success(let response):
            if let usage = response.usage {
                writer.key("usage")
                self.object(usage, &writer)
            }
        case .failure(let failure): self.members(failure, &writer)
        }
        writer.endObject()
        bytes = writer.finish()
        bytes.append(UInt8(ascii: "\n"))
    }

    private static func members(_ response: Response, _ writer: inout JSONWriter) {
        if !response.model.isEmpty {
            writer.key("model")
            writer.string(response.model)
        }
        switch response.body {
        case .chat(let choices):
            guard choices.count != 1 else { return self.members(choices[0], &writer) }
            writer.key("choices")
            writer.beginArray()
            for choice in choices {
                writer.beginObject()
                self.members(choice, &writer)
                writer.endObject()
            }
            writer.endArray()
        case .completion(let choices):
            guard choices.count != 1 else { return self.members(choices[0], &writer) }
            writer.key("choices")
            writer.beginArray()
            for choice in choices {
                writer.beginObject()
                self.members(choice, &writer)
                writer.endObject()
            }
            writer.endArray()
        case .embedding: self.vectors(of: response, &writer)
        }
    }

    private static func members(_ choice: Choice, _ writer: inout JSONWriter) {
        writer.key("text")
        writer.string(choice.message.text)
        var reasoning = ""
        var calls: [ToolCall] = []
        for part in choice.message.parts {
            switch part.kind {
            case .reasoning(let piece): reasoning += piece.text
            case .toolCall(let call): calls.append(call)
            case .refusal(let refusal):
                writer.key("refusal")
                writer.string(refusal.text)
            case .text, .image, .document, .audio, .video, .toolResult, .opaque: break
            }
        }
        if !reasoning.isEmpty {
            writer.key("reasoning")
            writer.string(reasoning)
        }
        if !calls.isEmpty {
            writer.key("tool_calls")
            writer.beginArray()
            for call in calls { self.object(call, &writer) }
            writer.endArray()
        }
        self.finish(choice.finishReason, &writer)
    }

    private static func members(_ choice: TextChoice, _ writer: inout JSONWriter) {
        writer.key("text")
        writer.string(choice.text)
        self.finish(choice.finishReason, &writer)
    }

    /// A call in OpenAI's form, so that it can be sent back as it is.
    private static func object(_ call: ToolCall, _ writer: inout JSONWriter) {
        let isCustom = call.kind == .custom
        writer.beginObject()
        writer.key("id")
        writer.string(call.id)
        writer.key("type")
        writer.string(isCustom ? "custom" : "function")
        writer.key(isCustom ? "custom" : "function")
        writer.beginObject()
        writer.key("name")
        writer.string(call.name)
        writer.key(isCustom ? "input" : "arguments")
        writer.string(utf8: call.arguments)
        writer.endObject()
        writer.endObject()
    }

    private static func finish(_ reason: FinishReason, _ writer: inout JSONWriter) {
        let word =
            switch reason {
            case .unspecified: ""
            case .stop: "stop"
            case .length: "length"
            case .toolCalls: "tool_calls"
            case .contentFilter: "content_filter"
            case .other: "other"
            }
        guard !word.isEmpty else { return }
        writer.key("finish_reason")
        writer.string(word)
    }

    private static func vectors(of response: Response, _ writer: inout JSONWriter) {
        let vectors = response.vectors ?? []
        guard vectors.count != 1 else {
            writer.key("embedding")
            return self.array(vectors[0], &writer)
        }
        writer.key("embeddings")
        writer.beginArray()
        for vector in vectors { self.array(vector, &writer) }
        writer.endArray()
    }

    private static func array(_ vector: [Float], _ writer: inout JSONWriter) {
        writer.beginArray()
        for number in vector {
            // As a float: a double of it would show digits that aren't there.
            if number.isFinite { writer.raw(Array(number.description.utf8)) } else { writer.null() }
        }
        writer.endArray()
    }

    static func members(_ trail: Trail, _ writer: inout JSONWriter) {
        writer.key("attempts")
        writer.uint(UInt64(trail.attempts))
        if !trail.deployment.isEmpty {
            writer.key("deployment")
            writer.string(trail.deployment)
        }
        if let cost = trail.costNanoUSD {
            writer.key("cost_usd")
            writer.double(Double(cost) / 1e9)
        }
    }

    private static func members(_ failure: Failure, _ writer: inout JSONWriter) {
        writer.key("code")
        writer.string(failure.code.name)
        writer.key("error")
        writer.string(failure.message)
        if failure.providerStatus != 0 {
            writer.key("provider_status")
            writer.uint(UInt64(failure.providerStatus))
        }
        if !failure.providerMessage.isEmpty {
            writer.key("provider_message")
            writer.string(failure.providerMessage)
        }
        if !failure.param.isEmpty {
            writer.key("param")
            writer.string(failure.param)
        }
        if let wait = failure.retryAfterMilliseconds {
            writer.key("retry_after_ms")
            writer.uint(wait)
        }
    }

    /// Writes what was used; details that are zero are left out.
    static func object(_ usage: Usage, _ writer: inout JSONWriter) {
        writer.beginObject()
        writer.key("prompt_tokens")
        writer.uint(usage.promptTokens)
        writer.key("completion_tokens")
        writer.uint(usage.completionTokens)
        writer.key("total_tokens")
        writer.uint(usage.totalTokens)
        let details: [(StaticString, UInt64)] = [
            ("cached_prompt_tokens", usage.cachedPromptTokens), ("cache_write_tokens", usage.cacheWriteTokens),
            ("reasoning_tokens", usage.reasoningTokens), ("audio_prompt_tokens", usage.audioPromptTokens),
            ("audio_completion_tokens", usage.audioCompletionTokens),
        ]
        for (key, count) in details where count > 0 {
            writer.key(key)
            writer.uint(count)
        }
        writer.endObject()
    }
}
