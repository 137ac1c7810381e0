// Fanout
// SPDX-License-Identifier: Apache-2.0

/// Where a credential comes from that isn't one lasting text: it is fetched, ends, and is fetched anew.
package struct CredentialSource: Sendable, Hashable {
    /// What sentences and logs call it, for example `the service account app@project.iam.gserviceaccount.com`.
    ///
    /// Without a secret, and the same for the same account, whatever its secret is today.
    package var name: String
    /// How it is fetched.
    package var origin: Origin

    /// The ways to a credential.
    package enum Origin: Sendable, Hashable {
        /// A token for fields that don't change (RFC 6749).
        case grant(OAuthGrant)
        /// A token for an assertion that the key of a Google service account signs (RFC 7523).
        case serviceAccount(ServiceAccount)
        /// A token of Google's metadata server, for the machine's own account.
        case googleMetadata(TokenAddress)
        /// A key of AWS, by roles that are taken on.
        case aws(AWSRoleChain)
    }

    /// Makes a source.
    package init(name: String, origin: Origin) {
        self.name = name
        self.origin = origin
    }

    /// By the name alone: it is looked up for each attempt, and a key is long.
    package func hash(into hasher: inout Hasher) {
        hasher.combine(self.name)
    }
}

/// A server that gives out tokens or keys.
package struct TokenAddress: Sendable, Hashable {
    /// TLS or not.
    package var isSecure: Bool
    /// A name or an address, without brackets.
    package var host: String
    /// The TCP port.
    package var port: UInt16
    /// The target with its query; starts with a slash.
    package var path: String

    /// Makes an address.
    package init(isSecure: Bool = true, host: String, port: UInt16 = 443, path: String) {
        self.isSecure = isSecure
        self.host = host
        self.port = port
        self.path = path
    }
}

/// A text of another identity provider that proves who asks.
package enum WebToken: Sendable, Hashable {
    /// Read anew each time.
    case file(String)
    case text(Secret)
}

/// What an authorization server takes for a token: the fields of a form.
package struct OAuthGrant: Sendable, Hashable {
    /// The authorization server.
    package var address: TokenAddress
    /// What is sent, in this order.
    package var fields: [Field]
    /// A file whose text is sent as `client_assertion`, read anew each time; `nil` = none.
    package var assertionFile: String?

    /// One field of the form.
    package struct Field: Sendable, Hashable {
        /// Its name.
        package var name: String
        /// Its value.
        package var value: Secret

        /// Makes a field.
        package init(_ name: String, _ value: Secret) {
            self.name = name
            self.value = value
        }
    }

    /// Makes a grant.
    package init(address: TokenAddress, fields: [Field], assertionFile: String? = nil) {
        self.address = address
        self.fields = fields
        self.assertionFile = assertionFile
    }
}

/// The key of a Google service account.
package struct ServiceAccount: Sendable, Hashable {
    /// `client_email`.
    package var email: String
    /// `private_key_id`; empty = none.
    package var keyID: String
    /// `private_key`, PEM.
    package var privateKey: Secret
    /// `token_uri` as it is written: the audience of the assertion.
    package var audience: String
    /// `token_uri` taken apart.
    package var address: TokenAddress
    /// What the token is good for.
    package var scope: String

    /// Makes an account.
    package init(
        email: String,
        keyID: String,
        privateKey: Secret,
        audience: String,
        address: TokenAddress,
        scope: String
    ) {
        self.email = email
        self.keyID = keyID
        self.privateKey = privateKey
        self.audience = audience
        self.address = address
        self.scope = scope
    }
}
