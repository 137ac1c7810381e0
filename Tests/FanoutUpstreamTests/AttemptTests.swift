// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import Testing

@testable import FanoutUpstream

@Suite(.timeLimit(.minutes(1))) struct AttemptTests {
    @Test func `an unstreamed answer comes whole`() async throws {
        try await withServer([[.request, .send(Sample.answer(Sample.completion)), .wait]]) { server, bench in
            let report = await bench.run(Sample.order(port: server.port))
            #expect(report.text == "Hello there")
            #expect(report.connectMicroseconds > 0)
            #expect(report.headersMicroseconds > 0)
            #expect(!report.wasNeverSent)
            #expect(!report.hadContent)
            #expect(report.cancelled == nil)
            let request = server.log.requests.first ?? ""
            #expect(request.hasPrefix("POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:\(server.port)\r\n"))
            #expect(request.contains("\r\naccept-encoding: identity\r\n"))
            #expect(request.contains("\r\nauthorization: Bearer key\r\n"))
        }
    }

    @Test func `a streamed answer comes in pieces and then whole`() async throws {
        try await withServer([[.request, .send(Sample.stream), .wait]]) { server, bench in
            let report = await bench.run(Sample.order(port: server.port, stream: true))
            #expect(report.text == "Hello there")
            #expect(report.hadContent)
            let heard = bench.heard.value
            #expect(heard.firstContents[1] == 1)
            #expect(heard.deltas[1] == [Delta(.text("Hello")), Delta(.text(" there"))])
        }
    }

    @Test(arguments: [("200 OK", true), ("200 OK", false), ("429 Too Many Requests", false)])
    func `what headers say of the provider's limits is told once, before all else`(
        status: String,
        streamed: Bool
    ) async throws {
        let limits = "x-ratelimit-limit-requests: 60\r\nx-ratelimit-remaining-tokens: 7\r\n"
        let whole = Sample.answer(Sample.completion, status: status, headers: limits)
        let stream = Sample.stream.replacing("content-type", with: limits + "content-type")
        try await withServer([[.request, .send(streamed ? stream : whole), .wait]]) { server, bench in
            let report = await bench.run(Sample.order(port: server.port, stream: streamed))
            #expect((report.failure == nil) == status.hasPrefix("200"))
            var rates = RateReport()
            rates.requests.limit = 60
            rates.tokens.remaining = 7
            #expect(bench.heard.value.rates[1] == [rates])
        }
    }

    @Test func `headers without a word on limits tell nothing`() async throws {
        try await withServer([[.request, .send(Sample.answer(Sample.completion)), .wait]]) { server, bench in
            _ = await bench.run(Sample.order(port: server.port))
            #expect(bench.heard.value.rates.isEmpty)
        }
    }

    @Test(arguments: [1, 2, 3, 7, 64, 1_000])
    func `pieces of any size on the wire give the same answer`(size: Int) async throws {
        let script: [ScriptedServer.Step] = [
            .request, .trickle(Sample.stream, size), .request, .trickle(Sample.answer(Sample.completion), size), .wait,
        ]
        try await withServer([script]) { server, bench in
            let streamed = await bench.run(Sample.order(port: server.port, stream: true))
            #expect(streamed.text == "Hello there")
            #expect(bench.heard.value.deltas[1] == [Delta(.text("Hello")), Delta(.text(" there"))])
        }
    }

    @Test func `a connection is used again, the last idle one first`() async throws {
        let script: [ScriptedServer.Step] = [.request, .send(Sample.answer(Sample.completion)), .again]
        try await withServer([script]) { server, bench in
            for _ in 0..<5 {
                let report = await bench.run(Sample.order(port: server.port))
                #expect(report.text == "Hello there")
            }
            let streamed = await bench.run(Sample.order(port: server.port, stream: true))
            #expect(streamed.text == "Hello there")
            #expect(server.log.accepted == 1)
            #expect(server.log.requests.count == 6)
            #expect(bench.heard.value.reports[2]?.first?.connectMicroseconds == 0)
            #expect(await bench.idleConnections == 1)
        }
    }

    @Test func `a stream's connection is used again once its message has ended`() async throws {
        let script: [ScriptedServer.Step] = [.request, .send(Sample.stream), .again]
        try await withServer([script]) { server, bench in
            for _ in 0..<3 { #expect(await bench.run(Sample.order(port: server.port, stream: true)).text != nil) }
            #expect(server.log.accepted == 1)
        }
    }

    @Test func `a stream's end marker ends the attempt, and a message without end ends the connection`() async throws {
        let stream = Sample.streamHead + Sample.events.map(Sample.chunk).joined()
        try await withServer([[.request, .send(stream), .wait]]) { server, bench in
            let report = await bench.run(Sample.order(port: server.port, stream: true))
            #expect(report.text == "Hello there")
            _ = await server.wait { $0.closedByPeer == 1 }
            #expect(await bench.idleConnections == 0)
        }
    }

    @Test(arguments: [
        "HTTP/1.0 200 OK\r\ncontent-type: application/json\r\n\r\n" + Sample.completion,
        "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n" + Sample.completion,
    ])
    func `an answer that ends with its connection is whole`(answer: String) async throws {
        try await withServer([[.request, .send(answer), .close]]) { server, bench in
            #expect(await bench.run(Sample.order(port: server.port)).text == "Hello there")
            #expect(await bench.idleConnections == 0)
        }
    }

    @Test func `interim answers are tolerated`() async throws {
        let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n"
        let script: [ScriptedServer.Step] = [.request, .send(interim + Sample.answer(Sample.completion)), .wait]
        try await withServer([script]) { server, bench in
            #expect(await bench.run(Sample.order(port: server.port)).text == "Hello there")
        }
    }

    @Test func `an answer that nobody asked for is not taken for the next request's`() async throws {
        let twice = Sample.answer(Sample.completion) + Sample.answer("{}", status: "500 Internal Server Error")
        let good: [ScriptedServer.Step] = [.request, .send(Sample.answer(Sample.completion)), .wait]
        try await withServer([[.request, .send(twice), .wait], good]) { server, bench in
            #expect(await bench.run(Sample.order(port: server.port)).text == "Hello there")
            #expect(await bench.run(Sample.order(port: server.port)).text == "Hello there")
            #expect(server.log.accepted == 2)
        }
    }

    @Test func `a request that can't be encoded fails before anything is sent`() async throws {
        try await withServer([[.wait]]) { server, bench in
            var order = Sample.order(port: server.port)
            order.request.task = nil
            let report = await bench.run(order)
            #expect(report.failure?.code == .invalidRequest)
            #expect(report.wasNeverSent)
            #expect(server.log.accepted == 0)
            #expect(await bench.openTimers == 0)
        }
    }

    @Test func `a key with a line break is named and never sent`() async throws {
        try await withServer([[.wait]]) { server, bench in
            var order = Sample.order(port: server.port)
            order.endpoint.credential = .bearer(Secret("sk-1\nx: y"))
            let report = await bench.run(order)
            #expect(report.failure?.code == .authentication)
            #expect(report.failure?.message.contains("sk-1") == false)
            #expect(report.wasNeverSent)
        }
    }

    @Test(arguments: [
        ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", true),
        ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\nx-evil: 1", false),
    ])
    func `a trace context goes along only if it is one`(traceparent: String, isSent: Bool) async throws {
        try await withServer([[.request, .send(Sample.answer(Sample.completion)), .wait]]) { server, bench in
            var order = Sample.order(port: server.port)
            order.traceparent = traceparent
            #expect(await bench.run(order).text == "Hello there")
            #expect(server.log.requests.first?.contains("traceparent") == isSent)
            #expect(server.log.requests.first?.contains("x-evil") == false)
        }
    }
}
