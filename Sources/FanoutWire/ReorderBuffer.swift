// Fanout
// SPDX-License-Identifier: Apache-2.0

/// Finished elements of a batch that wait for their turn in the order of their indexes.
///
/// At the bound nothing new may be started but the head, the element that all others wait for; so the buffer grows
/// past its bound only by what was already under way. It never refuses an element, since a result is never dropped.
package struct ReorderBuffer<Element: Sendable>: Sendable {
    /// Waiting elements at which only the head may be started.
    package let countMax: Int
    /// Bytes of waiting elements at which only the head may be started.
    package let bytesMax: Int
    /// The index that is to be taken next.
    package private(set) var head: UInt32 = 0
    /// Bytes of the elements that wait.
    package private(set) var bytes = 0

    private var waiting: [UInt32: Entry] = [:]

    private struct Entry: Sendable {
        var element: Element
        var bytes: Int
    }

    /// Makes an empty buffer with index 0 at its head.
    package init(countMax: Int, bytesMax: Int) {
        self.countMax = countMax
        self.bytesMax = bytesMax
    }

    /// Elements that wait, the head included if it is there.
    package var count: Int { self.waiting.count }

    /// Whether the bound is reached, so that only the head may be started or tried again.
    package var isFull: Bool { self.waiting.count >= self.countMax || self.bytes >= self.bytesMax }

    /// Puts a finished element in its place; false = its index has been taken or is already there.
    package mutating func insert(_ element: Element, at index: UInt32, bytes: Int) -> Bool {
        if index < self.head || self.waiting[index] != nil { return false }
        self.waiting[index] = Entry(element: element, bytes: bytes)
        self.bytes += bytes
        return true
    }

    /// Takes the head if it has come; `nil` = it is still awaited.
    package mutating func next() -> Element? {
        guard let entry = self.waiting.removeValue(forKey: self.head) else { return nil }
        self.bytes -= entry.bytes
        self.head += 1
        return entry.element
    }
}
