// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import HeapModule
internal import FanoutModel

/// Instants at which something may have to be done, earliest first.
///
/// Entries are never searched for: one whose reason is gone stays until it is due or swept. The owner says how many
/// still have a reason; when more than half don't, a sweep drops them, so the heap is at most twice as long as what is
/// alive (and 1,024), at constant cost for each entry on average.
struct TimerHeap {
    /// One instant, and whom it is about.
    struct Entry: Comparable {
        var instant: Instant
        var slot: Slot
        /// Tells a reused slot from the one meant.
        var stamp: UInt32

        static func < (left: Entry, right: Entry) -> Bool {
            if left.instant != right.instant { return left.instant < right.instant }
            if left.slot != right.slot { return left.slot < right.slot }
            return left.stamp < right.stamp
        }
    }

    private var heap = Heap<Entry>()

    var count: Int { self.heap.count }

    /// The earliest; `never` if empty.
    var next: Instant { self.heap.min?.instant ?? .never }

    /// Whether so few entries are alive that a sweep pays.
    func needsSweep(alive: Int) -> Bool {
        self.heap.count > 2 * alive + 1_024
    }

    mutating func insert(_ entry: Entry) {
        self.heap.insert(entry)
    }

    /// Takes the earliest entry that is due.
    mutating func popDue(now: Instant) -> Entry? {
        guard let entry = self.heap.min, entry.instant <= now else { return nil }
        self.heap.removeMin()
        return entry
    }

    /// Keeps only the entries that still have a reason; O(n).
    mutating func sweep(keeping isAlive: (Entry) -> Bool) {
        self.heap = Heap(self.heap.unordered.filter(isAlive))
    }
}
