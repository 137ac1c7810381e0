// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutModel
internal import NIOSSL

/// How providers' certificates are checked.
///
/// Verification can't be switched off.
package struct TLSSettings: Sendable, Hashable {
    /// A file of PEM certificates that are trusted beside the system's; `nil` = the system's alone.
    package var additionalTrustFile: String?

    /// The system's certificates.
    package init() {}
}

/// The one TLS context of a runner.
///
/// Loading the system's certificates takes some ten milliseconds, so it is done once: at the first secure connection,
/// or ahead of it by ``prepare()``.
package final class UpstreamTLS {
    private let settings: TLSSettings
    private var loaded: Result<NIOSSLContext, Failure>?

    /// Makes a context that is loaded later.
    package init(settings: TLSSettings) {
        self.settings = settings
    }

    /// Loads the certificates now.
    ///
    /// - Throws: A failure that says which file can't be used.
    package func prepare() throws(Failure) {
        _ = try self.context()
    }

    /// A handler for one connection.
    func handler(host: String) throws(Failure) -> NIOSSLClientHandler {
        let context = try self.context()
        do {
            // RFC 6066, 3: literal addresses are not permitted in server_name. Without it the certificate is checked
            // against the address of the peer.
            let name = NameCache.isLiteral(host) ? nil : host
            return try NIOSSLClientHandler(context: context, serverHostname: name)
        } catch {
            throw Failure(.unreachable, "\(host) can't be asked for over TLS: \(error). Check the host in api_base.")
        }
    }

    private func context() throws(Failure) -> NIOSSLContext {
        if let loaded = self.loaded { return try loaded.get() }
        let result = Self.load(self.settings)
        self.loaded = result
        return try result.get()
    }

    private static func load(_ settings: TLSSettings) -> Result<NIOSSLContext, Failure> {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.certificateVerification = .fullVerification
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = ["http/1.1"]
        if let file = settings.additionalTrustFile {
            configuration.additionalTrustRoots = [.file(file)]
        }
        do {
            return .success(try NIOSSLContext(configuration: configuration))
        } catch {
            let source =
                settings.additionalTrustFile.map { "the certificate file \($0)" } ?? "the system's certificates"
            return .failure(
                Failure(
                    .unreachable,
                    "TLS can't be set up: \(source) can't be loaded (\(error)). Check that the file exists, is "
                        + "readable and holds PEM certificates; the system's come with the package ca-certificates."
                )
            )
        }
    }
}
