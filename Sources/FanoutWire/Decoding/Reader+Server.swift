// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import CFanoutProto
internal import FanoutModel

/// The daemon's frames about batches.
extension Reader {
    func accepted(_ accepted: UnsafeMutablePointer<Proto.Accepted>) throws(Fault) -> ServerFrame.Body {
        .accepted(predictedFinishMilliseconds: accepted.pointee.predicted_finish_ms)
    }

    func rejected(_ rejected: UnsafeMutablePointer<Proto.Rejected>) throws(Fault) -> ServerFrame.Body {
        .rejected(
            ServerFrame.Rejection(
                code: self.failureCode(rejected.pointee.code.rawValue) ?? .internal,
                message: try self.text(rejected.pointee.message, "message"),
                retryAfterMilliseconds: rejected.pointee.retry_after_ms,
                notStarted: rejected.pointee.not_started != 0
            )
        )
    }

    func window(_ window: UnsafeMutablePointer<Proto.Window>) throws(Fault) -> ServerFrame.Body {
        .window(bytes: window.pointee.bytes)
    }

    func delta(_ delta: UnsafeMutablePointer<Proto.Delta>) throws(Fault) -> ServerFrame.Body {
        let kind: Delta.Kind?
        switch delta.pointee.kind_case {
        case FANOUT__V1__DELTA__KIND_TEXT: kind = .text(try self.text(delta.pointee.text, "text"))
        case FANOUT__V1__DELTA__KIND_REASONING: kind = .reasoning(try self.text(delta.pointee.reasoning, "reasoning"))
        case FANOUT__V1__DELTA__KIND_REFUSAL: kind = .refusal(try self.text(delta.pointee.refusal, "refusal"))
        case FANOUT__V1__DELTA__KIND_TOOL_CALL:
            kind = try self.one(delta.pointee.tool_call, "tool_call", self.toolCallDelta)
        case FANOUT__V1__DELTA__KIND_RESTART:
            kind = try self.one(delta.pointee.restart, "restart", self.restart)
        default: kind = nil
        }
        // A kind that this version doesn't know is not part of any text that it could put together.
        guard let kind else { return .unknown }
        return .delta(
            index: delta.pointee.index,
            sequence: delta.pointee.sequence,
            Delta(choice: delta.pointee.choice, kind)
        )
    }

    private func toolCallDelta(_ call: UnsafeMutablePointer<Proto.ToolCallDelta>) throws(Fault) -> Delta.Kind {
        .toolCall(
            ToolCallDelta(
                call: call.pointee.call,
                id: try self.text(call.pointee.id, "id"),
                name: try self.text(call.pointee.name, "name"),
                arguments: self.bytes(call.pointee.arguments)
            )
        )
    }

    private func restart(_ restart: UnsafeMutablePointer<Proto.Restart>) throws(Fault) -> Delta.Kind {
        .restart(
            self.failureCode(restart.pointee.code.rawValue) ?? .internal,
            try self.text(restart.pointee.message, "message")
        )
    }

    func resultPart(_ part: UnsafeMutablePointer<Proto.ResultPart>) throws(Fault) -> ServerFrame.Body {
        .resultPart(index: part.pointee.index, data: self.bytes(part.pointee.data))
    }

    func result(_ result: UnsafeMutablePointer<Proto.Result>) throws(Fault) -> ServerFrame.Body {
        let index = result.pointee.index
        let id = try self.text(result.pointee.id, "id")
        let trail = try self.one(result.pointee.trail, "trail", self.trail)
        switch result.pointee.outcome_case {
        case FANOUT__V1__RESULT__OUTCOME_RESPONSE:
            if let response = try self.one(result.pointee.response, "response", self.response) {
                return .result(ItemResult(index: index, id: id, outcome: .success(response), trail: trail))
            }
        case FANOUT__V1__RESULT__OUTCOME_FAILURE:
            if let failure = try self.one(result.pointee.failure, "failure", self.failure) {
                return .result(ItemResult(index: index, id: id, outcome: .failure(failure), trail: trail))
            }
        case FANOUT__V1__RESULT__OUTCOME_RESPONSE_PARTS_BYTES:
            return .resultOfParts(
                index: index,
                id: id,
                responseBytes: result.pointee.response_parts_bytes,
                trail: trail
            )
        default: break
        }
        throw Fault(.badFrame, "outcome", "is missing or of a kind that this version doesn't know")
    }

    func progress(_ progress: UnsafeMutablePointer<Proto.Progress>) throws(Fault) -> ServerFrame.Body {
        var value = BatchProgress()
        value.items = progress.pointee.items
        value.succeeded = progress.pointee.succeeded
        value.failed = progress.pointee.failed
        value.running = progress.pointee.running
        value.waiting = progress.pointee.waiting
        value.rateMilli = progress.pointee.rate_milli
        value.usage = try self.one(progress.pointee.usage, "usage", self.usage) ?? Usage()
        value.etaMilliseconds = progress.pointee.eta_ms
        value.etaLowMilliseconds = progress.pointee.eta_low_ms
        value.etaHighMilliseconds = progress.pointee.eta_high_ms
        value.closed = progress.pointee.closed != 0
        return .progress(value)
    }

    func summary(_ summary: UnsafeMutablePointer<Proto.Summary>) throws(Fault) -> ServerFrame.Body {
        var value = BatchSummary()
        value.items = summary.pointee.items
        value.succeeded = summary.pointee.succeeded
        value.failed = summary.pointee.failed
        value.cancelled = summary.pointee.cancelled
        let counts = try self.list(
            summary.pointee.n_failures,
            summary.pointee.failures,
            max: .max,
            "failures",
            self.codeCount
        )
        for count in counts {
            // Two codes that this version doesn't know may have become one.
            let (sum, overflow) = value.failures[count.code, default: 0].addingReportingOverflow(count.count)
            value.failures[count.code] = overflow ? .max : sum
        }
        value.durationMicroseconds = summary.pointee.duration_us
        value.usage = try self.one(summary.pointee.usage, "usage", self.usage) ?? Usage()
        if summary.pointee.cost_presence_case.rawValue != 0 { value.costNanoUSD = summary.pointee.cost_nano_usd }
        value.unpriced = summary.pointee.unpriced
        value.attempts = summary.pointee.attempts
        value.cacheHits = summary.pointee.cache_hits
        return .summary(value)
    }

    private func codeCount(
        _ count: UnsafeMutablePointer<Proto.CodeCount>
    ) throws(Fault) -> (code: FailureCode, count: UInt64) {
        (self.failureCode(count.pointee.code.rawValue) ?? .internal, count.pointee.count)
    }
}
