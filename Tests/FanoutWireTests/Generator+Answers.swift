// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel

@testable import FanoutWire

/// Responses, failures and trails with every field set now and then.
extension Generator {
    mutating func response() -> Response {
        let body: Response.Body
        switch self.below(4) {
        case 0: body = .completion(self.list { $0.textChoice() })
        case 1: body = .embedding(self.list { $0.bytes() })
        default: body = .chat(self.list { $0.choice() })
        }
        var response = Response(body: body)
        response.id = self.text()
        response.model = self.text()
        response.created = self.signed()
        response.usage = self.maybe { $0.usage() }
        response.systemFingerprint = self.text()
        response.serviceTier = self.text()
        return response
    }

    private mutating func finish() -> FinishReason {
        self.pick([.unspecified, .stop, .length, .toolCalls, .contentFilter, .other])
    }

    private mutating func choice() -> Choice {
        var choice = Choice(message: self.message())
        choice.index = self.small()
        choice.finishReason = self.finish()
        choice.nativeFinishReason = self.text()
        choice.logprobsJSON = self.bytes()
        choice.stopSequence = self.text()
        return choice
    }

    private mutating func textChoice() -> TextChoice {
        var choice = TextChoice(text: self.text())
        choice.index = self.small()
        choice.finishReason = self.finish()
        choice.nativeFinishReason = self.text()
        choice.logprobsJSON = self.bytes()
        return choice
    }

    mutating func usage() -> Usage {
        var usage = Usage()
        usage.promptTokens = self.number()
        usage.completionTokens = self.number()
        usage.totalTokens = self.number()
        usage.cachedPromptTokens = self.number()
        usage.cacheWriteTokens = self.number()
        usage.reasoningTokens = self.number()
        usage.audioPromptTokens = self.number()
        usage.audioCompletionTokens = self.number()
        return usage
    }

    mutating func failure() -> Failure {
        var failure = Failure(self.code(), self.text(), param: self.text())
        failure.retryAfterMilliseconds = self.maybe { $0.number() | 1 }
        failure.providerStatus = self.status()
        failure.providerCode = self.text()
        failure.providerType = self.text()
        failure.providerMessage = self.text()
        failure.providerRequestID = self.text()
        failure.phase = self.pick([.none, .connect, .headers, .firstContent, .idle, .total])
        failure.cancelReason = self.pick([
            .none, .client, .failFast, .disconnect, .race, .drain, .batchDeadline, .batchIdle,
        ])
        failure.notStarted = self.flag()
        failure.possibleDoubleSpend = self.flag()
        failure.causes = self.list { generator in
            Failure.Cause(
                code: generator.code(),
                message: generator.text(),
                group: generator.text(),
                deployment: generator.text(),
                providerStatus: generator.status()
            )
        }
        failure.earliestMilliseconds = self.number()
        return failure
    }

    mutating func trail() -> Trail {
        var trail = Trail()
        trail.attempts = self.small()
        trail.fallbacks = self.small()
        trail.deployment = self.text()
        trail.group = self.text()
        trail.provider = self.text()
        trail.queuedMicroseconds = self.number()
        trail.totalMicroseconds = self.number()
        trail.firstContentMicroseconds = self.number()
        trail.costNanoUSD = self.maybe { $0.signed() }
        trail.cache = self.pick([.notAsked, .miss, .hit])
        trail.coalesced = self.flag()
        trail.possiblyBilled = self.small()
        trail.details = self.list { $0.attempt() }
        return trail
    }

    private mutating func attempt() -> Trail.Attempt {
        var attempt = Trail.Attempt()
        attempt.number = self.small()
        attempt.group = self.text()
        attempt.deployment = self.text()
        attempt.code = self.maybe { $0.code() }
        attempt.message = self.text()
        attempt.providerStatus = self.status()
        attempt.startedMicroseconds = self.number()
        attempt.connectMicroseconds = self.number()
        attempt.headersMicroseconds = self.number()
        attempt.firstContentMicroseconds = self.number()
        attempt.totalMicroseconds = self.number()
        attempt.retryAfterMilliseconds = self.number()
        attempt.usage = self.maybe { $0.usage() }
        attempt.leg = self.small()
        attempt.hedge = self.flag()
        attempt.stopped = self.flag()
        attempt.possiblyBilled = self.flag()
        return attempt
    }
}
