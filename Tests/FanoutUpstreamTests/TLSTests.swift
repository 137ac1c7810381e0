// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import NIOCore
import Testing

@testable import FanoutUpstream

@Suite(.timeLimit(.minutes(1))) struct TLSTests {
    @Test func `a trusted certificate is accepted, and the connection is used again`() async throws {
        let script: [ScriptedServer.Step] = [.request, .send(Sample.answer(Sample.completion)), .again]
        let tls = try Fixture.serverContext()
        try await withServer([script], tls: tls, trust: Fixture.certificate) { server, bench in
            for host in ["localhost", "localhost", "127.0.0.1"] {
                let report = await bench.run(Sample.order(port: server.port, host: host, secure: true))
                #expect(report.text == "Hello there", "\(String(describing: report.failure))")
            }
            #expect(server.log.accepted == 2)
        }
    }

    @Test func `an untrusted certificate is unreachable and says what to check`() async throws {
        let tls = try Fixture.serverContext()
        try await withServer([[.wait]], tls: tls) { server, bench in
            let report = await bench.run(Sample.order(port: server.port, host: "localhost", secure: true))
            #expect(report.failure?.code == .unreachable)
            #expect(report.failure?.message.contains("certificate isn't trusted") == true)
            #expect(report.wasNeverSent)
            #expect(server.log.requests.isEmpty)
        }
    }

    @Test func `a certificate for another name is unreachable`() async throws {
        let tls = try Fixture.serverContext()
        try await withServer([[.wait]], tls: tls, trust: Fixture.certificate) { server, bench in
            let report = await bench.run(Sample.order(port: server.port, host: "127.0.0.2", secure: true))
            #expect(report.failure?.code == .unreachable)
            #expect(report.wasNeverSent)
        }
    }

    /// The certificate is for 127.0.0.1, too, where the connection goes to: whoever leads a name astray may have one
    /// for his own address.
    @Test func `a certificate for the address alone isn't one for the name`() async throws {
        struct Astray: NameResolver {
            func addresses(
                of host: String,
                port: UInt16,
                on eventLoop: any EventLoop
            ) -> EventLoopFuture<[SocketAddress]> {
                eventLoop.makeCompletedFuture { [try SocketAddress(ipAddress: "127.0.0.1", port: Int(port))] }
            }
        }
        let script: [ScriptedServer.Step] = [.request, .send(Sample.answer(Sample.completion)), .again]
        let tls = try Fixture.serverContext()
        try await withServer([script], tls: tls, trust: Fixture.certificate, resolver: Astray()) { server, bench in
            let right = await bench.run(Sample.order(port: server.port, host: "provider.test", secure: true))
            #expect(right.text == "Hello there")
            let wrong = await bench.run(Sample.order(port: server.port, host: "api.openai.com", secure: true))
            #expect(wrong.failure?.code == .unreachable && wrong.wasNeverSent)
            #expect(wrong.failure?.message.contains("the certificate is for another name") == true)
            #expect(server.log.requests.count == 1)
        }
    }

    private static let names = ["example.com", "*.api.example.com", "*.example.org"]

    @Test(arguments: [
        ("example.com", true), ("EXAMPLE.com.", true), ("a.example.com", false), ("x.api.example.com", true),
        ("api.example.com", false), ("x.y.api.example.com", false), ("example.org", false), ("10.1.2.3", true),
        ("10.1.2.4", false), ("fd12::1", true), ("fd12::2", false),
    ])
    func `a name is matched whole, a star is one label, an address is one`(host: String, isIncluded: Bool) {
        var names = CertificateNames()
        names.names = Self.names
        names.addresses = [[10, 1, 2, 3], [0xFD, 0x12] + [UInt8](repeating: 0, count: 13) + [1]]
        #expect(names.include(host) == isIncluded)
    }

    @Test func `a server without TLS is unreachable and says what to check`() async throws {
        try await withServer([[.send("HTTP/1.1 400 Bad Request\r\n\r\n"), .close]]) { server, bench in
            let report = await bench.run(Sample.order(port: server.port, host: "localhost", secure: true))
            #expect(report.failure?.code == .unreachable)
            #expect(report.failure?.message.contains("scheme") == true)
        }
    }

    @Test func `a trust file that isn't there is named`() async throws {
        try await withServer([[.wait]], trust: "/nowhere/ca.pem") { server, bench in
            let report = await bench.run(Sample.order(port: server.port, host: "localhost", secure: true))
            #expect(report.failure?.code == .unreachable)
            #expect(report.failure?.message.contains("/nowhere/ca.pem") == true)
        }
    }

    @Test func `a cancel over TLS closes the socket without waiting for the peer`() async throws {
        let tls = try Fixture.serverContext()
        let script: [ScriptedServer.Step] = [.request, .wait]
        try await withServer([script], tls: tls, trust: Fixture.certificate) { server, bench in
            let id = await bench.start(Sample.order(port: server.port, host: "localhost", secure: true))
            _ = await server.wait { $0.requests.count >= 1 }
            let before = AlarmClock.now()
            await bench.cancel(id)
            _ = await server.wait { $0.closedByPeer == 1 }
            #expect(AlarmClock.now().milliseconds(since: before) < 1_000)
        }
    }
}
