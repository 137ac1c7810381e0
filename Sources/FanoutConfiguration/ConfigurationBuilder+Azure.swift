// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// What a deployment says of a client that Microsoft Entra ID knows.
struct AzureFields {
    let tenant: Field?
    let client: Field?
    let secret: Field?
    let scope: Field?

    init(_ params: inout ParameterLayers) {
        self.tenant = params.take("tenant_id")
        self.client = params.take("client_id")
        self.secret = params.take("client_secret")
        self.scope = params.take("azure_scope")
    }

    /// Whether none of the three is given that make a client.
    var isEmpty: Bool { self.tenant == nil && self.client == nil && self.secret == nil }
}

extension ConfigurationBuilder {
    /// What proves that the client is the client.
    private enum AzureProof {
        case secret(String)
        case assertion(String)
        case assertionFile(String)
    }

    private static let azureScope = "https://cognitiveservices.azure.com/.default"
    /// Each of the parts of a client that a deployment doesn't name itself.
    private static let azureVariables = (
        tenant: "AZURE_TENANT_ID", client: "AZURE_CLIENT_ID", secret: "AZURE_CLIENT_SECRET",
        file: "AZURE_FEDERATED_TOKEN_FILE"
    )

    /// A token as it is, a client's secret, or another provider's token that a client is known by; nil after an error.
    mutating func azureCredential(_ token: Field?, _ fields: AzureFields) -> Credential? {
        if let token {
            guard let text = self.required(token, "the token") else { return nil }
            if text.hasPrefix("oidc/") {
                guard let proof = self.webToken(text, token) else { return nil }
                switch proof {
                case .file(let path): return self.azureClient(fields, .assertionFile(path), token)
                case .text(let text): return self.azureClient(fields, .assertion(text.revealed), token)
                }
            }
            guard let key = self.secret(token, "the token") else { return nil }
            return .bearer(Secret(key))
        }
        guard let place = fields.secret ?? fields.client ?? fields.tenant else { return nil }
        if let field = fields.secret {
            guard let secret = self.secret(field, "the secret") else { return nil }
            return self.azureClient(fields, .secret(secret), place)
        }
        guard let proof = self.azureProof() else {
            self.reader.error(place, "needs client_secret beside it, or AZURE_CLIENT_SECRET set")
            return nil
        }
        return self.azureClient(fields, proof, place)
    }

    /// The client that variables name, as Azure's own tools read them; nil = none.
    mutating func ambientAzureCredential() -> Found? {
        let names = Self.azureVariables
        guard self.ambient(names.tenant) != nil, self.ambient(names.client) != nil, let proof = self.azureProof()
        else { return nil }
        var none = ParameterLayers([])
        let place = Field(
            path: names.client,
            keyMark: .environment(names.client),
            node: ConfigNode(.scalar(text: "", plain: false), .environment(names.client))
        )
        return Found(credential: self.azureClient(AzureFields(&none), proof, place))
    }

    private func azureProof() -> AzureProof? {
        if let secret = self.ambient(Self.azureVariables.secret) { return .secret(secret) }
        return self.ambient(Self.azureVariables.file).map { .assertionFile($0) }
    }

    private mutating func azureClient(_ fields: AzureFields, _ proof: AzureProof, _ place: Field) -> Credential? {
        let names = Self.azureVariables
        guard let tenant = self.azureName(fields.tenant, names.tenant, "tenant_id", place),
            let client = self.azureName(fields.client, names.client, "client_id", place),
            let address = self.tokenAddress(
                (self.ambient("AZURE_AUTHORITY_HOST") ?? "https://login.microsoftonline.com"),
                adding: "/\(tenant)/oauth2/v2.0/token",
                place
            )
        else { return nil }
        let scope = self.reader.text(fields.scope) ?? self.ambient("AZURE_SCOPE") ?? Self.azureScope
        var grant = OAuthGrant(
            address: address,
            fields: [
                OAuthGrant.Field("grant_type", Secret("client_credentials")),
                OAuthGrant.Field("client_id", Secret(client)), OAuthGrant.Field("scope", Secret(scope)),
            ]
        )
        let kind = OAuthGrant.Field(
            "client_assertion_type",
            Secret("urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
        )
        switch proof {
        case .secret(let secret): grant.fields.append(OAuthGrant.Field("client_secret", Secret(secret)))
        case .assertion(let text): grant.fields += [kind, OAuthGrant.Field("client_assertion", Secret(text))]
        case .assertionFile(let path):
            grant.fields.append(kind)
            grant.assertionFile = path
        }
        let name = "the client \(client) of the tenant \(tenant)"
        return .renewed(CredentialSource(name: name, origin: .grant(grant)))
    }

    /// A tenant or client, which are named by numbers in hexadecimal or by domains.
    private mutating func azureName(
        _ field: Field?,
        _ variable: String,
        _ key: String,
        _ place: Field
    ) -> String? {
        var name = self.ambient(variable)
        if let field {
            guard let given = self.required(field, "the name") else { return nil }
            name = given
        }
        guard let name else {
            self.reader.error(field ?? place, "needs \(key) beside it, or \(variable) set")
            return nil
        }
        let isPlain = name.utf8.allSatisfy { ProviderNames.isWordByte($0) || $0 == UInt8(ascii: "-") }
        if isPlain, (1...128).contains(name.utf8.count) { return name }
        self.reader.error(field ?? place, "has a \(key) that is none: letters, digits, dots and hyphens are allowed")
        return nil
    }
}
