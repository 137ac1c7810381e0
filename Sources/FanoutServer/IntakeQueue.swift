// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import DequeModule
internal import FanoutEngine
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
    /// Between turns: long enough for the loop to look at its sockets.
    private static let pause = TimeAmount.microseconds(5)

    private let loop: any EventLoop
    private var batches: Deque<SessionBatch> = []
    private var timer: Scheduled<Void>?

    init(loop: any EventLoop) {
        self.loop = loop
    }

    /// Has what waits in a batch's intake handed on, a slice at a time.
    func add(_ batch: SessionBatch) {
        guard !batch.isInIntakeQueue else { return }
        batch.isInIntakeQueue = true
        self.batches.append(batch)
        self.arm()
    }

    func cancel() {
        self.timer?.cancel()
        self.timer = nil
        self.batches = []
    }

    private func arm() {
        guard self.timer == nil, !self.batches.isEmpty else { return }
        self.timer = self.loop.assumeIsolated().scheduleTask(in: Self.pause) {
            self.timer = nil
            self.turn()
            self.arm()
        }
    }

    private func turn() {
        let end = Engine.now().nanoseconds + Self.turnNanoseconds
        while let batch = self.batches.popFirst() {
            let now = Engine.now()
            batch.feed(atMost: Self.sliceItems, now: now)
            if batch.intake.isEmpty {
                batch.isInIntakeQueue = false
            } else {
                self.batches.append(batch)
            }
            if now.nanoseconds >= end { break }
        }
    }
}
