// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutEngine
import FanoutModel
import FanoutRouter
import FanoutServer
import FanoutTestKit
import FanoutUpstream
import FanoutWire
import Foundation
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle

/// A server on a socket of its own, with a scripted runner.
final class ServerKit: Sendable {
    let path: String
    let group: MultiThreadedEventLoopGroup
    let loop: any EventLoop
    let engine: NIOLoopBound<Engine>
    let runner: NIOLoopBound<ScriptedRunner>
    private let shutdown: @Sendable () async -> Void

    private init(
        path: String,
        group: MultiThreadedEventLoopGroup,
        engine: NIOLoopBound<Engine>,
        runner: NIOLoopBound<ScriptedRunner>,
        shutdown: @escaping @Sendable () async -> Void
    ) {
        self.path = path
        self.group = group
        self.loop = group.next()
        self.engine = engine
        self.runner = runner
        self.shutdown = shutdown
    }

    func peer() async throws -> TestPeer { try await TestPeer.greeted(self.path, group: self.group) }

    func stranger() async throws -> TestPeer { try await TestPeer.connect(self.path, group: self.group) }

    /// Runs a body on the server's loop with its runner.
    func upstream<Value: Sendable>(_ body: @escaping @Sendable (ScriptedRunner) -> Value) async throws -> Value {
        let runner = self.runner
        return try await self.loop.submit { body(runner.value) }.get()
    }

    /// Waits until the runner has this many attempts in all.
    func waitForAttempts(_ count: Int) async throws {
        while try await self.upstream({ $0.attempts.count }) < count { await Task.yield() }
    }

    /// Tells the server to drain; returns at once.
    func beginShutdown() async { await self.shutdown() }

    static func run(
        _ snapshot: Snapshot = SampleSnapshot.make([("a", 1)]),
        sweepMilliseconds: Int64 = 20,
        manager: ServiceManager = .none,
        metricsPath: String? = nil,
        _ body: (ServerKit) async throws -> Void
    ) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        let router = Router(snapshot: snapshot, seed: 1, executor: loop.executor)
        var quiet = Logger(label: "test")
        quiet.logLevel = .critical
        let logger = quiet
        let (engine, runner) = try await loop.submit {
            let runner = ScriptedRunner()
            let engine = Engine(loop: loop, router: router, runner: runner, snapshot: snapshot, logger: logger)
            return (NIOLoopBound(engine, eventLoop: loop), NIOLoopBound(runner, eventLoop: loop))
        }.get()
        let path = NSTemporaryDirectory() + "fanout-\(UUID().uuidString.prefix(8)).sock"
        defer { try? FileManager.default.removeItem(atPath: path + ".lock") }
        var settings = ServerSettings(socketPath: path)
        settings.version = "test"
        settings.sweepMilliseconds = sweepMilliseconds
        settings.metrics = metricsPath.map { MetricsSocketSettings(path: $0) }
        let server = FanoutServer(loop: loop, engine: engine, settings: settings, manager: manager, logger: logger)
        let services = ServiceGroup(services: [server], logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await services.run() }
            while !FileManager.default.fileExists(atPath: path) { try await Task.sleep(for: .milliseconds(1)) }
            let kit = ServerKit(path: path, group: group, engine: engine, runner: runner) {
                await services.triggerGracefulShutdown()
            }
            do {
                try await body(kit)
            } catch {
                tasks.cancelAll()
                throw error
            }
            await services.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
        try await group.shutdownGracefully()
    }
}

extension ClientFrame {
    /// A batch of chats with these prompts.
    static func chats(
        _ id: UInt64,
        _ prompts: [String],
        model: String = "a",
        options: BatchOptions = BatchOptions(),
        isOpen: Bool = false
    ) -> ClientFrame {
        ClientFrame(
            id: id,
            body: .submit(
                Submit(options: options, defaults: nil, items: Self.items(prompts, model: model), isOpen: isOpen)
            )
        )
    }

    static func items(_ prompts: [String], model: String = "a") -> [WireItem] {
        prompts.map { prompt in
            let chat = ChatRequest(messages: [Message(role: .user, text: prompt)])
            return .item(Item(request: Request(model: model, task: .chat(chat))))
        }
    }
}
