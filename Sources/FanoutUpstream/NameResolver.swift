// Fanout
// SPDX-License-Identifier: Apache-2.0

package import NIOCore
internal import NIOPosix

#if canImport(Musl)
internal import Musl
#else
internal import Glibc
#endif

/// Finds the addresses of a name.
package protocol NameResolver: Sendable {
    /// The addresses in the order in which they should be tried (RFC 6724), with `port`; fails with a
    /// ``NameResolutionError``.
    func addresses(of host: String, port: UInt16, on eventLoop: any EventLoop) -> EventLoopFuture<[SocketAddress]>
}

/// Why a name has no addresses.
package struct NameResolutionError: Error, Hashable {
    /// The system's words.
    package var words: String

    /// Makes an error.
    package init(words: String) {
        self.words = words
    }
}

/// The system's resolver, getaddrinfo(3), on a few threads of its own.
///
/// getaddrinfo blocks for as long as the name servers let it; with several threads one dead name doesn't delay the
/// others.
package final class SystemNameResolver: NameResolver {
    private let threads: NIOThreadPool

    /// Starts the threads.
    package init(threadCount: Int = 4) {
        self.threads = NIOThreadPool(numberOfThreads: threadCount)
        self.threads.start()
    }

    deinit {
        // Queued lookups are dropped; whoever waited for them holds this resolver, so there are none.
        self.threads.shutdownGracefully { _ in }
    }

    package func addresses(
        of host: String,
        port: UInt16,
        on eventLoop: any EventLoop
    ) -> EventLoopFuture<[SocketAddress]> {
        self.threads.runIfActive(eventLoop: eventLoop) { try Self.look(up: host, port: port) }
    }

    private static func look(up host: String, port: UInt16) throws(NameResolutionError) -> [SocketAddress] {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_protocol = Int32(IPPROTO_TCP)
        var list: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(host, String(port), &hints, &list)
        guard status == 0 else {
            throw NameResolutionError(words: gai_strerror(status).map { String(cString: $0) } ?? "error \(status)")
        }
        defer { freeaddrinfo(list) }
        var addresses: [SocketAddress] = []
        var next = list
        while let entry = next {
            next = entry.pointee.ai_next
            guard let raw = UnsafeRawPointer(entry.pointee.ai_addr) else { continue }
            switch entry.pointee.ai_family {
            case AF_INET: addresses.append(SocketAddress(raw.loadUnaligned(as: sockaddr_in.self), host: host))
            case AF_INET6: addresses.append(SocketAddress(raw.loadUnaligned(as: sockaddr_in6.self), host: host))
            default: continue
            }
            // More are never tried within a connect timeout.
            if addresses.count == 16 { break }
        }
        guard !addresses.isEmpty else { throw NameResolutionError(words: "the name has no address") }
        return addresses
    }
}
