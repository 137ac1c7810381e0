// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import CProtobufC

/// Memory for one frame's C structures: handed out by moving a pointer, taken back all at once.
///
/// protobuf-c has no bound of its own: 4 MiB of empty sub-messages become 436 MB, and a singular message that is
/// repeated is merged again and again. What is handed out is never reused before the reset, so the budget bounds
/// both: the memory and the work.
struct Arena: ~Copyable {
    /// Slabs kept after a reset; the rest is given back to the kernel.
    static let keptBytes = 4 << 20

    private static let firstSlabBytes = 64 << 10
    private static let lastSlabBytes = 4 << 20

    /// What the allocation functions see; at a fixed address.
    private struct State {
        var allocator = ProtobufCAllocator()
        var next: UnsafeMutableRawPointer?
        var end: UnsafeMutableRawPointer?
        var budget = Int.max
        var isExhausted = false
        /// The newest slab; slabs are linked from the newer to the older.
        var slab: UnsafeMutablePointer<Slab>?
        var mappedBytes = 0
    }

    private struct Slab {
        var older: UnsafeMutablePointer<Slab>?
        var bytes: Int
    }

    private let state: UnsafeMutablePointer<State>

    /// An empty arena.
    init() {
        self.state = .allocate(capacity: 1)
        self.state.initialize(to: State())
        self.state.pointee.allocator.alloc = { state, bytes in
            state.flatMap { Arena.allocate($0.assumingMemoryBound(to: State.self), bytes) }
        }
        self.state.pointee.allocator.free = { _, _ in }
        self.state.pointee.allocator.allocator_data = UnsafeMutableRawPointer(self.state)
    }

    deinit {
        while Self.unmapNewest(self.state) {}
        self.state.deinitialize(count: 1)
        self.state.deallocate()
    }

    /// For protobuf-c; valid as long as the arena.
    var allocator: UnsafeMutablePointer<ProtobufCAllocator> {
        UnsafeMutableRawPointer(self.state).assumingMemoryBound(to: ProtobufCAllocator.self)
    }

    /// Whether an allocation was refused since the last reset.
    var isExhausted: Bool { self.state.pointee.isExhausted }

    /// Bytes of slabs that are held.
    var mappedBytes: Int { self.state.pointee.mappedBytes }

    /// Memory for `bytes`, aligned to 8 and not cleared; `nil` = the budget or the machine has no more.
    func allocate(_ bytes: Int) -> UnsafeMutableRawPointer? {
        Self.allocate(self.state, bytes)
    }

    /// Voids all that was handed out and sets the budget for what comes.
    func reset(budget: Int) {
        let state = self.state
        if let newest = state.pointee.slab {
            // Only the newest and largest slab is kept, so that frames alike soon find one slab that holds them.
            state.pointee.slab = newest.pointee.older
            state.pointee.mappedBytes -= newest.pointee.bytes
            while Self.unmapNewest(state) {}
            newest.pointee.older = nil
            state.pointee.slab = newest
            state.pointee.mappedBytes += newest.pointee.bytes
            if newest.pointee.bytes > Self.keptBytes { _ = Self.unmapNewest(state) }
        }
        state.pointee.budget = budget
        state.pointee.isExhausted = false
        Self.use(state, state.pointee.slab)
    }

    /// Gives back what is over 4 MiB at once, and with it all that was handed out.
    func trim() {
        if self.mappedBytes > Self.keptBytes { self.reset(budget: 0) }
    }

    private static func use(_ state: UnsafeMutablePointer<State>, _ slab: UnsafeMutablePointer<Slab>?) {
        guard let slab else {
            state.pointee.next = nil
            state.pointee.end = nil
            return
        }
        let start = UnsafeMutableRawPointer(slab)
        state.pointee.next = start + MemoryLayout<Slab>.size
        state.pointee.end = start + slab.pointee.bytes
    }

    private static func allocate(_ state: UnsafeMutablePointer<State>, _ bytes: Int) -> UnsafeMutableRawPointer? {
        guard bytes >= 0, bytes <= state.pointee.budget, bytes < 1 << 40 else {
            state.pointee.isExhausted = true
            return nil
        }
        // An empty allocation has an address of its own too, since NULL means refusal.
        let rounded = max(8, (bytes + 7) & ~7)
        if let next = state.pointee.next, let end = state.pointee.end, end - next >= rounded {
            state.pointee.next = next + rounded
            state.pointee.budget -= min(rounded, state.pointee.budget)
            return next
        }
        return Self.allocateInNewSlab(state, rounded)
    }

    private static func allocateInNewSlab(
        _ state: UnsafeMutablePointer<State>,
        _ bytes: Int
    ) -> UnsafeMutableRawPointer? {
        let newest = state.pointee.slab?.pointee.bytes ?? Self.firstSlabBytes / 2
        let page = 4_096
        let needed = (bytes + MemoryLayout<Slab>.size + page - 1) / page * page
        let size = max(needed, min(newest * 2, Self.lastSlabBytes))
        guard let pages = fanout_pages_map(size) else {
            state.pointee.isExhausted = true
            return nil
        }
        let slab = pages.bindMemory(to: Slab.self, capacity: 1)
        slab.initialize(to: Slab(older: state.pointee.slab, bytes: size))
        state.pointee.slab = slab
        state.pointee.mappedBytes += size
        Self.use(state, slab)
        guard let start = state.pointee.next else { return nil }
        state.pointee.next = start + bytes
        state.pointee.budget -= min(bytes, state.pointee.budget)
        return start
    }

    private static func unmapNewest(_ state: UnsafeMutablePointer<State>) -> Bool {
        guard let slab = state.pointee.slab else { return false }
        state.pointee.slab = slab.pointee.older
        state.pointee.mappedBytes -= slab.pointee.bytes
        fanout_pages_unmap(slab, slab.pointee.bytes)
        return true
    }
}
