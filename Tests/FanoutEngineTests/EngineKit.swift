// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutEngine
import FanoutModel
import FanoutRouter
import FanoutTestKit
import Logging
import NIOCore
import NIOPosix

/// An engine with a scripted runner and a sink that remembers.
///
/// Lives on a loop, for one closure.
final class EngineKit {
    let engine: Engine
    let runner: ScriptedRunner
    let sink = RecordingSink()

    init(loop: any EventLoop, router: Router, snapshot: Snapshot) {
        self.runner = ScriptedRunner()
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        self.engine = Engine(loop: loop, router: router, runner: self.runner, snapshot: snapshot, logger: logger)
    }

    /// Opens a batch of chats with these prompts, and closes it unless told otherwise.
    func submit(
        _ prompts: [String],
        model: String = "a",
        options: BatchOptions = BatchOptions(),
        defaults: Request? = nil,
        isOpen: Bool = false,
        edit: (inout Item) -> Void = { _ in }
    ) -> BatchRun {
        let now = Engine.now()
        let run = self.engine.open(
            label: "1/1",
            options: options,
            defaults: defaults,
            tenant: "uid:1",
            received: now,
            sink: self.sink
        )
        self.add(prompts, model: model, to: run, edit: edit)
        if !isOpen { self.engine.close(run, now: now) }
        return run
    }

    func add(_ prompts: [String], model: String = "a", to run: BatchRun, edit: (inout Item) -> Void = { _ in }) {
        let now = Engine.now()
        for prompt in prompts {
            let chat = ChatRequest(messages: [Message(role: .user, text: prompt)])
            var item = Item(request: Request(model: model, task: .chat(chat)))
            item.id = prompt
            edit(&item)
            self.engine.add(item, to: run, uploadBytes: 100, now: now)
        }
        self.engine.submit(run, now: now)
    }

    /// Runs a body on a loop of its own with a fresh kit.
    static func run(_ snapshot: Snapshot, _ body: @escaping @Sendable (EngineKit) throws -> Void) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        let router = Router(snapshot: snapshot, seed: 1, executor: loop.executor)
        try await loop.submit {
            let kit = EngineKit(loop: loop, router: router, snapshot: snapshot)
            defer { kit.engine.shutdown() }
            try body(kit)
        }.get()
        try await group.shutdownGracefully()
    }
}

/// A sink that keeps what it is told.
final class RecordingSink: ResultSink {
    private(set) var results: [ItemResult] = []
    private(set) var deltas: [(index: UInt32, sequence: UInt64, delta: Delta)] = []
    private(set) var releasedBytes = 0
    private(set) var ends = 0
    /// Results that had come when the run ended.
    private(set) var resultsAtEnd = 0

    func run(_ run: BatchRun, finished result: ItemResult) { self.results.append(result) }

    func run(_ run: BatchRun, index: UInt32, sequence: UInt64, delta: Delta) {
        self.deltas.append((index, sequence, delta))
    }

    func run(_ run: BatchRun, releasedUploadBytes bytes: Int) { self.releasedBytes += bytes }

    func runEnded(_ run: BatchRun) {
        self.ends += 1
        self.resultsAtEnd = self.results.count
    }

    /// The codes of the results by index; `nil` = success.
    var codes: [UInt32: FailureCode?] {
        var codes: [UInt32: FailureCode?] = [:]
        for result in self.results {
            switch result.outcome {
            case .success: codes[result.index] = .some(nil)
            case .failure(let failure): codes[result.index] = failure.code
            }
        }
        return codes
    }

    var indexes: [UInt32] { self.results.map(\.index) }

    func failure(at index: UInt32) -> Failure? {
        guard case .failure(let failure)? = self.results.first(where: { $0.index == index })?.outcome else {
            return nil
        }
        return failure
    }

    func text(at index: UInt32) -> String? {
        guard case .success(let response)? = self.results.first(where: { $0.index == index })?.outcome,
            case .chat(let choices) = response.body
        else { return nil }
        return choices.first?.message.text
    }
}
