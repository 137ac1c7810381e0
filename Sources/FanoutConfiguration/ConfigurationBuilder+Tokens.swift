// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutCredentials
internal import FanoutModel

// What the sources of credentials that end have in common.
extension ConfigurationBuilder {
    /// A variable of the process or of the file; nil = not set or empty.
    func ambient(_ name: String) -> String? {
        guard let value = self.reader.values.variables[name], !value.isEmpty else { return nil }
        return value
    }

    /// A server that gives out tokens; nil after an error.
    mutating func tokenAddress(_ text: String, adding path: String, _ field: Field) -> TokenAddress? {
        let base: BaseURL
        do throws(BaseURL.Problem) {
            base = try BaseURL(text)
        } catch {
            self.reader.error(field, "has a token server whose address \(error.message)")
            return nil
        }
        if !base.isSecure, !base.isLocal {
            self.reader.error(field, "would ask for tokens unencrypted at \(base.host); use https://")
            return nil
        }
        let target = base.path + path + (base.query.isEmpty ? "" : "?" + base.query)
        return TokenAddress(
            isSecure: base.isSecure,
            host: base.host,
            port: base.port,
            path: target.isEmpty ? "/" : target
        )
    }

    /// Another identity provider's token: a path, or one of LiteLLM's `oidc/…`, or the token itself; nil after an
    /// error.
    mutating func webToken(_ text: String, _ field: Field) -> WebToken? {
        if text.hasPrefix("/") { return .file(text) }
        guard text.hasPrefix("oidc/") else {
            if Self.isSendable(text) { return .text(Secret(text)) }
            self.reader.error(field, "is neither a path nor a token")
            return nil
        }
        let parts = text.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
        switch (parts[1], parts.count == 3 ? parts[2] : "") {
        case ("file", let path) where !path.isEmpty:
            return .file(path.hasPrefix("/") ? path : "/" + path)
        case ("env", let name) where !name.isEmpty, ("env_path", let name) where !name.isEmpty:
            guard let value = self.ambient(name) else {
                self.reader.error(field, "names the variable \(Spelling.shownName(name)), which isn't set")
                return nil
            }
            return parts[1] == "env" ? .text(Secret(value)) : .file(value)
        default:
            self.reader.error(field, "must be oidc/file/PATH, oidc/env/NAME or oidc/env_path/NAME, or a path")
            return nil
        }
    }
}

extension ConfigurationBuilder {
    private static let googleScope = "https://www.googleapis.com/auth/cloud-platform"

    /// The path of a file, its text, or the same as a mapping; nil after an error.
    mutating func googleCredential(_ field: Field) -> Credential? {
        if let section = field.node.text == nil ? self.reader.section(field) : nil {
            var fields: [String: String] = [:]
            for entry in section.fields { fields[entry.key] = self.reader.resolved(entry)?.node.text }
            return self.googleCredential(field) { () throws(GoogleCredentialsFile.Problem) in
                try GoogleCredentialsFile(fields: fields)
            }
        }
        guard let text = self.required(field, "the credentials") else { return nil }
        let content = ScalarText.trimmed(text)
        if content.hasPrefix("{") {
            return self.googleCredential(field) { () throws(GoogleCredentialsFile.Problem) in
                try GoogleCredentialsFile(Array(content.utf8))
            }
        }
        return self.googleCredential(path: content, field)
    }

    /// What Google's own tools find; nil = nothing.
    mutating func ambientGoogleCredential() -> Found? {
        for name in ["VERTEXAI_CREDENTIALS", "GOOGLE_APPLICATION_CREDENTIALS"] {
            guard let text = self.ambient(name) else { continue }
            let mark = Mark.environment(name)
            let field = Field(path: name, keyMark: mark, node: ConfigNode(.scalar(text: text, plain: false), mark))
            return Found(credential: self.googleCredential(field))
        }
        let folder = self.ambient("CLOUDSDK_CONFIG") ?? self.ambient("HOME").map { $0 + "/.config/gcloud" }
        if let path = folder.map({ $0 + "/application_default_credentials.json" }),
            case .success = self.reader.values.files.read(path, GoogleCredentialsFile.bytesMax)
        {
            let mark = Mark(file: path, line: 0, column: 0)
            let field = Field(path: "", keyMark: mark, node: ConfigNode(.scalar(text: path, plain: false), mark))
            return Found(credential: self.googleCredential(path: path, field))
        }
        // Only where somebody says so: elsewhere the first request would find out that there is no such server.
        guard let host = self.ambient("GCE_METADATA_HOST") ?? self.ambient("K_SERVICE").map({ _ in Self.metadata })
        else { return nil }
        let mark = Mark.environment("GCE_METADATA_HOST")
        let field = Field(path: "", keyMark: mark, node: ConfigNode(.scalar(text: host, plain: false), mark))
        let path = "/computeMetadata/v1/instance/service-accounts/default/token"
        let address = self.tokenAddress("http://" + host, adding: path, field)
        return Found(
            credential: address.map {
                .renewed(CredentialSource(name: "this machine's service account", origin: .googleMetadata($0)))
            }
        )
    }

    private static let metadata = "metadata.google.internal"

    private mutating func googleCredential(path: String, _ field: Field) -> Credential? {
        switch self.reader.values.files.read(path, GoogleCredentialsFile.bytesMax) {
        case .success(let bytes):
            return self.googleCredential(field) { () throws(GoogleCredentialsFile.Problem) in
                try GoogleCredentialsFile(bytes)
            }
        case .failure(let problem):
            self.reader.error(field, "names a file that \(problem.sentence); check the path and who may read it")
            return nil
        }
    }

    private mutating func googleCredential(
        _ field: Field,
        _ read: () throws(GoogleCredentialsFile.Problem) -> GoogleCredentialsFile
    ) -> Credential? {
        let file: GoogleCredentialsFile
        do throws(GoogleCredentialsFile.Problem) {
            file = try read()
        } catch {
            self.reader.error(field, "\(error.words); get a new key of the service account, as JSON")
            return nil
        }
        guard let address = self.tokenAddress(file.tokenURI, adding: "", field) else { return nil }
        switch file.kind {
        case .serviceAccount(let email, let keyID, let privateKey):
            do throws(ServiceAccountAssertion.Problem) {
                try ServiceAccountAssertion.check(privateKey)
            } catch {
                self.reader.error(field, "has a private_key that \(error.words); get a new key")
                return nil
            }
            let account = ServiceAccount(
                email: email,
                keyID: keyID,
                privateKey: privateKey,
                audience: file.tokenURI,
                address: address,
                scope: Self.googleScope
            )
            return .renewed(
                CredentialSource(name: "the service account \(email)", origin: .serviceAccount(account))
            )
        case .user(let id, let secret, let refreshToken):
            let fields = [
                OAuthGrant.Field("grant_type", Secret("refresh_token")), OAuthGrant.Field("client_id", Secret(id)),
                OAuthGrant.Field("client_secret", secret), OAuthGrant.Field("refresh_token", refreshToken),
            ]
            let grant = OAuthGrant(address: address, fields: fields)
            return .renewed(CredentialSource(name: "the user of the client \(id)", origin: .grant(grant)))
        }
    }
}
