// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel
internal import FanoutProviders

/// What gives out keys of AWS answers with, as far as it is used: STS in XML, the server beside a container in JSON.
struct AWSKeyAnswer {
    /// Nil = there is none that a header can carry.
    private(set) var key: AWSCredentials?
    /// Why there is none.
    private(set) var refusal = TokenRefusal(code: "", words: "")
    /// When the key ends, as in RFC 3339; empty = not said.
    private var expiration = ""

    /// Longer texts are none.
    private static let textBytesMax = 16 << 10
    /// Where nothing is said of the key's end: the shortest life that STS gives.
    private static let usualSeconds: Int64 = 900

    /// Reads what is there; what is neither form has nothing.
    init(_ body: [UInt8]) {
        let isJSON = body.first { $0 > 0x20 } == UInt8(ascii: "{")
        var fields: [String: String] = [:]
        if isJSON {
            // What isn't JSON after all has no member.
            fields = (try? JSONTexts.members(of: body, bytesMax: TokenAnswer.bytesMax)) ?? [:]
        }
        func text(_ names: String...) -> String {
            names.lazy.compactMap { isJSON ? fields[$0] : Self.element($0, in: body) }.first ?? ""
        }
        self.refusal = TokenRefusal(code: text("Code", "code"), words: text("Message", "message"))
        self.expiration = text("Expiration")
        let (id, secret, token) = (text("AccessKeyId"), text("SecretAccessKey"), text("SessionToken", "Token"))
        guard Self.isSendable(id), Self.isSendable(secret), token.isEmpty || Self.isSendable(token) else { return }
        self.key = AWSCredentials(
            accessKeyID: Secret(id),
            secretAccessKey: Secret(secret),
            sessionToken: token.isEmpty ? nil : Secret(token)
        )
    }

    /// How long the key is good for.
    func lifeMilliseconds(wallClockSeconds: Int64) -> UInt64 {
        let end = Timestamp.seconds(of: self.expiration) ?? wallClockSeconds + Self.usualSeconds
        return UInt64(max(0, end - wallClockSeconds)) * 1_000
    }

    private static func isSendable(_ text: String) -> Bool {
        (1...self.textBytesMax).contains(text.utf8.count) && text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
    }

    /// The text of the first element of a name, which has no attributes in these answers.
    private static func element(_ name: String, in body: [UInt8]) -> String? {
        let tag = Array("<\(name)>".utf8)
        guard let start = body.firstRange(of: tag)?.upperBound,
            let end = body[start...].firstIndex(of: UInt8(ascii: "<")), end - start <= self.textBytesMax
        else { return nil }
        var text = String(decoding: body[start..<end], as: UTF8.self)
        // The one of `&` last: what it makes is no further entity.
        for (entity, character) in [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")] {
            text.replace(entity, with: character)
        }
        return text
    }
}
