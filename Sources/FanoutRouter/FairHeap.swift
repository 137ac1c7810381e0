// Fanout
// SPDX-License-Identifier: Apache-2.0

/// A record that takes turns in a ``FairHeap``.
protocol TurnTaker {
    /// What it was served so far, in tokens as the router counts them.
    var served: Int64 { get set }
    /// Its place in the heap; -1 = it is in none.
    var place: Int32 { get set }
}

/// Who is next among those that wait: whoever was served least.
///
/// The virtual token counter of Sheng et al., "Fairness in Serving Large Language Models" (OSDI 2024): each counter
/// rises by the cost of what it is served, the lowest is next, and who comes (back) starts no lower than the lowest
/// that waits. So of two that wait all the time neither gets ahead of the other by more than its own largest piece,
/// and nobody saves up turns while it has nothing to do. Equal counters go in the order in which they became equal.
///
/// A heap of four children a node, keys inside it and places in the records: each operation takes O(log n), most of it
/// in one or two cache lines, and a record leaves from anywhere.
struct FairHeap {
    fileprivate struct Entry {
        var served: Int64
        /// Rises with each key that is set; wraps.
        var order: UInt32
        var slot: Slot

        func isBefore(_ other: Entry) -> Bool {
            if self.served != other.served { return self.served < other.served }
            return Int32(bitPattern: self.order &- other.order) < 0
        }
    }

    fileprivate var entries: ContiguousArray<Entry> = []
    fileprivate var nextOrder: UInt32 = 0
    /// The most that one that was served had been served before.
    private(set) var level: Int64 = 0

    var isEmpty: Bool { self.entries.isEmpty }

    var count: Int { self.entries.count }

    /// Who is next; `none` if empty.
    var first: Slot { self.entries.first?.slot ?? .none }

    /// Where newcomers start: with the one served least, or, if nobody waits, where the last one did.
    var start: Int64 { self.entries.first?.served ?? self.level }

    /// All who wait, in no particular order; O(n).
    var members: [Slot] { self.entries.map(\.slot) }

    /// All who wait, who is next first; O(n log n).
    var turns: [Slot] { self.entries.sorted { $0.isBefore($1) }.map(\.slot) }

    /// Forgets an empty heap's past, and its buffer if that is a big one.
    mutating func reset() {
        precondition(self.entries.isEmpty, "a heap with members can't be reset")
        if self.entries.capacity > 64 { self.entries = [] }
        self.level = 0
    }

    fileprivate mutating func stamp() -> UInt32 {
        self.nextOrder &+= 1
        return self.nextOrder
    }

    fileprivate mutating func raiseLevel(to served: Int64) {
        self.level = max(self.level, served)
    }
}

extension Slab where Element: TurnTaker {
    /// Puts in a record that is in no heap; what it did without while it was away is forgotten.
    ///
    /// It starts no lower than `start`.
    mutating func enter(_ slot: Slot, _ heap: inout FairHeap, from start: Int64) {
        let served = max(self[slot].served, start)
        self[slot].served = served
        heap.entries.append(FairHeap.Entry(served: served, order: heap.stamp(), slot: slot))
        self.siftUp(heap.entries.count - 1, &heap)
    }

    /// Takes a record out.
    mutating func leave(_ slot: Slot, _ heap: inout FairHeap) {
        let place = Int(self[slot].place)
        precondition(place >= 0 && heap.entries[place].slot == slot, "a record leaves a heap that it isn't in")
        self[slot].place = -1
        guard let last = heap.entries.popLast(), last.slot != slot else { return }
        heap.entries[place] = last
        self.restore(place, &heap)
    }

    /// A record was served at a cost.
    mutating func serve(_ slot: Slot, cost: Int64, _ heap: inout FairHeap) {
        heap.raiseLevel(to: self[slot].served)
        let order = heap.stamp()
        let place = Int(self[slot].place)
        if place >= 0 { heap.entries[place].order = order }
        self.correct(slot, by: cost, &heap)
    }

    /// A record was served more, or less, than was thought.
    mutating func correct(_ slot: Slot, by cost: Int64, _ heap: inout FairHeap) {
        let served = self[slot].served &+ cost
        self[slot].served = served
        let place = Int(self[slot].place)
        guard place >= 0 else { return }
        precondition(heap.entries[place].slot == slot, "a record's turn is counted in a heap that it isn't in")
        heap.entries[place].served = served
        self.restore(place, &heap)
    }

    private mutating func restore(_ place: Int, _ heap: inout FairHeap) {
        if place > 0, heap.entries[place].isBefore(heap.entries[(place - 1) / 4]) {
            self.siftUp(place, &heap)
        } else {
            self.siftDown(place, &heap)
        }
    }

    private mutating func siftUp(_ start: Int, _ heap: inout FairHeap) {
        var entries = heap.entries.mutableSpan
        let entry = entries[start]
        var place = start
        while place > 0 {
            let parent = (place - 1) / 4
            let other = entries[parent]
            guard entry.isBefore(other) else { break }
            entries[place] = other
            self[other.slot].place = Int32(place)
            place = parent
        }
        entries[place] = entry
        self[entry.slot].place = Int32(place)
    }

    private mutating func siftDown(_ start: Int, _ heap: inout FairHeap) {
        var entries = heap.entries.mutableSpan
        let entry = entries[start]
        let count = entries.count
        var place = start
        while true {
            let first = 4 * place + 1
            guard first < count else { break }
            var least = first
            var next = entries[first]
            var child = first + 1
            while child < min(first + 4, count) {
                let other = entries[child]
                if other.isBefore(next) { (least, next) = (child, other) }
                child += 1
            }
            guard next.isBefore(entry) else { break }
            entries[place] = next
            self[next.slot].place = Int32(place)
            place = least
        }
        entries[place] = entry
        self[entry.slot].place = Int32(place)
    }

    /// What is wrong with a heap; empty = nothing.
    ///
    /// For tests.
    func faults(of heap: FairHeap) -> [String] {
        var faults: [String] = []
        for (place, entry) in heap.entries.enumerated() {
            if self[entry.slot].place != Int32(place) { faults.append("record \(entry.slot) isn't at \(place)") }
            if self[entry.slot].served != entry.served { faults.append("record \(entry.slot) miscounts its turns") }
            if place > 0, entry.isBefore(heap.entries[(place - 1) / 4]) { faults.append("\(place) is above its turn") }
        }
        return faults
    }
}
