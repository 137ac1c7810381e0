// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import Testing

@testable import FanoutCredentials

@Suite struct AWSRoleExchangeTests {
    static let sts = TokenAddress(host: "sts.eu-west-1.amazonaws.com", path: "/")
    static let server = TokenAddress(isSecure: false, host: "169.254.170.2", port: 80, path: "/v2/credentials/x")
    static let lasting = AWSCredentials(accessKeyID: Secret("AKID1"), secretAccessKey: Secret("hush"))
    /// 2026-01-02T03:04:05Z.
    static let now: Int64 = 1_767_323_045

    static func role(_ name: String, _ externalID: String = "") -> AWSRoleChain.Role {
        AWSRoleChain.Role(arn: "arn:aws:iam::1:role/\(name)", sessionName: "fan out", externalID: externalID)
    }

    static func exchange(_ start: AWSRoleChain.Start, _ roles: [AWSRoleChain.Role]) -> CredentialExchange {
        let chain = AWSRoleChain(start: start, roles: roles, address: Self.sts, region: "eu-west-1")
        return CredentialExchange(CredentialSource(name: "the role r", origin: .aws(chain)))
    }

    static func xml(_ key: String, _ end: String = "2026-01-02T04:04:05Z", action: String = "AssumeRole") -> String {
        """
        <\(action)Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><\(action)Result>
        <AssumedRoleUser><Arn>arn</Arn></AssumedRoleUser><Credentials><AccessKeyId>\(key)</AccessKeyId>
        <SecretAccessKey>s/\(key)+=</SecretAccessKey><SessionToken>t-\(key)</SessionToken>
        <Expiration>\(end)</Expiration></Credentials></\(action)Result></\(action)Response>
        """
    }

    static func answer(_ body: String, status: UInt16 = 200) -> TokenAnswer {
        TokenAnswer(status: status, body: Array(body.utf8))
    }

    static func key(_ name: String) -> AWSCredentials {
        AWSCredentials(
            accessKeyID: Secret(name),
            secretAccessKey: Secret("s/\(name)+="),
            sessionToken: Secret("t-\(name)")
        )
    }

    private func request(_ step: CredentialExchange.Step) throws -> TokenRequest {
        guard case .send(let request) = step else { throw Failure(.internal, "nothing is sent: \(step)") }
        return request
    }

    private func result(_ step: CredentialExchange.Step) throws -> Result<FetchedCredential, Failure> {
        guard case .ended(let result) = step else { throw Failure(.internal, "it hasn't ended: \(step)") }
        return result
    }

    private func header(_ name: String, of request: TokenRequest) -> String? {
        request.headers.first { $0.name == name }?.value.revealed
    }

    @Test func `a role is asked for with a signature of the key, and its key has an end`() throws {
        var exchange = Self.exchange(.key(Self.lasting), [Self.role("a", "x y")])
        let request = try self.request(exchange.begin(wallClockSeconds: Self.now))
        #expect(request.method == .post && request.address == Self.sts)
        #expect(
            String(decoding: request.body, as: UTF8.self)
                == "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fa"
                + "&RoleSessionName=fan%20out&ExternalId=x%20y"
        )
        #expect(self.header("x-amz-date", of: request) == "20260102T030405Z")
        let signature = try #require(self.header("authorization", of: request))
        #expect(
            signature.hasPrefix(
                "AWS4-HMAC-SHA256 Credential=AKID1/20260102/eu-west-1/sts/aws4_request, "
                    + "SignedHeaders=content-type;host;x-amz-date, Signature="
            ),
            "\(signature)"
        )
        let answer = Self.answer(Self.xml("K"))
        let fetched = try self.result(exchange.answered(answer, wallClockSeconds: Self.now)).get()
        #expect(fetched.credential == .aws(Self.key("K")))
        #expect(fetched.lifeMilliseconds == 3_600_000)
    }

    @Test func `another provider's token is read each time and sent unsigned`() throws {
        var exchange = Self.exchange(.webToken(.file("/token")), [Self.role("a", "unused")])
        guard case .read("/token", _) = exchange.begin(wallClockSeconds: Self.now) else {
            Issue.record("the file isn't read")
            return
        }
        let request = try self.request(exchange.read(.success(Array("a.b.c\n".utf8)), wallClockSeconds: Self.now))
        #expect(
            String(decoding: request.body, as: UTF8.self)
                == "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fa"
                + "&RoleSessionName=fan%20out&WebIdentityToken=a.b.c"
        )
        #expect(self.header("authorization", of: request) == nil)
        let answer = Self.answer(Self.xml("K", action: "AssumeRoleWithWebIdentity"))
        let fetched = try self.result(exchange.answered(answer, wallClockSeconds: Self.now)).get()
        #expect(fetched.credential == .aws(Self.key("K")))
    }

    @Test func `roles are taken on one by the key of the other, the last one's is used`() throws {
        var exchange = Self.exchange(
            .webToken(.text(Secret("a.b.c"))),
            [Self.role("a"), Self.role("b"), Self.role("c")]
        )
        _ = try self.request(exchange.begin(wallClockSeconds: Self.now))
        for (key, role) in [("K1", "b"), ("K2", "c")] {
            let step = exchange.answered(Self.answer(Self.xml(key)), wallClockSeconds: Self.now)
            let request = try self.request(step)
            #expect(String(decoding: request.body, as: UTF8.self).contains("role%2F\(role)&"))
            #expect(self.header("authorization", of: request)?.contains("Credential=\(key)/") == true)
            #expect(self.header("x-amz-security-token", of: request) == "t-\(key)")
        }
        let last = Self.answer(Self.xml("K3", "2026-01-02T03:19:05Z"))
        let fetched = try self.result(exchange.answered(last, wallClockSeconds: Self.now)).get()
        #expect(fetched.credential == .aws(Self.key("K3")) && fetched.lifeMilliseconds == 900_000)
    }

    @Test(arguments: [nil, WebToken.text(Secret("tok")), .file("/auth")])
    func `the server beside a container is asked as it wants to be asked`(authorization: WebToken?) throws {
        var exchange = Self.exchange(.container(Self.server, authorization: authorization), [])
        var step = exchange.begin(wallClockSeconds: Self.now)
        if case .read("/auth", _) = step {
            step = exchange.read(.success(Array("tok".utf8)), wallClockSeconds: Self.now)
        }
        let request = try self.request(step)
        #expect(request.method == .get && request.address == Self.server && request.body.isEmpty)
        #expect(self.header("authorization", of: request) == (authorization == nil ? nil : "tok"))
        let body =
            #"{"RoleArn":"arn","AccessKeyId":"K","SecretAccessKey":"s/K+=","Token":"t-K","#
            + #""Expiration":"2026-01-02T03:04:35Z"}"#
        let fetched = try self.result(exchange.answered(Self.answer(body), wallClockSeconds: Self.now)).get()
        #expect(fetched.credential == .aws(Self.key("K")) && fetched.lifeMilliseconds == 30_000)
    }

    static let metadata = TokenAddress(isSecure: false, host: "169.254.169.254", port: 80, path: "/latest/")

    @Test func `a machine's metadata are asked for a token, the role's name and its key, in this order`() throws {
        var exchange = Self.exchange(.instance(Self.metadata), [])
        let session = try self.request(exchange.begin(wallClockSeconds: Self.now))
        #expect(session.method == .put && session.address.path == "/latest/api/token")
        #expect(self.header("x-aws-ec2-metadata-token-ttl-seconds", of: session) == "300")
        let list = try self.request(exchange.answered(Self.answer("SESSION=="), wallClockSeconds: Self.now))
        #expect(list.method == .get && list.address.path == "/latest/meta-data/iam/security-credentials/")
        #expect(self.header("x-aws-ec2-metadata-token", of: list) == "SESSION==")
        let key = try self.request(exchange.answered(Self.answer("my-role\n"), wallClockSeconds: Self.now))
        #expect(key.address.path == "/latest/meta-data/iam/security-credentials/my-role")
        #expect(self.header("x-aws-ec2-metadata-token", of: key) == "SESSION==")
        let body =
            #"{"Code":"Success","AccessKeyId":"K","SecretAccessKey":"s/K+=","Token":"t-K","#
            + #""Expiration":"2026-01-02T03:04:35Z"}"#
        let fetched = try self.result(exchange.answered(Self.answer(body), wallClockSeconds: Self.now)).get()
        #expect(fetched.credential == .aws(Self.key("K")) && fetched.lifeMilliseconds == 30_000)
    }

    @Test(arguments: [[""], ["two words"], ["SESSION", ""], ["SESSION", "../secret"], ["SESSION", "role?x=y"]])
    func `metadata that are none end the fetch`(answers: [String]) throws {
        var exchange = Self.exchange(.instance(Self.metadata), [])
        var step = exchange.begin(wallClockSeconds: Self.now)
        for answer in answers { step = exchange.answered(Self.answer(answer), wallClockSeconds: Self.now) }
        guard case .failure(let failure) = try self.result(step) else {
            Issue.record("it was taken")
            return
        }
        #expect(failure.code == .unreachable && failure.message.contains("169.254.169.254:80 answers with something"))
    }

    @Test func `a role may be taken on with a container's key`() throws {
        var exchange = Self.exchange(.container(Self.server, authorization: nil), [Self.role("a")])
        _ = exchange.begin(wallClockSeconds: Self.now)
        let body = #"{"AccessKeyId":"K","SecretAccessKey":"s","Token":"t"}"#
        let request = try self.request(exchange.answered(Self.answer(body), wallClockSeconds: Self.now))
        #expect(request.address == Self.sts)
        #expect(self.header("authorization", of: request)?.contains("Credential=K/") == true)
    }

    @Test func `a key that has ended already has no life, one without an end a short one`() throws {
        for (end, life) in [("2026-01-01T00:00:00Z", UInt64(0)), ("soon", 900_000)] {
            var exchange = Self.exchange(.key(Self.lasting), [Self.role("a")])
            _ = exchange.begin(wallClockSeconds: Self.now)
            let step = exchange.answered(Self.answer(Self.xml("K", end)), wallClockSeconds: Self.now)
            #expect(try self.result(step).get().lifeMilliseconds == life)
        }
    }

    @Test func `a refusal has STS's own words, and no key`() throws {
        var exchange = Self.exchange(.key(Self.lasting), [Self.role("a")])
        _ = exchange.begin(wallClockSeconds: Self.now)
        let body = """
            <ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code>
            <Message>User &quot;u&quot; is not authorized &amp;lt;</Message></Error></ErrorResponse>
            """
        let answer = Self.answer(body, status: 403)
        let result = try self.result(exchange.answered(answer, wallClockSeconds: Self.now))
        guard case .failure(let failure) = result else {
            Issue.record("it was taken")
            return
        }
        #expect(failure.code == .authentication && failure.providerCode == "AccessDenied")
        #expect(failure.providerMessage == "User \"u\" is not authorized &lt;")
        #expect(
            failure.message.hasPrefix(
                "sts.eu-west-1.amazonaws.com:443 refuses a token to the role r (HTTP 403): AccessDenied: User"
            )
        )
        #expect(!failure.message.contains("hush"))
    }

    @Test(arguments: [
        "", "{", "<html>", "<AccessKeyId>K</AccessKeyId>", #"{"AccessKeyId":"K","SecretAccessKey":""}"#,
        "<AccessKeyId>K</AccessKeyId><SecretAccessKey>a\r\nb: c</SecretAccessKey>",
        "<AccessKeyId>K</AccessKeyId><SecretAccessKey>\(String(repeating: "x", count: 20_000))</SecretAccessKey>",
        "<AccessKeyId>K</AccessKeyId><SecretAccessKey>s",
    ])
    func `a yes without a key that can sign is a failure of the server`(body: String) throws {
        var exchange = Self.exchange(.key(Self.lasting), [Self.role("a")])
        _ = exchange.begin(wallClockSeconds: Self.now)
        let result = try self.result(exchange.answered(Self.answer(body), wallClockSeconds: Self.now))
        guard case .failure(let failure) = result else {
            Issue.record("it was taken")
            return
        }
        #expect(failure.code == .unreachable && failure.message.contains("answers with something else"))
    }

    @Test func `a token's file that isn't there is named`() throws {
        var exchange = Self.exchange(.webToken(.file("/token")), [Self.role("a")])
        _ = exchange.begin(wallClockSeconds: Self.now)
        let result = try self.result(exchange.read(.failure(.missing), wallClockSeconds: Self.now))
        guard case .failure(let failure) = result else {
            Issue.record("it was taken")
            return
        }
        #expect(failure.code == .authentication && failure.message.contains("the file /token doesn't exist"))
    }
}
