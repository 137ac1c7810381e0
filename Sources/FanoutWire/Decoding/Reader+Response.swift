// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import CFanoutProto
internal import CProtobufC
internal import FanoutModel

/// What a model answered, how it failed and what happened meanwhile.
extension Reader {
    func response(_ response: UnsafeMutablePointer<Proto.Response>) throws(Fault) -> Response {
        var value = Response(body: try self.body(response))
        value.id = try self.text(response.pointee.id, "id")
        value.model = try self.text(response.pointee.model, "model")
        value.created = response.pointee.created
        value.usage = try self.one(response.pointee.usage, "usage", self.usage)
        value.systemFingerprint = try self.text(response.pointee.system_fingerprint, "system_fingerprint")
        value.serviceTier = try self.text(response.pointee.service_tier, "service_tier")
        return value
    }

    private func body(_ response: UnsafeMutablePointer<Proto.Response>) throws(Fault) -> Response.Body {
        let body: Response.Body?
        switch response.pointee.body_case {
        case FANOUT__V1__RESPONSE__BODY_CHAT:
            body = try self.one(response.pointee.chat, "chat", self.chatAnswer)
        case FANOUT__V1__RESPONSE__BODY_COMPLETION:
            body = try self.one(response.pointee.completion, "completion", self.textAnswer)
        case FANOUT__V1__RESPONSE__BODY_EMBEDDING:
            body = try self.one(response.pointee.embedding, "embedding", self.embeddingAnswer)
        default:
            body = nil
        }
        guard let body else { throw Fault(.badFrame, "body", "is missing or of a kind that this version doesn't know") }
        return body
    }

    private func chatAnswer(_ answer: UnsafeMutablePointer<Proto.ChatAnswer>) throws(Fault) -> Response.Body {
        .chat(try self.list(answer.pointee.n_choices, answer.pointee.choices, max: .max, "choices", self.choice))
    }

    private func textAnswer(_ answer: UnsafeMutablePointer<Proto.TextAnswer>) throws(Fault) -> Response.Body {
        .completion(
            try self.list(answer.pointee.n_choices, answer.pointee.choices, max: .max, "choices", self.textChoice)
        )
    }

    private func embeddingAnswer(
        _ answer: UnsafeMutablePointer<Proto.EmbeddingAnswer>
    ) throws(Fault) -> Response.Body {
        var vectors: [[UInt8]] = []
        vectors.reserveCapacity(answer.pointee.n_vectors)
        if let first = answer.pointee.vectors {
            for index in 0..<answer.pointee.n_vectors { vectors.append(self.bytes(first[index])) }
        }
        return .embedding(vectors)
    }

    private func choice(_ choice: UnsafeMutablePointer<Proto.Choice>) throws(Fault) -> Choice {
        let message = try self.one(choice.pointee.message, "message", self.message)
        var value = Choice(message: message ?? Message(role: .assistant, parts: []))
        value.index = choice.pointee.index
        value.finishReason =
            try self.choice(choice.pointee.finish_reason, "finish_reason", unknown: FinishReason.other) ?? .unspecified
        value.nativeFinishReason = try self.text(choice.pointee.native_finish_reason, "native_finish_reason")
        value.logprobsJSON = self.bytes(choice.pointee.logprobs_json)
        value.stopSequence = try self.text(choice.pointee.stop_sequence, "stop_sequence")
        return value
    }

    private func textChoice(_ choice: UnsafeMutablePointer<Proto.TextChoice>) throws(Fault) -> TextChoice {
        var value = TextChoice(text: try self.text(choice.pointee.text, "text"))
        value.index = choice.pointee.index
        value.finishReason =
            try self.choice(choice.pointee.finish_reason, "finish_reason", unknown: FinishReason.other) ?? .unspecified
        value.nativeFinishReason = try self.text(choice.pointee.native_finish_reason, "native_finish_reason")
        value.logprobsJSON = self.bytes(choice.pointee.logprobs_json)
        return value
    }

    func usage(_ usage: UnsafeMutablePointer<Proto.Usage>) throws(Fault) -> Usage {
        var value = Usage()
        value.promptTokens = usage.pointee.prompt_tokens
        value.completionTokens = usage.pointee.completion_tokens
        value.totalTokens = usage.pointee.total_tokens
        value.cachedPromptTokens = usage.pointee.cached_prompt_tokens
        value.cacheWriteTokens = usage.pointee.cache_write_tokens
        value.reasoningTokens = usage.pointee.reasoning_tokens
        value.audioPromptTokens = usage.pointee.audio_prompt_tokens
        value.audioCompletionTokens = usage.pointee.audio_completion_tokens
        return value
    }

    func failure(_ failure: UnsafeMutablePointer<Proto.Failure>) throws(Fault) -> Failure {
        var value = Failure(
            self.failureCode(failure.pointee.code.rawValue) ?? .internal,
            try self.text(failure.pointee.message, "message"),
            param: try self.text(failure.pointee.param, "param")
        )
        if failure.pointee.retry_after_ms > 0 { value.retryAfterMilliseconds = failure.pointee.retry_after_ms }
        value.providerStatus = UInt16(truncatingIfNeeded: failure.pointee.provider_status)
        value.providerCode = try self.text(failure.pointee.provider_code, "provider_code")
        value.providerType = try self.text(failure.pointee.provider_type, "provider_type")
        value.providerMessage = try self.text(failure.pointee.provider_message, "provider_message")
        value.providerRequestID = try self.text(failure.pointee.provider_request_id, "provider_request_id")
        value.phase = try self.choice(failure.pointee.phase, "phase", unknown: TimeoutPhase.none) ?? TimeoutPhase.none
        value.cancelReason =
            try self.choice(failure.pointee.cancel_reason, "cancel_reason", unknown: CancelReason.none)
            ?? CancelReason.none
        value.notStarted = failure.pointee.not_started != 0
        value.possibleDoubleSpend = failure.pointee.possible_double_spend != 0
        value.causes = try self.list(
            failure.pointee.n_causes,
            failure.pointee.causes,
            max: .max,
            "causes",
            self.cause
        )
        value.earliestMilliseconds = failure.pointee.earliest_ms
        return value
    }

    private func cause(_ cause: UnsafeMutablePointer<Proto.Cause>) throws(Fault) -> Failure.Cause {
        Failure.Cause(
            code: self.failureCode(cause.pointee.code.rawValue) ?? .internal,
            message: try self.text(cause.pointee.message, "message"),
            group: try self.text(cause.pointee.group, "group"),
            deployment: try self.text(cause.pointee.deployment, "deployment"),
            providerStatus: UInt16(truncatingIfNeeded: cause.pointee.provider_status)
        )
    }

    /// The code of a number; `nil` = unspecified.
    ///
    /// One that this version doesn't know becomes the plainest of its hundred, so that it still says whose fault
    /// the failure is.
    func failureCode(_ raw: UInt32) -> FailureCode? {
        if raw == 0 { return nil }
        if let small = UInt16(exactly: raw), let code = FailureCode(rawValue: small) { return code }
        return switch raw / 100 {
        case 1: .invalidRequest
        case 2: .permission
        case 3: .overloaded
        case 4: .providerError
        case 5: .cancelled
        case 7: .badFrame
        default: .internal
        }
    }

    func trail(_ trail: UnsafeMutablePointer<Proto.Trail>) throws(Fault) -> Trail {
        var value = Trail()
        value.attempts = trail.pointee.attempts
        value.fallbacks = trail.pointee.fallbacks
        value.deployment = try self.text(trail.pointee.deployment, "deployment")
        value.group = try self.text(trail.pointee.group, "group")
        value.provider = try self.text(trail.pointee.provider, "provider")
        value.queuedMicroseconds = trail.pointee.queued_us
        value.totalMicroseconds = trail.pointee.total_us
        value.firstContentMicroseconds = trail.pointee.first_content_us
        if trail.pointee.cost_presence_case.rawValue != 0 { value.costNanoUSD = trail.pointee.cost_nano_usd }
        value.cache = try self.choice(trail.pointee.cache, "cache", unknown: CacheOutcome.notAsked) ?? .notAsked
        value.coalesced = trail.pointee.coalesced != 0
        value.possiblyBilled = trail.pointee.possibly_billed
        value.details = try self.list(
            trail.pointee.n_details,
            trail.pointee.details,
            max: .max,
            "details",
            self.attempt
        )
        return value
    }

    private func attempt(_ attempt: UnsafeMutablePointer<Proto.Attempt>) throws(Fault) -> Trail.Attempt {
        var value = Trail.Attempt()
        value.number = attempt.pointee.number
        value.group = try self.text(attempt.pointee.group, "group")
        value.deployment = try self.text(attempt.pointee.deployment, "deployment")
        value.code = self.failureCode(attempt.pointee.code.rawValue)
        value.message = try self.text(attempt.pointee.message, "message")
        value.providerStatus = UInt16(truncatingIfNeeded: attempt.pointee.provider_status)
        value.startedMicroseconds = attempt.pointee.started_us
        value.connectMicroseconds = attempt.pointee.connect_us
        value.headersMicroseconds = attempt.pointee.headers_us
        value.firstContentMicroseconds = attempt.pointee.first_content_us
        value.totalMicroseconds = attempt.pointee.total_us
        value.retryAfterMilliseconds = attempt.pointee.retry_after_ms
        value.usage = try self.one(attempt.pointee.usage, "usage", self.usage)
        value.leg = attempt.pointee.leg
        value.hedge = attempt.pointee.hedge != 0
        value.stopped = attempt.pointee.stopped != 0
        value.possiblyBilled = attempt.pointee.possibly_billed != 0
        return value
    }
}
