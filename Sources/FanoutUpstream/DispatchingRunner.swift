// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// Gives each attempt to the runner of its endpoint's format.
package final class DispatchingRunner: AttemptRunner {
    private let http: HTTPAttemptRunner
    private let simulated: SimulatedAttemptRunner

    /// Puts runners together; all on the same loop.
    package init(http: HTTPAttemptRunner, simulated: SimulatedAttemptRunner) {
        self.http = http
        self.simulated = simulated
    }

    package func start(_ order: AttemptOrder, sink: any AttemptSink) -> AttemptHandle {
        switch order.endpoint.format {
        case .openAI, .anthropic, .gemini, .cohere, .ollama, .huggingFace, .bedrock:
            self.http.start(order, sink: sink)
        case .simulated: self.simulated.start(order, sink: sink)
        }
    }

    package func shutdown() {
        self.http.shutdown()
        self.simulated.shutdown()
    }
}
