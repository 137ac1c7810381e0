// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import NIOCore
import NIOPosix
import Testing

@testable import FanoutUpstream

@Suite(.timeLimit(.minutes(1))) struct FailureTests {
    @Test func `a refused port is unreachable and names the step`() async throws {
        let gone = try RefusingSocket()
        defer { withExtendedLifetime(gone) {} }
        let bench = Bench()
        let report = await bench.run(Sample.order(port: gone.port))
        #expect(report.failure?.code == .unreachable)
        #expect(report.failure?.message.contains("connection refused") == true)
        #expect(report.wasNeverSent)
        try await bench.stop()
    }

    @Test func `an unknown name is unreachable and names the step`() async throws {
        let bench = Bench()
        let report = await bench.run(Sample.order(port: 80, host: "fanout.invalid"))
        #expect(report.failure?.code == .unreachable)
        #expect(report.failure?.message.contains("fanout.invalid can't be resolved") == true)
        #expect(report.wasNeverSent)
        try await bench.stop()
    }

    @Test func `a server that says nothing runs into the total timeout`() async throws {
        try await withServer([[.wait]]) { server, bench in
            let report = await bench.run(Sample.order(port: server.port, timeouts: .only(total: 60)))
            #expect(report.failure?.code == .timeout)
            #expect(report.failure?.phase == .total)
            _ = await server.wait { $0.closedByPeer == 1 }
        }
    }

    @Test func `an item's deadline ends its attempt under its own name`() async throws {
        try await withServer([[.wait]]) { server, bench in
            let deadline = AlarmClock.now().adding(milliseconds: 60)
            let report = await bench.run(Sample.order(port: server.port, deadline: deadline))
            #expect(report.failure?.code == .deadlineExceeded)
        }
    }

    /// A timer, what the server sends before it stops, and the phase that is told.
    private static let silences: [(Timeouts, String, TimeoutPhase)] = [
        (.only(headers: 60), "", .headers),
        (.only(firstContent: 60), "", .firstContent),
        (.only(headers: 1_000, firstContent: 1_200), Sample.streamHead, .firstContent),
        (.only(firstContent: 60), Sample.streamHead + Sample.chunk(Sample.events[0]), .firstContent),
        (.only(firstContent: 60), Sample.streamHead + Sample.chunk(": ping\n\n"), .firstContent),
        (.only(idle: 60), Sample.streamHead + Sample.chunk(Sample.events[1]), .idle),
    ]

    @Test(arguments: silences)
    func `each timer of a stream tells its phase`(row: (Timeouts, String, TimeoutPhase)) async throws {
        try await withServer([[.request, .send(row.1), .wait]]) { server, bench in
            let report = await bench.run(Sample.order(port: server.port, stream: true, timeouts: row.0))
            #expect(report.failure?.code == .timeout)
            #expect(report.failure?.phase == row.2)
            _ = await server.wait { $0.closedByPeer == 1 }
            #expect(await bench.openTimers == 0)
        }
    }

    @Test func `heartbeats don't count as content`() async throws {
        let begin = Sample.streamHead + Sample.chunk(Sample.events[1])
        try await withServer([[.request, .send(begin), .flood(Sample.chunk(": ping\n\n"))]]) { server, bench in
            let report = await bench.run(Sample.order(port: server.port, stream: true, timeouts: .only(idle: 60)))
            #expect(report.failure?.phase == .idle)
        }
    }

    /// What a server answers, and the code that it becomes.
    private static let oddities: [(String, [FailureCode])] = [
        (
            Sample.answer("<html><body>Welcome</body></html>", headers: "content-type: text/html\r\n"),
            [.invalidResponse]
        ),
        (Sample.answer(""), [.invalidResponse]),
        ("\u{1}\u{2}\u{3} nothing that HTTP knows\r\n\r\n", [.invalidResponse]),
        ("HTTP/2.0 200 OK\r\n\r\n", [.invalidResponse]),
        ("SSH-2.0-OpenSSH_9.2\r\n", [.invalidResponse]),
        (Sample.answer("x", headers: "content-encoding: gzip\r\n"), [.invalidResponse]),
        (Sample.answer("", status: "301 Moved", headers: "location: https://elsewhere/\r\n"), [.invalidResponse]),
        ("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n", [.invalidResponse]),
        ("HTTP/1.1 200 OK\r\nx: " + String(repeating: "a", count: 200_000) + "\r\n\r\n", [.invalidResponse]),
        (
            "HTTP/1.1 200 OK\r\n" + String(repeating: "x: a\r\n", count: 1_000) + "\r\n",
            [.invalidResponse]
        ),
        (String(repeating: "HTTP/1.1 103 Hint\r\n\r\n", count: 100), [.invalidResponse]),
        ("HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n", [.invalidResponse]),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", [.invalidResponse]),
        (
            Sample.answer(
                #"{"error":{"message":"slow down","type":"requests","code":"rate_limit_exceeded"}}"#,
                status: "429 Too Many Requests",
                headers: "retry-after: 7\r\ncontent-type: application/json\r\n"
            ), [.rateLimited]
        ),
        (Sample.answer("upstream is away", status: "503 Service Unavailable"), [.overloaded, .providerError]),
    ]

    @Test(arguments: oddities)
    func `an odd answer fails with its code`(row: (String, [FailureCode])) async throws {
        try await withServer([[.request, .send(row.0), .wait]]) { server, bench in
            let report = await bench.run(Sample.order(port: server.port))
            let failure = try #require(report.failure)
            #expect(row.1.contains(failure.code), "\(failure)")
            #expect(!report.wasNeverSent)
            if failure.code == .rateLimited { #expect(failure.retryAfterMilliseconds == 7_000) }
        }
    }

    /// What a server answers before it closes the connection, and whether the attempt may have been billed.
    private static let bills: [(String, Bool)] = [
        ("", true), ("HTTP/1.1 200 OK\r\n", true), (Sample.streamHead, true),
        (Sample.streamHead + Sample.chunk(Sample.events[1]), true),
        (Sample.answer("<html>"), true), (Sample.answer("x", headers: "content-encoding: gzip\r\n"), true),
        (Sample.answer("", status: "504 Gateway Timeout"), true), (Sample.answer("", status: "500 Error"), false),
        (Sample.answer("", status: "429 Too Many Requests"), false), (Sample.answer("", status: "301 Moved"), false),
        (Sample.streamHead + Sample.chunk("data: {\"error\":{\"code\":429,\"message\":\"slow down\"}}\n\n"), false),
        (Sample.stream, false),
    ]

    @Test(arguments: bills)
    func `a failure says whether it may have been billed`(answer: String, isBilled: Bool) async throws {
        try await withServer([[.request, .send(answer), .close]]) { server, bench in
            let report = await bench.run(Sample.order(port: server.port, stream: true))
            #expect(report.mayHaveBeenBilled == isBilled, "\(String(describing: report.failure))")
        }
    }

    @Test func `what was never sent was never billed`() async throws {
        let bench = Bench()
        let report = await bench.run(Sample.order(port: 80, host: "fanout.invalid"))
        #expect(!report.mayHaveBeenBilled)
        try await bench.stop()
    }

    @Test(arguments: ["HTTP/1.1 200 OK\r\nx: ", "HTTP/1.1 200 ", Sample.streamHead + "ffffffff\r\n"])
    func `an endless answer is cut at its bound`(begin: String) async throws {
        var settings = UpstreamSettings()
        settings.answerBytesMax = 1 << 20
        let script: [ScriptedServer.Step] = [
            .request, .send(begin), .flood(String(repeating: "a", count: 32 << 10)),
        ]
        try await withServer([script], settings: settings) { server, bench in
            let report = await bench.run(Sample.order(port: server.port, timeouts: .only(total: 20_000)))
            #expect(report.failure?.code == .invalidResponse, "\(String(describing: report.failure))")
            _ = await server.wait { $0.closedByPeer == 1 }
        }
    }

    @Test func `a stream that is cut after any event is broken, and says whether it had content`() async throws {
        for count in 0..<Sample.events.count - 1 {
            let begin = Sample.streamHead + Sample.events[..<count].map(Sample.chunk).joined()
            try await withServer([[.request, .send(begin), .close]]) { server, bench in
                let report = await bench.run(Sample.order(port: server.port, stream: true))
                #expect(report.failure?.code == .streamBroken, "after \(count) events")
                #expect(report.hadContent == (count >= 2))
            }
        }
    }

    @Test func `a body shorter than its length is broken`() async throws {
        let cut = String(Sample.answer(Sample.completion).dropLast(20))
        try await withServer([[.request, .send(cut), .close]]) { server, bench in
            let report = await bench.run(Sample.order(port: server.port))
            #expect(report.failure?.code == .streamBroken)
        }
    }

    @Test func `an error event amid a stream is the attempt's failure`() async throws {
        let event = #"data: {"error":{"message":"The server is overloaded","type":"overloaded_error","code":503}}"#
        let stream =
            Sample.streamHead + Sample.chunk(Sample.events[1]) + Sample.chunk(event + "\n\n") + Sample.lastChunk
        try await withServer([[.request, .send(stream), .wait]]) { server, bench in
            let report = await bench.run(Sample.order(port: server.port, stream: true))
            #expect(report.failure != nil)
            #expect(report.failure?.code != .streamBroken)
            #expect(report.hadContent)
        }
    }

    @Test func `a reset amid the answer is broken`() async throws {
        let script: [ScriptedServer.Step] = [
            .request, .send(Sample.streamHead + Sample.chunk(Sample.events[1])), .wait, .reset,
        ]
        try await withServer([script]) { server, bench in
            let id = await bench.start(Sample.order(port: server.port, stream: true))
            _ = await bench.heard.wait { $0.firstContents[id] != nil }
            server.release()
            #expect(await bench.report(of: id).failure?.code == .streamBroken)
        }
    }
}
