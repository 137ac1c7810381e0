// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import FanoutProviders

/// An endpoint and what its deployment is called by.
struct BuiltEndpoint {
    var endpoint: Endpoint
    /// Host and port; empty = none.
    var place: String
    /// Empty = not known.
    var region: String

    /// `openai/gpt-4o-mini@api.openai.com`.
    var name: String {
        // A simulated model's settings follow its name.
        let isSimulated = self.endpoint.format == .simulated
        let model = isSimulated ? self.endpoint.model.prefix { $0 != "?" } : self.endpoint.model[...]
        return "\(self.endpoint.provider)/\(model)" + (self.place.isEmpty ? "" : "@\(self.place)")
    }
}

extension ConfigurationBuilder {
    /// Where and how a deployment is reached; nil after an error.
    mutating func endpoint(
        _ params: inout ParameterLayers,
        of group: String?
    ) -> (BuiltEndpoint, DeploymentIdentity)? {
        let modelField = params.take("model")
        let override = params.take("custom_llm_provider")
        let apiBase = params.take("api_base")
        let baseURL = params.take("base_url")
        let baseField = apiBase ?? baseURL
        let project = params.take("vertex_project")
        let location = params.take("vertex_location")
        var region = self.region(&params, location)
        let drops = self.reader.flag(params.take("drop_params"))
        let payer = CredentialFields(&params)
        guard let (entry, named) = self.provider(modelField, override, base: baseField, params) else { return nil }
        var model = named
        guard self.checkStars(model, of: group, modelField) else { return nil }
        if entry.format == .simulated, let modelField, !self.checkSimulated(model, modelField) { return nil }
        let isVertex = entry.quirks.contains(.vertexPath)
        if isVertex, !self.checkVertexModel(model, modelField) { return nil }
        if !isVertex, let project { self.reader.warnOnce(project, "has no effect: only vertex_ai has projects") }
        if entry.format == .bedrock {
            guard let place = self.bedrockModel(model, region: region, modelField) else { return nil }
            (model, region) = place
        } else {
            for field in payer.aws.all { self.reader.warnOnce(field, "has no effect: only bedrock is reached by it") }
        }
        let base =
            if isVertex {
                self.vertexBase(entry, baseField, project: project, location: location, google: payer.google, params)
            } else if entry.format == .bedrock {
                self.bedrockBase(entry, payer.aws.endpoint ?? baseField, region: region, params)
            } else {
                self.base(entry, baseField, params)
            }
        if entry.format != .simulated, base == nil { return nil }
        var endpoint = Endpoint(
            provider: entry.name,
            format: entry.format,
            isSecure: base?.isSecure ?? false,
            host: base?.host ?? "",
            port: base?.port ?? 0,
            pathPrefix: base?.path ?? "",
            model: model
        )
        endpoint.query = base?.query ?? ""
        endpoint.region = region
        endpoint.quirks = ProviderCatalogue.quirks(of: entry.name, model: model)
        endpoint.dropsUnsupported = drops ?? self.dropsUnsupported
        self.readVersion(params.take("api_version"), into: &endpoint, params)
        self.readHeaders(&params, into: &endpoint)
        guard let credential = self.credential(payer, entry, base, &params, endpoint.headers, region: region) else {
            return nil
        }
        endpoint.credential = credential
        guard self.checkRegion(endpoint, params) else { return nil }
        self.warnOfClearText(endpoint, base, payer.key ?? baseField)
        var identity = DeploymentIdentity()
        identity.provider = entry.name
        identity.model = model
        identity.base = base.map { "\($0.place)\($0.path)?\(endpoint.query)" } ?? ""
        identity.region = region
        identity.keys = Self.keys(of: endpoint)
        return (BuiltEndpoint(endpoint: endpoint, place: base?.place ?? "", region: region), identity)
    }

    // MARK: Provider and model

    /// Whether the settings that follow a simulated model's name are understood.
    private mutating func checkSimulated(_ model: String, _ field: Field) -> Bool {
        do throws(Failure) {
            _ = try SimulatedModel(model)
            return true
        } catch {
            self.reader.error(field, error.message)
            return false
        }
    }

    /// Whether each star of a model has one of the group's name to take its place.
    private mutating func checkStars(_ model: String, of group: String?, _ field: Field?) -> Bool {
        let stars = model.utf8.count { $0 == UInt8(ascii: "*") }
        guard stars > 0, let group, let field else { return true }
        let given = group.utf8.count { $0 == UInt8(ascii: "*") }
        guard given < stars else { return true }
        self.reader.error(field, "has more stars than its model_name, so that nothing could take the place of one")
        return false
    }

    /// Where it is, under the name that its cloud has for that; empty = not known.
    private mutating func region(_ params: inout ParameterLayers, _ location: Field?) -> String {
        let fields = ["region_name", "aws_region_name"].map { params.take($0) } + [location]
        return fields.compactMap { self.reader.text($0) }.first.map(Region.normalized) ?? ""
    }

    private mutating func provider(
        _ field: Field?,
        _ override: Field?,
        base: Field?,
        _ params: ParameterLayers
    ) -> (ProviderEntry, String)? {
        guard let field, let text = self.reader.text(field), !text.isEmpty else {
            self.reader.log.error(
                (field?.keyMark) ?? params.mark,
                params.path + ".model",
                "is missing; write provider/model, for example openai/gpt-4o-mini"
            )
            return nil
        }
        guard text != "*" else {
            self.reader.error(field, "names no provider; write an entry for each, as in openai/*")
            return nil
        }
        let (prefix, rest) = ProviderCatalogue.split(text)
        if let override, let name = self.reader.text(override) {
            guard let entry = ProviderCatalogue.entry(named: name) else {
                self.reader.error(override, self.unknownProvider(name))
                return nil
            }
            return (entry, prefix == name ? rest : text)
        }
        if let prefix, let entry = ProviderCatalogue.entry(named: prefix) {
            if !rest.isEmpty { return (entry, rest) }
            self.reader.error(field, "has nothing after the slash; write \(prefix)/MODEL")
            return nil
        }
        if let name = ProviderCatalogue.provider(ofBareName: text), let entry = ProviderCatalogue.entry(named: name) {
            return (entry, text)
        }
        if let entry = self.provider(ofBase: base) { return (entry, text) }
        self.reader.error(field, self.advice(for: text, hasBase: base != nil))
        return nil
    }

    /// The provider whose own base URL this is.
    private func provider(ofBase field: Field?) -> ProviderEntry? {
        guard let text = field?.node.text, let base = try? BaseURL(text) else { return nil }
        return ProviderCatalogue.entries.first { entry in
            guard let own = entry.baseURL, let url = try? BaseURL(own), !url.isLocal else { return false }
            return url.host == base.host
        }
    }

    private func unknownProvider(_ name: String) -> String {
        let known = ProviderCatalogue.entries.map(\.name)
        return
            "this provider isn't known\(Spelling.hint(name, among: known)); known are \(known.joined(separator: ", "))"
    }

    private func advice(for model: String, hasBase: Bool) -> String {
        let prefix = model.firstIndex(of: "/").map { String(model[..<$0]) } ?? ""
        if let advice = ProviderNames.unsupported[prefix] {
            return "the provider \(prefix) isn't supported in this version" + (advice.isEmpty ? "" : "; \(advice)")
        }
        let known = ProviderCatalogue.entries.map(\.name)
        if !prefix.isEmpty, let near = Spelling.nearest(to: prefix, among: known) {
            return "the part before the slash is no known provider; did you mean \(near)/…?"
        }
        if hasBase {
            return "names no provider; for a server with OpenAI's API write openai/MODEL or hosted_vllm/MODEL"
        }
        return "names no provider; write provider/model, with one of \(known.joined(separator: ", "))"
    }

    // MARK: Base URL

    mutating func base(_ entry: ProviderEntry, _ field: Field?, _ params: ParameterLayers) -> BaseURL? {
        guard entry.format != .simulated else {
            if let field { self.reader.warn(field, "has no effect: simulated models are inside the daemon") }
            return nil
        }
        if let field {
            // Not the provider's own address instead: what was meant for a private server would go there.
            guard let text = self.required(field, "the address") else { return nil }
            return self.parse(text, field)
        }
        for name in entry.baseVariables {
            guard let text = self.reader.values.variables[name], !text.isEmpty else { continue }
            let mark = Mark.environment(name)
            return self.parse(
                text,
                Field(path: "", keyMark: mark, node: ConfigNode(.scalar(text: "", plain: false), mark))
            )
        }
        if let text = entry.baseURL, let base = try? BaseURL(text) { return base }
        let variable = entry.baseVariables.first.map { ", or set \($0)" } ?? ""
        self.reader.log.error(
            field?.mark ?? params.mark,
            params.path + ".api_base",
            "is missing: \(entry.name) has no address of its own; write the server's URL\(variable)"
        )
        return nil
    }

    private mutating func parse(_ text: String, _ field: Field) -> BaseURL? {
        do throws(BaseURL.Problem) {
            let base = try BaseURL(text)
            if base.hadOperation {
                self.reader.warn(field, "should end before /chat/completions, which is added to it; it is cut off")
            }
            return base
        } catch {
            self.reader.error(field, error.message)
            return nil
        }
    }

    /// Azure's API version goes into the query.
    ///
    /// Under `/openai/v1` there is none, and the model is named in the body.
    private mutating func readVersion(_ field: Field?, into endpoint: inout Endpoint, _ params: ParameterLayers) {
        guard endpoint.quirks.contains(.azurePath) else {
            if let field { self.reader.warnOnce(field, "has no effect: only azure has API versions") }
            return
        }
        if endpoint.pathPrefix.hasSuffix("/v1") { endpoint.quirks.remove(.azurePath) }
        let given = self.reader.text(field) ?? self.reader.values.variables["AZURE_API_VERSION"]
        guard let version = given, !version.isEmpty else {
            guard endpoint.quirks.contains(.azurePath), !endpoint.query.contains("api-version=") else { return }
            self.reader.log.error(
                field?.mark ?? params.mark,
                params.path + ".api_version",
                "is missing; write the API's date, for example 2024-10-21, or set AZURE_API_VERSION"
            )
            return
        }
        let allowed = version.utf8.allSatisfy { ProviderNames.isWordByte($0) || $0 == UInt8(ascii: "-") }
        guard allowed, version.utf8.count <= 64 else {
            if let field { self.reader.error(field, "must be a version such as 2024-10-21 or 2025-01-01-preview") }
            return
        }
        guard !endpoint.query.contains("api-version=") else { return }
        endpoint.query += (endpoint.query.isEmpty ? "" : "&") + "api-version=\(version)"
    }
}

/// What model names tell of their provider.
enum ProviderNames {
    /// Providers of LiteLLM that Fanout doesn't speak to yet, with what to write instead.
    static let unsupported: [String: String] = [
        "vertex_ai_beta": "write vertex_ai/MODEL",
        "azure_ai": "", "sagemaker": "", "replicate": "", "watsonx": "", "databricks": "",
        "text-completion-openai": "write openai/MODEL and ask for a completion",
        "lm_studio": "write openai_like/MODEL with api_base http://HOST:1234/v1",
        "litellm_proxy": "write openai_like/MODEL with the proxy's URL in api_base",
        "auto_router": "name the models themselves",
    ]

    /// ASCII letters, digits, dot and underscore.
    static func isWordByte(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20) || (0x30...0x39).contains(byte)
            || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_")
    }
}
