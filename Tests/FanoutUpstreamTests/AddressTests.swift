// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import Foundation
import Glibc
import NIOCore
import Testing

@testable import FanoutUpstream

/// Names with several addresses, of both families, over real sockets.
@Suite(.timeLimit(.minutes(1))) struct AddressTests {
    private static let good: [ScriptedServer.Step] = [.request, .send(Sample.answer(Sample.completion)), .again]
    private static let hasIPv6 = (try? String(contentsOfFile: "/proc/net/if_inet6", encoding: .utf8))?.isEmpty == false
    private static let reason: Comment = "this machine has no IPv6"

    /// A resolver that knows one name.
    private struct FixedResolver: NameResolver {
        let addresses: [SocketAddress]

        func addresses(
            of host: String,
            port: UInt16,
            on eventLoop: any EventLoop
        ) -> EventLoopFuture<[SocketAddress]> {
            eventLoop.makeSucceededFuture(self.addresses)
        }
    }

    /// A listening socket whose queue is full, so that a connect to it gets neither a yes nor a no.
    private final class SilentSocket {
        let address: SocketAddress
        private var descriptors: [Int32] = []

        init(family: Int32, ip: String) throws {
            let listener = socket(family, Int32(SOCK_STREAM.rawValue), 0)
            try #require(listener >= 0)
            self.descriptors = [listener]
            try Self.withAddress(of: try SocketAddress(ipAddress: ip, port: 0)) { bind(listener, $0, $1) }
            try #require(listen(listener, 0) == 0)
            var port = sockaddr_in6()
            var size = socklen_t(MemoryLayout<sockaddr_in6>.size)
            _ = withUnsafeMutablePointer(to: &port) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(listener, $0, &size) }
            }
            self.address = try SocketAddress(ipAddress: ip, port: Int(UInt16(bigEndian: port.sin6_port)))
            // One waits to be accepted for a queue of none.
            for _ in 0..<3 {
                let client = socket(family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
                try Self.withAddress(of: self.address) {
                    _ = connect(client, $0, $1); return 0
                }
                self.descriptors.append(client)
            }
        }

        deinit {
            for descriptor in self.descriptors { close(descriptor) }
        }

        private static func withAddress(
            of address: SocketAddress,
            _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
        ) throws {
            let status = address.withSockAddr { pointer, size in body(pointer, socklen_t(size)) }
            try #require(status == 0)
        }
    }

    private func run(
        _ addresses: [SocketAddress],
        timeouts: Timeouts = .only(connect: 20_000)
    ) async throws
        -> AttemptReport
    {
        let bench = Bench(resolver: FixedResolver(addresses: addresses))
        let report = await bench.run(Sample.order(port: 80, host: "many.example", timeouts: timeouts))
        try await bench.stop()
        return report
    }

    private func address(_ server: ScriptedServer, _ ip: String = "127.0.0.1") throws -> SocketAddress {
        try SocketAddress(ipAddress: ip, port: Int(server.port))
    }

    @Test func `an address that refuses is passed over at once`() async throws {
        let dead = try RefusingSocket()
        defer { withExtendedLifetime(dead) {} }
        let server = try await ScriptedServer([Self.good])
        let report = try await self.run([dead.address, try self.address(server)])
        #expect(report.text == "Hello there", "\(report.failure?.message ?? "")")
        try await server.stop()
    }

    /// RFC 8305, 5: the next is tried while the first still hasn't answered.
    @Test func `an address that is silent is passed over within a second`() async throws {
        let silent = try SilentSocket(family: AF_INET, ip: "127.0.0.1")
        defer { withExtendedLifetime(silent) {} }
        let server = try await ScriptedServer([Self.good])
        let report = try await self.run([silent.address, try self.address(server)])
        #expect(report.text == "Hello there", "\(report.failure?.message ?? "")")
        // 250 ms by the standard; a connect that is waited for takes 20 s here.
        #expect((100_000...10_000_000).contains(report.connectMicroseconds), "\(report.connectMicroseconds) us")
        try await server.stop()
    }

    @Test(.enabled(if: hasIPv6, reason))
    func `IPv6 is tried first, and IPv4 where that is silent or refused`() async throws {
        let silent = try SilentSocket(family: AF_INET6, ip: "::1")
        defer { withExtendedLifetime(silent) {} }
        let server = try await ScriptedServer([Self.good])
        let six = try await ScriptedServer([Self.good], host: "::1")
        let four = try self.address(server)
        #expect(try await self.run([four, try self.address(six, "::1")]).text == "Hello there")
        #expect(six.log.requests.count == 1 && server.log.accepted == 0)
        #expect(try await self.run([silent.address, four]).text == "Hello there")
        let refused = try RefusingSocket(ip: "::1")
        defer { withExtendedLifetime(refused) {} }
        #expect(try await self.run([refused.address, four]).text == "Hello there")
        try await six.stop()
        #expect(server.log.requests.count == 2)
        try await server.stop()
    }

    @Test(.enabled(if: hasIPv6, reason))
    func `an IPv6 address may stand for the host`() async throws {
        let server = try await ScriptedServer([Self.good], host: "::1")
        let bench = Bench()
        #expect(await bench.run(Sample.order(port: server.port, host: "::1")).text == "Hello there")
        #expect(server.log.requests.first?.contains("\r\nhost: [::1]:\(server.port)\r\n") == true)
        try await bench.stop()
        try await server.stop()
    }

    @Test func `the causes of all addresses are named, each once`() async throws {
        let dead = try RefusingSocket()
        defer { withExtendedLifetime(dead) {} }
        let report = try await self.run([dead.address, dead.address, dead.address])
        #expect(report.failure?.code == .unreachable && report.wasNeverSent)
        #expect(
            report.failure?.message.hasPrefix("no connection to many.example:80: connection refused. Check") == true,
            "\(report.failure?.message ?? "")"
        )
    }

    @Test func `a reset in place of an answer, or amid the handshake, is unreachable and named`() async throws {
        try await withServer([[.request, .reset]]) { server, bench in
            let report = await bench.run(Sample.order(port: server.port))
            #expect(report.failure?.code == .unreachable)
            #expect(report.failure?.message.contains("closed the connection without an answer") == true)
            #expect(report.mayHaveBeenBilled)
        }
        try await withServer([[.reset]]) { server, bench in
            let report = await bench.run(Sample.order(port: server.port, host: "localhost", secure: true))
            #expect(report.failure?.code == .unreachable && report.wasNeverSent)
            #expect(report.failure?.message.contains("localhost:\(server.port)") == true, "\(report)")
        }
    }
}
