// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutConfiguration
internal import Foundation

/// Finds the daemon's configuration and its credentials, as the daemon would.
struct ConfigurationSource {
    /// The file; `nil` = nobody named one, and the service's isn't there.
    let path: String?
    /// The process's variables, with the service's credentials where it has none of its own.
    let environment: [String: String]
    /// Where keys are read from that aren't in the environment; `nil` = nowhere.
    var credentials: String? { self.environment["CREDENTIALS_DIRECTORY"] }

    /// Of the service.
    static let servicePath = "/etc/fanout/config.yaml"
    /// What systemd loaded for the service that runs, and what it loads it from.
    private static let serviceCredentials = ["/run/credentials/fanoutd.service", "/etc/fanout/keys"]

    init(
        path: String?,
        environment: [String: String] = ProcessInfo.processInfo.environment,
        isReadable: (String) -> Bool = { FileManager.default.isReadableFile(atPath: $0) }
    ) {
        var environment = environment
        let variable = environment["FANOUT_CONFIG"] ?? ""
        self.path = path ?? (variable.isEmpty ? (isReadable(Self.servicePath) ? Self.servicePath : nil) : variable)
        // Only for the service's own file: another one has nothing to do with the service's keys.
        if self.path == Self.servicePath, (environment["CREDENTIALS_DIRECTORY"] ?? "").isEmpty,
            let folder = Self.serviceCredentials.first(where: isReadable)
        {
            environment["CREDENTIALS_DIRECTORY"] = folder
        }
        self.environment = environment
    }

    /// Loads it.
    func load(strict: Bool) throws(ConfigurationError) -> LoadedConfiguration {
        var overrides = ConfigurationOverrides()
        overrides.strict = strict
        return try ConfigurationLoader().load(path: self.path, environment: self.environment, overrides: overrides)
    }
}
