// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import NIOCore
import Testing

@testable import FanoutUpstream

/// A resolver that answers when told.
private final class HeldResolver: NameResolver {
    let isReleased = NoticeBoard(false)

    func addresses(of host: String, port: UInt16, on eventLoop: any EventLoop) -> EventLoopFuture<[SocketAddress]> {
        let promise = eventLoop.makePromise(of: [SocketAddress].self)
        let isReleased = self.isReleased
        promise.completeWithTask {
            _ = await isReleased.wait { $0 }
            return [try SocketAddress(ipAddress: "127.0.0.1", port: Int(port))]
        }
        return promise.futureResult
    }
}

@Suite(.timeLimit(.minutes(1))) struct ConnectionTests {
    private static let good: [ScriptedServer.Step] = [.request, .send(Sample.answer(Sample.completion)), .again]
    private static let content = Sample.streamHead + Sample.chunk(Sample.events[1])

    @Test func `a request on a connection that the peer had closed is repeated once on a new one`() async throws {
        let stale: [ScriptedServer.Step] = [.request, .send(Sample.answer(Sample.completion)), .request, .close]
        try await withServer([stale, Self.good]) { server, bench in
            _ = await bench.run(Sample.order(port: server.port))
            let report = await bench.run(Sample.order(port: server.port))
            #expect(report.text == "Hello there")
            #expect(report.wasRepeated && report.mayHaveBeenBilled)
            #expect(report.connectMicroseconds > 0)
            #expect(server.log.requests.count == 3)
            #expect(server.log.accepted == 2)
        }
    }

    @Test func `it is repeated only once`() async throws {
        let stale: [ScriptedServer.Step] = [.request, .send(Sample.answer(Sample.completion)), .request, .close]
        try await withServer([stale, [.request, .close]]) { server, bench in
            _ = await bench.run(Sample.order(port: server.port))
            let report = await bench.run(Sample.order(port: server.port))
            #expect(report.failure?.code == .unreachable)
            #expect(!report.wasNeverSent)
            #expect(server.log.accepted == 2)
        }
    }

    @Test func `it is not repeated once anything of an answer was seen`() async throws {
        let stale: [ScriptedServer.Step] = [
            .request, .send(Sample.answer(Sample.completion)), .request, .send("HTTP/1.1 2"), .close,
        ]
        try await withServer([stale, Self.good]) { server, bench in
            _ = await bench.run(Sample.order(port: server.port))
            let report = await bench.run(Sample.order(port: server.port))
            #expect(report.failure?.code == .streamBroken)
            #expect(server.log.accepted == 1)
        }
    }

    @Test func `a new connection that closes without an answer is not repeated`() async throws {
        try await withServer([[.request, .close], Self.good]) { server, bench in
            let report = await bench.run(Sample.order(port: server.port))
            #expect(report.failure?.code == .unreachable)
            #expect(server.log.accepted == 1)
        }
    }

    @Test func `an idle connection that the peer closes is forgotten`() async throws {
        let script: [ScriptedServer.Step] = [.request, .send(Sample.answer(Sample.completion)), .wait, .close]
        try await withServer([script, Self.good]) { server, bench in
            _ = await bench.run(Sample.order(port: server.port))
            #expect(await bench.idleConnections == 1)
            server.release()
            await bench.turn(until: { await bench.idleConnections == 0 })
            #expect(await bench.run(Sample.order(port: server.port)).text == "Hello there")
        }
    }

    @Test func `idle connections are closed after a while, by one timer`() async throws {
        var settings = UpstreamSettings()
        settings.idleMilliseconds = 50
        let script: [ScriptedServer.Step] = [.request, .wait, .send(Sample.answer(Sample.completion)), .wait]
        try await withServer([script], settings: settings) { server, bench in
            let first = await bench.start(Sample.order(port: server.port))
            let second = await bench.start(Sample.order(port: server.port))
            _ = await server.wait { $0.requests.count >= 2 }
            server.release()
            _ = await bench.report(of: first)
            _ = await bench.report(of: second)
            #expect(await bench.openTimers <= 1)
            _ = await server.wait { $0.closedByPeer == 2 }
            await bench.turn(until: { await bench.openTimers == 0 })
            #expect(await bench.idleConnections == 0)
        }
    }

    @Test func `no more connections stay idle than allowed`() async throws {
        var settings = UpstreamSettings()
        settings.idleConnectionsMax = 2
        let script: [ScriptedServer.Step] = [.request, .wait, .send(Sample.answer(Sample.completion)), .wait]
        try await withServer([script], settings: settings) { server, bench in
            for _ in 0..<4 { await bench.start(Sample.order(port: server.port)) }
            _ = await server.wait { $0.requests.count >= 4 }
            server.release()
            for id in 1...4 as ClosedRange<UInt64> { #expect(await bench.report(of: id).text != nil) }
            _ = await server.wait { $0.closedByPeer == 2 }
            #expect(await bench.idleConnections == 2)
        }
    }

    @Test func `a cancel before the connection stands sends nothing`() async throws {
        let server = try await ScriptedServer([Self.good])
        let resolver = HeldResolver()
        let bench = Bench(resolver: resolver)
        let id = await bench.start(Sample.order(port: server.port, host: "held.example"))
        await bench.cancel(id, .race)
        let report = await bench.report(of: id)
        #expect(report.failure?.code == .cancelled)
        #expect(report.failure?.cancelReason == .race)
        #expect(report.cancelled == .race)
        #expect(report.wasNeverSent)
        #expect(await bench.openTimers == 0)
        resolver.isReleased.update { $0 = true }
        // The late answer serves the next attempt, on a connection of its own.
        #expect(await bench.run(Sample.order(port: server.port, host: "held.example")).text == "Hello there")
        #expect(server.log.accepted == 1)
        try await bench.stop()
        try await server.stop()
    }

    @Test func `the connect timer covers the name and TLS`() async throws {
        let resolver = HeldResolver()
        let bench = Bench(resolver: resolver)
        let name = await bench.run(Sample.order(port: 1, host: "held.example", timeouts: .only(connect: 60)))
        #expect(name.failure?.code == .timeout)
        #expect(name.failure?.phase == .connect)
        #expect(name.wasNeverSent)
        resolver.isReleased.update { $0 = true }
        try await bench.stop()
        try await withServer([[.wait]]) { server, bench in
            let report = await bench.run(Sample.order(port: server.port, secure: true, timeouts: .only(connect: 60)))
            #expect(report.failure?.phase == .connect)
            _ = await server.wait { $0.closedByPeer == 1 }
        }
    }

    @Test(arguments: ["", "HTTP/1.1 200 OK\r\n", content])
    func `a cancel closes the upstream socket`(begin: String) async throws {
        try await withServer([[.request, .send(begin), .wait]]) { server, bench in
            let id = await bench.start(Sample.order(port: server.port, stream: true))
            _ = await server.wait { $0.requests.count >= 1 }
            if begin == Self.content { _ = await bench.heard.wait { $0.firstContents[id] == 1 } }
            await bench.cancel(id)
            await bench.cancel(id)
            _ = await server.wait { $0.closedByPeer == 1 }
            let report = await bench.report(of: id)
            #expect(report.cancelled == .client)
            #expect(!report.wasNeverSent)
            #expect(report.hadContent == (begin == Self.content))
            #expect(bench.heard.value.reports[id]?.count == 1)
            #expect(await bench.openTimers == 0)
        }
    }

    @Test func `a paused attempt reads nothing more until it is resumed`() async throws {
        let script: [ScriptedServer.Step] = [.request, .send(Self.content), .flood(Sample.chunk(Sample.events[1]))]
        try await withServer([script]) { server, bench in
            let id = await bench.start(Sample.order(port: server.port, stream: true, timeouts: .only(idle: 5_000)))
            _ = await bench.heard.wait { $0.firstContents[id] == 1 }
            await bench.pauseReading(id)
            // The read that was already asked for.
            for _ in 0..<20 { await bench.turn() }
            let before = bench.heard.value.deltas[id]?.count
            for _ in 0..<50 { await bench.turn() }
            #expect(bench.heard.value.deltas[id]?.count == before)
            await bench.resumeReading(id)
            _ = await bench.heard.wait { ($0.deltas[id]?.count ?? 0) > (before ?? 0) }
            await bench.cancel(id)
            _ = await bench.report(of: id)
        }
    }

    @Test func `a pause ends with its attempt, not with its connection`() async throws {
        let rest = Sample.events[2...].map(Sample.chunk).joined() + Sample.lastChunk
        let script: [ScriptedServer.Step] = [
            .request, .send(Self.content), .wait, .send(rest), .request, .send(Sample.answer(Sample.completion)), .wait,
        ]
        try await withServer([script]) { server, bench in
            let id = await bench.start(Sample.order(port: server.port, stream: true))
            _ = await bench.heard.wait { $0.firstContents[id] == 1 }
            await bench.pauseReading(id)
            server.release()
            // The read that was already asked for brings the rest.
            #expect(await bench.report(of: id).text == "Hello there")
            let next = await bench.run(Sample.order(port: server.port, timeouts: .only(total: 10_000)))
            #expect(next.text == "Hello there")
            #expect(server.log.accepted == 1)
        }
    }

    @Test func `a pause holds the idle timer, and a resume starts it again`() async throws {
        try await withServer([[.request, .send(Self.content), .wait]]) { server, bench in
            let timeouts = Timeouts.only(idle: 60, total: 1_000)
            let order = Sample.order(port: server.port, stream: true, timeouts: timeouts)
            let paused = await bench.start(order, pausing: true)
            #expect(await bench.report(of: paused).failure?.phase == .total)
            let resumed = await bench.start(order, pausing: true)
            _ = await bench.heard.wait { $0.firstContents[resumed] == 1 }
            await bench.resumeReading(resumed)
            #expect(await bench.report(of: resumed).failure?.phase == .idle)
        }
    }

    @Test func `a shutdown leaves no connections and no timers`() async throws {
        let stuck: [ScriptedServer.Step] = [.request, .send(Self.content), .wait]
        let resolver = HeldResolver()
        try await withServer([stuck, [.request, .wait], Self.good], resolver: resolver) { server, bench in
            // One amid its stream, one without an answer, one idle, one not yet connected.
            let streaming = await bench.start(Sample.order(port: server.port, stream: true))
            _ = await bench.heard.wait { $0.firstContents[streaming] == 1 }
            let waiting = await bench.start(Sample.order(port: server.port))
            _ = await server.wait { $0.requests.count >= 2 }
            _ = await bench.run(Sample.order(port: server.port))
            #expect(await bench.idleConnections == 1)
            let connecting = await bench.start(Sample.order(port: server.port, host: "held.example"))
            await bench.shutdownRunner()
            for id in [streaming, waiting, connecting] {
                #expect(await bench.report(of: id).cancelled == .drain)
            }
            _ = await server.wait { $0.closedByPeer == $0.accepted }
            #expect(await bench.openTimers == 0)
            #expect(await bench.isArmed == false)
            #expect(await bench.idleConnections == 0)
            resolver.isReleased.update { $0 = true }
            await bench.turn()
        }
    }
}
