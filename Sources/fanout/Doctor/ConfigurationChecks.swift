// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutConfiguration
internal import FanoutModel

/// What can be told from the configuration alone.
enum ConfigurationChecks {
    /// The file, or each error in it.
    static func file(_ source: ConfigurationSource) -> (checks: [Check], loaded: LoadedConfiguration?) {
        do throws(ConfigurationError) {
            let loaded = try source.load(strict: false)
            let name = source.path ?? ""
            let warnings = loaded.warnings.map { warning in
                Check(.warn, "configuration", warning.description, "mend it, or name its key in fanout.ignore")
            }
            return ([Check(.ok, "configuration", "\(name) holds")] + warnings, loaded)
        } catch {
            let checks = error.diagnostics.map { diagnostic in
                Check(.fail, "configuration", diagnostic.description, "mend it; `fanout validate` says if it holds")
            }
            return (checks, nil)
        }
    }

    /// Whether each deployment has its key; keys themselves are never shown.
    static func keys(_ deployments: [Deployment]) -> [Check] {
        deployments.map { deployment in
            let subject = "key of \(deployment.name)"
            switch deployment.endpoint.credential {
            case .bearer, .header: return Check(.ok, subject, "there is one")
            case .aws: return Check(.ok, subject, "there is one of AWS")
            case .renewed(let source): return Check(.ok, subject, "is fetched when it is needed: \(source.name)")
            case .none where deployment.endpoint.format == .simulated:
                return Check(.ok, subject, "a simulated model needs none")
            case .none where !deployment.endpoint.isSecure:
                return Check(.ok, subject, "there is none, as for a server of one's own")
            case .none:
                return Check(
                    .warn,
                    subject,
                    "there is none",
                    "give it api_key, or leave it so if the provider asks none"
                )
            }
        }
    }

    /// What to know about keys that systemd hands over.
    static func credentials(_ source: ConfigurationSource) -> [Check] {
        guard let folder = source.credentials else { return [] }
        let advice = "after a change of a key: systemctl restart fanoutd; a key named by file/PATH needs a reload alone"
        let words =
            "keys that aren't in the environment are read from \(folder); systemd 252 loads them at the start alone"
        return [Check(.ok, "credentials", words, advice)]
    }
}
