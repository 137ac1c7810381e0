// Fanout
// SPDX-License-Identifier: Apache-2.0

/// The slots of a run's undelivered items, by index.
///
/// Open addressing with a multiplicative hash: the engine counts a run's indexes up from 0, so keys are never chosen
/// by a client, and a look-up costs a few nanoseconds instead of a keyed hash.
struct IndexTable {
    private var cells: ContiguousArray<Cell> = []
    private(set) var count = 0

    private struct Cell {
        var index: UInt32 = 0
        /// `none` = free.
        var slot: Slot = .none
    }

    subscript(index: UInt32) -> Slot? {
        guard self.count > 0 else { return nil }
        var place = self.home(of: index)
        while self.cells[place].slot != .none {
            if self.cells[place].index == index { return self.cells[place].slot }
            place = (place + 1) & (self.cells.count - 1)
        }
        return nil
    }

    /// Adds an index that isn't there.
    mutating func insert(_ index: UInt32, _ slot: Slot) {
        if self.count * 4 >= self.cells.count * 3 { self.resize(to: max(4, self.cells.count * 2)) }
        self.put(Cell(index: index, slot: slot))
        self.count += 1
    }

    /// Takes an index out, if it is there.
    mutating func remove(_ index: UInt32) {
        guard self.count > 0 else { return }
        let mask = self.cells.count - 1
        var place = self.home(of: index)
        while self.cells[place].slot != .none && self.cells[place].index != index { place = (place + 1) & mask }
        guard self.cells[place].slot != .none else { return }
        self.count -= 1
        // Those behind it move up, so that no cell is marked as once used.
        var next = (place + 1) & mask
        while self.cells[next].slot != .none {
            let distance = (next &- self.home(of: self.cells[next].index)) & mask
            if distance >= (next &- place) & mask {
                self.cells[place] = self.cells[next]
                place = next
            }
            next = (next + 1) & mask
        }
        self.cells[place] = Cell()
        if self.cells.count > 64 && self.count * 8 < self.cells.count { self.resize(to: self.cells.count / 2) }
    }

    /// Every index and its slot, lowest index first; O(n log n).
    var sorted: [(index: UInt32, slot: Slot)] {
        self.cells.filter { $0.slot != .none }.map { ($0.index, $0.slot) }.sorted { $0.index < $1.index }
    }

    private func home(of index: UInt32) -> Int {
        let bits = UInt64(self.cells.count.trailingZeroBitCount)
        return Int((UInt64(index) &* 0x9E37_79B9_7F4A_7C15) >> (64 - bits))
    }

    private mutating func put(_ cell: Cell) {
        var place = self.home(of: cell.index)
        while self.cells[place].slot != .none { place = (place + 1) & (self.cells.count - 1) }
        self.cells[place] = cell
    }

    private mutating func resize(to size: Int) {
        let old = self.cells
        self.cells = ContiguousArray(repeating: Cell(), count: size)
        for cell in old where cell.slot != .none { self.put(cell) }
    }
}
