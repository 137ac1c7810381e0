// Fanout
// SPDX-License-Identifier: Apache-2.0

import NIOSSL

/// A certificate of localhost and provider.test that only itself vouches for; made with
/// `openssl req -x509 -newkey rsa:2048 -nodes -days 36500 -subj /CN=localhost -addext
/// subjectAltName=DNS:localhost,IP:127.0.0.1,DNS:provider.test`.
enum Fixture {
    /// The certificate's file.
    static let certificate = Self.path(of: "localhost-cert.pem")

    /// What a server needs to show it.
    static func serverContext() throws -> NIOSSLContext {
        let chain = try NIOSSLCertificate.fromPEMFile(Self.certificate).map { NIOSSLCertificateSource.certificate($0) }
        let key = try NIOSSLPrivateKey(file: Self.path(of: "localhost-key.pem"), format: .pem)
        return try NIOSSLContext(
            configuration: .makeServerConfiguration(certificateChain: chain, privateKey: .privateKey(key))
        )
    }

    private static func path(of name: String) -> String {
        var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(2)
        parts.append("Fixtures")
        parts.append(Substring(name))
        return parts.joined(separator: "/")
    }
}
