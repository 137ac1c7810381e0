// Fanout
// SPDX-License-Identifier: Apache-2.0

extension Failure {
    /// The same without the secrets of an endpoint, should its provider have repeated one in its words.
    package func hidingSecrets(of endpoint: Endpoint) -> Failure {
        guard !self.providerMessage.isEmpty || !self.providerCode.isEmpty || !self.providerType.isEmpty else {
            return self
        }
        var failure = self
        for secret in endpoint.secrets {
            failure.message.replace(secret, with: Self.hidden)
            failure.providerMessage.replace(secret, with: Self.hidden)
            failure.providerCode.replace(secret, with: Self.hidden)
            failure.providerType.replace(secret, with: Self.hidden)
        }
        return failure
    }

    private static let hidden = "<redacted>"
}

extension Endpoint {
    /// What is secret of it and known before a request; too short a text would be found in any words.
    fileprivate var secrets: [String] {
        var secrets = self.headers.map(\.value.revealed)
        switch self.credential {
        case .bearer(let key): secrets.append(key.revealed)
        case .header(_, let value): secrets.append(value.revealed)
        case .aws(let keys):
            secrets.append(keys.secretAccessKey.revealed)
            if let token = keys.sessionToken { secrets.append(token.revealed) }
        case .none, .renewed: break
        }
        return secrets.filter { $0.utf8.count >= Self.secretBytesMin }
    }

    private static let secretBytesMin = 8
}
