// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import Foundation
import Testing

@testable import FanoutUpstream

/// Credentials that end, over real sockets: a server that gives out tokens and a provider that sees them.
@Suite(.timeLimit(.minutes(1))) struct CredentialTests {
    /// A provider that answers every request.
    private static let provider: [[ScriptedServer.Step]] = [
        [.request, .send(Sample.answer(Sample.completion)), .again]
    ]
    private static let refusal = Sample.answer(
        #"{"error":{"message":"The token has expired.","code":"invalid_api_key"}}"#,
        status: "401 Unauthorized"
    )

    private static func token(_ token: String, life: Int = 3_600) -> String {
        Sample.answer(#"{"access_token":"\#(token)","expires_in":\#(life),"token_type":"Bearer"}"#)
    }

    private func order(
        _ provider: ScriptedServer,
        tokens: UInt16,
        timeouts: Timeouts = Timeouts(),
        assertionFile: String? = nil
    ) -> AttemptOrder {
        var order = Sample.order(port: provider.port, timeouts: timeouts)
        let grant = OAuthGrant(
            address: TokenAddress(isSecure: false, host: "127.0.0.1", port: tokens, path: "/token"),
            fields: [OAuthGrant.Field("client_secret", Secret("very-secret"))],
            assertionFile: assertionFile
        )
        order.endpoint.credential = .renewed(CredentialSource(name: "the client c", origin: .grant(grant)))
        return order
    }

    /// Both servers and a runner, for the time of one test.
    private func withTokens(
        _ tokens: [[ScriptedServer.Step]],
        provider: [[ScriptedServer.Step]] = Self.provider,
        settings: UpstreamSettings = UpstreamSettings(),
        _ body: (ScriptedServer, ScriptedServer, Bench) async throws -> Void
    ) async throws {
        try await withServer(provider, settings: settings) { provider, bench in
            let server = try await ScriptedServer(tokens)
            do {
                try await body(server, provider, bench)
            } catch {
                try? await server.stop()
                throw error
            }
            try await server.stop()
        }
    }

    @Test func `a fetched key that the provider repeats in its words is hidden`() async throws {
        let words = #"{"error":{"message":"the token fetched-token-1 may not do this","code":"forbidden"}}"#
        let refusal = Sample.answer(words, status: "403 Forbidden")
        let answers: [[ScriptedServer.Step]] = [[.request, .send(Self.token("fetched-token-1"))]]
        try await self.withTokens(answers, provider: [[.request, .send(refusal)]]) { tokens, provider, bench in
            let report = await bench.run(self.order(provider, tokens: tokens.port))
            #expect(report.failure?.providerMessage == "the token <redacted> may not do this")
            #expect(report.failure?.message.contains("fetched") == false)
        }
    }

    @Test func `a hundred attempts wait for one fetch, and later ones for none`() async throws {
        try await self.withTokens([[.request, .wait, .send(Self.token("t1"))]]) { tokens, provider, bench in
            let order = self.order(provider, tokens: tokens.port, timeouts: .only())
            var ids: [UInt64] = []
            for _ in 0..<100 { ids.append(await bench.start(order)) }
            _ = await tokens.wait { $0.requests.count >= 1 }
            #expect(provider.log.requests.isEmpty)
            tokens.release()
            for id in ids {
                let report = await bench.report(of: id)
                #expect(report.text == "Hello there", "\(report.failure?.message ?? "")")
            }
            #expect(await bench.run(order).text == "Hello there")
            #expect(tokens.log.requests.count == 1)
            #expect(tokens.log.requests.first?.hasPrefix("POST /token HTTP/1.1\r\n") == true)
            #expect(tokens.log.requests.first?.hasSuffix("\r\n\r\nclient_secret=very-secret") == true)
            let requests = provider.log.requests
            #expect(requests.count == 101)
            #expect(requests.allSatisfy { $0.contains("\r\nauthorization: Bearer t1\r\n") })
        }
    }

    @Test func `a token is renewed before its end, while attempts use the old one`() async throws {
        let script: [ScriptedServer.Step] = [
            .request, .send(Self.token("t1")), .request, .wait, .send(Self.token("t2")),
        ]
        try await self.withTokens([script]) { tokens, provider, bench in
            let order = self.order(provider, tokens: tokens.port)
            #expect(await bench.run(order).text != nil)
            await bench.setCredentialClock(ahead: 3_400_000)
            #expect(await bench.run(order).text != nil)
            #expect(await bench.run(order).text != nil)
            _ = await tokens.wait { $0.requests.count >= 2 }
            #expect(provider.log.requests.count { $0.contains("Bearer t1") } == 3)
            tokens.release()
            await bench.turn {
                _ = await bench.run(order)
                return provider.log.requests.contains { $0.contains("Bearer t2") }
            }
            #expect(tokens.log.requests.count == 2)
        }
    }

    @Test func `a token that has ended isn't used`() async throws {
        let script: [ScriptedServer.Step] = [.request, .send(Self.token("t1")), .request, .send(Self.token("t2"))]
        try await self.withTokens([script]) { tokens, provider, bench in
            let order = self.order(provider, tokens: tokens.port)
            #expect(await bench.run(order).text != nil)
            await bench.setCredentialClock(ahead: 3_595_000)
            #expect(await bench.run(order).text != nil)
            #expect(provider.log.requests.map { $0.contains("Bearer t2") } == [false, true])
        }
    }

    @Test func `a refused grant fails the attempts, isn't asked for amid the pause, and heals`() async throws {
        let refusal = Sample.answer(#"{"error":"invalid_client","error_description":"No."}"#, status: "401 No")
        let script: [ScriptedServer.Step] = [.request, .send(refusal), .request, .send(Self.token("t1"))]
        try await self.withTokens([script]) { tokens, provider, bench in
            let order = self.order(provider, tokens: tokens.port)
            // Stands still, so that the pause doesn't end by itself.
            await bench.setCredentialClock(ahead: 0)
            for _ in 0..<20 {
                let report = await bench.run(order)
                #expect(report.failure?.code == .authentication)
                #expect(report.failure?.providerCode == "invalid_client")
                #expect(report.failure?.message.contains("refuses a token to the client c") == true)
                #expect(report.failure?.message.contains("very-secret") == false)
                #expect((1...1_000).contains(report.failure?.retryAfterMilliseconds ?? 0))
                #expect(report.wasNeverSent)
            }
            #expect(tokens.log.requests.count == 1)
            await bench.setCredentialClock(ahead: 1_001)
            #expect(await bench.run(order).text != nil)
            #expect(provider.log.requests.count == 1)
        }
    }

    @Test(arguments: [
        ([ScriptedServer.Step.request, .reset], "closed the connection without an answer"),
        ([.request, .send("nonsense\r\n\r\n"), .close], "doesn't answer in HTTP/1.1"),
        ([.request, .send(Sample.answer("<html>", status: "503 Busy")), .wait], "answered HTTP 503"),
        ([.request, .send(Sample.answer("{}")), .wait], "answers with something else"),
        ([.request, .send(Sample.answer("x", headers: "content-encoding: gzip\r\n")), .wait], "in the encoding"),
        ([.request, .wait], "nothing came within 200 ms"),
        (
            [.request, .send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"), .flood("1000\r\n" + filler)],
            "is larger than allowed (262144 bytes)"
        ),
    ])
    func `a token server that is ill makes attempts fail as unreachable`(
        script: [ScriptedServer.Step],
        words: String
    ) async throws {
        var settings = UpstreamSettings()
        settings.fetchMilliseconds = words.hasPrefix("nothing") ? 200 : 30_000
        try await self.withTokens([script], settings: settings) { tokens, provider, bench in
            let report = await bench.run(self.order(provider, tokens: tokens.port, timeouts: .only()))
            #expect(report.failure?.code == .unreachable)
            #expect(report.failure?.message.contains(words) == true, "\(report.failure?.message ?? "")")
            #expect(report.failure?.message.hasPrefix("no token for the client c") == true)
            #expect(provider.log.accepted == 0)
            // A connection that could be kept has the sweep's timer, and no attempt has any.
            let kept = await bench.idleConnections > 0 ? 1 : 0
            #expect(await bench.openTimers == kept)
        }
    }

    private static let filler = String(repeating: "x", count: 4_096) + "\r\n"

    @Test func `a redirect of the token server takes the secret nowhere`() async throws {
        try await withServer(Self.provider) { provider, bench in
            let target = "http://127.0.0.1:\(provider.port)/token"
            let redirect = Sample.answer("", status: "307 There", headers: "location: \(target)\r\n")
            let tokens = try await ScriptedServer([[.request, .send(redirect), .wait]])
            let report = await bench.run(self.order(provider, tokens: tokens.port))
            #expect(report.failure?.code == .unreachable)
            #expect(provider.log.accepted == 0)
            try await tokens.stop()
        }
    }

    @Test func `an attempt waits as long as for a connection, and the fetch goes on without it`() async throws {
        try await self.withTokens([[.request, .wait, .send(Self.token("t1"))]]) { tokens, provider, bench in
            let report = await bench.run(
                self.order(provider, tokens: tokens.port, timeouts: .only(connect: 50))
            )
            #expect(report.failure?.code == .timeout && report.failure?.phase == .connect)
            #expect(report.failure?.message.hasPrefix("no token for the client c within 50 ms") == true)
            #expect(report.wasNeverSent)
            tokens.release()
            #expect(await bench.run(self.order(provider, tokens: tokens.port)).text != nil)
            #expect(tokens.log.requests.count == 1)
        }
    }

    @Test func `who is cancelled while it waits ends at once, and nobody else`() async throws {
        try await self.withTokens([[.request, .wait, .send(Self.token("t1"))]]) { tokens, provider, bench in
            let order = self.order(provider, tokens: tokens.port)
            let first = await bench.start(order)
            let second = await bench.start(order)
            _ = await tokens.wait { $0.requests.count >= 1 }
            await bench.cancel(first)
            #expect(await bench.report(of: first).cancelled == .client)
            tokens.release()
            #expect(await bench.report(of: second).text != nil)
            #expect(provider.log.requests.count == 1)
            #expect(bench.heard.value.reports[first]?.count == 1)
        }
    }

    @Test func `a shutdown ends the wait and the fetch`() async throws {
        try await self.withTokens([[.request, .wait]]) { tokens, provider, bench in
            let id = await bench.start(self.order(provider, tokens: tokens.port))
            _ = await tokens.wait { $0.requests.count >= 1 }
            await bench.shutdownRunner()
            #expect(await bench.report(of: id).cancelled == .drain)
            _ = await tokens.wait { $0.closedByPeer == 1 }
            #expect(await bench.openTimers == 0)
        }
    }

    @Test(arguments: [false, true])
    func `a token that the provider refuses is renewed, and the request sent again`(streamed: Bool) async throws {
        let tokens: [ScriptedServer.Step] = [.request, .send(Self.token("t1")), .request, .send(Self.token("t2"))]
        let provider: [ScriptedServer.Step] = [
            .request, .send(Self.refusal), .request, .send(streamed ? Sample.stream : Sample.answer(Sample.completion)),
        ]
        try await self.withTokens([tokens], provider: [provider]) { tokens, provider, bench in
            var order = self.order(provider, tokens: tokens.port)
            order.wantsDeltas = streamed
            let report = await bench.run(order)
            #expect(report.text == "Hello there")
            #expect(!report.mayHaveBeenBilled)
            #expect(provider.log.requests.map { $0.contains("Bearer t2") } == [false, true])
            #expect(tokens.log.requests.count == 2)
        }
    }

    @Test func `a refusal that a new token doesn't heal stands, without a renewal for each attempt`() async throws {
        let script: [ScriptedServer.Step] = [.request, .send(Self.token("t")), .again]
        let provider: [ScriptedServer.Step] = [.request, .send(Self.refusal), .again]
        try await self.withTokens([script], provider: [provider]) { tokens, provider, bench in
            let order = self.order(provider, tokens: tokens.port)
            for _ in 0..<10 {
                let report = await bench.run(order)
                #expect(report.failure?.code == .authentication)
                #expect(report.failure?.providerStatus == 401)
            }
            #expect(tokens.log.requests.count == 2)
            #expect(provider.log.requests.count == 11)
        }
    }

    @Test func `a renewal that fails leaves the provider's refusal`() async throws {
        let script: [ScriptedServer.Step] = [
            .request, .send(Self.token("t")), .request, .send(Sample.answer("", status: "500 No")),
        ]
        let provider: [ScriptedServer.Step] = [.request, .send(Self.refusal), .again]
        try await self.withTokens([script], provider: [provider]) { tokens, provider, bench in
            let report = await bench.run(self.order(provider, tokens: tokens.port))
            #expect(report.failure?.code == .authentication)
            #expect(report.failure?.providerMessage == "The token has expired.")
            #expect(provider.log.requests.count == 1)
        }
    }

    @Test func `a request is signed by the key of a role that was taken on, and of the next one before its end`()
        async throws
    {
        func xml(_ key: String, _ end: String) -> String {
            Sample.answer(
                "<R><Credentials><AccessKeyId>\(key)</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"
                    + "<SessionToken>t-\(key)</SessionToken><Expiration>\(end)</Expiration></Credentials></R>",
                headers: "content-type: text/xml\r\n"
            )
        }
        let tokens: [ScriptedServer.Step] = [
            .request, .send(xml("K1", "2000-01-01T00:00:00Z")), .request, .send(xml("K2", "2100-01-01T00:00:00Z")),
            .wait,
        ]
        let answer = Sample.answer(
            #"{"output":{"message":{"role":"assistant","content":[{"text":"Hello there"}]}},"stopReason":"end_turn"}"#
        )
        try await self.withTokens([tokens], provider: [[.request, .send(answer), .again]]) { tokens, provider, bench in
            var order = Sample.order(port: provider.port)
            order.endpoint.format = .bedrock
            order.endpoint.region = "eu-west-1"
            let chain = AWSRoleChain(
                start: .key(AWSCredentials(accessKeyID: Secret("AKID"), secretAccessKey: Secret("very-secret"))),
                roles: [AWSRoleChain.Role(arn: "arn:aws:iam::1:role/a", sessionName: "s")],
                address: TokenAddress(isSecure: false, host: "127.0.0.1", port: tokens.port, path: "/"),
                region: "eu-west-1"
            )
            order.endpoint.credential = .renewed(CredentialSource(name: "the role a", origin: .aws(chain)))
            for key in ["K1", "K2"] {
                let report = await bench.run(order)
                #expect(report.text == "Hello there", "\(report.failure?.message ?? "")")
                #expect(provider.log.requests.last?.contains("Credential=\(key)/") == true)
                #expect(provider.log.requests.last?.contains("\r\nx-amz-security-token: t-\(key)\r\n") == true)
                // The first key had ended when it came, and is good for no more than the one attempt that waited.
                await bench.setCredentialClock(ahead: 2_000)
            }
            let request = tokens.log.requests.first ?? ""
            #expect(request.contains("Action=AssumeRole&") && request.contains("Credential=AKID/"))
            #expect(tokens.log.requests.count == 2 && !request.contains("very-secret"))
        }
    }

    @Test func `a refusal of a lasting key isn't asked about`() async throws {
        try await withServer([[.request, .send(Self.refusal), .wait]]) { server, bench in
            let report = await bench.run(Sample.order(port: server.port))
            #expect(report.failure?.code == .authentication)
            #expect(server.log.requests.count == 1)
        }
    }

    @Test func `a file that proves who asks is read with each fetch`() async throws {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("fanout-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: file) }
        try Data("first\n".utf8).write(to: file)
        let script: [ScriptedServer.Step] = [.request, .send(Self.token("t", life: 100)), .again]
        try await self.withTokens([script]) { tokens, provider, bench in
            let order = self.order(provider, tokens: tokens.port, assertionFile: file.path)
            #expect(await bench.run(order).text != nil)
            try Data("second\n".utf8).write(to: file)
            await bench.setCredentialClock(ahead: 100_000)
            #expect(await bench.run(order).text != nil)
            try FileManager.default.removeItem(at: file)
            await bench.setCredentialClock(ahead: 300_000)
            let report = await bench.run(order)
            #expect(report.failure?.code == .authentication)
            #expect(report.failure?.message.contains("\(file.path) doesn't exist") == true)
            #expect(
                tokens.log.requests.map { $0.split(separator: "&").last } == [
                    "client_assertion=first", "client_assertion=second",
                ]
            )
        }
    }
}
