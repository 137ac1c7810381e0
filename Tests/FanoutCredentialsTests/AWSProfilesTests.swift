// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import Testing

@testable import FanoutCredentials

@Suite struct AWSProfilesTests {
    static let credentials = """
        [default]
        aws_access_key_id = AKID1
        aws_secret_access_key = one
        [work]
        aws_access_key_id = AKID2
        aws_secret_access_key = two
        aws_session_token = tok
        """

    static let config = """
        [default]
        region = eu-west-1
        [profile chain]
        role_arn = arn:aws:iam::1:role/last
        source_profile = first
        external_id = x1
        [profile first]
        role_arn = arn:aws:iam::1:role/first
        role_session_name = s1
        source_profile = work
        [profile own]
        role_arn = arn:aws:iam::1:role/own
        source_profile = own
        aws_access_key_id = AKID3
        aws_secret_access_key = three
        [profile pod]
        role_arn = arn:aws:iam::1:role/pod
        web_identity_token_file = /token
        [profile variables]
        role_arn = arn:aws:iam::1:role/v
        credential_source = Environment
        [profile task]
        role_arn = arn:aws:iam::1:role/t
        credential_source = EcsContainer
        [profile machine]
        role_arn = arn:aws:iam::1:role/m
        credential_source = Ec2InstanceMetadata
        [profile odd]
        role_arn = arn:aws:iam::1:role/o
        credential_source = Elsewhere
        [profile nowhere]
        role_arn = arn:aws:iam::1:role/n
        source_profile = gone
        [profile nothing]
        role_arn = arn:aws:iam::1:role/n
        [profile round]
        role_arn = arn:aws:iam::1:role/a
        source_profile = trip
        [profile trip]
        role_arn = arn:aws:iam::1:role/b
        source_profile = round
        [profile code]
        role_arn = arn:aws:iam::1:role/c
        source_profile = work
        mfa_serial = arn:aws:iam::1:mfa/me
        [profile login]
        sso_session = corp
        [profile program]
        credential_process = /bin/keys
        [profile half]
        aws_access_key_id = AKID4
        [profile empty]
        region = eu-west-1
        [profile wrong]
        role_arn = role/c
        source_profile = work
        """

    private func profiles() throws -> AWSProfiles {
        AWSProfiles(
            credentials: try INIFile(Array(Self.credentials.utf8)),
            config: try INIFile(Array(Self.config.utf8))
        )
    }

    private static func key(_ id: String, _ secret: String, _ token: String? = nil) -> AWSProfiles.Identity.Start {
        .key(
            AWSCredentials(
                accessKeyID: Secret(id),
                secretAccessKey: Secret(secret),
                sessionToken: token.map(Secret.init)
            )
        )
    }

    private static func role(_ name: String, _ session: String = "fanout", _ id: String = "") -> AWSRoleChain.Role {
        AWSRoleChain.Role(arn: "arn:aws:iam::1:role/\(name)", sessionName: session, externalID: id)
    }

    @Test(
        arguments: [
            ("default", key("AKID1", "one"), []), ("work", key("AKID2", "two", "tok"), []),
            ("chain", key("AKID2", "two", "tok"), [role("first", "s1"), role("last", "fanout", "x1")]),
            ("own", key("AKID3", "three"), [role("own")]), ("pod", .tokenFile("/token"), [role("pod")]),
            ("variables", .environment, [role("v")]), ("task", .container, [role("t")]),
            ("machine", .instance, [role("m")]),
        ] as [(String, AWSProfiles.Identity.Start, [AWSRoleChain.Role])]
    )
    func `a profile is a key, or roles that lead back to one`(
        name: String,
        start: AWSProfiles.Identity.Start,
        roles: [AWSRoleChain.Role]
    ) throws {
        let identity = try self.profiles().identity(of: name)
        #expect(identity?.start == start)
        #expect(identity?.roles == roles)
    }

    @Test func `both files make one profile, and the default's region is read`() throws {
        let properties = try self.profiles().properties(of: "default")
        #expect(properties?["region"] == "eu-west-1" && properties?["aws_access_key_id"] == "AKID1")
    }

    @Test(arguments: ["gone", "empty"])
    func `a profile that says nothing of a key is none`(name: String) throws {
        #expect(try self.profiles().identity(of: name) == nil)
    }

    @Test(arguments: [
        ("odd", "credential_source that is none"), ("nowhere", "source_profile that isn't there"),
        ("nothing", "no source_profile, credential_source or web_identity_token_file"),
        ("round", "leads back to it"), ("code", "mfa_serial"), ("login", "sso_"), ("program", "credential_process"),
        ("half", "a key of AWS has two parts"), ("wrong", "role_arn that is none"),
    ])
    func `what can't be done is said by its name`(name: String, words: String) throws {
        let profiles = try self.profiles()
        let problem = #expect(throws: AWSProfiles.Problem.self) { try profiles.identity(of: name) }
        #expect(problem?.words.contains(words) == true, "\(problem?.words ?? "")")
    }

    @Test func `there is a bound on roles that lead to each other`() throws {
        func profiles(_ count: Int) throws -> AWSProfiles {
            let chain = (0..<count).map {
                "[profile p\($0)]\nrole_arn = arn:aws:iam::1:role/\($0)\nsource_profile = p\($0 + 1)\n"
            }
            let key = "[profile p\(count)]\naws_access_key_id = A\naws_secret_access_key = s\n"
            return AWSProfiles(credentials: INIFile(), config: try INIFile(Array((chain.joined() + key).utf8)))
        }
        #expect(try profiles(AWSProfiles.rolesMax).identity(of: "p0")?.roles.count == AWSProfiles.rolesMax)
        let tooMany = try profiles(AWSProfiles.rolesMax + 1)
        #expect(throws: AWSProfiles.Problem.self) { try tooMany.identity(of: "p0") }
    }
}
