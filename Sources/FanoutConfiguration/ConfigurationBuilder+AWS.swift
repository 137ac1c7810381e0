// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutCredentials
internal import FanoutModel
internal import FanoutProviders

/// What a deployment says of AWS.
struct AWSFields {
    let endpoint: Field?
    let accessKeyID: Field?
    let secretAccessKey: Field?
    let sessionToken: Field?
    let profile: Field?
    let role: Field?
    let sessionName: Field?
    let externalID: Field?
    let webToken: Field?
    let stsEndpoint: Field?

    init(_ params: inout ParameterLayers) {
        self.endpoint = params.take("aws_bedrock_runtime_endpoint")
        self.accessKeyID = params.take("aws_access_key_id")
        self.secretAccessKey = params.take("aws_secret_access_key")
        self.sessionToken = params.take("aws_session_token")
        self.profile = params.take("aws_profile_name")
        self.role = params.take("aws_role_name")
        self.sessionName = params.take("aws_session_name")
        self.externalID = params.take("aws_external_id")
        self.webToken = params.take("aws_web_identity_token")
        self.stsEndpoint = params.take("aws_sts_endpoint")
    }

    /// Whether a key is meant to be here.
    var hasKey: Bool { self.accessKeyID != nil || self.secretAccessKey != nil }
    /// Whether it says who pays.
    var isGiven: Bool { self.hasKey || self.profile != nil || self.role != nil || self.webToken != nil }
    /// All that there are.
    var all: [Field] {
        [
            self.endpoint, self.accessKeyID, self.secretAccessKey, self.sessionToken, self.profile, self.role,
            self.sessionName, self.externalID, self.webToken, self.stsEndpoint,
        ].compactMap { $0 }
    }
}

/// Where a first key of AWS comes from, and the roles that are taken on with it.
struct AWSOrigin {
    var start: AWSRoleChain.Start
    var roles: [AWSRoleChain.Role] = []
}

// What a deployment says of its key of AWS, in LiteLLM's order: a web identity, a role, a profile, a key.
extension ConfigurationBuilder {
    /// Who pays, as the deployment says; nil after an error.
    mutating func awsCredential(_ fields: AWSFields, region: String, _ params: ParameterLayers) -> Credential? {
        var origin: AWSOrigin?
        if let field = fields.webToken {
            origin = self.awsWebIdentity(field, fields)
        } else if let field = fields.role {
            origin = self.awsRoleOrigin(field, fields, params)
        } else if fields.hasKey {
            origin = self.awsKey(fields, params).map { AWSOrigin(start: .key($0)) }
        } else if let field = fields.profile {
            origin = self.awsProfile(field)
        }
        return origin.flatMap { self.awsCredential($0, fields.stsEndpoint, region: region) }
    }

    /// What AWS's own tools find in this environment; nil = nothing.
    mutating func ambientAWSCredential(region: String) -> Found? {
        guard let found = self.ambientAWSOrigin() else { return nil }
        return Found(credential: found.origin.flatMap { self.awsCredential($0, nil, region: region) })
    }

    private mutating func awsCredential(_ origin: AWSOrigin, _ sts: Field?, region: String) -> Credential? {
        if case .key(let key) = origin.start, origin.roles.isEmpty {
            if let sts { self.reader.warnOnce(sts, "has no effect: no role is taken on") }
            return .aws(key)
        }
        let variable = "AWS_ENDPOINT_URL_STS"
        let usual = region.isEmpty ? "https://sts.amazonaws.com" : "https://sts.\(region).amazonaws.com"
        var text = self.ambient(variable) ?? usual
        if let sts {
            guard let given = self.required(sts, "the address") else { return nil }
            text = given
        }
        guard let address = self.tokenAddress(text, adding: "/", sts ?? self.variableField(variable)) else {
            return nil
        }
        var name = "the container's own role"
        if case .instance = origin.start { name = "this machine's own role" }
        if let role = origin.roles.last { name = "the role \(role.arn)" }
        let chain = AWSRoleChain(
            start: origin.start,
            roles: origin.roles,
            address: address,
            region: region.isEmpty ? "us-east-1" : region
        )
        return .renewed(CredentialSource(name: name, origin: .aws(chain)))
    }

    // MARK: Ways to a key

    private mutating func awsWebIdentity(_ field: Field, _ fields: AWSFields) -> AWSOrigin? {
        guard let roleField = fields.role else {
            self.reader.error(field, "needs aws_role_name beside it: a token is known to a role")
            return nil
        }
        guard let text = self.required(field, "the token"), let token = self.webToken(text, field),
            let role = self.awsRole(roleField, fields)
        else { return nil }
        return AWSOrigin(start: .webToken(token), roles: [role])
    }

    private mutating func awsRoleOrigin(_ field: Field, _ fields: AWSFields, _ params: ParameterLayers) -> AWSOrigin? {
        guard let role = self.awsRole(field, fields) else { return nil }
        var origin: AWSOrigin?
        if fields.hasKey {
            origin = self.awsKey(fields, params).map { AWSOrigin(start: .key($0)) }
        } else if let profile = fields.profile {
            origin = self.awsProfile(profile)
        } else if let found = self.ambientAWSOrigin() {
            origin = found.origin
        } else {
            self.reader.error(
                field,
                "needs a key that takes the role on: write aws_access_key_id and aws_secret_access_key, "
                    + "aws_profile_name or aws_web_identity_token, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            )
        }
        guard var origin else { return nil }
        // What the environment's token is known to may be this very role.
        if origin.roles.last?.arn != role.arn { origin.roles.append(role) }
        return origin
    }

    private mutating func awsRole(_ field: Field, _ fields: AWSFields) -> AWSRoleChain.Role? {
        guard let arn = self.secret(field, "the role") else { return nil }
        guard arn.hasPrefix("arn:") else {
            self.reader.error(field, "must be a role's ARN, as in arn:aws:iam::123456789012:role/app")
            return nil
        }
        var role = AWSRoleChain.Role(arn: arn, sessionName: "fanout")
        if let field = fields.sessionName {
            guard let name = self.secret(field, "the name") else { return nil }
            role.sessionName = name
        }
        if let field = fields.externalID {
            guard let id = self.secret(field, "the id") else { return nil }
            role.externalID = id
        }
        return role
    }

    private mutating func awsKey(_ fields: AWSFields, _ params: ParameterLayers) -> AWSCredentials? {
        guard let idField = fields.accessKeyID, let secretField = fields.secretAccessKey else {
            let lacking = fields.accessKeyID == nil ? "aws_access_key_id" : "aws_secret_access_key"
            self.reader.log.error(
                (fields.accessKeyID ?? fields.secretAccessKey)?.mark ?? params.mark,
                params.path + "." + lacking,
                "is missing: a key of AWS has two parts"
            )
            return nil
        }
        guard let id = self.secret(idField, "the key's id"), let secret = self.secret(secretField, "the key") else {
            return nil
        }
        var key = AWSCredentials(accessKeyID: Secret(id), secretAccessKey: Secret(secret))
        if let field = fields.sessionToken {
            guard let token = self.secret(field, "the token") else { return nil }
            key.sessionToken = Secret(token)
        }
        return key
    }

    private mutating func awsProfile(_ field: Field) -> AWSOrigin? {
        guard let name = self.required(field, "the profile") else { return nil }
        return self.awsProfile(name, field, isWanted: true)?.origin
    }
}
