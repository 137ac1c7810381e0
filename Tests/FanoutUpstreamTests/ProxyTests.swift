// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import Testing

@testable import FanoutUpstream

/// Providers behind an HTTP proxy, over real sockets.
@Suite(.timeLimit(.minutes(1))) struct ProxyTests {
    private static let good: [ScriptedServer.Step] = [.request, .send(Sample.answer(Sample.completion)), .again]

    private static func settings(_ port: UInt16, authorization: String? = nil) -> UpstreamSettings {
        var settings = UpstreamSettings()
        let proxy = ProxyAddress(host: "127.0.0.1", port: port, authorization: authorization.map(Secret.init))
        settings.proxies.secure = proxy
        settings.proxies.plain = proxy
        return settings
    }

    /// A bench whose connections go through a proxy of that script.
    private func withProxy(
        _ script: [ScriptedServer.Step],
        authorization: String? = nil,
        _ body: (ScriptedServer, Bench) async throws -> Void
    ) async throws {
        let proxy = try await ScriptedServer([script])
        let bench = Bench(settings: Self.settings(proxy.port, authorization: authorization))
        do {
            try await body(proxy, bench)
        } catch {
            try? await bench.stop()
            try? await proxy.stop()
            throw error
        }
        try await bench.stop()
        try await proxy.stop()
    }

    @Test func `a plain request goes to the proxy with its whole address, on connections that are kept`() async throws {
        try await self.withProxy(Self.good, authorization: "Basic c2VjcmV0") { proxy, bench in
            for _ in 0..<2 {
                let report = await bench.run(Sample.order(port: 8_080, host: "provider.test"))
                #expect(report.text == "Hello there", "\(report.failure?.message ?? "")")
            }
            let request = proxy.log.requests.first ?? ""
            #expect(request.hasPrefix("POST http://provider.test:8080/v1/chat/completions HTTP/1.1\r\n"), "\(request)")
            #expect(request.contains("\r\nhost: provider.test:8080\r\n"))
            #expect(request.contains("\r\nproxy-authorization: Basic c2VjcmV0\r\n"))
            #expect(proxy.log.accepted == 1 && proxy.log.requests.count == 2)
        }
    }

    @Test func `TLS is spoken with the provider itself, through a tunnel that is asked for once a connection`()
        async throws
    {
        let provider = try await ScriptedServer([Self.good], tls: try Fixture.serverContext())
        let proxy = try await TunnelProxy(to: provider.port)
        let bench = Bench(
            settings: Self.settings(proxy.port, authorization: "Basic c2VjcmV0"),
            trust: Fixture.certificate
        )
        for _ in 0..<2 {
            let report = await bench.run(Sample.order(port: 443, host: "provider.test", secure: true))
            #expect(report.text == "Hello there", "\(report.failure?.message ?? "")")
        }
        #expect(
            proxy.requests == [
                "CONNECT provider.test:443 HTTP/1.1\r\nhost: provider.test:443\r\nuser-agent: fanout\r\n"
                    + "proxy-authorization: Basic c2VjcmV0\r\n\r\n"
            ]
        )
        let request = provider.log.requests.first ?? ""
        #expect(request.hasPrefix("POST /v1/chat/completions HTTP/1.1\r\n"))
        // The proxy's password is nothing that the provider should see.
        #expect(!request.contains("proxy-authorization"))
        // The certificate is checked against the provider's name, not the proxy's.
        let other = await bench.run(Sample.order(port: 443, host: "another.test", secure: true))
        #expect(other.failure?.code == .unreachable && other.wasNeverSent)
        #expect(other.failure?.message.contains("certificate isn't trusted") == true, "\(other.failure?.message ?? "")")
        try await bench.stop()
        try await proxy.stop()
        try await provider.stop()
    }

    @Test(
        arguments: [
            ([.request, .send("HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")], "HTTP 407"),
            ([.request, .send("HTTP/1.1 403 Forbidden\r\n\r\n")], "it refuses (HTTP 403)"),
            ([.request, .send("SSH-2.0-x\r\n\r\n")], "no proxy's answer"),
            ([.request, .send("HTTP/1.1 200 OK\r\n\r\nand more")], "no proxy's answer"),
            ([.request, .flood("x-filler: 0123456789\r\n")], "no proxy's answer"),
            ([.request, .close], "it closed the connection"), ([.reset], "the proxy 127.0.0.1"),
        ] as [([ScriptedServer.Step], String)]
    )
    func `a proxy that makes no tunnel is told from the provider, without its password`(
        script: [ScriptedServer.Step],
        words: String
    ) async throws {
        try await self.withProxy(script, authorization: "Basic c2VjcmV0") { _, bench in
            let report = await bench.run(Sample.order(port: 443, host: "provider.test", secure: true))
            #expect(report.failure?.code == .unreachable && report.wasNeverSent)
            let message = report.failure?.message ?? ""
            #expect(message.contains(words) && message.contains("provider.test:443"), "\(message)")
            #expect(message.contains("Check HTTPS_PROXY") && !message.contains("c2VjcmV0"))
        }
    }

    @Test func `a proxy that isn't there is named`() async throws {
        let gone = try RefusingSocket()
        defer { withExtendedLifetime(gone) {} }
        let port = gone.port
        let bench = Bench(settings: Self.settings(port))
        let report = await bench.run(Sample.order(port: 443, host: "provider.test", secure: true))
        #expect(report.failure?.code == .unreachable)
        #expect(
            report.failure?.message.hasPrefix(
                "the proxy 127.0.0.1:\(port), which leads to provider.test:443, can't be reached: connection refused"
            ) == true,
            "\(report.failure?.message ?? "")"
        )
        try await bench.stop()
    }

    @Test func `the connect timer covers the tunnel, and a cancel closes it`() async throws {
        try await self.withProxy([.request, .wait]) { proxy, bench in
            let slow = Sample.order(port: 443, host: "provider.test", secure: true, timeouts: .only(connect: 60))
            #expect(await bench.run(slow).failure?.phase == .connect)
            _ = await proxy.wait { $0.closedByPeer == 1 }
            let id = await bench.start(Sample.order(port: 443, host: "provider.test", secure: true))
            _ = await proxy.wait { $0.requests.count >= 2 }
            await bench.cancel(id)
            _ = await proxy.wait { $0.closedByPeer == 2 }
            #expect(await bench.openTimers == 0)
        }
    }

    @Test func `what runs on this machine is reached without`() async throws {
        let server = try await ScriptedServer([Self.good])
        let bench = Bench(settings: Self.settings(1))
        #expect(await bench.run(Sample.order(port: server.port)).text == "Hello there")
        try await bench.stop()
        try await server.stop()
    }

    private static let rules: [(rules: [String], host: String, port: UInt16, isExcepted: Bool)] = [
        ([], "api.example.com", 443, false), (["*"], "api.example.com", 443, true),
        (["example.com"], "example.com", 443, true), (["example.com"], "api.example.com", 443, true),
        (["example.com"], "API.Example.COM", 443, true), (["example.com"], "badexample.com", 443, false),
        ([".example.com"], "api.example.com", 443, true), ([".example.com"], "example.com", 443, false),
        (["example.com:8443"], "example.com", 443, false), (["example.com:8443"], "example.com", 8_443, true),
        (["other.org", "example.com"], "example.com", 443, true), (["10.0.0.0/8"], "10.1.2.3", 443, true),
        (["10.0.0.0/8"], "11.1.2.3", 443, false), (["10.128.0.0/9"], "10.127.255.255", 443, false),
        (["10.1.2.3"], "10.1.2.3", 443, true), (["10.1.2.3"], "10.1.2.4", 443, false),
        (["10.1.2.3:80"], "10.1.2.3", 443, false), (["10.0.0.0/33"], "10.1.2.3", 443, false),
        (["10.0.0.0/8"], "10.example.com", 443, false), (["fd12::/16"], "fd12::1", 443, true),
        (["fd12::/16"], "fd13::1", 443, false), (["[fd12::1]:443"], "fd12::1", 443, true),
        (["fd12::1"], "fd12:0:0::1", 443, true), ([], "localhost", 443, true), ([], "models.localhost", 443, true),
        ([], "127.8.8.8", 443, true), ([], "::1", 443, true), ([], "169.254.169.254", 80, true),
        ([], "fe80::1", 443, true), ([], "fd00:ec2::23", 80, true), ([], "fd00:ec3::23", 80, false),
    ]

    @Test(arguments: rules)
    func `exceptions are names with what is beneath, addresses and blocks, perhaps at a port`(
        rules: [String],
        host: String,
        port: UInt16,
        isExcepted: Bool
    ) {
        var settings = ProxySettings()
        settings.secure = ProxyAddress(host: "secure.proxy", port: 1)
        settings.plain = ProxyAddress(host: "plain.proxy", port: 2)
        settings.exceptions = rules
        let choice = ProxyChoice(settings)
        for isSecure in [true, false] {
            let proxy = choice.proxy(for: RouteKey(host: host, port: port, isSecure: isSecure))
            #expect(proxy == (isExcepted ? nil : isSecure ? settings.secure : settings.plain))
        }
    }
}
