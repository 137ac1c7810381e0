// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import Testing

@testable import FanoutUpstream

/// Embeddings of more inputs than the provider takes a request, over a real socket.
@Suite(.timeLimit(.minutes(1))) struct PartedAttemptTests {
    /// An answer of Cohere's with vectors of one number each.
    private static func vectors(_ numbers: [Int], tokens: Int = 5) -> String {
        let list = numbers.map { "[\($0)]" }.joined(separator: ",")
        return Sample.answer(
            #"{"id":"i","embeddings":{"float":[\#(list)]},"meta":{"billed_units":{"input_tokens":\#(tokens)}}}"#
        )
    }

    private func order(_ server: ScriptedServer, inputs: Int, timeouts: Timeouts = Timeouts()) -> AttemptOrder {
        var order = Sample.order(port: server.port, timeouts: timeouts)
        order.endpoint.provider = "cohere"
        order.endpoint.format = .cohere
        order.request = Request(
            model: "m",
            task: .embedding(EmbeddingRequest(inputs: (0..<inputs).map { "text-\($0)-" }))
        )
        return order
    }

    private static func float(_ number: Int) -> [UInt8] {
        withUnsafeBytes(of: Float(number).bitPattern.littleEndian) { Array($0) }
    }

    @Test func `the parts go out one after the other on one connection, and their vectors come back in order`()
        async throws
    {
        let script: [ScriptedServer.Step] = [
            .request, .send(Self.vectors(Array(0..<96))), .request, .send(Self.vectors(Array(96..<192))), .request,
            .send(Self.vectors([192, 193])), .wait,
        ]
        try await withServer([script]) { server, bench in
            let report = await bench.run(self.order(server, inputs: 194))
            guard case .success(let response) = report.result else {
                Issue.record("\(report.failure?.message ?? "")")
                return
            }
            #expect(response.body == .embedding((0..<194).map(Self.float)))
            #expect(response.usage?.promptTokens == 15)
            #expect(!report.mayHaveBeenBilled && report.connectMicroseconds > 0)
            let log = server.log
            #expect(log.accepted == 1 && log.requests.count == 3)
            #expect(log.requests[1].contains("text-96-") && !log.requests[1].contains("text-95-"))
            #expect(log.requests[2].contains("text-193-"))
            #expect(bench.heard.value.reports.values.map(\.count) == [1])
        }
    }

    @Test func `a part that fails fails the whole in its own words, and what was answered was billed`() async throws {
        let refusal = Sample.answer(#"{"message":"You are rate limited."}"#, status: "429 Too Many")
        let script: [ScriptedServer.Step] = [
            .request, .send(Self.vectors(Array(0..<96))), .request, .send(refusal), .wait,
        ]
        try await withServer([script]) { server, bench in
            let report = await bench.run(self.order(server, inputs: 300))
            #expect(report.failure?.code == .rateLimited)
            #expect(report.failure?.providerMessage == "You are rate limited.")
            #expect(report.mayHaveBeenBilled && !report.wasNeverSent)
            #expect(server.log.requests.count == 2)
        }
    }

    @Test func `a first part that fails was not billed`() async throws {
        let refusal = Sample.answer(#"{"message":"You are rate limited."}"#, status: "429 Too Many")
        try await withServer([[.request, .send(refusal), .wait]]) { server, bench in
            let report = await bench.run(self.order(server, inputs: 300))
            #expect(report.failure?.code == .rateLimited && !report.mayHaveBeenBilled)
        }
    }

    @Test func `a cancelled attempt sends no further part`() async throws {
        let script: [ScriptedServer.Step] = [.request, .send(Self.vectors(Array(0..<96))), .request, .wait]
        try await withServer([script]) { server, bench in
            let id = await bench.start(self.order(server, inputs: 300))
            _ = await server.wait { $0.requests.count >= 2 }
            await bench.cancel(id)
            #expect(await bench.report(of: id).cancelled == .client)
            _ = await server.wait { $0.closedByPeer == 1 }
            #expect(server.log.requests.count == 2)
            // That of idle connections, of which the first part's was one.
            #expect(await bench.openTimers <= 1)
        }
    }

    @Test func `the time of an attempt is that of all its parts`() async throws {
        let left = [(0, 5), (300, 0), (300, 299), (300, 300), (300, 900)].map {
            PartedAttempt.left(of: $0.0, after: $0.1)
        }
        #expect(left == [0, 300, 1, 1, 1])
        let script: [ScriptedServer.Step] = [.request, .send(Self.vectors(Array(0..<96))), .request, .wait]
        try await withServer([script]) { server, bench in
            let report = await bench.run(self.order(server, inputs: 300, timeouts: .only(total: 300)))
            #expect(report.failure?.code == .timeout)
            #expect(report.totalMicroseconds < 2_000_000)
        }
    }
}
