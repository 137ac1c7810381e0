// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// The deadlines of many owners behind one wake-up.
///
/// A slot has at most one deadline. Moving it later, or off, touches nothing but the slot: the entry that is already
/// in the heap stays, and when it surfaces it is dropped or put back at the slot's real deadline. An attempt that
/// reuses a slot of an earlier one inherits that entry, so that a busy loop, whose attempts all have the same
/// timeouts and end long before them, does no heap work at all.
///
/// The heap holds at most four entries a slot and 64 more; past that it is rebuilt.
struct TimerQueue {
    private struct Slot {
        /// When it fires; `never` = off.
        var deadline: Instant
        /// Its earliest entry in the heap; `never` = none that counts.
        var queued: Instant
        var isOpen: Bool
    }

    private struct Entry {
        var deadline: Instant
        var slot: Int32
    }

    private var slots: [Slot] = []
    private var free: [Int32] = []
    private var heap: [Entry] = []

    /// When to call ``next(now:)``: no slot fires earlier; `never` = nothing is queued.
    var earliest: Instant { self.heap.first?.deadline ?? .never }

    /// Slots that are open.
    var openCount: Int { self.slots.count - self.free.count }

    /// Entries in the heap, for tests.
    var entryCount: Int { self.heap.count }

    /// Opens a slot without a deadline.
    mutating func open() -> Int32 {
        if let slot = self.free.popLast() {
            self.slots[Int(slot)].isOpen = true
            return slot
        }
        self.slots.append(Slot(deadline: .never, queued: .never, isOpen: true))
        return Int32(self.slots.count - 1)
    }

    /// Closes a slot, which may then be opened for somebody else.
    mutating func close(_ slot: Int32) {
        precondition(self.slots[Int(slot)].isOpen, "timer slot \(slot) was closed twice")
        self.slots[Int(slot)].isOpen = false
        self.slots[Int(slot)].deadline = .never
        self.free.append(slot)
    }

    /// Sets the deadline of an open slot; `never` = off.
    mutating func set(_ slot: Int32, _ deadline: Instant) {
        precondition(self.slots[Int(slot)].isOpen, "timer slot \(slot) is closed")
        self.slots[Int(slot)].deadline = deadline
        if deadline < self.slots[Int(slot)].queued { self.push(deadline, slot) }
    }

    /// The next slot whose deadline has come; it has none after that.
    mutating func next(now: Instant) -> Int32? {
        while let first = self.heap.first, first.deadline <= now {
            self.popFirst()
            let index = Int(first.slot)
            // A later entry of a slot that got an earlier deadline meanwhile.
            guard first.deadline == self.slots[index].queued else { continue }
            self.slots[index].queued = .never
            let deadline = self.slots[index].deadline
            if deadline <= now {
                self.slots[index].deadline = .never
                return first.slot
            }
            if deadline != .never { self.push(deadline, first.slot) }
        }
        return nil
    }

    private mutating func push(_ deadline: Instant, _ slot: Int32) {
        self.slots[Int(slot)].queued = deadline
        self.heap.append(Entry(deadline: deadline, slot: slot))
        self.siftUp(self.heap.count - 1)
        if self.heap.count > 4 * self.slots.count + 64 { self.rebuild() }
    }

    private mutating func popFirst() {
        let last = self.heap.removeLast()
        guard !self.heap.isEmpty else { return }
        self.heap[0] = last
        self.siftDown(0)
    }

    private mutating func rebuild() {
        self.heap.removeAll(keepingCapacity: true)
        for index in self.slots.indices {
            self.slots[index].queued = self.slots[index].deadline
            guard self.slots[index].deadline != .never else { continue }
            self.heap.append(Entry(deadline: self.slots[index].deadline, slot: Int32(index)))
            self.siftUp(self.heap.count - 1)
        }
    }

    private mutating func siftUp(_ start: Int) {
        var child = start
        while child > 0 {
            let parent = (child - 1) / 2
            guard self.heap[child].deadline < self.heap[parent].deadline else { return }
            self.heap.swapAt(child, parent)
            child = parent
        }
    }

    private mutating func siftDown(_ start: Int) {
        var parent = start
        while true {
            var least = parent
            let first = 2 * parent + 1
            for child in first..<first + 2 where child < self.heap.count {
                if self.heap[child].deadline < self.heap[least].deadline { least = child }
            }
            guard least != parent else { return }
            self.heap.swapAt(parent, least)
            parent = least
        }
    }
}
