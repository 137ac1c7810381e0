// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutJSON
internal import FanoutModel

extension ConfigurationBuilder {
    /// Reads `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, or the same in lower case, which goes first as in curl.
    mutating func readProxies() {
        self.service.proxies.secure = self.proxy("https_proxy")
        self.service.proxies.plain = self.proxy("http_proxy")
        let exceptions = self.ambient("no_proxy") ?? self.ambient("NO_PROXY") ?? ""
        self.service.proxies.exceptions = exceptions.split { $0 == "," || $0 == " " }.map { $0.lowercased() }
    }

    /// `http://user:password@host:port`; the scheme may be left out.
    private mutating func proxy(_ lower: String) -> ProxyAddress? {
        let name = self.ambient(lower) == nil ? lower.uppercased() : lower
        guard let text = self.ambient(name) else { return nil }
        do throws(BaseURL.Problem) {
            return try Self.proxy(text)
        } catch {
            // It may hold a password, which isn't quoted.
            self.reader.log.error(.environment(name), "", "is no proxy: it \(error.message)")
            return nil
        }
    }

    static func proxy(_ text: String) throws(BaseURL.Problem) -> ProxyAddress {
        var rest = text[...]
        if let colon = rest.firstRange(of: "://") {
            guard rest[..<colon.lowerBound].lowercased() == "http" else {
                throw BaseURL.Problem(
                    message: "must be http://HOST:PORT; a proxy that is itself reached by TLS or SOCKS isn't supported"
                )
            }
            rest = rest[colon.upperBound...]
        }
        var authorization: Secret?
        if let at = rest.lastIndex(of: "@") {
            let user = rest[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard let pair = Self.percentDecoded(user.count == 2 ? rest[..<at] : rest[..<at] + ":") else {
                throw BaseURL.Problem(message: "has a user or password with a % that isn't followed by two digits")
            }
            var token = Array("Basic ".utf8)
            appendBase64(pair, to: &token)
            authorization = Secret(String(decoding: token, as: UTF8.self))
            rest = rest[rest.index(after: at)...]
        }
        let base = try BaseURL("http://" + rest)
        return ProxyAddress(host: base.host, port: base.port, authorization: authorization)
    }

    /// RFC 3986, 2.1.
    private static func percentDecoded(_ text: Substring) -> [UInt8]? {
        var bytes: [UInt8] = []
        var rest = text.utf8
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            let digits = String(decoding: rest.prefix(2), as: UTF8.self)
            guard digits.utf8.count == 2, let value = UInt8(digits, radix: 16) else { return nil }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return bytes
    }
}
