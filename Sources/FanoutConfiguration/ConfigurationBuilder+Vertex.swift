// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutCredentials
internal import FanoutModel
internal import FanoutProviders

extension ConfigurationBuilder {
    /// Where Vertex AI is: host and path follow from a project and its location; nil after an error.
    ///
    /// An `api_base` takes the place of the host, and, where it names a project itself, of all.
    mutating func vertexBase(
        _ entry: ProviderEntry,
        _ field: Field?,
        project projectField: Field?,
        location locationField: Field?,
        google: Field?,
        _ params: ParameterLayers
    ) -> BaseURL? {
        var given: BaseURL?
        if field != nil || self.hasBaseVariable(entry) {
            guard let base = self.base(entry, field, params) else { return nil }
            if base.path.contains("/projects/") { return base }
            given = base
        }
        guard
            var project = self.vertexName(projectField, ["VERTEXAI_PROJECT", "GOOGLE_CLOUD_PROJECT"]),
            let location = self.vertexName(locationField, ["VERTEXAI_LOCATION", "GOOGLE_CLOUD_LOCATION"])
        else { return nil }
        if project.isEmpty { project = self.projectOfServiceAccount(google) }
        guard !project.isEmpty else {
            self.reader.log.error(
                projectField?.mark ?? params.mark,
                params.path + ".vertex_project",
                "is missing; write the project's id, or set VERTEXAI_PROJECT"
            )
            return nil
        }
        let place = location.isEmpty ? Self.vertexLocation : location
        guard var base = given ?? (try? BaseURL("https://" + Self.vertexHost(of: place))) else { return nil }
        if !base.path.hasSuffix("/v1"), !base.path.hasSuffix("/v1beta1") { base.path += "/v1beta1" }
        base.path += "/projects/\(project)/locations/\(place)"
        return base
    }

    /// The project that a service account's key names, from wherever the credential comes; empty = none.
    ///
    /// What is wrong with a file is said where the credential is read.
    private func projectOfServiceAccount(_ field: Field?) -> String {
        let variables = ["VERTEXAI_CREDENTIALS", "GOOGLE_APPLICATION_CREDENTIALS"]
        var project = ""
        if let field, case .map(let entries) = field.node.value {
            project = entries.first { $0.key == "project_id" }?.node.text ?? ""
        } else if let text = field?.node.text ?? variables.lazy.compactMap({ self.ambient($0) }).first {
            let content: String
            switch self.reader.values.follow(text) {
            case .literal: content = ScalarText.trimmed(text)
            case .found(let found): content = ScalarText.trimmed(found)
            case .unset, .failed: return ""
            }
            var bytes = Array(content.utf8)
            if !content.hasPrefix("{") {
                guard case .success(let file) = self.reader.values.files.read(content, GoogleCredentialsFile.bytesMax)
                else { return "" }
                bytes = file
            }
            project = (try? GoogleCredentialsFile(bytes))?.projectID ?? ""
        }
        return Self.isVertexName(project) ? project : ""
    }

    /// LiteLLM's own default.
    private static let vertexLocation = "us-central1"

    private static func vertexHost(of location: String) -> String {
        switch location {
        case "global": "aiplatform.googleapis.com"
        case "us", "eu": "aiplatform.\(location).rep.googleapis.com"
        default: "\(location)-aiplatform.googleapis.com"
        }
    }

    private func hasBaseVariable(_ entry: ProviderEntry) -> Bool {
        entry.baseVariables.contains { self.reader.values.variables[$0]?.isEmpty == false }
    }

    /// A project or a location, which becomes a part of a path; empty = not given, nil after an error.
    private mutating func vertexName(_ field: Field?, _ variables: [String]) -> String? {
        if let field {
            guard let name = self.required(field, "the name") else { return nil }
            if Self.isVertexName(name) { return name }
            self.reader.error(field, "must be a name of letters, digits and hyphens")
            return nil
        }
        for variable in variables {
            guard let name = self.reader.values.variables[variable], !name.isEmpty else { continue }
            if Self.isVertexName(name) { return name }
            self.reader.log.error(.environment(variable), "", "must be a name of letters, digits and hyphens")
            return nil
        }
        return ""
    }

    /// Old projects have a domain before a colon.
    private static func isVertexName(_ name: String) -> Bool {
        (1...128).contains(name.utf8.count) && name != "." && name != ".."
            && name.utf8.allSatisfy {
                ProviderNames.isWordByte($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ":")
            }
    }

    /// Whether a model of Vertex is one that Google's own format reaches; its partners' models speak formats of theirs.
    mutating func checkVertexModel(_ model: String, _ field: Field?) -> Bool {
        guard model.contains("/") || model.hasPrefix("claude-") || model.hasPrefix("mistral-") else { return true }
        guard let field else { return true }
        self.reader.error(
            field,
            "is no model of Google's own; of Vertex AI only those are spoken to, as vertex_ai/MODEL"
        )
        return false
    }
}
