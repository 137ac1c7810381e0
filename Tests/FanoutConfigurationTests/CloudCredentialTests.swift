// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutConfiguration
import FanoutModel
import Testing

/// Where clouds' credentials come from.
@Suite struct CloudCredentialTests {
    private static let azure = "model: azure/m, api_base: 'https://x.openai.azure.com', api_version: 2024-10-21"

    private func yaml(_ params: String) -> String {
        "model_list:\n  - model_name: small\n    litellm_params: {\(params)}\n"
    }

    private func source(
        _ params: String,
        _ environment: [String: String] = [:],
        files: [String: String] = [:]
    ) throws -> CredentialSource {
        let deployment = try load(self.yaml(params), environment, files: files).small()
        guard case .renewed(let source) = deployment.endpoint.credential else {
            throw Failure(.internal, "it is another credential")
        }
        return source
    }

    private func grant(_ params: String, _ environment: [String: String] = [:]) throws -> OAuthGrant {
        guard case .grant(let grant) = try self.source(params, environment).origin else {
            throw Failure(.internal, "it is another source")
        }
        return grant
    }

    private func fields(_ grant: OAuthGrant) -> [String: String] {
        Dictionary(uniqueKeysWithValues: grant.fields.map { ($0.name, $0.value.revealed) })
    }

    // MARK: Azure

    @Test func `a client of Entra ID asks its tenant for tokens`() throws {
        let params = Self.azure + ", tenant_id: t-1, client_id: c-1, client_secret: os.environ/S"
        let grant = try self.grant(params, ["S": "secret"])
        #expect(grant.address == TokenAddress(host: "login.microsoftonline.com", path: "/t-1/oauth2/v2.0/token"))
        #expect(
            self.fields(grant) == [
                "grant_type": "client_credentials", "client_id": "c-1", "client_secret": "secret",
                "scope": "https://cognitiveservices.azure.com/.default",
            ]
        )
        #expect(try self.source(params, ["S": "secret"]).name == "the client c-1 of the tenant t-1")
    }

    @Test func `variables fill in what a deployment leaves out`() throws {
        let environment = [
            "AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c", "AZURE_CLIENT_SECRET": "s", "AZURE_SCOPE": "scope",
            "AZURE_AUTHORITY_HOST": "https://login.microsoftonline.us/",
        ]
        let grant = try self.grant(Self.azure, environment)
        #expect(grant.address.host == "login.microsoftonline.us")
        #expect(self.fields(grant)["scope"] == "scope")
        #expect(try self.fields(self.grant(Self.azure + ", client_id: own", environment))["client_id"] == "own")
    }

    @Test func `another provider's token proves a client, by file or as it is`() throws {
        let environment = ["AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c", "AZURE_FEDERATED_TOKEN_FILE": "/token"]
        let ambient = try self.grant(Self.azure, environment)
        #expect(ambient.assertionFile == "/token" && self.fields(ambient)["client_secret"] == nil)
        #expect(
            self.fields(ambient)["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        )
        let file = try self.grant(Self.azure + ", azure_ad_token: oidc/file/run/token", environment)
        #expect(file.assertionFile == "/run/token")
        let text = try self.grant(
            Self.azure + ", azure_ad_token: oidc/env/T",
            environment.merging(["T": "a.b.c"]) { $1 }
        )
        #expect(self.fields(text)["client_assertion"] == "a.b.c")
    }

    @Test func `a key or a token goes before a client`() throws {
        let client = ", tenant_id: t, client_id: c, client_secret: s"
        let keyed = try load(self.yaml(Self.azure + client + ", api_key: k")).small()
        #expect(keyed.endpoint.credential == .header(name: "api-key", value: Secret("k")))
        let token = try load(self.yaml(Self.azure + client + ", azure_ad_token: k")).small()
        #expect(token.endpoint.credential == .bearer(Secret("k")))
    }

    @Test func `a new secret doesn't make another deployment`() throws {
        func identity(_ secret: String, _ client: String = "c") throws -> String {
            let params = Self.azure + ", tenant_id: t, client_id: \(client), client_secret: \(secret)"
            return try load(self.yaml(params)).small().identity
        }
        #expect(try identity("s1") == identity("s2"))
        #expect(try identity("s1") != identity("s1", "d"))
    }

    @Test(arguments: [
        (", tenant_id: t, client_id: c", "tenant_id", "needs client_secret beside it"),
        (", tenant_id: t, client_secret: s", "client_secret", "needs client_id beside it, or AZURE_CLIENT_ID set"),
        (", client_id: c, client_secret: s", "client_secret", "needs tenant_id beside it, or AZURE_TENANT_ID set"),
        (", tenant_id: a/b, client_id: c, client_secret: s", "tenant_id", "has a tenant_id that is none"),
        (", tenant_id: t, client_id: c, client_secret: os.environ/X", "client_secret", "the variable X isn't set"),
        (", azure_ad_token: oidc/github/x", "azure_ad_token", "must be oidc/file/PATH"),
        (", azure_ad_token: oidc/env/X", "azure_ad_token", "names the variable X, which isn't set"),
    ])
    func `half a client is an error that says what lacks`(params: String, key: String, words: String) {
        let found = errors(self.yaml(Self.azure + params))
        #expect(found.count == 1 && found[0].contains("litellm_params."), "\(found)")
        #expect(found.first?.contains(words) == true, "\(found)")
    }

    @Test func `tokens aren't asked for over an open network`() {
        let params = Self.azure + ", tenant_id: t, client_id: c, client_secret: s"
        let found = errors(self.yaml(params), ["AZURE_AUTHORITY_HOST": "http://login.example"])
        #expect(found.first?.contains("would ask for tokens unencrypted at login.example") == true, "\(found)")
    }

    @Test func `keys of one cloud say that they mean nothing at another`() throws {
        let lines = try load(
            self.yaml("model: openai/m, api_key: k, client_id: c, vertex_credentials: x")
        ).lines
        #expect(lines.count == 2)
        for words in ["only azure has tenants", "only vertex_ai has"] {
            #expect(lines.contains { $0.contains("has no effect: " + words) }, "\(lines)")
        }
    }
}
