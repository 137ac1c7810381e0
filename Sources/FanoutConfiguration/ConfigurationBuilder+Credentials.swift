// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import FanoutProviders

/// What a deployment says of who pays, as far as more than one cloud's part of the reader asks for it.
struct CredentialFields {
    let key: Field?
    let google: Field?
    let aws: AWSFields

    init(_ params: inout ParameterLayers) {
        self.key = params.take("api_key")
        self.google = params.take("vertex_credentials") ?? params.take("vertex_ai_credentials")
        self.aws = AWSFields(&params)
    }
}

extension ConfigurationBuilder {
    /// Bytes of a key or of a header's value.
    static let secretBytesMax = 8_192

    /// Headers that the connection writes itself, or that change what a message is.
    private static let ownHeaders: Set<String> = [
        "host", "content-length", "content-type", "content-encoding", "transfer-encoding", "connection", "te",
        "trailer",
        "upgrade", "expect", "keep-alive", "proxy-authorization", "proxy-connection", "accept", "accept-encoding",
    ]

    /// Who pays; nil after an error.
    mutating func credential(
        _ fields: CredentialFields,
        _ entry: ProviderEntry,
        _ base: BaseURL?,
        _ params: inout ParameterLayers,
        _ headers: [Endpoint.Header],
        region: String
    ) -> Credential? {
        let (field, google, aws) = (fields.key, fields.google, fields.aws)
        let token = params.take("azure_ad_token")
        let azure = AzureFields(&params)
        self.warnOfOthers(entry, azure: azure, google: google)
        guard entry.authentication != .none else {
            if let field, !field.node.isFalsy { self.reader.warn(field, "has no effect: \(entry.name) takes no key") }
            return Credential.none
        }
        // A header that was given by hand is the credential, and a second one beside it would be refused.
        if headers.contains(where: { $0.name == Self.headerName(of: entry) }) { return Credential.none }
        if let field, field.node.text?.isEmpty == false {
            guard let key = self.secret(field, "the key") else { return nil }
            return Self.credential(key, entry)
        }
        switch entry.name {
        case "azure" where token != nil || !azure.isEmpty: return self.azureCredential(token, azure)
        case "vertex_ai" where google != nil: return google.flatMap { self.googleCredential($0) }
        default: break
        }
        if entry.format == .bedrock, aws.isGiven { return self.awsCredential(aws, region: region, params) }
        for name in entry.keyVariables {
            guard let value = self.reader.values.variables[name], !value.isEmpty else { continue }
            guard Self.isSendable(value) else {
                self.reader.log.error(.environment(name), "", "has characters that a header can't carry")
                return nil
            }
            return Self.credential(value, entry)
        }
        if let ambient = self.ambientCredential(entry, region: region) { return ambient.credential }
        guard entry.needsKey, base?.isLocal != true else { return Credential.none }
        let variable = entry.keyVariables.first.map { ", or set \($0)" } ?? ""
        self.reader.log.error(
            field?.mark ?? params.mark,
            params.path + ".api_key",
            "is missing: \(entry.name) needs a key; write os.environ/NAME or credential/NAME\(variable)"
        )
        return nil
    }

    /// Keys of one cloud have no meaning at another.
    private mutating func warnOfOthers(
        _ entry: ProviderEntry,
        azure: AzureFields,
        google: Field?
    ) {
        if entry.name != "azure", let field = azure.secret ?? azure.client ?? azure.tenant ?? azure.scope {
            self.reader.warnOnce(field, "has no effect: only azure has tenants and their clients")
        }
        if entry.name != "vertex_ai", let google {
            self.reader.warnOnce(google, "has no effect: only vertex_ai has credentials of Google")
        }
    }

    /// What a provider's own tools find in this environment; nil = nothing.
    private mutating func ambientCredential(
        _ entry: ProviderEntry,
        region: String
    ) -> Found? {
        switch entry.name {
        case "azure": self.ambientAzureCredential()
        case "vertex_ai": self.ambientGoogleCredential()
        case "bedrock": self.ambientAWSCredential(region: region)
        default: nil
        }
    }

    /// A credential that was found, or nil in it after an error.
    struct Found {
        var credential: Credential?
    }

    /// A key or token; an error names the variable that isn't set, never what it holds.
    mutating func secret(_ field: Field, _ what: String) -> String? {
        guard let value = self.required(field, what) else { return nil }
        if Self.isSendable(value) { return value }
        self.reader.error(field, "has characters that a header can't carry, or more than \(Self.secretBytesMax) bytes")
        return nil
    }

    /// A text whose reference must lead to something.
    mutating func required(_ field: Field, _ what: String) -> String? {
        guard let text = field.node.text else {
            self.reader.error(field, "must be text, this is \(field.node.kind)")
            return nil
        }
        switch self.reader.values.follow(text) {
        case .literal: return text
        case .found(let found): return found
        case .unset(let variable):
            let name = Spelling.shownName(variable)
            self.reader.error(
                field,
                "the variable \(name) isn't set; set it for the daemon, or give \(what) another way"
            )
        case .failed(let reason): self.reader.error(field, reason)
        }
        return nil
    }

    static func isSendable(_ key: String) -> Bool {
        (1...Self.secretBytesMax).contains(key.utf8.count) && key.utf8.allSatisfy { (0x21...0x7E).contains($0) }
    }

    private static func credential(_ key: String, _ entry: ProviderEntry) -> Credential {
        switch entry.authentication {
        case .none: .none
        case .bearer: .bearer(Secret(key))
        case .header(let name): .header(name: name, value: Secret(key))
        }
    }

    private static func headerName(of entry: ProviderEntry) -> String {
        if case .header(let name) = entry.authentication { name } else { "authorization" }
    }

    /// What of an endpoint goes into its identity as a fingerprint.
    static func keys(of endpoint: Endpoint) -> [String] {
        var keys: [String] = []
        switch endpoint.credential {
        case .none: break
        case .bearer(let key), .header(_, let key): keys.append(key.revealed)
        case .aws(let key):
            keys += [key.accessKeyID, key.secretAccessKey].map(\.revealed)
            if let token = key.sessionToken { keys.append(token.revealed) }
        // Its secret may change, whose it is doesn't.
        case .renewed(let source): keys.append(source.name)
        }
        for header in endpoint.headers { keys.append("\(header.name): \(header.value.revealed)") }
        return keys
    }

    /// A key on an open network is anybody's.
    mutating func warnOfClearText(_ endpoint: Endpoint, _ base: BaseURL?, _ field: Field?) {
        guard let base, !base.isSecure, !base.isLocal, let field else { return }
        guard !Self.keys(of: endpoint).isEmpty else { return }
        self.reader.warn(field, "the key travels unencrypted to \(base.host); use https://")
    }

    // MARK: Headers

    mutating func readHeaders(_ params: inout ParameterLayers, into endpoint: inout Endpoint) {
        let extra = params.take("extra_headers")
        let plain = params.take("headers")
        for section in [self.reader.section(plain), self.reader.section(extra)].compactMap({ $0 }) {
            for field in section.fields { self.add(field, to: &endpoint) }
        }
        guard let field = params.take("organization") else { return }
        if field.node.text == nil {
            self.reader.error(field, "must be one organization; write an entry of model_list for each")
        } else if let value = self.headerValue(field) {
            Self.set("openai-organization", value, in: &endpoint)
        }
    }

    private mutating func add(_ field: Field, to endpoint: inout Endpoint) {
        let name = field.key.lowercased()
        let isToken = name.utf8.allSatisfy { ProviderNames.isWordByte($0) || $0 == UInt8(ascii: "-") }
        guard isToken, (1...128).contains(name.utf8.count) else {
            self.reader.error(field.keyAlone, "is no name for a header; use letters, digits and hyphens")
            return
        }
        guard !Self.ownHeaders.contains(name) else {
            self.reader.error(field.keyAlone, "this header is written by Fanout itself; remove it")
            return
        }
        if let value = self.headerValue(field) { Self.set(name, value, in: &endpoint) }
    }

    private static func set(_ name: String, _ value: String, in endpoint: inout Endpoint) {
        endpoint.headers.removeAll { $0.name == name }
        endpoint.headers.append(Endpoint.Header(name: name, value: Secret(value)))
    }

    private mutating func headerValue(_ field: Field) -> String? {
        guard let resolved = self.reader.resolved(field) else { return nil }
        guard let text = resolved.node.text else {
            self.reader.error(field, "must be text, this is \(field.node.kind)")
            return nil
        }
        let value = ScalarText.trimmed(text)
        let allowed = value.utf8.allSatisfy { (0x20...0x7E).contains($0) || $0 == 0x09 }
        if allowed, (1...Self.secretBytesMax).contains(value.utf8.count) { return value }
        self.reader.error(field, "must be from 1 to \(Self.secretBytesMax) visible ASCII characters")
        return nil
    }
}
