// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import FanoutConfiguration
internal import FanoutEngine
internal import FanoutModel
internal import FanoutRouter
internal import FanoutServer
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

    /// A logger as the configuration wants it, on standard error.
    static func logger(for service: ServiceSettings) -> Logger {
        let level = Logger.Level(rawValue: service.logLevel.rawValue) ?? .info
        let format = service.logFormat
        LoggingSystem.bootstrap { label in
            switch format {
            case .text: StreamLogHandler.standardError(label: label)
            case .json: JSONLogHandler()
            }
        }
        var logger = Logger(label: "fanoutd")
        logger.logLevel = level
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
            return NIOLoopBound(engine, eventLoop: loop)
        }.get()
    }

    /// How the socket is served.
    static func serverSettings(for loaded: LoadedConfiguration, path: String?) -> ServerSettings {
        var settings = ServerSettings(socketPath: loaded.service.socketPath)
        settings.socketMode = loaded.service.socketMode
        settings.socketGroup = loaded.service.socketGroup
        settings.version = Version.text
        settings.configurationPath = path ?? ProcessInfo.processInfo.environment["FANOUT_CONFIG"] ?? ""
        return settings
    }

    /// Since 1970.
    static func milliseconds() -> Int64 { Int64(Date().timeIntervalSince1970 * 1_000) }
}
