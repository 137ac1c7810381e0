// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import NIOSSL

/// Whom a certificate is for (RFC 9525).
///
/// NIOSSL takes a certificate for a name, and one for the address of the peer as well, whatever name was asked for.
/// Then a proxy, or whoever leads a name astray, would need no more than a certificate of their own address.
struct CertificateNames {
    /// Names in lower case, perhaps with a star for the first label.
    var names: [String] = []
    /// Addresses as 4 or 16 bytes.
    var addresses: [[UInt8]] = []

    /// No names.
    init() {}

    /// Those of a certificate; nil = it has none of this kind, and was checked by its common name.
    init?(_ certificate: NIOSSLCertificate) {
        for name in certificate._subjectAlternativeNames() {
            switch name.nameType {
            case .dnsName: self.names.append(String(decoding: name.contents, as: UTF8.self).lowercased())
            case .ipAddress: self.addresses.append(Array(name.contents))
            default: break
            }
        }
        if self.names.isEmpty, self.addresses.isEmpty { return nil }
    }

    /// Whether one of them is this host.
    func include(_ host: String) -> Bool {
        if let address = AddressBits(host) { return self.addresses.contains(address.bytes) }
        var name = host.lowercased()[...]
        if name.hasSuffix(".") { name = name.dropLast() }
        let rest = name.firstIndex(of: ".").map { name[$0...] }
        return self.names.contains { own in
            own == name || (own.hasPrefix("*.") && own.dropFirst() == rest)
        }
    }
}

/// A certificate that is somebody else's.
struct CertificateFault: Error, CustomStringConvertible {
    var description: String { "the certificate is for another name" }
}
