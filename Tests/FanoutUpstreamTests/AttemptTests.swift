// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import Testing

@testable import FanoutUpstream

@Suite(.timeLimit(.minutes(1))) struct AttemptTests {
    @Test func `an unstreamed answer comes whole`() async throws {
        let server = try await ScriptedServer([[.request, .send(Sample.answer(Sample.completion)), .wait]])
        let bench = Bench()
        let report = await bench.run(Sample.order(port: server.port))
        #expect(report.text == "Hello there")
        #expect(report.connectMicroseconds > 0)
        #expect(report.headersMicroseconds > 0)
        #expect(!report.wasNeverSent)
        #expect(!report.hadContent)
        #expect(report.cancelled == nil)
        try await bench.stop()
        try await server.stop()
    }

    @Test func `a streamed answer comes in pieces and then whole`() async throws {
        let server = try await ScriptedServer([[.request, .send(Sample.stream), .wait]])
        let bench = Bench()
        let report = await bench.run(Sample.order(port: server.port, stream: true))
        #expect(report.text == "Hello there")
        #expect(report.hadContent)
        let heard = bench.heard.value
        #expect(heard.firstContents[1] == 1)
        #expect(heard.deltas[1] == [Delta(.text("Hello")), Delta(.text(" there"))])
        try await bench.stop()
        try await server.stop()
    }
}
