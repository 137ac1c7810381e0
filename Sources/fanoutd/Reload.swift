// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutConfiguration
internal import FanoutEngine
internal import FanoutModel
internal import FanoutServer
internal import Foundation
internal import Logging
internal import NIOCore

/// Reads the configuration again and puts it in force, or says what is wrong with it and leaves the old one.
struct Reload: Sendable {
    let path: String?
    let overrides: ConfigurationOverrides
    /// What the daemon was started with; it needs a restart to change.
    let service: ServiceSettings
    let loop: any EventLoop
    let engine: NIOLoopBound<Engine>
    let manager: ServiceManager
    let logger: Logger

    func run() async {
        self.manager.tell(.reloading())
        let status: String
        do {
            try await self.load()
            status = "serving"
            self.logger.notice("configuration reloaded")
        } catch {
            status = "reload refused, the old configuration stays: \(error)"
            self.logger.error("\(status)")
        }
        self.manager.tell(.ready(status))
    }

    private func load() async throws {
        let engine = self.engine
        let previous = try await self.loop.submit { engine.value.snapshot }.get()
        var loaded = try ConfigurationLoader().load(
            path: self.path,
            environment: ProcessInfo.processInfo.environment,
            overrides: self.overrides,
            previous: previous
        )
        for warning in loaded.warnings { self.logger.warning("\(warning)") }
        if loaded.service != self.service || loaded.snapshot.limits != previous.limits {
            self.logger.warning(
                """
                the sockets, log, loops, ca_file, drain_seconds and limits of the section fanout, and the proxies of \
                the environment, change with a restart alone
                """
            )
        }
        // Clients were told them in Welcome, and buffers are made by them.
        loaded.snapshot.limits = previous.limits
        let snapshot = loaded.snapshot
        let tokenizers = loaded.tokenizers
        try await self.loop.submit {
            engine.value.reload(snapshot, tokenizers: tokenizers, now: Engine.now())
            engine.value.loadedMilliseconds = Startup.milliseconds()
        }.get()
    }
}
