// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutConfiguration
import FanoutModel
import Testing

/// Where keys of AWS come from.
@Suite struct AWSCredentialTests {
    private static let arn = "arn:aws:iam::1:role/app"
    private static let files = [
        "/home/me/.aws/credentials": "[default]\naws_access_key_id = AKID1\naws_secret_access_key = one\n",
        "/home/me/.aws/config": """
        [profile app]
        role_arn = \(arn)
        source_profile = default
        [profile task]
        role_arn = \(arn)
        credential_source = EcsContainer
        [profile machine]
        role_arn = \(arn)
        credential_source = Ec2InstanceMetadata
        [profile login]
        sso_session = corp
        """,
        "/broken": "[default]\nwhat is this",
    ]
    private static let home = ["HOME": "/home/me"]
    private static let container = ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/x?y=1"]

    private func yaml(_ params: String) -> String { BedrockTests.yaml(params + "aws_region_name: eu-west-1") }

    private func credential(_ params: String, _ environment: [String: String] = [:]) throws -> Credential {
        let loaded = try load(self.yaml(params), environment, files: Self.files)
        #expect(loaded.lines == [])
        let endpoint = try loaded.small().endpoint
        // None of it goes to the provider as a parameter.
        #expect(endpoint.defaultsJSON.isEmpty)
        return endpoint.credential
    }

    private func chain(_ params: String, _ environment: [String: String] = [:]) throws -> AWSRoleChain {
        guard case .renewed(let source) = try self.credential(params, environment), case .aws(let chain) = source.origin
        else { throw Failure(.internal, "it is another credential") }
        return chain
    }

    private static func key(_ id: String, _ secret: String, _ token: String? = nil) -> AWSCredentials {
        AWSCredentials(
            accessKeyID: Secret(id),
            secretAccessKey: Secret(secret),
            sessionToken: token.map(Secret.init)
        )
    }

    @Test func `variables have a key`() throws {
        let environment = ["AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "t"]
        #expect(try self.credential("", environment.merging(Self.home) { $1 }) == .aws(Self.key("A", "s", "t")))
    }

    @Test func `the shared files have the default's key, a named profile's, and that of a file elsewhere`() throws {
        #expect(try self.credential("", Self.home) == .aws(Self.key("AKID1", "one")))
        let elsewhere = ["AWS_SHARED_CREDENTIALS_FILE": "/home/me/.aws/credentials", "AWS_CONFIG_FILE": "/none"]
        #expect(try self.credential("", elsewhere) == .aws(Self.key("AKID1", "one")))
        let chain = try self.chain("aws_profile_name: app, ", Self.home)
        #expect(chain.start == .key(Self.key("AKID1", "one")))
        #expect(chain.roles.map(\.arn) == [Self.arn])
        #expect(chain.address == TokenAddress(host: "sts.eu-west-1.amazonaws.com", path: "/"))
        #expect(chain.region == "eu-west-1")
        #expect(try self.chain("", Self.home.merging(["AWS_PROFILE": "app"]) { $1 }) == chain)
    }

    @Test func `a role is taken on with the deployment's key, a profile's, or what there is`() throws {
        let role = "aws_role_name: '\(Self.arn)2', aws_session_name: s1, aws_external_id: x, "
        let own = try self.chain(role + "aws_access_key_id: A, aws_secret_access_key: s, ", Self.home)
        #expect(own.start == .key(Self.key("A", "s")))
        #expect(own.roles == [AWSRoleChain.Role(arn: Self.arn + "2", sessionName: "s1", externalID: "x")])
        let profile = try self.chain(role + "aws_profile_name: app, ", Self.home)
        #expect(profile.roles.map(\.arn) == [Self.arn, Self.arn + "2"])
        #expect(try self.chain(role, Self.home).start == .key(Self.key("AKID1", "one")))
    }

    @Test func `a web identity is that of the deployment, or of the environment`() throws {
        let own = try self.chain("aws_web_identity_token: oidc/file/token, aws_role_name: '\(Self.arn)', ")
        #expect(own.start == .webToken(.file("/token")) && own.roles.map(\.sessionName) == ["fanout"])
        let pod = ["AWS_ROLE_ARN": Self.arn, "AWS_WEB_IDENTITY_TOKEN_FILE": "/token", "AWS_ROLE_SESSION_NAME": "p"]
        let found = try self.chain("", pod.merging(Self.home) { $1 })
        #expect(found.start == .webToken(.file("/token")))
        #expect(found.roles == [AWSRoleChain.Role(arn: Self.arn, sessionName: "p")])
        // The role that the token is known to isn't taken on twice, another one is taken on with it.
        #expect(try self.chain("aws_role_name: '\(Self.arn)', ", pod).roles.count == 1)
        #expect(try self.chain("aws_role_name: '\(Self.arn)2', ", pod).roles.map(\.arn) == [Self.arn, Self.arn + "2"])
    }

    @Test func `a container's own role needs nothing else`() throws {
        let server = TokenAddress(isSecure: false, host: "169.254.170.2", port: 80, path: "/v2/x?y=1")
        let task = try self.chain("", Self.container)
        #expect(task.start == .container(server, authorization: nil) && task.roles.isEmpty)
        let pod = [
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/auth",
        ]
        let address = TokenAddress(isSecure: false, host: "169.254.170.23", port: 80, path: "/v1/credentials")
        #expect(try self.chain("", pod).start == .container(address, authorization: .file("/auth")))
        let profile = try self.chain("aws_profile_name: task, ", Self.home.merging(Self.container) { $1 })
        #expect(profile.start == .container(server, authorization: nil) && profile.roles.map(\.arn) == [Self.arn])
    }

    @Test func `the machine's own role is asked for where somebody says so`() throws {
        let address = TokenAddress(isSecure: false, host: "169.254.169.254", port: 80, path: "/latest/")
        let variable = "AWS_EC2_METADATA_SERVICE_ENDPOINT"
        let chain = try self.chain("", [variable: "http://169.254.169.254/"])
        #expect(chain.start == .instance(address) && chain.roles.isEmpty)
        let profile = try self.chain("aws_profile_name: machine, ", Self.home)
        #expect(profile.start == .instance(address) && profile.roles.map(\.arn) == [Self.arn])
        let found = errors(self.yaml(""), [variable: "http://metadata.example"])
        #expect(found.count == 1 && found[0].contains("unencrypted at metadata.example"), "\(found)")
    }

    @Test func `STS may be elsewhere`() throws {
        let own = "aws_profile_name: app, aws_sts_endpoint: 'https://vpce.example:8443/sts', "
        #expect(
            try self.chain(own, Self.home).address == TokenAddress(host: "vpce.example", port: 8_443, path: "/sts/")
        )
        let variables = Self.home.merging(["AWS_ENDPOINT_URL_STS": "http://127.0.0.1:4566"]) { $1 }
        let local = TokenAddress(isSecure: false, host: "127.0.0.1", port: 4_566, path: "/")
        #expect(try self.chain("aws_profile_name: app, ", variables).address == local)
    }

    @Test func `an API key goes before what the environment has, a deployment's own words before that`() throws {
        let environment = Self.home.merging(["AWS_BEARER_TOKEN_BEDROCK": "k"]) { $1 }
        #expect(try self.credential("", environment) == .bearer(Secret("k")))
        #expect(try self.chain("aws_profile_name: app, ", environment).roles.count == 1)
    }

    @Test(arguments: [
        ("aws_profile_name: gone, ", home, "names a profile that isn't there or has no key"),
        ("aws_profile_name: login, ", home, "logs somebody in (sso_…), which isn't supported"),
        ("aws_profile_name: task, ", home, "credential_source has nothing"),
        ("", ["AWS_PROFILE": "gone"], "AWS_PROFILE"),
        ("", ["AWS_SHARED_CREDENTIALS_FILE": "/broken"], "/broken:2:1"),
        ("", ["AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://keys.example/"], "unencrypted at keys.example"),
        ("aws_role_name: app, ", home, "must be a role's ARN"),
        ("aws_role_name: '\(arn)', ", [:], "needs a key that takes the role on"),
        ("aws_web_identity_token: /token, ", [:], "needs aws_role_name beside it"),
        ("aws_profile_name: app, aws_sts_endpoint: 'http://sts.example', ", home, "unencrypted at sts.example"),
        ("", [:], "api_key: is missing"),
    ])
    func `what is lacking is one error that says what`(
        params: String,
        environment: [String: String],
        words: String
    ) {
        let found = errors(self.yaml(params), environment, files: Self.files)
        #expect(found.count == 1 && found[0].contains(words), "\(found)")
    }

    @Test func `they have no effect elsewhere`() throws {
        let yaml = BedrockTests.yaml("api_key: k, aws_role_name: 'arn:x', aws_profile_name: p", model: "openai/m")
        let lines = try load(yaml).lines
        #expect(lines.count == 2 && lines.allSatisfy { $0.contains("only bedrock is reached by it") }, "\(lines)")
    }
}
