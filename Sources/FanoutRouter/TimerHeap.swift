// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// Instants at which something may have to be done, earliest first.
///
/// Entries are never searched for: one whose reason is gone stays until it is due or swept. The owner says how many
/// still have a reason; when more than half don't, a sweep drops them, so the heap is at most twice as long as what is
/// alive (and 1,024), at constant cost for each entry on average.
///
/// Four children a node. Nearly every deadline is later than those before it and stays where it is put: a heap that
/// knows its latest entry as well, as swift-collections' does, moves each such entry half the way up.
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

    private var entries: ContiguousArray<Entry> = []

    var count: Int { self.entries.count }

    /// The earliest; `never` if empty.
    @inline(__always)
    var next: Instant { self.entries.first?.instant ?? .never }

    /// Whether so few entries are alive that a sweep pays.
    func needsSweep(alive: Int) -> Bool {
        self.entries.count > 2 * alive + 1_024
    }

    mutating func insert(_ entry: Entry) {
        self.entries.append(entry)
        var place = self.entries.count - 1
        while place > 0 {
            let parent = (place - 1) / 4
            guard entry < self.entries[parent] else { break }
            self.entries[place] = self.entries[parent]
            place = parent
        }
        self.entries[place] = entry
    }

    /// Takes the earliest entry that is due.
    mutating func popDue(now: Instant) -> Entry? {
        guard let entry = self.entries.first, entry.instant <= now else { return nil }
        if let last = self.entries.popLast(), !self.entries.isEmpty { self.sink(last, from: 0) }
        return entry
    }

    /// Keeps only the entries that still have a reason; O(n).
    mutating func sweep(keeping isAlive: (Entry) -> Bool) {
        self.entries.removeAll { !isAlive($0) }
        guard self.entries.count > 1 else { return }
        for place in stride(from: (self.entries.count - 2) / 4, through: 0, by: -1) {
            self.sink(self.entries[place], from: place)
        }
    }

    /// Puts an entry at a place, or below it.
    private mutating func sink(_ entry: Entry, from start: Int) {
        var place = start
        while true {
            let first = 4 * place + 1
            guard first < self.entries.count else { break }
            var least = first
            for child in (first + 1)..<min(first + 4, self.entries.count)
            where self.entries[child] < self.entries[least] {
                least = child
            }
            guard self.entries[least] < entry else { break }
            self.entries[place] = self.entries[least]
            place = least
        }
        self.entries[place] = entry
    }
}
