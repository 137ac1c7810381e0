// Fanout
// SPDX-License-Identifier: Apache-2.0

import FanoutEngine
import FanoutModel
import FanoutTestKit
import FanoutWire
import Foundation
import NIOCore
import Testing

/// Random conversations on a real socket: one Result for each item, one Summary for each batch and last of it, never
/// more results than credit, nothing after an Error, and when the connection is gone the daemon holds nothing of it.
///
/// The same seeds run each time; `scripts/fuzz` runs others for as long as is wanted.
@Suite(.serialized, .timeLimit(.minutes(60))) struct FuzzTests {
    static let seconds = ProcessInfo.processInfo.environment["FANOUT_FUZZ_SECONDS"].flatMap(Double.init)
    static let firstSeed = ProcessInfo.processInfo.environment["FANOUT_FUZZ_SEED"].flatMap(UInt64.init) ?? 1
    static let cases = 40

    /// SplitMix64.
    struct Generator: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            self.state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = self.state
            mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
            return mixed ^ (mixed >> 31)
        }

        mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &self) }
    }

    /// How a conversation ends.
    enum End: CaseIterable {
        /// The client half-closes and reads to the end.
        case halfClose
        /// It goes without a word.
        case close
        /// It sends what is no frame.
        case garbage
    }

    @Test func `whatever a client does, each item has its result and nothing is left of it`() async throws {
        let start = Date()
        var count = 0
        while Self.seconds.map({ -start.timeIntervalSinceNow < $0 }) ?? (count < Self.cases) {
            let first = Self.firstSeed &+ UInt64(count)
            // A fresh server now and then: the runner of a test remembers all attempts.
            try await ServerKit.run(SampleSnapshot.make([("a", 2), ("b", 1)])) { kit in
                for seed in first..<first &+ 20 { try await self.converse(kit, seed: seed) }
            }
            count += 20
        }
        if Self.seconds != nil { print("fuzz: sessions: \(count) conversations from seed \(Self.firstSeed)") }
    }

    private func converse(_ kit: ServerKit, seed: UInt64) async throws {
        var generator = Generator(state: seed)
        let peer = try await kit.peer()
        var limited: [UInt64: UInt64] = [:]
        var next: UInt64 = 1
        try await kit.upstream { $0.onStart = nil }
        for _ in 0..<generator.below(30) {
            switch generator.below(10) {
            case 0...2:
                let frame = self.submit(next, &generator, &limited)
                next += UInt64(1 + generator.below(2))
                try? await peer.send(frame)
            case 3...4: try? await peer.send(self.append(UInt64(generator.below(Int(next) + 1)), &generator))
            case 5:
                let indexes = (0..<generator.below(3)).map { _ in UInt32(generator.below(6)) }
                try? await peer.send(
                    ClientFrame(id: UInt64(generator.below(Int(next) + 1)), body: .cancel(indexes: indexes))
                )
            case 6:
                let id = UInt64(generator.below(Int(next) + 1))
                let results = UInt32(1 + generator.below(3))
                if limited[id] != nil { limited[id, default: 0] += UInt64(results) }
                try? await peer.send(ClientFrame(id: id, body: .credit(results: results)))
            case 7: try? await peer.send(ClientFrame(id: 3, body: .statusQuery(lanes: false)))
            default: try await self.endSome(kit, &generator)
            }
        }
        let end = End.allCases[generator.below(3)]
        // What is still to be had is let out, and its attempts end by themselves.
        if end == .halfClose {
            for id in limited.keys.sorted() {
                try? await peer.send(ClientFrame(id: id, body: .credit(results: 1 << 20)))
            }
        }
        let frames = try await self.finish(peer, end, kit)
        self.check(frames, limited, end, seed: seed)
        try await self.expectNothingLeft(kit, seed: seed)
    }

    private func submit(_ id: UInt64, _ generator: inout Generator, _ limited: inout [UInt64: UInt64]) -> ClientFrame {
        var options = BatchOptions()
        if generator.below(3) == 0 { options.ordering = .input }
        if generator.below(4) == 0 { options.failFast = true }
        if generator.below(3) == 0 { options.maxConcurrency = 1 }
        if generator.below(4) == 0 {
            options.initialCredit = UInt32(1 + generator.below(2))
            limited[id] = UInt64(options.initialCredit)
        }
        let model = ["a", "b", "nowhere"][generator.below(3)]
        let prompts = (0..<generator.below(5)).map { "\(id) \($0)" }
        return .chats(id, prompts, model: model, options: options, isOpen: generator.below(2) == 0)
    }

    private func append(_ id: UInt64, _ generator: inout Generator) -> ClientFrame {
        let prompts = (0..<generator.below(4)).map { "more \($0)" }
        let append = ClientFrame.Append(items: ClientFrame.items(prompts), isLast: generator.below(3) == 0)
        return ClientFrame(id: id, body: .append(append))
    }

    private func endSome(_ kit: ServerKit, _ generator: inout Generator) async throws {
        let (skip, fails) = (generator.below(3), generator.below(4) == 0)
        try await kit.upstream { runner in
            for attempt in runner.live.dropFirst(skip).prefix(3) {
                if fails { attempt.fail(.invalidRequest) } else { attempt.succeed() }
            }
        }
    }

    private func finish(_ peer: TestPeer, _ end: End, _ kit: ServerKit) async throws -> [ServerFrame] {
        switch end {
        case .halfClose: try? await peer.closeOutput()
        case .close: try? await peer.close()
        case .garbage: try? await peer.send(bytes: [0, 0, 0, 3, 0xFF, 0xFF, 0xFF])
        }
        try await kit.upstream { runner in
            runner.onStart = { $0.succeed() }
            for attempt in runner.live { attempt.succeed() }
        }
        return try await peer.frames { _ in false }
    }

    private func check(_ frames: [ServerFrame], _ limited: [UInt64: UInt64], _ end: End, seed: UInt64) {
        var accepted: Set<UInt64> = []
        var results: [UInt64: [UInt32]] = [:]
        var summaries: [UInt64: UInt64] = [:]
        for (place, frame) in frames.enumerated() {
            switch frame.body {
            case .accepted:
                #expect(accepted.insert(frame.id).inserted, "seed \(seed): batch \(frame.id) is accepted twice")
            case .result(let result):
                #expect(summaries[frame.id] == nil, "seed \(seed): a result behind the Summary of \(frame.id)")
                results[frame.id, default: []].append(result.index)
            case .summary(let summary):
                #expect(summaries[frame.id] == nil, "seed \(seed): two Summaries of \(frame.id)")
                summaries[frame.id] = summary.items
            case .error:
                #expect(place == frames.count - 1, "seed \(seed): something comes behind an Error")
                #expect(end != .halfClose, "seed \(seed): \(frame)")
            default: break
            }
        }
        for (id, indexes) in results {
            #expect(accepted.contains(id), "seed \(seed)")
            #expect(Set(indexes).count == indexes.count, "seed \(seed): an item of \(id) has two results")
            if end != .halfClose, let credit = limited[id] {
                #expect(indexes.count <= credit, "seed \(seed): more results of \(id) than its credit")
            }
        }
        for (id, items) in summaries {
            #expect(results[id, default: []].count == items, "seed \(seed): the Summary of \(id) miscounts")
            #expect(results[id, default: []].allSatisfy { $0 < items }, "seed \(seed)")
        }
        if end == .halfClose { #expect(Set(summaries.keys) == accepted, "seed \(seed): a batch has no Summary") }
    }

    private func expectNothingLeft(_ kit: ServerKit, seed: UInt64) async throws {
        let deadline = Date() + 10
        while true {
            let (status, held) = try await kit.loop.submit {
                (kit.engine.value.status(lanes: true), kit.engine.value.ledger.held)
            }.get()
            let inFlight = status.lanes.reduce(0) { $0 + $1.inFlight }
            let left = [Int(status.batches), Int(status.queued), Int(status.running), Int(inFlight), held]
            if left.allSatisfy({ $0 == 0 }) { return }
            guard Date() < deadline else {
                Issue.record("seed \(seed): \(left) is left")
                return
            }
            await Task.yield()
        }
    }
}
