// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutWire

/// Items of one batch that came off the wire and that the engine doesn't have yet, in their order.
///
/// A frame of many items is handed on in slices, so that taking in a bulk upload holds up nobody's answers for long.
/// Bounded by the upload window: the bytes of what waits here have not been given back.
struct Intake {
    private struct Frame {
        /// The last item first, so that taking one moves it.
        var items: [WireItem]
        /// Upload bytes of the next item, then of each further one.
        var bytes: Int
        let share: Int
    }

    private var frames: [Frame] = []
    private var first = 0
    /// Items that wait.
    private(set) var count = 0

    var isEmpty: Bool { self.count == 0 }

    /// Adds a frame's items, which share its bytes.
    mutating func append(_ items: [WireItem], byteCount: Int) {
        guard !items.isEmpty else { return }
        self.count += items.count
        var items = items
        items.reverse()
        let share = byteCount / items.count
        self.frames.append(Frame(items: items, bytes: byteCount - share * (items.count - 1), share: share))
    }

    /// The next item, with its upload bytes.
    mutating func next() -> (item: WireItem, bytes: Int)? {
        guard self.first < self.frames.count, let item = self.frames[self.first].items.popLast() else { return nil }
        let bytes = self.frames[self.first].bytes
        self.frames[self.first].bytes = self.frames[self.first].share
        self.count -= 1
        if self.frames[self.first].items.isEmpty {
            self.first += 1
            if self.first == self.frames.count {
                self.frames.removeAll(keepingCapacity: true)
                self.first = 0
            }
        }
        return (item, bytes)
    }
}
