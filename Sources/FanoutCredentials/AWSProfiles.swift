// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutModel

/// The profiles of AWS's shared files, `credentials` and `config`.
///
/// Source: AWS SDKs and Tools Reference Guide, "Shared config and credentials files" and "Assume role credential
/// provider".
package struct AWSProfiles: Sendable {
    /// Who a profile is.
    package struct Identity: Sendable, Hashable {
        /// Where the first key comes from.
        package enum Start: Sendable, Hashable {
            case key(AWSCredentials)
            /// The path of another identity provider's token.
            case tokenFile(String)
            /// The key in the environment's variables.
            case environment
            /// The server beside the container.
            case container
            /// The machine's metadata.
            case instance
        }

        /// Where the first key comes from.
        package var start: Start
        /// What is taken on with it, the first first.
        package var roles: [AWSRoleChain.Role]
    }

    /// Why a profile can't be used; it never quotes a key.
    package struct Problem: Error, Sendable, Hashable {
        /// The end of a sentence that begins with the profile.
        package var words: String
    }

    /// Roles that lead to each other.
    static let rolesMax = 8

    private let credentials: INIFile
    private let config: INIFile

    /// The profiles of both files.
    package init(credentials: INIFile, config: INIFile) {
        self.credentials = credentials
        self.config = config
    }

    /// What both files say of a profile, under names in lower case; nil = nothing.
    package func properties(of profile: String) -> [String: String]? {
        var own = self.config["profile \(profile)"]
        if own == nil, profile == "default" { own = self.config[profile] }
        guard let keys = self.credentials[profile] else { return own }
        return (own ?? [:]).merging(keys) { $1 }
    }

    /// Who a profile is; nil = it says nothing of that.
    package func identity(of profile: String) throws(Problem) -> Identity? {
        var name = profile
        var seen: [String] = []
        var roles: [AWSRoleChain.Role] = []
        while true {
            guard let properties = self.properties(of: name) else {
                if seen.isEmpty { return nil }
                throw Problem(words: "has a source_profile that isn't there")
            }
            seen.append(name)
            let key = try Self.key(in: properties)
            // A profile may be its own source: its role is taken on by its own key.
            let isOwnSource = properties["source_profile"] == name
            guard let role = try Self.role(in: properties) else {
                if let key { return Identity(start: .key(key), roles: roles) }
                try Self.refuseOthers(in: properties)
                if roles.isEmpty { return nil }
                throw Problem(words: "leads to a source_profile without a key and a role")
            }
            roles.insert(role, at: 0)
            guard roles.count <= Self.rolesMax else { throw Problem(words: "has more roles than \(Self.rolesMax)") }
            if let file = properties["web_identity_token_file"] {
                return Identity(start: .tokenFile(file), roles: roles)
            }
            if let source = properties["credential_source"] {
                return Identity(start: try Self.start(of: source), roles: roles)
            }
            if isOwnSource, let key { return Identity(start: .key(key), roles: roles) }
            guard let next = properties["source_profile"] else {
                throw Problem(
                    words: "has a role_arn, but no source_profile, credential_source or web_identity_token_file"
                )
            }
            guard !seen.contains(next) else { throw Problem(words: "has a source_profile that leads back to it") }
            name = next
        }
    }

    private static func key(in properties: [String: String]) throws(Problem) -> AWSCredentials? {
        let (id, secret) = (properties["aws_access_key_id"], properties["aws_secret_access_key"])
        if id == nil, secret == nil { return nil }
        guard let id, let secret else { throw Problem(words: "has half a key: a key of AWS has two parts") }
        let token = properties["aws_session_token"]
        guard [id, secret, token ?? "x"].allSatisfy(Self.isSendable) else {
            throw Problem(words: "has a key with characters that a header can't carry")
        }
        return AWSCredentials(
            accessKeyID: Secret(id),
            secretAccessKey: Secret(secret),
            sessionToken: token.map(Secret.init)
        )
    }

    private static func role(in properties: [String: String]) throws(Problem) -> AWSRoleChain.Role? {
        guard let arn = properties["role_arn"] else { return nil }
        guard arn.hasPrefix("arn:"), Self.isSendable(arn) else { throw Problem(words: "has a role_arn that is none") }
        if properties["mfa_serial"] != nil {
            throw Problem(words: "wants a code of its owner (mfa_serial), whom a daemon can't ask")
        }
        return AWSRoleChain.Role(
            arn: arn,
            sessionName: properties["role_session_name"] ?? "fanout",
            externalID: properties["external_id"] ?? ""
        )
    }

    private static func start(of source: String) throws(Problem) -> Identity.Start {
        switch source {
        case "Environment": return .environment
        case "EcsContainer": return .container
        case "Ec2InstanceMetadata": return .instance
        default:
            throw Problem(
                words: "has a credential_source that is none; it may be Environment, EcsContainer or "
                    + "Ec2InstanceMetadata"
            )
        }
    }

    /// Ways to a key that aren't gone.
    private static func refuseOthers(in properties: [String: String]) throws(Problem) {
        if properties["sso_session"] != nil || properties["sso_start_url"] != nil {
            throw Problem(words: "logs somebody in (sso_…), which isn't supported; name a role or a key")
        }
        if properties["credential_process"] != nil {
            throw Problem(words: "runs a program (credential_process), which isn't supported; name a role or a key")
        }
    }

    private static func isSendable(_ text: String) -> Bool {
        (1...8_192).contains(text.utf8.count) && text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
    }
}
