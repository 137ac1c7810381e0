// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutConfiguration
import FanoutModel
import Testing

/// Files that exist only in a test.
func files(_ contents: [String: String]) -> FileReader {
    FileReader { path, bytesMax in
        guard let text = contents[path] else { return .failure(.missing) }
        return text.utf8.count > bytesMax ? .failure(.tooLarge) : .success(Array(text.utf8))
    }
}

/// Users and groups that exist only in a test.
let identities = IdentityReader(
    user: { ["alice": 1_001, "bob": 1_002][$0] },
    group: { ["search": 2_001][$0] }
)

/// Loads a text as `config.yaml`.
func load(
    _ yaml: String,
    _ environment: [String: String] = [:],
    files contents: [String: String] = [:],
    overrides: ConfigurationOverrides = ConfigurationOverrides(),
    previous: Snapshot? = nil
) throws -> LoadedConfiguration {
    try ConfigurationLoader(files: files(contents), identities: identities).load(
        yaml: yaml,
        path: "config.yaml",
        environment: environment,
        overrides: overrides,
        previous: previous
    )
}

/// The lines of the errors of a text that must not load.
func errors(_ yaml: String, _ environment: [String: String] = [:], files: [String: String] = [:]) -> [String] {
    do {
        _ = try load(yaml, environment, files: files)
        return []
    } catch let error as ConfigurationError {
        return error.diagnostics.map(\.description)
    } catch {
        return ["\(error)"]
    }
}

/// A model list of one deployment, to write a section beneath.
let oneModel = """
    model_list:
      - model_name: small
        litellm_params: {model: openai/gpt-4o-mini, api_key: sk-one}

    """

/// Two groups, `a` and `b`, to write a section beneath.
let twoGroups = """
    model_list:
      - model_name: a
        litellm_params: {model: openai/gpt-4o-mini, api_key: sk-one}
      - model_name: b
        litellm_params: {model: openai/gpt-4o, api_key: sk-one}

    """

extension LoadedConfiguration {
    /// The lines of the warnings.
    var lines: [String] { self.warnings.map(\.description) }

    /// The group of that name.
    func group(_ name: String) throws -> ModelGroup {
        let id = try #require(self.snapshot.names[name], "no group \(name)")
        return self.snapshot.groups[Int(id.index)]
    }

    /// The deployments of a group, in order.
    func deployments(_ name: String) throws -> [Deployment] {
        try self.group(name).lanes.map { self.snapshot.deployments[Int($0.index)] }
    }

    /// The only deployment of the group `small`.
    func small() throws -> Deployment {
        try #require(try self.deployments("small").first)
    }

    /// The names of groups.
    func names(_ groups: [GroupID]?) -> [String]? {
        groups?.map { self.snapshot.groups[Int($0.index)].name }
    }
}

/// What a key is, for a comparison.
func key(of deployment: Deployment) -> String? {
    switch deployment.endpoint.credential {
    case .none: nil
    case .bearer(let key): "bearer \(key.revealed)"
    case .header(let name, let value): "\(name) \(value.revealed)"
    case .renewed(let source): source.name
    case .aws(let key): "aws \(key.accessKeyID.revealed) \(key.secretAccessKey.revealed)"
    }
}
