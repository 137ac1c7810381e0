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
internal import Foundation
internal import Logging
internal import NIOCore

/// The steps from a configuration to parts that run.
enum Startup {
    /// sysexits.h: something is wrong in the configuration; systemd doesn't start the daemon again for it.
    static let badConfiguration = ExitCode(78)

    /// The service manager that started the daemon, or an exit that says what is wrong with its variables.
    static func serviceManager() throws -> ServiceManager {
        do {
            return try ServiceManager.adopt()
        } catch {
            FileHandle.standardError.write(Data((error.description + "\n").utf8))
            throw ExitCode.failure
        }
    }

    /// The configuration, or an exit that says what is wrong with it.
    static func load(
        _ path: String?,
        overrides: ConfigurationOverrides,
        manager: ServiceManager
    ) throws -> LoadedConfiguration {
        do {
            return try ConfigurationLoader().load(
                path: path,
                environment: ProcessInfo.processInfo.environment,
                overrides: overrides
            )
        } catch {
            FileHandle.standardError.write(Data((error.description + "\n").utf8))
            manager.tell(.failed(error.description))
            throw Self.badConfiguration
        }
    }

    /// Where the log goes, as the configuration wants it: the journal under systemd, else standard error.
    static func logSink(for service: ServiceSettings) -> LogSink {
        let error = FileHandle.standardError.fileDescriptor
        switch service.logFormat {
        case .json: return LogSink(output: LogOutput(form: .json, descriptor: error))
        case .text:
            let stream = ProcessInfo.processInfo.environment["JOURNAL_STREAM"]
            return LogSink(output: .journal(stream: stream) ?? LogOutput(form: .logfmt, descriptor: error))
        }
    }

    /// A logger before that sink.
    static func logger(for service: ServiceSettings, sink: LogSink) -> Logger {
        LoggingSystem.bootstrap { _ in FanoutLogHandler(sink: sink) }
        var logger = Logger(label: "fanoutd")
        logger.logLevel = Logger.Level(rawValue: service.logLevel.rawValue) ?? .info
        return logger
    }

    /// An engine with its router and runners, on the loop.
    static func engine(
        on loop: any EventLoop,
        loaded: LoadedConfiguration,
        logger: Logger
    ) async throws -> NIOLoopBound<Engine> {
        let snapshot = loaded.snapshot
        let tokenizers = loaded.tokenizers
        let router = Router(snapshot: snapshot, seed: UInt64.random(in: 0 ... .max), executor: loop.executor)
        var trust = TLSSettings()
        trust.additionalTrustFile = loaded.service.caFile
        let tlsSettings = trust
        let logsBodies = loaded.service.logsBodies
        return try await loop.submit {
            let tls = UpstreamTLS(settings: tlsSettings)
            if snapshot.deployments.contains(where: \.endpoint.isSecure) { try tls.prepare() }
            var settings = UpstreamSettings()
            settings.answerBytesMax = snapshot.limits.answerBytes
            settings.proxies = loaded.service.proxies
            let http = HTTPAttemptRunner(
                eventLoop: loop,
                tls: tls,
                resolver: SystemNameResolver(),
                logger: logger,
                settings: settings
            )
            let runner = DispatchingRunner(http: http, simulated: SimulatedAttemptRunner(eventLoop: loop))
            let engine = Engine(
                loop: loop,
                router: router,
                runner: runner,
                snapshot: snapshot,
                tokenizers: tokenizers,
                logger: logger
            )
            engine.loadedMilliseconds = Self.milliseconds()
            engine.logsBodies = logsBodies
            return NIOLoopBound(engine, eventLoop: loop)
        }.get()
    }

    /// How the socket is served.
    static func serverSettings(for loaded: LoadedConfiguration, path: String?, sink: LogSink) -> ServerSettings {
        var settings = ServerSettings(socketPath: loaded.service.socketPath)
        if let path = loaded.service.metricsSocketPath {
            var metrics = MetricsSocketSettings(path: path)
            metrics.mode = loaded.service.metricsSocketMode
            metrics.group = loaded.service.metricsSocketGroup
            settings.metrics = metrics
        }
        settings.logLinesDropped = { sink.dropped }
        settings.socketMode = loaded.service.socketMode
        settings.socketGroup = loaded.service.socketGroup
        settings.version = Version.text
        settings.configurationPath = path ?? ProcessInfo.processInfo.environment["FANOUT_CONFIG"] ?? ""
        return settings
    }

    /// Since 1970.
    static func milliseconds() -> Int64 { Int64(Date().timeIntervalSince1970 * 1_000) }
}
