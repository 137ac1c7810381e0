// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import FanoutConfiguration
internal import FanoutEngine
internal import FanoutModel
internal import FanoutRouter
internal import FanoutServer
internal import FanoutTelemetry
internal import FanoutUpstream
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import ServiceLifecycle
internal import UnixSignals

/// The daemon: reads the configuration, puts the parts together, serves until it is told to stop.
@main
struct Fanoutd: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fanoutd",
        abstract: "Run batches of LLM requests for the programs of this host.",
        discussion: """
            Reads LiteLLM's config.yaml with a `fanout:` section, listens on a Unix socket, and stops on SIGTERM or \
            SIGINT after the items that it has accepted are done, or at the drain's bound.
            """,
        version: Version.text
    )

    @Option(name: .long, help: "The configuration, a YAML file. Also FANOUT_CONFIG.")
    var config: String?

    @Option(name: .long, help: "The path of the socket. Also FANOUT_SOCKET and fanout.socket.")
    var socket: String?

    @Option(name: .long, help: "trace, debug, info, notice, warning, error or critical. Also FANOUT_LOG_LEVEL.")
    var logLevel: String?

    @Flag(name: .long, help: "Take warnings about the configuration for errors.")
    var strict = false

    mutating func run() async throws {
        let manager = try Startup.serviceManager()
        ProcessLimits.apply()
        // Before anything that takes time, so that no signal ends the daemon in its own way.
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint, .sighup)
        var overrides = ConfigurationOverrides()
        overrides.socketPath = self.socket
        overrides.logLevel = self.logLevel
        overrides.strict = self.strict
        let loaded = try Startup.load(self.config, overrides: overrides, manager: manager)
        let sink = Startup.logSink(for: loaded.service)
        let logger = Startup.logger(for: loaded.service, sink: sink)
        for warning in loaded.warnings { logger.warning("\(warning)") }
        do {
            let settings = Startup.serverSettings(for: loaded, path: self.config, sink: sink)
            try await self.serve(
                loaded,
                settings: settings,
                overrides: overrides,
                signals: signals,
                manager: manager,
                logger: logger
            )
        } catch let error as ServerError {
            logger.critical("\(error.message)")
            manager.tell(.failed(error.message))
            throw ExitCode.failure
        } catch let failure as Failure {
            logger.critical("\(failure.message)")
            manager.tell(.failed(failure.message))
            throw Startup.badConfiguration
        }
    }

    private func serve(
        _ loaded: LoadedConfiguration,
        settings: ServerSettings,
        overrides: ConfigurationOverrides,
        signals: UnixSignalsSequence,
        manager: ServiceManager,
        logger: Logger
    ) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        let engine = try await Startup.engine(on: loop, loaded: loaded, logger: logger)
        let server = FanoutServer(
            loop: loop,
            engine: engine,
            settings: settings,
            manager: manager,
            logger: logger
        )
        let services = ServiceGroup(services: [server], logger: logger)
        let reload = Reload(
            path: self.config,
            overrides: overrides,
            service: loaded.service,
            loop: loop,
            engine: engine,
            manager: manager,
            logger: logger
        )
        let end = try await SignalWatch(services: services, reload: reload, logger: logger).run(signals)
        try await group.shutdownGracefully()
        if end == .cutShort { throw SignalWatch.cutShortStatus }
    }
}
