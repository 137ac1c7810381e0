// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import Glibc
internal import Logging
internal import ServiceLifecycle
internal import UnixSignals

/// Runs the services and does what signals ask for.
///
/// SIGHUP reloads. The first SIGTERM or SIGINT drains, the second ends at once.
struct SignalWatch {
    /// How the services ended.
    enum End {
        /// By themselves, or drained.
        case complete
        /// A second signal came: what was under way is lost.
        case cutShort
    }

    /// As if SIGTERM had ended the process, 128 + 15; fanoutd.service takes it for a success.
    static let cutShortStatus = ExitCode(143)
    /// How long a second signal may take, in seconds; then SIGALRM ends a loop that hangs.
    private static let secondsToEnd: UInt32 = 2

    var services: ServiceGroup
    var reload: Reload
    var logger: Logger

    /// Returns when the services have ended.
    func run(_ signals: UnixSignalsSequence) async throws -> End {
        try await withThrowingTaskGroup(of: End.self) { tasks in
            tasks.addTask {
                try await self.services.run()
                return .complete
            }
            tasks.addTask { await self.follow(signals) }
            defer { tasks.cancelAll() }
            return try await tasks.next() ?? .complete
        }
    }

    /// Returns at the second request to stop, or when the task is cancelled.
    private func follow(_ signals: UnixSignalsSequence) async -> End {
        var isStopping = false
        for await signal in signals {
            if signal == .sighup {
                if !isStopping { await self.reload.run() }
            } else if isStopping {
                self.logger.warning("a second signal: ending at once")
                alarm(Self.secondsToEnd)
                return .cutShort
            } else {
                isStopping = true
                await self.services.triggerGracefulShutdown()
            }
        }
        return .complete
    }
}
