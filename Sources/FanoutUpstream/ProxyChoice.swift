// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

#if canImport(Musl)
internal import Musl
#else
internal import Glibc
#endif

/// Which proxy leads to a host.
struct ProxyChoice {
    private let settings: ProxySettings

    init(_ settings: ProxySettings) {
        self.settings = settings
    }

    /// The proxy for a host and port; nil = it is reached without.
    ///
    /// This machine and its links never are behind one: models that run here, and the servers that give out a machine's
    /// own credentials.
    func proxy(for key: RouteKey) -> ProxyAddress? {
        guard let proxy = key.isSecure ? self.settings.secure : self.settings.plain else { return nil }
        let host = key.host.lowercased()
        let address = AddressBits(host)
        if host == "localhost" || host.hasSuffix(".localhost") || address?.isOwn == true { return nil }
        let isExcepted = self.settings.exceptions.contains { Self.isMeant(host, address, key.port, by: $0) }
        return isExcepted ? nil : proxy
    }

    private static func isMeant(_ host: String, _ address: AddressBits?, _ port: UInt16, by rule: String) -> Bool {
        if rule == "*" { return true }
        let (name, ownPort) = Self.split(rule)
        if let ownPort, ownPort != port { return false }
        guard let address else {
            guard !name.hasPrefix(".") else { return host.hasSuffix(name) }
            return host == name || host.hasSuffix("." + name)
        }
        let parts = name.split(separator: "/", maxSplits: 1)
        guard let block = parts.first.flatMap({ AddressBits(String($0)) }) else { return false }
        let length = parts.count == 2 ? Int(parts[1]) : block.bytes.count * 8
        return length.map { address.begins(as: block, bits: $0) } ?? false
    }

    /// A port at the end, which an IPv6 address has only behind its brackets.
    private static func split(_ rule: String) -> (name: String, port: UInt16?) {
        if rule.hasPrefix("["), let end = rule.firstIndex(of: "]") {
            let name = String(rule[rule.index(after: rule.startIndex)..<end])
            return (name, UInt16(rule[end...].dropFirst(2)))
        }
        let parts = rule.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, let port = UInt16(parts[1]) else { return (rule, nil) }
        return (String(parts[0]), port)
    }
}

/// The bits of an IPv4 or IPv6 address.
struct AddressBits {
    let bytes: [UInt8]

    /// Nil if it is a name.
    init?(_ text: String) {
        var bytes = [UInt8](repeating: 0, count: 16)
        if inet_pton(AF_INET, text, &bytes) == 1 {
            self.bytes = Array(bytes.prefix(4))
        } else if inet_pton(AF_INET6, text, &bytes) == 1 {
            self.bytes = bytes
        } else {
            return nil
        }
    }

    /// Loopback or link-local (RFC 6890), or the address of AWS's instance metadata.
    var isOwn: Bool {
        if self.bytes.count == 4 { return self.bytes[0] == 127 || (self.bytes[0] == 169 && self.bytes[1] == 254) }
        let isLoopback = self.bytes.dropLast().allSatisfy { $0 == 0 } && self.bytes[15] == 1
        let isLink = self.bytes[0] == 0xFE && self.bytes[1] & 0xC0 == 0x80
        return isLoopback || isLink || self.bytes.starts(with: [0xFD, 0x00, 0x0E, 0xC2])
    }

    func begins(as block: AddressBits, bits: Int) -> Bool {
        guard self.bytes.count == block.bytes.count, (0...self.bytes.count * 8).contains(bits) else { return false }
        for (index, byte) in self.bytes.enumerated() {
            let left = bits - index * 8
            guard left > 0 else { return true }
            let mask: UInt8 = left >= 8 ? 0xFF : ~(0xFF >> UInt8(left))
            guard byte & mask == block.bytes[index] & mask else { return false }
        }
        return true
    }
}
