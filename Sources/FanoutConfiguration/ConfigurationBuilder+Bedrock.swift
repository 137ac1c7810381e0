// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import FanoutProviders

extension ConfigurationBuilder {
    /// Routes of LiteLLM's that reach a model by something else than Converse.
    private static let otherRoutes: Set<String> = ["invoke", "async_invoke", "converse_like", "agent", "agentcore"]
    /// Where AWS's tools look for the region, the first that is set counts; LiteLLM's own name before.
    private static let regionVariables = ["AWS_REGION_NAME", "AWS_REGION", "AWS_DEFAULT_REGION"]

    /// Takes what LiteLLM writes before the model's id: `converse/` and a region.
    ///
    /// The region is that of `aws_region_name`, of the name, of the ARN, or of the environment; empty = none of them.
    /// - Returns: nil after an error.
    mutating func bedrockModel(_ text: String, region: String, _ field: Field?) -> (model: String, region: String)? {
        var model = text[...]
        var region = region
        if let slash = model.firstIndex(of: "/"), Self.otherRoutes.contains(String(model[..<slash])) {
            if let field {
                self.reader.error(
                    field,
                    "\(model[..<slash])/ isn't supported: models are reached by Converse; leave it out"
                )
            }
            return nil
        }
        if model.hasPrefix("converse/") { model = model.dropFirst("converse/".count) }
        if let slash = model.firstIndex(of: "/"), !model.hasPrefix("arn:"), Self.isRegion(model[..<slash]) {
            if region.isEmpty { region = String(model[..<slash]) }
            model = model[model.index(after: slash)...]
        }
        let parts = model.split(separator: ":", maxSplits: 4, omittingEmptySubsequences: false)
        if region.isEmpty, model.hasPrefix("arn:"), parts.count > 3 { region = String(parts[3]) }
        for name in Self.regionVariables where region.isEmpty {
            region = Region.normalized(self.reader.values.variables[name] ?? "")
        }
        guard region.isEmpty || Self.isRegion(region[...]) else {
            if let field { self.reader.error(field, "its region must be a name such as us-east-1") }
            return nil
        }
        return (String(model), region)
    }

    /// Letters, digits and hyphens, with a hyphen and a number at the end: `us-gov-west-1`.
    private static func isRegion(_ name: Substring) -> Bool {
        let parts = name.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count >= 3, name.utf8.count <= 64, let last = parts.last, UInt8(last) != nil else { return false }
        return parts.allSatisfy { part in
            !part.isEmpty && part.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) }
        }
    }

    /// Where Bedrock is: an address of its own, or the region's.
    mutating func bedrockBase(
        _ entry: ProviderEntry,
        _ field: Field?,
        region: String,
        _ params: ParameterLayers
    ) -> BaseURL? {
        let hasVariable = entry.baseVariables.contains { self.reader.values.variables[$0]?.isEmpty == false }
        if field != nil || hasVariable { return self.base(entry, field, params) }
        guard !region.isEmpty else {
            self.reader.log.error(
                params.mark,
                params.path + ".aws_region_name",
                "is missing: \(entry.name) is in a region; write for example us-east-1, or set AWS_REGION"
            )
            return nil
        }
        return try? BaseURL("https://bedrock-runtime.\(region).amazonaws.com")
    }

    /// Whether a region is known where a signature has to name it.
    mutating func checkRegion(_ endpoint: Endpoint, _ params: ParameterLayers) -> Bool {
        guard endpoint.format == .bedrock, endpoint.region.isEmpty else { return true }
        switch endpoint.credential {
        case .none, .bearer, .header: return true
        case .aws, .renewed: break
        }
        self.reader.log.error(
            params.mark,
            params.path + ".aws_region_name",
            "is missing: a signature names the region, for example us-east-1"
        )
        return false
    }
}
