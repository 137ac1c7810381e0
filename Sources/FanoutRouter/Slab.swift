// Fanout
// SPDX-License-Identifier: Apache-2.0

/// A place in a ``Slab``; -1 = none.
typealias Slot = Int32

extension Slot {
    static let none: Slot = -1
}

/// Records in one dense table, reused through a free list.
///
/// Grows to the most records that were alive at once and no further; a slot keeps its meaning while its record lives.
struct Slab<Element>: ~Copyable {
    private var elements = Table<Element>()
    private var free: ContiguousArray<Slot> = []

    /// Records alive.
    var count: Int { self.elements.count - self.free.count }

    /// Slots ever used: the bound for a walk over all.
    var capacity: Int { self.elements.count }

    subscript(slot: Slot) -> Element {
        @inline(__always)
        unsafeAddress { UnsafePointer(self.elements.address(of: Int(slot))) }
        @inline(__always)
        unsafeMutableAddress { self.elements.address(of: Int(slot)) }
    }

    /// Takes a slot whose old record the caller resets: it may keep storage worth reusing.
    mutating func take(orAppend fresh: @autoclosure () -> Element) -> Slot {
        if let slot = self.free.popLast() { return slot }
        precondition(self.elements.count < Int(Slot.max), "a slab is full")
        self.elements.append(fresh())
        return Slot(self.elements.count - 1)
    }

    /// The slot that the next record takes, if an earlier one had it; `nil` = a new one.
    var next: Slot? { self.free.last }

    /// Puts a record into a free slot.
    mutating func insert(_ element: consuming Element) -> Slot {
        if let slot = self.free.popLast() {
            self.elements[Int(slot)] = element
            return slot
        }
        precondition(self.elements.count < Int(Slot.max), "a slab is full")
        self.elements.append(element)
        return Slot(self.elements.count - 1)
    }

    /// Gives a slot back; the caller has emptied its record.
    mutating func release(_ slot: Slot) {
        self.free.append(slot)
    }

    /// The slots whose records are alive, lowest first; O(capacity), for checks and rare walks.
    func slots() -> [Slot] {
        var isFree = [Bool](repeating: false, count: self.elements.count)
        for slot in self.free { isFree[Int(slot)] = true }
        return (0..<self.elements.count).filter { !isFree[$0] }.map { Slot($0) }
    }
}
