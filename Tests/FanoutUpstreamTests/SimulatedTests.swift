// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import Testing

@testable import FanoutUpstream

@Suite(.timeLimit(.minutes(1))) struct SimulatedTests {
    private func order(_ model: String, stream: Bool = false, timeouts: Timeouts = .only()) -> AttemptOrder {
        var order = Sample.order(port: 0, stream: stream, timeouts: timeouts)
        order.endpoint.format = .simulated
        order.endpoint.model = model
        return order
    }

    private func withBench(_ body: (Bench) async throws -> Void) async throws {
        let bench = Bench()
        try await body(bench)
        #expect(await bench.openSimulatedTimers == 0)
        try await bench.stop()
    }

    @Test func `an answer says that it is simulated, and echoes`() async throws {
        try await self.withBench { bench in
            let report = await bench.run(self.order("echo?tokens=3"))
            #expect(report.text == "[simulated] hello hello")
            guard case .success(let response) = report.result else { return }
            #expect(response.model == "echo")
            #expect(response.usage?.promptTokens == 1)
            #expect(response.usage?.completionTokens == 3)
        }
    }

    @Test func `a stream's pieces make its answer`() async throws {
        try await self.withBench { bench in
            let report = await bench.run(self.order("echo?tokens=4&tokens_per_second=200&latency_ms=5", stream: true))
            let heard = bench.heard.value
            let pieces = (heard.deltas[1] ?? []).map { delta in
                if case .text(let text) = delta.kind { return text }
                return ""
            }
            #expect(pieces.joined() == report.text)
            #expect(pieces.count == 4)
            #expect(heard.firstContents[1] == 1)
            #expect(report.hadContent)
        }
    }

    @Test func `the same seed has the same failures`() async throws {
        func codes() async throws -> [FailureCode?] {
            var codes: [FailureCode?] = []
            let bench = Bench()
            for _ in 0..<40 {
                let order = self.order("echo?error_rate=0.5&error=rate_limited&retry_after_ms=9&seed=7")
                let report = await bench.run(order)
                if let failure = report.failure { #expect(failure.retryAfterMilliseconds == 9) }
                codes.append(report.failure?.code)
            }
            try await bench.stop()
            return codes
        }
        let first = try await codes()
        #expect(try await codes() == first)
        #expect(first.contains(nil) && first.contains(.rateLimited))
    }

    @Test func `vectors have their size and are the same for the same text`() async throws {
        try await self.withBench { bench in
            var order = self.order("echo?dimensions=5")
            order.request.task = .embedding(EmbeddingRequest(inputs: ["a", "b", "a"]))
            let report = await bench.run(order)
            guard case .success(let response) = report.result, case .embedding(let vectors) = response.body else {
                Issue.record("no vectors")
                return
            }
            #expect(vectors.map(\.count) == [20, 20, 20])
            #expect(vectors[0] == vectors[2] && vectors[0] != vectors[1])
        }
    }

    @Test func `it keeps to the timeouts and can be cancelled`() async throws {
        try await self.withBench { bench in
            let slow = "echo?latency_ms=60000"
            let late = await bench.run(self.order(slow, timeouts: .only(total: 30)))
            #expect(late.failure?.phase == .total)
            let first = await bench.run(self.order(slow, stream: true, timeouts: .only(firstContent: 30)))
            #expect(first.failure?.phase == .firstContent)
            let id = await bench.start(self.order(slow))
            await bench.cancel(id, .failFast)
            #expect(await bench.report(of: id).cancelled == .failFast)
        }
    }

    @Test(arguments: ["echo?latency=5", "echo?tokens=-1", "echo?error=internal", "echo?error_rate=2", "echo?seed"])
    func `a setting that isn't understood is named`(model: String) async throws {
        try await self.withBench { bench in
            let report = await bench.run(self.order(model))
            #expect(report.failure?.code == .invalidRequest)
            #expect(report.failure?.message.contains("simulated model") == true)
            #expect(report.wasNeverSent)
        }
    }
}
