// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import Testing

@testable import FanoutCredentials

@Suite struct TokenExchangeTests {
    private static let address = TokenAddress(host: "login.example", path: "/t/oauth2/v2.0/token")

    private func source(assertionFile: String? = nil) -> CredentialSource {
        var grant = OAuthGrant(
            address: Self.address,
            fields: [
                OAuthGrant.Field("grant_type", Secret("client_credentials")),
                OAuthGrant.Field("client_secret", Secret("a&b=c d/é")),
            ]
        )
        grant.assertionFile = assertionFile
        return CredentialSource(name: "the client c", origin: .grant(grant))
    }

    private func answered(_ status: UInt16, _ body: String, retry: UInt64? = nil) -> Result<FetchedCredential, Failure>
    {
        var exchange = CredentialExchange(self.source())
        _ = exchange.begin(wallClockSeconds: 0)
        let answer = TokenAnswer(status: status, body: Array(body.utf8), retryAfterMilliseconds: retry)
        guard case .ended(let result) = exchange.answered(answer, wallClockSeconds: 0) else {
            return .failure(Failure(.internal, "it hasn't ended"))
        }
        return result
    }

    private func failure(_ status: UInt16, _ body: String, retry: UInt64? = nil) -> Failure? {
        if case .failure(let failure) = self.answered(status, body, retry: retry) { return failure }
        return nil
    }

    @Test func `the fields go out as a form`() {
        var exchange = CredentialExchange(self.source())
        guard case .send(let request) = exchange.begin(wallClockSeconds: 0) else {
            Issue.record("nothing is sent")
            return
        }
        #expect(request.method == .post && request.address == Self.address)
        #expect(
            String(decoding: request.body, as: UTF8.self)
                == "grant_type=client_credentials&client_secret=a%26b%3Dc%20d%2F%C3%A9"
        )
        #expect(request.headers.first?.value.revealed == "application/x-www-form-urlencoded")
    }

    @Test func `an assertion in a file is read each time and sent with them`() {
        var exchange = CredentialExchange(self.source(assertionFile: "/var/run/token"))
        guard case .read("/var/run/token", _) = exchange.begin(wallClockSeconds: 0),
            case .send(let request) = exchange.read(.success(Array("  a.b.c\n".utf8)), wallClockSeconds: 0)
        else {
            Issue.record("the file isn't read or nothing is sent")
            return
        }
        #expect(String(decoding: request.body, as: UTF8.self).hasSuffix("&client_assertion=a.b.c"))
    }

    @Test(arguments: [
        (Result<[UInt8], FileFault>.failure(.missing), "the file /token doesn't exist."),
        (.failure(.unreadable("not yours")), "the file /token can't be read: not yours."),
        (.success([]), "the file /token can't be read: it is empty."),
        (.success(Array("two words".utf8)), "the file /token can't be read: it holds no token."),
    ])
    func `a file that can't be used is a failure of the account`(file: Result<[UInt8], FileFault>, words: String) {
        var exchange = CredentialExchange(self.source(assertionFile: "/token"))
        _ = exchange.begin(wallClockSeconds: 0)
        guard case .ended(.failure(let failure)) = exchange.read(file, wallClockSeconds: 0) else {
            Issue.record("it was taken")
            return
        }
        #expect(failure.code == .authentication)
        #expect(failure.message.contains(words), "\(failure.message)")
    }

    @Test(arguments: [
        (#"{"access_token": "t.1", "expires_in": 3599, "token_type": "Bearer"}"#, UInt64(3_599_000)),
        (#"{"token_type": "Bearer", "expires_in": "120", "access_token": "t.1", "x": {"y": []}}"#, 120_000),
        (#"{"access_token": "t.1", "expires_in": 59.9}"#, 59_000),
        (#"{"access_token": "t.1"}"#, 300_000), (#"{"access_token": "t.1", "expires_in": null}"#, 300_000),
        (#"{"access_token": "t.1", "expires_in": -5}"#, 0),
    ])
    func `a token comes with its life`(body: String, life: UInt64) throws {
        let fetched = try self.answered(200, body).get()
        #expect(fetched.credential == .bearer(Secret("t.1")))
        #expect(fetched.lifeMilliseconds == life)
    }

    @Test(arguments: [
        "", "{}", "<html>", #"{"access_token": ""}"#, #"{"access_token": 5}"#, #"{"access_token": "a b"}"#,
        #"{"access_token": "a\r\nb: c"}"#, #"{"access_token": "t.1""#,
        #"{"access_token": "\#(String(repeating: "x", count: 40_000))"}"#,
    ])
    func `a yes without a token that a header can carry is a failure of the server`(body: String) {
        let failure = self.failure(200, body)
        #expect(failure?.code == .unreachable)
        #expect(failure?.message.contains("login.example:443 answers with something else") == true)
    }

    @Test func `a refusal says whose it is, in the server's own words`() {
        let failure = self.failure(
            401,
            #"{"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret.\r\nTrace: 1."}"#
        )
        #expect(failure?.code == .authentication)
        #expect(failure?.providerCode == "invalid_client")
        #expect(failure?.providerMessage == "AADSTS7000215: Invalid client secret.\r\nTrace: 1.")
        #expect(
            failure?.message.hasPrefix(
                "login.example:443 refuses a token to the client c (HTTP 401): invalid_client: AADSTS7000215: "
                    + "Invalid client secret. Trace: 1. Check"
            ) == true,
            "\(failure?.message ?? "")"
        )
    }

    @Test func `an error of Google's other form is read, too`() {
        let body = #"{"error": {"code": 403, "status": "PERMISSION_DENIED", "message": "No."}}"#
        #expect(self.failure(403, body)?.providerCode == "PERMISSION_DENIED")
        #expect(self.failure(403, body)?.providerMessage == "No.")
    }

    @Test(arguments: [408, 429, 500, 503] as [UInt16])
    func `a server that is down or busy is asked again, not before it says`(status: UInt16) {
        let failure = self.failure(status, "<html>", retry: 7_000)
        #expect(failure?.code == .unreachable)
        #expect(failure?.retryAfterMilliseconds == 7_000)
    }

    @Test func `a redirect isn't followed`() {
        let failure = self.failure(302, "")
        #expect(failure?.code == .unreachable)
        #expect(failure?.message.contains("keys follow no redirect") == true)
    }

    @Test func `Google's metadata server is asked as it wants to be asked`() {
        let address = TokenAddress(isSecure: false, host: "metadata", port: 80, path: "/token")
        var exchange = CredentialExchange(CredentialSource(name: "m", origin: .googleMetadata(address)))
        guard case .send(let request) = exchange.begin(wallClockSeconds: 0) else {
            Issue.record("nothing is sent")
            return
        }
        #expect(request.method == .get && request.body.isEmpty)
        #expect(request.headers == [Endpoint.Header(name: "metadata-flavor", value: Secret("Google"))])
    }
}
