// Fanout
// SPDX-License-Identifier: Apache-2.0

/// Records in one dense piece of memory that nobody else holds.
///
/// An array looks at each write whether its storage is shared, and may copy a record that is only asked something; a
/// decision looks at dozens of records. A table can't be copied, so that there is nothing to look at, and lends a
/// record where it lies. Indexes are checked.
struct Table<Element>: ~Copyable {
    private var base: UnsafeMutablePointer<Element>
    private var capacity: Int
    /// Records in it.
    private(set) var count = 0

    /// An empty table.
    init() {
        self.capacity = 0
        self.base = UnsafeMutablePointer<Element>.allocate(capacity: 0)
    }

    deinit {
        self.base.deinitialize(count: self.count)
        self.base.deallocate()
    }

    var indices: Range<Int> { 0..<self.count }

    subscript(index: Int) -> Element {
        @inline(__always)
        unsafeAddress { UnsafePointer(self.address(of: index)) }
        @inline(__always)
        unsafeMutableAddress { self.address(of: index) }
    }

    /// Where a record lies, until the next one is added; for the accessors here and those of ``Slab``, which lend it no
    /// longer than the table itself is lent.
    @inline(__always)
    func address(of index: Int) -> UnsafeMutablePointer<Element> {
        precondition(index >= 0 && index < self.count, "no record \(index)")
        return self.base + index
    }

    /// Adds a record behind the others; takes twice the memory when there is no room.
    mutating func append(_ element: consuming Element) {
        if self.count == self.capacity { self.grow() }
        (self.base + self.count).initialize(to: element)
        self.count += 1
    }

    /// A copy of the records, for checks.
    var copy: [Element] { Array(UnsafeBufferPointer(start: self.base, count: self.count)) }

    private mutating func grow() {
        let capacity = max(8, 2 * self.capacity)
        let base = UnsafeMutablePointer<Element>.allocate(capacity: capacity)
        base.moveInitialize(from: self.base, count: self.count)
        self.base.deallocate()
        self.base = base
        self.capacity = capacity
    }
}
