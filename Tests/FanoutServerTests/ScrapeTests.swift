// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutModel
import FanoutServer
import FanoutTestKit
import FanoutWire
import Foundation
import NIOCore
import NIOPosix
import Testing

@Suite(.serialized, .timeLimit(.minutes(2))) struct ScrapeTests {
    @Test(arguments: [
        ("GET /metrics HTTP/1.0\r\n\r\n", ScrapeRequest.Answer.metrics),
        ("GET /metrics?x=1 HTTP/1.1\r\nHost: x\r\n\r\nrest", .metrics),
        ("GET /metrics HTTP/1.1\nHost: x\n\n", .metrics), ("HEAD /metrics HTTP/1.1\r\n\r\n", .head),
    ])
    func `a request for the metrics is answered at the end of its head, wherever it is split`(
        text: String,
        answer: ScrapeRequest.Answer
    ) {
        for split in 0...text.utf8.count {
            var request = ScrapeRequest()
            let first = request.receive(text.utf8.prefix(split))
            #expect(first ?? request.receive(text.utf8.dropFirst(split)) == answer)
        }
    }

    @Test(arguments: [
        ("POST /metrics HTTP/1.1\r\n\r\n", ScrapeRequest.StaticStatus.methodNotAllowed),
        ("GET / HTTP/1.1\r\n\r\n", .notFound), ("GET /metricsx HTTP/1.1\r\n\r\n", .notFound),
        ("GET /metrics\r\n\r\n", .badRequest), ("GET /metrics SPDY/1\r\n\r\n", .badRequest),
        ("\r\n\r\n", .badRequest), (String(repeating: "x", count: 9_000), .tooLarge),
    ])
    func `anything else is refused by its status`(text: String, status: ScrapeRequest.StaticStatus) {
        var request = ScrapeRequest()
        guard case .refusal(let refused, let words)? = request.receive(text.utf8) else {
            Issue.record("not refused")
            return
        }
        #expect(refused == status && !words.isEmpty)
    }

    @Test func `the socket serves what the connections do, and one request too many is closed`() async throws {
        let path = NSTemporaryDirectory() + "metrics-\(UUID().uuidString.prefix(8)).sock"
        defer { try? FileManager.default.removeItem(atPath: path + ".lock") }
        try await ServerKit.run(metricsPath: path) { kit in
            let peer = try await kit.peer()
            try await peer.send(.chats(1, ["x", "y"]))
            try await kit.waitForAttempts(2)
            let text = try await Self.scrape(path, group: kit.group)
            #expect(text.hasPrefix("HTTP/1.1 200 OK\r\n"))
            #expect(text.contains("\nfanout_connections 1\n") && text.contains("\nfanout_attempts_in_flight 2\n"))
            #expect(text.contains("\nfanout_running_items{class=\"default\"} 2\n"))
            var idle: [any Channel] = []
            for _ in 0..<16 { idle.append(try await Self.connect(path, group: kit.group).channel) }
            let refused = try await Self.scrape(path, group: kit.group)
            #expect(refused.isEmpty)
            for channel in idle { try await channel.close() }
            while try await Self.scrape(path, group: kit.group).isEmpty { await Task.yield() }
            try await kit.upstream { for attempt in $0.live { attempt.succeed() } }
            try await peer.close()
        }
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test func `an administrator is told the metrics over the main socket, and who is connected`() async throws {
        try await ServerKit.run { kit in
            let peer = try await kit.peer()
            try await peer.send(ClientFrame(id: 5, body: .metricsQuery))
            guard case .metrics(let text, true) = try await peer.nextAnswer()?.body else {
                Issue.record("no metrics")
                return
            }
            #expect(text.contains("\nfanout_connections 1\n"))
            let other = try await kit.peer()
            try await other.send(.chats(1, ["x"]))
            try await kit.waitForAttempts(1)
            try await peer.send(ClientFrame(id: 6, body: .statusQuery(lanes: false, peers: true)))
            guard case .status(let status) = try await peer.nextAnswer()?.body else {
                Issue.record("no status")
                return
            }
            let own = try #require(status.peers.first)
            #expect(status.peers.count == 1 && own.pid == UInt32(getpid()) && own.uid == geteuid())
            #expect(own.connections == 2 && own.batches == 1 && own.items == 1 && own.client == "test")
            try await kit.upstream { $0.attempts[0].succeed() }
            try await peer.close()
            try await other.close()
        }
    }

    @Test func `only root and the daemon's own user are administrators`() {
        #expect(PeerIdentity(uid: 0, gid: 0).isAdministrator)
        #expect(PeerIdentity(uid: geteuid(), gid: 5).isAdministrator)
        #expect(!PeerIdentity(uid: geteuid() + 1, gid: 0).isAdministrator)
    }

    @Test func `an item that is final is explained, and one of another batch isn't taken for it`() async throws {
        try await ServerKit.run { kit in
            let peer = try await kit.peer()
            try await kit.upstream { $0.onStart = { $0.fail(.invalidRequest) } }
            try await peer.send(.chats(4, ["x"]))
            _ = try await peer.framesThroughSummary(of: 4)
            try await peer.send(ClientFrame(id: 9, body: .explainQuery(batch: 4, index: 0)))
            guard case .explanation(let found) = try await peer.nextAnswer()?.body else {
                Issue.record("no explanation")
                return
            }
            #expect(found.found && found.model == "a" && found.code == .invalidRequest)
            #expect(found.trail?.details.map(\.code) == [.invalidRequest])
            #expect(found.candidates.map(\.reason) == ["attempt 1: INVALID_REQUEST"])
            for body in [
                ClientFrame.Body.explainQuery(batch: 4, index: 1), .explainQuery(batch: 5, index: 0),
                .explainQuery(batch: 4, index: 0, session: 99),
            ] {
                try await peer.send(ClientFrame(id: 9, body: body))
                guard case .explanation(let none) = try await peer.nextAnswer()?.body else {
                    Issue.record("no explanation")
                    return
                }
                #expect(!none.found && none.trail == nil)
            }
            try await peer.close()
        }
    }

    // MARK: A scraper

    private static func connect(
        _ path: String,
        group: MultiThreadedEventLoopGroup
    ) async throws -> (channel: any Channel, text: EventLoopFuture<String>) {
        let loop = group.next()
        let promise = loop.makePromise(of: String.self)
        let channel = try await ClientBootstrap(group: loop)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(TextHandler(promise: promise))
                }
            }
            .connect(unixDomainSocketPath: path)
            .get()
        return (channel, promise.futureResult)
    }

    private static func scrape(_ path: String, group: MultiThreadedEventLoopGroup) async throws -> String {
        let (channel, text) = try await self.connect(path, group: group)
        try? await channel.writeAndFlush(ByteBuffer(string: "GET /metrics HTTP/1.0\r\n\r\n"))
        return try await text.get()
    }
}

/// Gathers what comes until the end.
private final class TextHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let promise: EventLoopPromise<String>
    private var text = ""

    init(promise: EventLoopPromise<String>) {
        self.promise = promise
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.text += String(buffer: self.unwrapInboundIn(data))
    }

    func channelInactive(context: ChannelHandlerContext) { self.promise.succeed(self.text) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
