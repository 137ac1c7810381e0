// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import Crypto
package import FanoutModel

/// Signs requests for AWS: Signature Version 4, in the header.
///
/// Source: docs.aws.amazon.com, "AWS Signature Version 4 for API requests". The path is encoded once more than it is
/// sent, as all services but S3 want it. Time is an argument: a signature is taken within five minutes of it.
package struct AWSSigner: Sendable {
    /// Who signs.
    package var credentials: AWSCredentials
    /// For example `us-east-1`.
    package var region: String
    /// For example `bedrock`.
    package var service: String

    package init(credentials: AWSCredentials, region: String, service: String) {
        self.credentials = credentials
        self.region = region
        self.service = service
    }

    /// A header that is signed.
    package typealias Header = (name: String, value: String)

    /// What makes a request a signed one.
    /// - Parameters:
    ///   - method: For example `POST`.
    ///   - target: Path and query as they are sent.
    ///   - headers: What is sent and signed, `host` among them.
    ///   - body: All of it.
    ///   - seconds: The moment of sending, in seconds since 1970.
    /// - Returns: The headers to add: the date, the token of a temporary key, and the signature.
    package func headers(
        method: String,
        target: String,
        headers: [Header],
        body: [UInt8],
        seconds: Int64
    ) -> [Endpoint.Header] {
        let stamp = Self.stamp(seconds)
        var signed = headers.map { (name: $0.name.lowercased(), value: Self.trimmed($0.value)) }
        signed.append((name: "x-amz-date", value: stamp))
        var added = [Endpoint.Header(name: "x-amz-date", value: Secret(stamp))]
        if let token = self.credentials.sessionToken {
            signed.append((name: "x-amz-security-token", value: token.revealed))
            added.append(Endpoint.Header(name: "x-amz-security-token", value: token))
        }
        signed.sort { $0.name < $1.name }
        let names = signed.map(\.name).joined(separator: ";")
        let mark = target.firstIndex(of: "?") ?? target.endIndex
        let request = [
            method, Self.canonicalPath(target[..<mark]), Self.canonicalQuery(target[mark...].dropFirst()),
            signed.map { "\($0.name):\($0.value)\n" }.joined(), names, Self.hexadecimal(SHA256.hash(data: body)),
        ].joined(separator: "\n")
        let scope = "\(stamp.prefix(8))/\(self.region)/\(self.service)/aws4_request"
        let digest = Self.hexadecimal(SHA256.hash(data: Array(request.utf8)))
        let signature = Self.hexadecimal(
            Self.code("AWS4-HMAC-SHA256\n\(stamp)\n\(scope)\n\(digest)", key: self.key(day: stamp.prefix(8)))
        )
        let value =
            "AWS4-HMAC-SHA256 Credential=\(self.credentials.accessKeyID.revealed)/\(scope), "
            + "SignedHeaders=\(names), Signature=\(signature)"
        added.append(Endpoint.Header(name: "authorization", value: Secret(value)))
        return added
    }

    /// The key of a day, a region and a service.
    private func key(day: Substring) -> [UInt8] {
        var key = Array("AWS4\(self.credentials.secretAccessKey.revealed)".utf8)
        for word in [String(day), self.region, self.service, "aws4_request"] { key = Self.code(word, key: key) }
        return key
    }

    private static func code(_ text: String, key: [UInt8]) -> [UInt8] {
        Array(HMAC<SHA256>.authenticationCode(for: Array(text.utf8), using: SymmetricKey(data: key)))
    }

    // MARK: The canonical request

    /// Dot segments and empty ones are taken out, and each byte that isn't unreserved is encoded.
    private static func canonicalPath(_ path: Substring) -> String {
        var segments: [Substring] = []
        for segment in path.split(separator: "/") where segment != "." {
            if segment == ".." { _ = segments.popLast() } else { segments.append(segment) }
        }
        guard !segments.isEmpty else { return "/" }
        let end = path.hasSuffix("/") ? "/" : ""
        return "/" + segments.map { OpenAIPath.percentEncoded(String($0)) }.joined(separator: "/") + end
    }

    /// The parameters, which are encoded already, in order.
    private static func canonicalQuery(_ query: Substring) -> String {
        let pairs = query.split(separator: "&").map { (pair: Substring) -> (name: Substring, value: Substring) in
            let sign = pair.firstIndex(of: "=") ?? pair.endIndex
            return (name: pair[..<sign], value: pair[sign...].dropFirst())
        }
        return pairs.sorted { $0.name == $1.name ? $0.value < $1.value : $0.name < $1.name }
            .map { "\($0.name)=\($0.value)" }.joined(separator: "&")
    }

    /// Without white space around, and with one blank for several.
    private static func trimmed(_ value: String) -> String {
        value.split(whereSeparator: { $0 == " " || $0 == "\t" }).joined(separator: " ")
    }

    private static func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 0x0F)]] }, as: UTF8.self)
    }

    // MARK: The date

    /// A moment as `20150830T123600Z`.
    private static func stamp(_ seconds: Int64) -> String {
        let day = seconds >= 0 ? seconds / 86_400 : 0
        let rest = seconds >= 0 ? seconds % 86_400 : 0
        let date = HTTPDate.date(ofDay: day)
        let time = [rest / 3_600, rest / 60 % 60, rest % 60].map { Self.digits($0, 2) }.joined()
        return "\(Self.digits(date.year, 4))\(Self.digits(date.month, 2))\(Self.digits(date.day, 2))T\(time)Z"
    }

    private static func digits(_ value: Int64, _ count: Int) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(0, count - text.utf8.count)) + text
    }
}
