// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import FanoutProviders
package import NIOCore

/// Runs attempts on the built-in seeded provider: no network, nothing real in the answers.
///
/// Only endpoints of the format `simulated` come here; it never stands in for another provider. What a deployment does
/// is in its model's name, see ``SimulatedModel``.
package final class SimulatedAttemptRunner: AttemptRunner {
    let clock: AlarmClock
    private let eventLoop: any EventLoop
    private var models: [String: SimulatedModel] = [:]
    private var started: UInt64 = 0

    /// Models whose names are kept as read.
    private static let modelsMax = 1_024

    /// Makes a runner on a loop.
    package init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
        self.clock = AlarmClock(eventLoop: eventLoop)
    }

    package func start(_ order: AttemptOrder, sink: any AttemptSink) -> AttemptHandle {
        self.eventLoop.assertInEventLoop()
        self.started += 1
        let attempt = SimulatedAttempt(order, runner: self, sink: sink)
        attempt.start(number: self.started)
        return AttemptHandle(control: attempt)
    }

    package func shutdown() {
        self.eventLoop.assertInEventLoop()
        self.clock.shutDown()
    }

    /// Timers in use, for tests.
    package var openTimers: Int { self.clock.openCount }

    /// What a model's name says.
    func model(_ name: String) throws(Failure) -> SimulatedModel {
        if let model = self.models[name] { return model }
        let model = try SimulatedModel(name)
        if self.models.count >= Self.modelsMax { self.models.removeAll(keepingCapacity: true) }
        self.models[name] = model
        return model
    }
}
