// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import Crypto
internal import CryptoExtras
internal import FanoutJSON
package import FanoutModel

/// The signed assertion by which a Google service account asks for a token: a JSON Web Token with RS256 (RFC 7519,
/// RFC 7518 3.3; developers.google.com, "Using OAuth 2.0 for Server to Server Applications").
package enum ServiceAccountAssertion {
    /// The most that Google takes, in seconds.
    static let lifeSeconds: Int64 = 3_600

    /// Why a key can't sign.
    package struct Problem: Error, Sendable, Hashable {
        /// The end of a sentence that begins with the key.
        package var words: String
    }

    /// Whether a key can sign, without a word of it in the answer.
    package static func check(_ privateKey: Secret) throws(Problem) {
        _ = try self.key(privateKey)
    }

    /// The assertion.
    static func text(of account: ServiceAccount, wallClockSeconds: Int64) throws(Problem) -> String {
        let key = try self.key(account.privateKey)
        var header = JSONWriter(capacity: 96)
        header.beginObject()
        header.key("alg")
        header.string("RS256")
        header.key("typ")
        header.string("JWT")
        if !account.keyID.isEmpty {
            header.key("kid")
            header.string(account.keyID)
        }
        header.endObject()
        var claims = JSONWriter(capacity: 320)
        claims.beginObject()
        claims.key("iss")
        claims.string(account.email)
        claims.key("scope")
        claims.string(account.scope)
        claims.key("aud")
        claims.string(account.audience)
        claims.key("iat")
        claims.int(wallClockSeconds)
        claims.key("exp")
        claims.int(wallClockSeconds + self.lifeSeconds)
        claims.endObject()
        var token = self.base64URL(header.finish())
        token.append(UInt8(ascii: "."))
        token += self.base64URL(claims.finish())
        do {
            // RS256 is this padding; the name warns of its use for encryption.
            let signature = try key.signature(for: SHA256.hash(data: token), padding: .insecurePKCS1v1_5)
            token.append(UInt8(ascii: "."))
            token += self.base64URL(Array(signature.rawRepresentation))
        } catch {
            throw Problem(words: "can't sign")
        }
        return String(decoding: token, as: UTF8.self)
    }

    private static func key(_ privateKey: Secret) throws(Problem) -> _RSA.Signing.PrivateKey {
        guard privateKey.revealed.utf8.count <= 32 << 10 else { throw Problem(words: "is too long") }
        do {
            return try _RSA.Signing.PrivateKey(pemRepresentation: privateKey.revealed)
        } catch {
            throw Problem(words: "is no RSA key of at least 2048 bits in PEM")
        }
    }

    /// RFC 4648, 5, without padding.
    private static func base64URL(_ bytes: [UInt8]) -> [UInt8] {
        var text: [UInt8] = []
        appendBase64(bytes, to: &text)
        while text.last == UInt8(ascii: "=") { text.removeLast() }
        return text.map { byte in
            switch byte {
            case UInt8(ascii: "+"): UInt8(ascii: "-")
            case UInt8(ascii: "/"): UInt8(ascii: "_")
            default: byte
            }
        }
    }
}
