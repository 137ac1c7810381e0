// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
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
            _ = await server.wait { $0.requests.count == 1 }
            let before = AlarmClock.now()
            await bench.cancel(id)
            _ = await server.wait { $0.closedByPeer == 1 }
            #expect(AlarmClock.now().milliseconds(since: before) < 1_000)
        }
    }
}
