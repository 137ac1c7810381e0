// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import CFanoutProto
internal import CProtobufC
internal import FanoutModel

/// What a model answered, how it failed and what happened meanwhile.
extension Builder {
    func response(_ value: Response) -> UnsafeMutablePointer<Proto.Response> {
        let response = self.make(fanout__v1__response__init)
        response.pointee.id = self.text(value.id)
        response.pointee.model = self.text(value.model)
        response.pointee.created = value.created
        switch value.body {
        case .chat(let choices):
            response.pointee.body_case = FANOUT__V1__RESPONSE__BODY_CHAT
            response.pointee.chat = self.make(fanout__v1__chat_answer__init)
            response.pointee.chat.pointee.n_choices = choices.count
            response.pointee.chat.pointee.choices = self.list(choices, self.choice)
        case .completion(let choices):
            response.pointee.body_case = FANOUT__V1__RESPONSE__BODY_COMPLETION
            response.pointee.completion = self.make(fanout__v1__text_answer__init)
            response.pointee.completion.pointee.n_choices = choices.count
            response.pointee.completion.pointee.choices = self.list(choices, self.textChoice)
        case .embedding(let vectors):
            response.pointee.body_case = FANOUT__V1__RESPONSE__BODY_EMBEDDING
            response.pointee.embedding = self.make(fanout__v1__embedding_answer__init)
            response.pointee.embedding.pointee.n_vectors = vectors.count
            response.pointee.embedding.pointee.vectors = self.byteLists(vectors)
        }
        response.pointee.usage = value.usage.map { self.usage($0) }
        response.pointee.system_fingerprint = self.text(value.systemFingerprint)
        response.pointee.service_tier = self.text(value.serviceTier)
        return response
    }

    private func choice(_ value: Choice) -> UnsafeMutablePointer<Proto.Choice> {
        let choice = self.make(fanout__v1__choice__init)
        choice.pointee.index = value.index
        choice.pointee.message = self.message(value.message)
        choice.pointee.finish_reason = Fanout__V1__FinishReason(rawValue: UInt32(value.finishReason.rawValue))
        choice.pointee.native_finish_reason = self.text(value.nativeFinishReason)
        choice.pointee.logprobs_json = self.bytes(value.logprobsJSON)
        choice.pointee.stop_sequence = self.text(value.stopSequence)
        return choice
    }

    private func textChoice(_ value: TextChoice) -> UnsafeMutablePointer<Proto.TextChoice> {
        let choice = self.make(fanout__v1__text_choice__init)
        choice.pointee.index = value.index
        choice.pointee.text = self.text(value.text)
        choice.pointee.finish_reason = Fanout__V1__FinishReason(rawValue: UInt32(value.finishReason.rawValue))
        choice.pointee.native_finish_reason = self.text(value.nativeFinishReason)
        choice.pointee.logprobs_json = self.bytes(value.logprobsJSON)
        return choice
    }

    func usage(_ value: Usage) -> UnsafeMutablePointer<Proto.Usage> {
        let usage = self.make(fanout__v1__usage__init)
        usage.pointee.prompt_tokens = value.promptTokens
        usage.pointee.completion_tokens = value.completionTokens
        usage.pointee.total_tokens = value.totalTokens
        usage.pointee.cached_prompt_tokens = value.cachedPromptTokens
        usage.pointee.cache_write_tokens = value.cacheWriteTokens
        usage.pointee.reasoning_tokens = value.reasoningTokens
        usage.pointee.audio_prompt_tokens = value.audioPromptTokens
        usage.pointee.audio_completion_tokens = value.audioCompletionTokens
        return usage
    }

    func failure(_ value: Failure) -> UnsafeMutablePointer<Proto.Failure> {
        let failure = self.make(fanout__v1__failure__init)
        failure.pointee.code = self.code(value.code)
        failure.pointee.message = self.text(value.message, max: SendCaps.sentenceBytes)
        failure.pointee.retry_after_ms = value.retryAfterMilliseconds ?? 0
        failure.pointee.provider_status = UInt32(value.providerStatus)
        failure.pointee.provider_code = self.text(value.providerCode, max: SendCaps.nameBytes)
        failure.pointee.provider_type = self.text(value.providerType, max: SendCaps.nameBytes)
        failure.pointee.provider_message = self.text(value.providerMessage, max: SendCaps.providerMessageBytes)
        failure.pointee.param = self.text(value.param, max: SendCaps.nameBytes)
        failure.pointee.provider_request_id = self.text(value.providerRequestID, max: SendCaps.nameBytes)
        failure.pointee.phase = Fanout__V1__TimeoutPhase(rawValue: UInt32(value.phase.rawValue))
        failure.pointee.cancel_reason = Fanout__V1__CancelReason(rawValue: UInt32(value.cancelReason.rawValue))
        failure.pointee.not_started = self.flag(value.notStarted)
        failure.pointee.possible_double_spend = self.flag(value.possibleDoubleSpend)
        let causes = value.causes.count > SendCaps.causes ? Array(value.causes.prefix(SendCaps.causes)) : value.causes
        failure.pointee.n_causes = causes.count
        failure.pointee.causes = self.list(causes, self.cause)
        failure.pointee.earliest_ms = value.earliestMilliseconds
        return failure
    }

    private func cause(_ value: Failure.Cause) -> UnsafeMutablePointer<Proto.Cause> {
        let cause = self.make(fanout__v1__cause__init)
        cause.pointee.code = self.code(value.code)
        cause.pointee.message = self.text(value.message, max: SendCaps.noteBytes)
        cause.pointee.group = self.text(value.group, max: SendCaps.nameBytes)
        cause.pointee.deployment = self.text(value.deployment, max: SendCaps.nameBytes)
        cause.pointee.provider_status = UInt32(value.providerStatus)
        return cause
    }

    func trail(_ value: Trail) -> UnsafeMutablePointer<Proto.Trail> {
        let trail = self.make(fanout__v1__trail__init)
        trail.pointee.attempts = value.attempts
        trail.pointee.fallbacks = value.fallbacks
        trail.pointee.deployment = self.text(value.deployment, max: SendCaps.nameBytes)
        trail.pointee.group = self.text(value.group, max: SendCaps.nameBytes)
        trail.pointee.provider = self.text(value.provider, max: SendCaps.nameBytes)
        trail.pointee.queued_us = value.queuedMicroseconds
        trail.pointee.total_us = value.totalMicroseconds
        trail.pointee.first_content_us = value.firstContentMicroseconds
        if let cost = value.costNanoUSD {
            trail.pointee.cost_presence_case = FANOUT__V1__TRAIL__COST_PRESENCE_COST_NANO_USD
            trail.pointee.cost_nano_usd = cost
        }
        trail.pointee.cache = Fanout__V1__CacheOutcome(rawValue: UInt32(value.cache.rawValue))
        trail.pointee.coalesced = self.flag(value.coalesced)
        trail.pointee.possibly_billed = value.possiblyBilled
        let details =
            value.details.count > SendCaps.attempts ? Array(value.details.prefix(SendCaps.attempts)) : value.details
        trail.pointee.n_details = details.count
        trail.pointee.details = self.list(details, self.attempt)
        return trail
    }

    private func attempt(_ value: Trail.Attempt) -> UnsafeMutablePointer<Proto.Attempt> {
        let attempt = self.make(fanout__v1__attempt__init)
        attempt.pointee.number = value.number
        attempt.pointee.group = self.text(value.group, max: SendCaps.nameBytes)
        attempt.pointee.deployment = self.text(value.deployment, max: SendCaps.nameBytes)
        attempt.pointee.code = self.code(value.code)
        attempt.pointee.message = self.text(value.message, max: SendCaps.noteBytes)
        attempt.pointee.provider_status = UInt32(value.providerStatus)
        attempt.pointee.started_us = value.startedMicroseconds
        attempt.pointee.connect_us = value.connectMicroseconds
        attempt.pointee.headers_us = value.headersMicroseconds
        attempt.pointee.first_content_us = value.firstContentMicroseconds
        attempt.pointee.total_us = value.totalMicroseconds
        attempt.pointee.retry_after_ms = value.retryAfterMilliseconds
        attempt.pointee.usage = value.usage.map { self.usage($0) }
        attempt.pointee.leg = value.leg
        attempt.pointee.hedge = self.flag(value.hedge)
        attempt.pointee.stopped = self.flag(value.stopped)
        attempt.pointee.possibly_billed = self.flag(value.possiblyBilled)
        return attempt
    }
}
