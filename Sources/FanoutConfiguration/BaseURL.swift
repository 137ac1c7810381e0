// Fanout
// SPDX-License-Identifier: Apache-2.0

/// A provider's base URL, taken apart (RFC 3986).
struct BaseURL: Equatable {
    var isSecure: Bool
    /// Lower case, without brackets.
    var host: String
    var port: UInt16
    /// Empty, or starting with a slash and not ending with one.
    var path: String
    /// Without the question mark.
    var query: String
    /// The path had the end of an operation, which is cut off.
    var hadOperation = false

    /// Why a text is no base URL; it never quotes the text, which may hold a password.
    struct Problem: Error {
        let message: String
    }

    init(_ text: String) throws(Problem) {
        guard text.utf8.count <= 2_048, text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw Problem(message: "must be a URL of at most 2048 ASCII characters, without blanks")
        }
        let rest: Substring
        if let after = Self.dropping("https://", from: text) {
            (self.isSecure, rest) = (true, after)
        } else if let after = Self.dropping("http://", from: text) {
            (self.isSecure, rest) = (false, after)
        } else {
            throw Problem(message: "must start with https:// or http://")
        }
        let authorityEnd = rest.firstIndex { "/?#".contains($0) } ?? rest.endIndex
        let authority = rest[..<authorityEnd]
        guard !rest.contains("#") else { throw Problem(message: "must not have a fragment (#…)") }
        guard !authority.contains("@") else {
            throw Problem(message: "must not carry a user or password; give the key in api_key")
        }
        (self.host, self.port) = try Self.hostAndPort(authority, standard: self.isSecure ? 443 : 80)
        let target = rest[authorityEnd...]
        let pathEnd = target.firstIndex(of: "?") ?? target.endIndex
        self.query = String(target[pathEnd...].dropFirst())
        var path = Substring(target[..<pathEnd])
        while path.hasSuffix("/") { path = path.dropLast() }
        for operation in ["/chat/completions", "/completions", "/embeddings"] where path.hasSuffix(operation) {
            path = path.dropLast(operation.utf8.count)
            self.hadOperation = true
            break
        }
        self.path = String(path)
    }

    /// `host`, or `host:port` where the port isn't the scheme's own.
    var place: String {
        let host = self.host.contains(":") ? "[\(self.host)]" : self.host
        return self.port == (self.isSecure ? 443 : 80) ? host : "\(host):\(self.port)"
    }

    /// Whether it is on this machine.
    var isLoopback: Bool {
        self.host == "localhost" || self.host.hasSuffix(".localhost") || self.host == "::1"
            || self.host.hasPrefix("127.")
    }

    /// Whether it is on this machine or a network of one's own: no public name reaches it.
    var isLocal: Bool {
        if self.isLoopback || !self.host.contains(".") { return true }
        if self.host.hasSuffix(".local") || self.host.hasSuffix(".internal") || self.host.hasSuffix(".lan") {
            return true
        }
        let parts = self.host.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
        guard parts.count == 4, let first = parts[0], let second = parts[1], parts[2] != nil, parts[3] != nil else {
            return false
        }
        // RFC 1918 and RFC 3927.
        return first == 10 || (first == 172 && (16...31).contains(second)) || (first == 192 && second == 168)
            || (first == 169 && second == 254)
    }

    private static func dropping(_ scheme: String, from text: String) -> Substring? {
        text.lowercased().hasPrefix(scheme) ? text.dropFirst(scheme.count) : nil
    }

    private static func hostAndPort(_ authority: Substring, standard: UInt16) throws(Problem) -> (String, UInt16) {
        var host = authority
        var port = standard
        let bracket = authority.lastIndex(of: "]")
        if let colon = authority.lastIndex(of: ":"), colon > bracket ?? authority.startIndex {
            guard let number = UInt16(authority[authority.index(after: colon)...]), number > 0 else {
                throw Problem(message: "must have a port from 1 to 65535, or none")
            }
            (host, port) = (authority[..<colon], number)
        }
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
            let allowed = "0123456789abcdefABCDEF:.%"
            guard host.contains(":"), host.allSatisfy({ allowed.contains($0) }) else {
                throw Problem(message: "must have an IPv6 address between the brackets")
            }
        } else {
            let plain = host.utf8.allSatisfy { byte in
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20) || (0x30...0x39).contains(byte)
                    || [UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_")].contains(byte)
            }
            guard plain, !host.isEmpty, host.utf8.count <= 253 else {
                throw Problem(message: "must have a host name or address after the two slashes")
            }
        }
        return (host.lowercased(), port)
    }
}
