// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import FanoutProviders

/// An embedding that goes out in parts: one attempt to whoever asked for it, several requests to the provider.
///
/// One part after the other, since the router has reserved one slot: a lane's limit stays the limit of its connections.
/// A part that fails fails the attempt in its own words; the attempt's time is that of all parts.
final class PartedAttempt {
    private let order: AttemptOrder
    private let runner: HTTPAttemptRunner
    private let sink: any AttemptSink
    private let started: Instant
    private var parts: EmbeddingParts
    private var handle: AttemptHandle?
    /// What the first part said of its times.
    private var report: AttemptReport?
    private var hasRates = false

    init(_ order: AttemptOrder, parts: EmbeddingParts, runner: HTTPAttemptRunner, sink: any AttemptSink) {
        self.order = order
        self.parts = parts
        self.runner = runner
        self.sink = sink
        self.started = AlarmClock.now()
    }

    /// Sends the next part.
    func start() {
        var order = self.order
        order.request = self.parts.next
        let passed = AlarmClock.now().milliseconds(since: self.started)
        order.timeouts.total = Self.left(of: order.timeouts.total, after: passed)
        self.handle = self.runner.start(order, sink: self)
    }

    /// What is left of a timeout in milliseconds, at least one; 0 is none and stays so.
    static func left(of timeout: UInt64, after passed: UInt64) -> UInt64 {
        timeout == 0 ? 0 : max(1, timeout - min(timeout, passed))
    }

    private func end(_ result: Result<Response, Failure>, _ last: AttemptReport) {
        var report = self.report ?? last
        report.result = result
        report.cancelled = last.cancelled
        report.wasRepeated = report.wasRepeated || last.wasRepeated
        report.wasNeverSent = last.wasNeverSent && !self.parts.hasAnswers
        report.totalMicroseconds = AlarmClock.now().microseconds(since: self.started)
        if case .failure = result { report.hadAnsweredParts = self.parts.hasAnswers }
        self.sink.attempt(self.order.id, finished: report)
    }
}

extension PartedAttempt: AttemptSink {
    func attempt(_ id: UInt64, reported rates: RateReport) {
        guard !self.hasRates else { return }
        self.hasRates = true
        self.sink.attempt(id, reported: rates)
    }

    // Vectors have no pieces.
    func attempt(_ id: UInt64, received deltas: [Delta]) {}
    func attemptReachedFirstContent(_ id: UInt64) {}

    func attempt(_ id: UInt64, finished report: AttemptReport) {
        switch report.result {
        case .failure(let failure): self.end(.failure(failure), report)
        case .success(let response):
            do throws(Failure) {
                let bytesMax = self.runner.settings.answerBytesMax
                if let whole = try self.parts.take(response, bytesMax: bytesMax) {
                    self.end(.success(whole), report)
                } else {
                    // Of its times, the first part's to the first content are the attempt's.
                    self.report = self.report ?? report
                    self.start()
                }
            } catch {
                self.end(.failure(error), report)
            }
        }
    }
}

extension PartedAttempt: AttemptControl {
    func cancel(_ reason: CancelReason) { self.handle?.cancel(reason) }
    func pauseReading() { self.handle?.pauseReading() }
    func resumeReading() { self.handle?.resumeReading() }
}
