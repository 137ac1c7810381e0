// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import CFanoutProto
internal import CProtobufC
internal import FanoutModel

/// What the daemon sends about batches.
extension Builder {
    /// `nil` = the body is one that is only ever received.
    func frame(_ value: ServerFrame) -> UnsafeMutablePointer<Proto.ServerFrame>? {
        let frame = self.make(fanout__v1__server_frame__init)
        frame.pointee.id = value.id
        switch value.body {
        case .accepted(let milliseconds):
            frame.pointee.body_case = FANOUT__V1__SERVER_FRAME__BODY_ACCEPTED
            frame.pointee.accepted = self.make(fanout__v1__accepted__init)
            frame.pointee.accepted.pointee.predicted_finish_ms = milliseconds
        case .rejected(let rejection):
            frame.pointee.body_case = FANOUT__V1__SERVER_FRAME__BODY_REJECTED
            frame.pointee.rejected = self.rejected(rejection)
        case .window(let bytes):
            frame.pointee.body_case = FANOUT__V1__SERVER_FRAME__BODY_WINDOW
            frame.pointee.window = self.make(fanout__v1__window__init)
            frame.pointee.window.pointee.bytes = bytes
        case .delta(let index, let sequence, let delta):
            frame.pointee.body_case = FANOUT__V1__SERVER_FRAME__BODY_DELTA
            frame.pointee.delta = self.delta(index, sequence, delta)
        case .resultPart(let index, let data):
            frame.pointee.body_case = FANOUT__V1__SERVER_FRAME__BODY_RESULT_PART
            frame.pointee.result_part = self.resultPart(index, self.bytes(data))
        case .result(let result):
            frame.pointee.body_case = FANOUT__V1__SERVER_FRAME__BODY_RESULT
            frame.pointee.result = self.result(result)
        case .resultOfParts(let index, let id, let bytes, let trail):
            frame.pointee.body_case = FANOUT__V1__SERVER_FRAME__BODY_RESULT
            frame.pointee.result = self.resultOfParts(index, id, bytes, trail)
        case .progress(let progress):
            frame.pointee.body_case = FANOUT__V1__SERVER_FRAME__BODY_PROGRESS
            frame.pointee.progress = self.progress(progress)
        case .summary(let summary):
            frame.pointee.body_case = FANOUT__V1__SERVER_FRAME__BODY_SUMMARY
            frame.pointee.summary = self.summary(summary)
        case .welcome, .status, .explanation, .metrics, .pong, .goAway, .error:
            self.fillAboutDaemon(frame, value.body)
        case .unknown: return nil
        }
        return frame
    }

    private func rejected(_ value: ServerFrame.Rejection) -> UnsafeMutablePointer<Proto.Rejected> {
        let rejected = self.make(fanout__v1__rejected__init)
        rejected.pointee.code = self.code(value.code)
        rejected.pointee.message = self.text(value.message, max: SendCaps.sentenceBytes)
        rejected.pointee.retry_after_ms = value.retryAfterMilliseconds
        rejected.pointee.not_started = self.flag(value.notStarted)
        return rejected
    }

    private func delta(_ index: UInt32, _ sequence: UInt64, _ value: Delta) -> UnsafeMutablePointer<Proto.Delta> {
        let delta = self.make(fanout__v1__delta__init)
        delta.pointee.index = index
        delta.pointee.sequence = sequence
        delta.pointee.choice = value.choice
        switch value.kind {
        case .text(let text):
            delta.pointee.kind_case = FANOUT__V1__DELTA__KIND_TEXT
            delta.pointee.text = self.text(text)
        case .reasoning(let text):
            delta.pointee.kind_case = FANOUT__V1__DELTA__KIND_REASONING
            delta.pointee.reasoning = self.text(text)
        case .refusal(let text):
            delta.pointee.kind_case = FANOUT__V1__DELTA__KIND_REFUSAL
            delta.pointee.refusal = self.text(text)
        case .toolCall(let call):
            delta.pointee.kind_case = FANOUT__V1__DELTA__KIND_TOOL_CALL
            delta.pointee.tool_call = self.make(fanout__v1__tool_call_delta__init)
            delta.pointee.tool_call.pointee.call = call.call
            delta.pointee.tool_call.pointee.id = self.text(call.id)
            delta.pointee.tool_call.pointee.name = self.text(call.name)
            delta.pointee.tool_call.pointee.arguments = self.bytes(call.arguments)
        case .restart(let code, let message):
            delta.pointee.kind_case = FANOUT__V1__DELTA__KIND_RESTART
            delta.pointee.restart = self.make(fanout__v1__restart__init)
            delta.pointee.restart.pointee.code = self.code(code)
            delta.pointee.restart.pointee.message = self.text(message, max: SendCaps.sentenceBytes)
        }
        return delta
    }

    func resultPart(_ index: UInt32, _ data: Proto.Bytes) -> UnsafeMutablePointer<Proto.ResultPart> {
        let part = self.make(fanout__v1__result_part__init)
        part.pointee.index = index
        part.pointee.data = data
        return part
    }

    private func result(_ value: ItemResult) -> UnsafeMutablePointer<Proto.Result> {
        let result = self.make(fanout__v1__result__init)
        result.pointee.index = value.index
        result.pointee.id = self.text(value.id, max: SendCaps.nameBytes)
        switch value.outcome {
        case .success(let response):
            result.pointee.outcome_case = FANOUT__V1__RESULT__OUTCOME_RESPONSE
            result.pointee.response = self.response(response)
        case .failure(let failure):
            result.pointee.outcome_case = FANOUT__V1__RESULT__OUTCOME_FAILURE
            result.pointee.failure = self.failure(failure)
        }
        result.pointee.trail = value.trail.map { self.trail($0) }
        return result
    }

    func resultOfParts(
        _ index: UInt32,
        _ id: String,
        _ bytes: UInt64,
        _ trail: Trail?
    ) -> UnsafeMutablePointer<Proto.Result> {
        let result = self.make(fanout__v1__result__init)
        result.pointee.index = index
        result.pointee.id = self.text(id, max: SendCaps.nameBytes)
        result.pointee.outcome_case = FANOUT__V1__RESULT__OUTCOME_RESPONSE_PARTS_BYTES
        result.pointee.response_parts_bytes = bytes
        result.pointee.trail = trail.map { self.trail($0) }
        return result
    }

    private func progress(_ value: BatchProgress) -> UnsafeMutablePointer<Proto.Progress> {
        let progress = self.make(fanout__v1__progress__init)
        progress.pointee.items = value.items
        progress.pointee.succeeded = value.succeeded
        progress.pointee.failed = value.failed
        progress.pointee.running = value.running
        progress.pointee.waiting = value.waiting
        progress.pointee.rate_milli = value.rateMilli
        if value.usage != Usage() { progress.pointee.usage = self.usage(value.usage) }
        progress.pointee.eta_ms = value.etaMilliseconds
        progress.pointee.eta_low_ms = value.etaLowMilliseconds
        progress.pointee.eta_high_ms = value.etaHighMilliseconds
        progress.pointee.closed = self.flag(value.closed)
        return progress
    }

    private func summary(_ value: BatchSummary) -> UnsafeMutablePointer<Proto.Summary> {
        let summary = self.make(fanout__v1__summary__init)
        summary.pointee.items = value.items
        summary.pointee.succeeded = value.succeeded
        summary.pointee.failed = value.failed
        summary.pointee.cancelled = value.cancelled
        // A dictionary has no order of its own; the same summary has the same bytes.
        let failures = value.failures.sorted { $0.key.rawValue < $1.key.rawValue }
        summary.pointee.n_failures = failures.count
        summary.pointee.failures = self.list(failures, self.codeCount)
        summary.pointee.duration_us = value.durationMicroseconds
        if value.usage != Usage() { summary.pointee.usage = self.usage(value.usage) }
        if let cost = value.costNanoUSD {
            summary.pointee.cost_presence_case = FANOUT__V1__SUMMARY__COST_PRESENCE_COST_NANO_USD
            summary.pointee.cost_nano_usd = cost
        }
        summary.pointee.unpriced = value.unpriced
        summary.pointee.attempts = value.attempts
        summary.pointee.cache_hits = value.cacheHits
        return summary
    }

    private func codeCount(_ value: (key: FailureCode, value: UInt64)) -> UnsafeMutablePointer<Proto.CodeCount> {
        let count = self.make(fanout__v1__code_count__init)
        count.pointee.code = self.code(value.key)
        count.pointee.count = value.value
        return count
    }
}
