// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutModel
package import NIOCore

/// Work that a loop does in turns of bounded time, and serves its sockets between them.
///
/// A task that schedules itself again isn't that: NIO runs all that is due before it looks at its sockets, and a timer
/// of a few microseconds is due by then. So each turn is the answer to a ``Bell``.
///
/// Confined to the loop.
package final class LoopWork {
    /// Before a turn where there is no bell.
    private static let pause = TimeAmount.microseconds(50)

    private let loop: any EventLoop
    private let turnNanoseconds: UInt64
    private let now: () -> Instant
    private let step: () -> Bool
    private(set) var bell: Bell?
    private var timer: Scheduled<Void>?
    private var isArmed = false
    private var isCancelled = false

    /// Makes work that isn't armed.
    ///
    /// `step` does a piece and says whether there is more; a turn ends with the first one past `turnNanoseconds`.
    package init(
        loop: any EventLoop,
        turnNanoseconds: UInt64,
        now: @escaping () -> Instant,
        step: @escaping () -> Bool
    ) {
        self.loop = loop
        self.turnNanoseconds = turnNanoseconds
        self.now = now
        self.step = step
    }

    /// There is something to do: turns follow until `step` says that there is no more.
    package func arm() {
        guard !self.isArmed, !self.isCancelled else { return }
        self.isArmed = true
        if self.bell == nil { self.bell = Bell(loop: self.loop) { [weak self] in self?.turn() } }
        if let bell = self.bell {
            if bell.ring() { return }
            self.bell = nil
        }
        self.timer = self.loop.assumeIsolated().scheduleTask(in: Self.pause) { [weak self] in self?.turn() }
    }

    /// No turn follows, now or later.
    package func cancel() {
        self.isCancelled = true
        self.timer?.cancel()
        self.timer = nil
        self.bell?.close()
        self.bell = nil
    }

    private func turn() {
        guard self.isArmed, !self.isCancelled else { return }
        self.isArmed = false
        self.timer = nil
        let end = self.now().nanoseconds + self.turnNanoseconds
        while self.step() {
            guard self.now().nanoseconds >= end else { continue }
            self.arm()
            return
        }
    }
}
