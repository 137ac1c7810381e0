// Fanout
// SPDX-License-Identifier: Apache-2.0

import Crypto
import CryptoExtras
import FanoutJSON
import FanoutModel
import Testing

@testable import FanoutCredentials

@Suite struct ServiceAccountTests {
    private static let key = try? _RSA.Signing.PrivateKey(keySize: .bits2048)

    private func account(_ pem: String? = nil) throws -> ServiceAccount {
        ServiceAccount(
            email: "app@p-1.iam.gserviceaccount.com",
            keyID: "k1",
            privateKey: Secret(try pem ?? #require(Self.key).pemRepresentation),
            audience: "https://oauth2.example/token",
            address: TokenAddress(host: "oauth2.example", path: "/token"),
            scope: "https://www.googleapis.com/auth/cloud-platform"
        )
    }

    private func decoded(_ part: Substring) throws -> [UInt8] {
        #expect(!part.contains("="))
        return try #require(decodeBase64(Array(part.replacing("-", with: "+").replacing("_", with: "/").utf8)))
    }

    private func values(_ json: [UInt8]) throws -> [String: String] {
        try withJSONReader(json) { reader in
            var values: [String: String] = [:]
            try reader.enterObject()
            while try reader.nextMember() {
                let key = try reader.key()
                values[key] = try reader.kind() == .number ? String(reader.int64()) : reader.string()
            }
            return values
        }
    }

    @Test func `the assertion says who asks for what, and the account's key has signed it`() throws {
        let text = try ServiceAccountAssertion.text(of: self.account(), wallClockSeconds: 1_800_000_000)
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        #expect(parts.count == 3)
        #expect(try self.values(self.decoded(parts[0])) == ["alg": "RS256", "typ": "JWT", "kid": "k1"])
        #expect(
            try self.values(self.decoded(parts[1])) == [
                "iss": "app@p-1.iam.gserviceaccount.com", "aud": "https://oauth2.example/token",
                "scope": "https://www.googleapis.com/auth/cloud-platform", "iat": "1800000000", "exp": "1800003600",
            ]
        )
        let signature = _RSA.Signing.RSASignature(rawRepresentation: try self.decoded(parts[2]))
        let digest = SHA256.hash(data: Array("\(parts[0]).\(parts[1])".utf8))
        let publicKey = try #require(Self.key).publicKey
        #expect(publicKey.isValidSignature(signature, for: digest, padding: .insecurePKCS1v1_5))
        let other = SHA256.hash(data: Array("\(parts[0]).\(parts[1])x".utf8))
        #expect(!publicKey.isValidSignature(signature, for: other, padding: .insecurePKCS1v1_5))
    }

    @Test func `PKCS 1 and PKCS 8 are both taken`() throws {
        let key = try #require(Self.key)
        try ServiceAccountAssertion.check(Secret(key.pemRepresentation))
        try ServiceAccountAssertion.check(Secret(key.pkcs8PEMRepresentation))
    }

    @Test(arguments: ["", "PEM", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
    func `what is no key is refused without a word of it`(pem: String) throws {
        let problem = ServiceAccountAssertion.Problem(words: "is no RSA key of at least 2048 bits in PEM")
        #expect(throws: problem) { try ServiceAccountAssertion.check(Secret(pem)) }
        var exchange = CredentialExchange(
            CredentialSource(name: "the service account a", origin: .serviceAccount(try self.account(pem)))
        )
        guard case .ended(.failure(let failure)) = exchange.begin(wallClockSeconds: 0) else {
            Issue.record("it was signed")
            return
        }
        #expect(failure.code == .authentication)
        #expect(failure.message.contains("the service account a: its key is no RSA key"))
    }

    @Test func `the assertion is posted as RFC 7523 says`() throws {
        var exchange = CredentialExchange(
            CredentialSource(name: "a", origin: .serviceAccount(try self.account()))
        )
        guard case .send(let request) = exchange.begin(wallClockSeconds: 1_800_000_000) else {
            Issue.record("nothing is sent")
            return
        }
        #expect(request.method == .post)
        #expect(request.address == TokenAddress(host: "oauth2.example", path: "/token"))
        let body = String(decoding: request.body, as: UTF8.self)
        let start = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion="
        #expect(body.hasPrefix(start))
        #expect(
            try body.dropFirst(start.count)
                == ServiceAccountAssertion.text(of: self.account(), wallClockSeconds: 1_800_000_000)
        )
    }
}
