// Fanout
// SPDX-License-Identifier: Apache-2.0

/// Neighbours of a record in the ring it is in.
struct Links {
    var previous: Slot = .none
    var next: Slot = .none
}

/// A record that can be in one ring at a time.
protocol RingMember {
    var links: Links { get set }
}

/// A circular list threaded through the records of a slab: every operation takes constant time, and a record leaves
/// from anywhere without a trace.
struct Ring {
    fileprivate(set) var first: Slot = .none
    fileprivate(set) var count: Int32 = 0

    var isEmpty: Bool { self.first == .none }
}

extension Slab where Element: RingMember {
    /// Puts a record, which is in no ring, at the end.
    mutating func append(_ slot: Slot, to ring: inout Ring) {
        if ring.first == .none {
            self[slot].links = Links(previous: slot, next: slot)
            ring.first = slot
        } else {
            let first = ring.first
            let last = self[first].links.previous
            self[slot].links = Links(previous: last, next: first)
            self[last].links.next = slot
            self[first].links.previous = slot
        }
        ring.count += 1
    }

    /// Takes a record out.
    mutating func remove(_ slot: Slot, from ring: inout Ring) {
        let links = self[slot].links
        if links.next == slot {
            ring.first = .none
        } else {
            self[links.previous].links.next = links.next
            self[links.next].links.previous = links.previous
            if ring.first == slot { ring.first = links.next }
        }
        self[slot].links = Links()
        ring.count -= 1
    }

    /// Makes the second record the first.
    func rotate(_ ring: inout Ring) {
        if ring.first != .none { ring.first = self[ring.first].links.next }
    }

    /// The records of a ring, in order; O(n).
    func members(of ring: Ring) -> [Slot] {
        var result: [Slot] = []
        var slot = ring.first
        for _ in 0..<ring.count {
            result.append(slot)
            slot = self[slot].links.next
        }
        return result
    }
}
