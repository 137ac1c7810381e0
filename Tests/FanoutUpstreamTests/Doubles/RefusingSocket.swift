// Fanout
// SPDX-License-Identifier: Apache-2.0

import Glibc
import NIOCore
import Testing

/// A port of this machine that refuses connections: it is bound, so that nobody else is given it, and nobody listens.
final class RefusingSocket {
    let address: SocketAddress
    let port: UInt16
    private let descriptor: Int32

    init(ip: String = "127.0.0.1") throws {
        let wanted = try SocketAddress(ipAddress: ip, port: 0)
        let family = wanted.protocol == .inet6 ? AF_INET6 : AF_INET
        let descriptor = socket(family, Int32(SOCK_STREAM.rawValue), 0)
        self.descriptor = descriptor
        let isBound = wanted.withSockAddr { pointer, size in bind(descriptor, pointer, socklen_t(size)) } == 0
        // The port lies at the same place of either family's address.
        var name = [UInt8](repeating: 0, count: 128)
        var size = socklen_t(name.count)
        let isNamed = name.withUnsafeMutableBytes { bytes in
            bytes.withMemoryRebound(to: sockaddr.self) { getsockname(descriptor, $0.baseAddress, &size) } == 0
        }
        self.port = UInt16(name[2]) << 8 | UInt16(name[3])
        self.address = try SocketAddress(ipAddress: ip, port: Int(self.port))
        try #require(isBound && isNamed && self.port != 0)
    }

    deinit {
        close(self.descriptor)
    }
}
