// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutModel
package import FanoutUpstream

/// A runner whose attempts end when a test says so.
///
/// Confined to the loop like a real one.
package final class ScriptedRunner: AttemptRunner {
    /// An attempt that was started.
    package final class Attempt: AttemptControl {
        /// What was asked.
        package let order: AttemptOrder
        /// Why it was cancelled; `nil` = it wasn't.
        package private(set) var cancelled: CancelReason?
        /// Whether its answer is being read.
        package private(set) var isPaused = false
        /// Whether it has ended.
        package private(set) var hasEnded = false
        private let sink: any AttemptSink

        fileprivate init(order: AttemptOrder, sink: any AttemptSink) {
            self.order = order
            self.sink = sink
        }

        /// The text of the first message, by which tests tell requests apart.
        package var prompt: String {
            guard case .chat(let chat) = self.order.request.task else { return "" }
            return chat.messages.first?.text ?? ""
        }

        /// The headers of its answer speak of the provider's limits.
        package func report(_ rates: RateReport) {
            self.sink.attempt(self.order.id, reported: rates)
        }

        /// Ends it.
        package func finish(_ result: Result<Response, Failure>) {
            guard !self.hasEnded else { return }
            self.hasEnded = true
            var report = AttemptReport(result: result)
            report.cancelled = self.cancelled
            self.sink.attempt(self.order.id, finished: report)
        }

        /// Ends it with a chat answer of this text.
        package func succeed(_ text: String = "fine") {
            self.finish(.success(ScriptedRunner.answer(text)))
        }

        /// Ends it with a failure.
        package func fail(_ code: FailureCode, retryAfterMilliseconds: UInt64? = nil) {
            var failure = Failure(code, "scripted \(code.name)")
            failure.retryAfterMilliseconds = retryAfterMilliseconds
            self.finish(.failure(failure))
        }

        /// Streams a piece.
        package func stream(_ text: String, isFirst: Bool = false) {
            if isFirst { self.sink.attemptReachedFirstContent(self.order.id) }
            self.sink.attempt(self.order.id, received: [Delta(.text(text))])
        }

        package func cancel(_ reason: CancelReason) {
            guard !self.hasEnded else { return }
            self.cancelled = reason
            var failure = Failure(.cancelled, "cancelled")
            failure.cancelReason = reason
            self.finish(.failure(failure))
        }

        package func pauseReading() { self.isPaused = true }

        package func resumeReading() { self.isPaused = false }
    }

    /// Every attempt so far, in the order of their starts.
    package private(set) var attempts: [Attempt] = []
    /// What to do with an attempt at once, before `start` returns; `nil` = it waits.
    package var onStart: ((Attempt) -> Void)?

    /// A runner without attempts.
    package init() {}

    /// The attempts that have not ended.
    package var live: [Attempt] { self.attempts.filter { !$0.hasEnded } }

    package func start(_ order: AttemptOrder, sink: any AttemptSink) -> AttemptHandle {
        let attempt = Attempt(order: order, sink: sink)
        self.attempts.append(attempt)
        self.onStart?(attempt)
        return AttemptHandle(control: attempt)
    }

    package func shutdown() {
        for attempt in self.live { attempt.cancel(.drain) }
    }

    /// A chat answer of this text.
    package static func answer(_ text: String) -> Response {
        var choice = Choice(message: Message(role: .assistant, text: text))
        choice.finishReason = .stop
        var response = Response(body: .chat([choice]))
        var usage = Usage()
        usage.promptTokens = 3
        usage.completionTokens = 5
        usage.totalTokens = 8
        response.usage = usage
        return response
    }
}
