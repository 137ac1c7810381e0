// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel
internal import NIOCore

/// Somebody with a deadline.
protocol AlarmTarget: AnyObject {
    /// The deadline has come; it is off now.
    func alarm(now: Instant)
    /// The runner shuts down: end now, and give the slot back.
    func shutDown()
}

/// The one armed timer of a runner: a ``TimerQueue`` and a wake-up of the loop.
///
/// The wake-up is re-armed lazily: only for an earlier deadline than the armed one.
final class AlarmClock: NIOScheduledCallbackHandler {
    private let eventLoop: any EventLoop
    private var queue = TimerQueue()
    private var targets: [(any AlarmTarget)?] = []
    private var armed: NIOScheduledCallback?
    private var armedFor = Instant.never

    init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    /// Now, on the clock of the loop.
    static func now() -> Instant {
        Instant(nanoseconds: NIODeadline.now().uptimeNanoseconds)
    }

    /// Slots in use.
    var openCount: Int { self.queue.openCount }

    /// Whether a wake-up is armed.
    var isArmed: Bool { self.armed != nil }

    /// Opens a slot; the target is held until it is closed.
    func open(_ target: any AlarmTarget) -> Int32 {
        let slot = self.queue.open()
        if Int(slot) == self.targets.count {
            self.targets.append(target)
        } else {
            self.targets[Int(slot)] = target
        }
        return slot
    }

    /// Sets or moves the deadline of a slot; `never` = off.
    func set(_ slot: Int32, _ deadline: Instant) {
        self.queue.set(slot, deadline)
        if deadline < self.armedFor { self.arm() }
    }

    /// Gives a slot back.
    func close(_ slot: Int32) {
        self.targets[Int(slot)] = nil
        self.queue.close(slot)
    }

    /// Tells every target to end, and disarms.
    func shutDown() {
        for target in self.targets { target?.shutDown() }
        self.armed?.cancel()
        self.armed = nil
        self.armedFor = .never
    }

    func handleScheduledCallback(eventLoop: some EventLoop) {
        self.armed = nil
        self.armedFor = .never
        let now = Self.now()
        while let slot = self.queue.next(now: now) {
            self.targets[Int(slot)]?.alarm(now: now)
        }
        self.arm()
    }

    private func arm() {
        let earliest = self.queue.earliest
        guard earliest < self.armedFor else { return }
        self.armed?.cancel()
        self.armed = nil
        self.armedFor = .never
        let deadline = NIODeadline.uptimeNanoseconds(min(earliest.nanoseconds, UInt64(Int64.max)))
        // Throws only on a loop that has shut down, where nothing is left to wake.
        guard let armed = try? self.eventLoop.assumeIsolated().scheduleCallback(at: deadline, handler: self) else {
            return
        }
        self.armed = armed
        self.armedFor = earliest
    }
}
