// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import FanoutRouter
internal import FanoutUpstream
internal import Logging

/// Lines of the log about batches, items and attempts.
///
/// A provider's words may repeat the prompt or the key, and a failure's sentence has them in it, so both are logged
/// with bodies alone: beside the code and the status there is `fanout explain`.
extension Engine {
    func logStart(_ dispatch: Dispatch, of item: RunItem, run: BatchRun, on deployment: Deployment) {
        var metadata = Self.place(of: item, run: run)
        metadata["attempt"] = "\(dispatch.attempt)"
        metadata["deployment"] = "\(deployment.name)"
        metadata["group"] = "\(self.snapshot.groups[Int(dispatch.group.index)].name)"
        if self.logsBodies { metadata["request"] = "\(item.item.request.loggedText)" }
        self.logger.debug("attempt started", metadata: metadata)
    }

    func logFinish(_ report: AttemptReport, of attempt: ActiveAttempt) {
        var metadata = Self.place(of: attempt.item, run: attempt.run)
        metadata["attempt"] = "\(attempt.dispatch.attempt)"
        metadata["deployment"] = "\(attempt.deployment.name)"
        metadata["total_us"] = "\(report.totalMicroseconds)"
        switch report.result {
        case .success(let response):
            metadata["code"] = "OK"
            if self.logsBodies { metadata["response"] = "\(response.loggedText)" }
        case .failure(let failure): self.add(failure, to: &metadata)
        }
        self.logger.debug("attempt finished", metadata: metadata)
    }

    func logResult(_ result: ItemResult, of item: RunItem, run: BatchRun) {
        var metadata = Self.place(of: item, run: run)
        metadata["attempts"] = "\(item.attempts)"
        switch result.outcome {
        case .success: metadata["code"] = "OK"
        case .failure(let failure): self.add(failure, to: &metadata)
        }
        self.logger.debug("item finished", metadata: metadata)
    }

    private func add(_ failure: Failure, to metadata: inout Logger.Metadata) {
        metadata["code"] = "\(failure.code.name)"
        if failure.providerStatus != 0 { metadata["status"] = "\(failure.providerStatus)" }
        if failure.phase != .none { metadata["phase"] = "\(failure.phase)" }
        if self.logsBodies { metadata["error"] = "\(failure.message)" }
    }

    private static func place(of item: RunItem, run: BatchRun) -> Logger.Metadata {
        var metadata: Logger.Metadata = [
            "batch": "\(run.label)", "run": "\(run.number)", "item": "\(item.index)", "tenant": "\(run.tenant)",
        ]
        let context = item.item.traceparent
        if !context.isEmpty, let trace = TraceParent.traceID(of: context) { metadata["trace"] = "\(trace)" }
        return metadata
    }
}

extension Request {
    /// What is asked, in words.
    fileprivate var loggedText: String {
        switch self.task {
        case .chat(let chat): chat.messages.map { "\($0.role): \($0.text)" }.joined(separator: "\n")
        case .completion(let completion): completion.prompts.joined(separator: "\n")
        case .embedding(let embedding): embedding.inputs.joined(separator: "\n")
        case nil: ""
        }
    }
}

extension Response {
    /// What was answered, in words; nothing for vectors.
    fileprivate var loggedText: String {
        switch self.body {
        case .chat(let choices): choices.map { $0.message.text }.joined(separator: "\n")
        case .completion(let choices): choices.map { $0.text }.joined(separator: "\n")
        case .embedding: ""
        }
    }
}
