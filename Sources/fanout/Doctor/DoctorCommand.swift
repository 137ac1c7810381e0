// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import FanoutConfiguration
internal import FanoutModel
internal import FanoutUpstream

/// `fanout doctor`: what is wrong, and what to do about it.
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Look at everything that a call of a model needs, and say what to do about what is wrong.",
        discussion: """
            Looks at the configuration, the keys (whether they are there; they are never shown), the socket, the \
            daemon, and of each provider its name, its connection and its certificate. As root it sees what the \
            service sees. The providers are reached by this program itself, not by the daemon.

            Exit status: 0 nothing failed, 1 something did.
            """
    )

    @Option(
        name: .long,
        help: ArgumentHelp(
            "The daemon's configuration.",
            discussion: "Default: $FANOUT_CONFIG, else \(ConfigurationSource.servicePath).",
            valueName: "file"
        )
    )
    var config: String?

    @Flag(name: .long, help: "Call each deployment once with a few tokens, which costs a little money.")
    var call = false

    @Flag(name: .long, help: "Print one JSON object.")
    var json = false

    @OptionGroup var client: ClientOptions

    func run() async throws {
        let checks = await self.checks()
        if self.json {
            try Descriptor.output.write(Check.json(checks) + [UInt8(ascii: "\n")])
        }
        if checks.contains(where: { $0.level == .fail }) { throw ExitCode(1) }
    }

    private func checks() async -> [Check] {
        let source = ConfigurationSource(path: self.config)
        let (file, loaded) = ConfigurationChecks.file(source)
        var checks = self.shown(file + ConfigurationChecks.credentials(source))
        let deployments = loaded?.snapshot.deployments.filter(\.isActive) ?? []
        checks += self.shown(ConfigurationChecks.keys(deployments))
        let socket = SocketChecks.file(self.client.path)
        checks += self.shown(socket)
        if !socket.contains(where: { $0.level == .fail }) {
            checks += self.shown(await SocketChecks.daemon(self.client))
        }
        guard let loaded, !deployments.isEmpty else { return checks }
        return checks + (await self.providers(loaded, deployments))
    }

    private func providers(_ loaded: LoadedConfiguration, _ deployments: [Deployment]) async -> [Check] {
        var trust = TLSSettings()
        trust.additionalTrustFile = loaded.service.caFile
        do {
            let probe = try await UpstreamProbe(trust: trust, proxies: loaded.service.proxies)
            let providers = ProviderChecks(probe: probe, timeouts: loaded.snapshot.routing.timeouts)
            var checks = self.shown(await providers.hosts(deployments))
            if self.call { checks += self.shown(await providers.calls(deployments)) }
            try await probe.end()
            return checks
        } catch {
            let words = (error as? Failure)?.message ?? "\(error)"
            return self.shown([Check(.fail, "certificates", words)])
        }
    }

    /// Prints checks as they are made, since some take seconds.
    private func shown(_ checks: [Check]) -> [Check] {
        guard !self.json else { return checks }
        // A reader that is gone needs no lines.
        for line in checks.flatMap(\.lines) { try? Descriptor.output.write(line: line) }
        return checks
    }
}
