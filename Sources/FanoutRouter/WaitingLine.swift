// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import DequeModule
internal import FanoutModel
internal import HeapModule

/// The waiting legs of one flow: lowest priority number first, then earliest deadline, then longest waiting.
///
/// Nearly all items come in that order already and take the constant-time path through a deque; the rest go through a
/// heap. A leg that leaves out of turn leaves a dead entry behind; dead entries are at most as many as live ones
/// (and 32).
struct WaitingLine {
    /// One leg and its turn.
    struct Entry: Comparable {
        var priority: Int32
        var leg: Slot
        var deadline: Instant
        var sequence: UInt64
        /// Equal to the leg's stamp while the entry is live.
        var stamp: UInt32

        static func < (left: Entry, right: Entry) -> Bool {
            if left.priority != right.priority { return left.priority < right.priority }
            if left.deadline != right.deadline { return left.deadline < right.deadline }
            if left.sequence != right.sequence { return left.sequence < right.sequence }
            return left.leg < right.leg
        }
    }

    private var ordered = Deque<Entry>()
    private var others = Heap<Entry>()
    /// Legs that wait here.
    private(set) var live = 0

    /// Entries held, dead ones included.
    var stored: Int { self.ordered.count + self.others.count }

    mutating func insert(_ entry: Entry) {
        if let last = self.ordered.last, entry < last {
            self.others.insert(entry)
        } else {
            self.ordered.append(entry)
        }
        self.live += 1
    }

    /// Whether a leg that comes would wait behind all others.
    func comesLast(_ entry: Entry) -> Bool {
        self.ordered.last.map { $0 < entry } ?? self.others.isEmpty
    }

    /// The next live leg; dead entries before it are dropped.
    mutating func peekFirst(of flow: Slot, legs: borrowing Slab<LegRecord>) -> Slot? {
        while let entry = self.firstStored {
            if Self.isLive(entry, in: flow, legs: legs) { return entry.leg }
            _ = self.popStored()
        }
        return nil
    }

    /// Takes the next live leg.
    mutating func popFirst(of flow: Slot, legs: borrowing Slab<LegRecord>) -> Entry? {
        while let entry = self.popStored() {
            guard Self.isLive(entry, in: flow, legs: legs) else { continue }
            self.live -= 1
            if self.live == 0 { self.clear() }
            return entry
        }
        return nil
    }

    /// One leg has left out of turn; its entry is dead from now on.
    mutating func discardOne(of flow: Slot, legs: borrowing Slab<LegRecord>) {
        self.live -= 1
        if self.live == 0 {
            self.clear()
        } else if self.stored > 2 * self.live + 32 {
            var kept: [Entry] = []
            for entry in self.entries where Self.isLive(entry, in: flow, legs: legs) { kept.append(entry) }
            self.ordered = Deque(kept.sorted())
            self.others = Heap()
        }
    }

    /// Every entry, in no particular order; O(n).
    var entries: [Entry] { Array(self.ordered) + self.others.unordered }

    /// Whether an entry's leg still waits at this very turn.
    static func isLive(_ entry: Entry, in flow: Slot, legs: borrowing Slab<LegRecord>) -> Bool {
        legs[entry.leg].stamp == entry.stamp && legs[entry.leg].place == .waiting && legs[entry.leg].flow == flow
    }

    private var firstStored: Entry? {
        guard let first = self.ordered.first else { return self.others.min }
        return self.others.min.map { min($0, first) } ?? first
    }

    private mutating func popStored() -> Entry? {
        guard let first = self.ordered.first else { return self.others.popMin() }
        if let other = self.others.min, other < first { return self.others.popMin() }
        return self.ordered.popFirst()
    }

    /// Keeps a small buffer for the next item of the flow and gives back a big one.
    private mutating func clear() {
        self.ordered.removeAll(keepingCapacity: self.ordered.count <= 64)
        if !self.others.isEmpty { self.others = Heap() }
    }
}
