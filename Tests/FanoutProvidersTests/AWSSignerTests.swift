// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutJSON
import FanoutModel
import FanoutProviders
import Testing

/// A request of AWS's published test suite for Signature Version 4, or one that botocore signed.
struct SignatureVector: Sendable, CustomTestStringConvertible {
    var name: String
    var method = "GET"
    var target = "/"
    var headers: [(name: String, value: String)] = []
    var body = ""
    var token: String?
    var signedNames = "host;x-amz-date"
    var signature: String

    var testDescription: String { self.name }

    /// The suite's session token.
    static let token =
        "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuw"
        + "thAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNV"
        + "XAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="

    /// Of aws-sig-v4-test-suite.
    static let published: [SignatureVector] = [
        Self(name: "get-vanilla", signature: "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        Self(
            name: "post-vanilla",
            method: "POST",
            signature: "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"
        ),
        Self(
            name: "post-vanilla-query",
            method: "POST",
            target: "/?Param1=value1",
            signature: "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11"
        ),
        Self(
            name: "get-vanilla-query-order-key-case",
            target: "/?Param2=value2&Param1=value1",
            signature: "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"
        ),
        Self(
            name: "post-x-www-form-urlencoded",
            method: "POST",
            headers: [("Content-Type", "application/x-www-form-urlencoded")],
            body: "Param1=value1",
            signedNames: "content-type;host;x-amz-date",
            signature: "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"
        ),
        Self(
            name: "post-header-key-sort",
            method: "POST",
            headers: [("My-Header1", "value1")],
            signedNames: "host;my-header1;x-amz-date",
            signature: "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c"
        ),
        Self(
            name: "get-header-value-trim",
            headers: [("My-Header1", " value1"), ("My-Header2", " \"a   b   c\"")],
            signedNames: "host;my-header1;my-header2;x-amz-date",
            signature: "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"
        ),
        Self(
            name: "get-utf8",
            target: "/\u{1234}",
            signature: "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"
        ),
        Self(
            name: "get-space",
            target: "/example space/",
            signature: "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"
        ),
        Self(
            name: "get-unreserved",
            target: "/-._~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
            // The suite's own path ends in the alphabet; this one was signed by botocore.
            signature: "98964e1079ce472101899439653197a4f6e602f30cd6aaf6c76d81b4fd9866fe"
        ),
        Self(
            name: "get-slash-dot-slash",
            target: "/./",
            signature: "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
        ),
        Self(
            name: "get-relative-relative",
            target: "/example1/example2/../..",
            signature: "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
        ),
        Self(
            name: "get-slashes",
            target: "//example//",
            signature: "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84"
        ),
        Self(
            name: "post-sts-header-before",
            method: "POST",
            token: Self.token,
            signedNames: "host;x-amz-date;x-amz-security-token",
            signature: "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"
        ),
    ]
}

@Suite struct AWSSignerTests {
    /// 2015-08-30T12:36:00Z, the suite's moment.
    static let moment: Int64 = 1_440_938_160

    static func credentials(token: String? = nil) -> AWSCredentials {
        AWSCredentials(
            accessKeyID: Secret("AKIDEXAMPLE"),
            secretAccessKey: Secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
            sessionToken: token.map(Secret.init)
        )
    }

    static func value(_ name: String, in headers: [Endpoint.Header]) -> String? {
        headers.first { $0.name == name }?.value.revealed
    }

    @Test(arguments: SignatureVector.published)
    func `a signature is the one that AWS publishes`(vector: SignatureVector) {
        let signer = AWSSigner(
            credentials: Self.credentials(token: vector.token),
            region: "us-east-1",
            service: "service"
        )
        let added = signer.headers(
            method: vector.method,
            target: vector.target,
            headers: [("Host", "example.amazonaws.com")] + vector.headers,
            body: Array(vector.body.utf8),
            seconds: Self.moment
        )
        let expected =
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
            + "SignedHeaders=\(vector.signedNames), Signature=\(vector.signature)"
        #expect(Self.value("authorization", in: added) == expected)
        #expect(Self.value("x-amz-date", in: added) == "20150830T123600Z")
        #expect(Self.value("x-amz-security-token", in: added) == vector.token)
    }

    @Test(arguments: [
        (0, "19700101T000000Z"), (951_782_399, "20000228T235959Z"), (951_782_400, "20000229T000000Z"),
        (1_709_251_199, "20240229T235959Z"), (1_796_083_200, "20261201T000000Z"), (-1, "19700101T000000Z"),
    ])
    func `a moment is written as AWS reads it`(seconds: Int64, stamp: String) {
        let signer = AWSSigner(credentials: Self.credentials(), region: "r", service: "s")
        let added = signer.headers(method: "POST", target: "/", headers: [], body: [], seconds: seconds)
        #expect(Self.value("x-amz-date", in: added) == stamp)
    }
}

/// The expected values were made by botocore 1.43 for the same requests.
@Suite struct SignedRequestTests {
    static func request(_ model: String, _ configure: (inout Endpoint) -> Void) throws -> (ProviderRequest, Endpoint) {
        var endpoint = Endpoint.of("bedrock", model: model)
        endpoint.pathPrefix = ""
        endpoint.region = "us-east-1"
        endpoint.host = "bedrock-runtime.us-east-1.amazonaws.com"
        endpoint.credential = .aws(AWSSignerTests.credentials())
        configure(&endpoint)
        var request = try Translator.encode(.text(), for: endpoint, stream: false)
        request.body = Array(#"{"messages":[]}"#.utf8)
        return (request, endpoint)
    }

    static func signature(_ request: ProviderRequest) -> String {
        let value = AWSSignerTests.value("authorization", in: request.headers) ?? ""
        return value.split(separator: "=").last.map(String.init) ?? ""
    }

    @Test func `the request that is sent is signed, with its host and body`() throws {
        var (request, endpoint) = try Self.request("us.anthropic.claude-3-5-sonnet-20240620-v1:0") { _ in }
        Translator.sign(&request, for: endpoint, wallClockSeconds: AWSSignerTests.moment)
        #expect(Self.signature(request) == "8d5c26e0a8ea245822e07e7ceb8fdfb38e1e1e8a226cc5da74dd2aeb35124463")
        #expect(request.isSigned)
    }

    @Test func `an ARN, a port and a temporary key are signed as they are sent`() throws {
        let profile = "arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/abc"
        var (request, endpoint) = try Self.request(profile) {
            $0.region = "eu-west-1"
            $0.host = "bedrock-runtime.eu-west-1.amazonaws.com"
            $0.port = 8_443
            $0.credential = .aws(AWSSignerTests.credentials(token: SignatureVector.token))
        }
        request.path += "-stream"
        Translator.sign(&request, for: endpoint, wallClockSeconds: AWSSignerTests.moment)
        #expect(Self.signature(request) == "029a8540cd4a4b5003ee1f1bcc8157107c818e06319525534815b9b5ca0a6bb4")
    }

    @Test func `a request that is sent again is signed for its own moment`() throws {
        var (first, endpoint) = try Self.request("m") { _ in }
        var second = first
        Translator.sign(&first, for: endpoint, wallClockSeconds: AWSSignerTests.moment)
        Translator.sign(&second, for: endpoint, wallClockSeconds: AWSSignerTests.moment + 1)
        #expect(Self.signature(first) != Self.signature(second))
    }

    @Test func `a bearer key isn't signed`() throws {
        var (request, endpoint) = try Self.request("m") { $0.credential = .bearer(Secret("bedrock-key")) }
        let before = request
        Translator.sign(&request, for: endpoint, wallClockSeconds: AWSSignerTests.moment)
        #expect(request == before)
        #expect(AWSSignerTests.value("authorization", in: request.headers) == "Bearer bedrock-key")
    }
}
