// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import DequeModule
internal import FanoutEngine
internal import FanoutLoop
internal import FanoutModel
internal import NIOCore

/// The batches of a loop whose items wait to be handed to the engine, in turn.
///
/// Confined to the loop. Each turn of the loop hands on for a short while, and then lets the sockets be served.
final class IntakeQueue {
    /// Items that are handed on at once; a frame of no more than these never waits.
    static let sliceItems = 16
    /// How long a turn of the loop is spent here.
    private static let turnNanoseconds: UInt64 = 400_000

    private let loop: any EventLoop
    private var batches: Deque<SessionBatch> = []
    private lazy var work = LoopWork(loop: self.loop, turnNanoseconds: Self.turnNanoseconds, now: Engine.now) {
        [unowned self] in self.handOn()
    }

    init(loop: any EventLoop) {
        self.loop = loop
    }

    /// Has what waits in a batch's intake handed on, a slice at a time.
    func add(_ batch: SessionBatch) {
        guard !batch.isInIntakeQueue else { return }
        batch.isInIntakeQueue = true
        self.batches.append(batch)
        self.work.arm()
    }

    func cancel() {
        self.work.cancel()
        self.batches = []
    }

    /// A slice of the batch whose turn it is; false = nothing is left.
    private func handOn() -> Bool {
        guard let batch = self.batches.popFirst() else { return false }
        batch.feed(atMost: Self.sliceItems, now: Engine.now())
        if batch.intake.isEmpty {
            batch.isInIntakeQueue = false
        } else {
            self.batches.append(batch)
        }
        return !self.batches.isEmpty
    }
}
