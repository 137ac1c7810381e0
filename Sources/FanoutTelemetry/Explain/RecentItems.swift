// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutModel

/// What happened to the items that were final last.
///
/// Bounded by their number and by their bytes; the oldest are forgotten first. Prompts and answers are never among it.
/// An item is kept as its trail, which exists anyway, so keeping one that went well allocates nothing.
package struct RecentItems: Sendable {
    /// An item that is final.
    package struct Item: Sendable {
        /// Whose it was.
        package var tenant: String
        /// Its batch as logs name it: the connection's number, a slash, the batch's id.
        package var batch: String
        /// Its place in its batch.
        package var index: UInt32
        /// The model group that was asked for.
        package var model: String
        /// `nil` = with a response.
        package var code: FailureCode?
        /// When it ended.
        package var ended: Instant
        /// What happened, with each attempt if there was more than a single one that succeeded.
        package var trail: Trail

        /// Makes a record.
        package init(
            tenant: String,
            batch: String,
            index: UInt32,
            model: String,
            code: FailureCode?,
            ended: Instant,
            trail: Trail
        ) {
            self.tenant = tenant
            self.batch = batch
            self.index = index
            self.model = model
            self.code = code
            self.ended = ended
            self.trail = trail
        }

        /// About what it holds.
        var bytes: Int {
            self.trail.details.reduce(MemoryLayout<Item>.size + self.model.utf8.count) {
                $0 + MemoryLayout<Trail.Attempt>.size + $1.message.utf8.count
            }
        }
    }

    /// Items that are kept.
    package static let countMax = 10_000
    /// Bytes of them.
    package static let bytesMax = 8 << 20

    private let countMax: Int
    private let bytesMax: Int
    /// Used as a ring once it is full.
    private var items: [Item] = []
    /// The place of the oldest.
    private var first = 0
    private(set) package var count = 0
    private(set) package var bytes = 0

    /// An empty memory.
    package init(countMax: Int = Self.countMax, bytesMax: Int = Self.bytesMax) {
        self.countMax = max(1, countMax)
        self.bytesMax = bytesMax
    }

    /// Keeps an item; forgets what there is no room for any more, be it the item itself.
    package mutating func add(_ item: Item) {
        let size = item.bytes
        guard size <= self.bytesMax else { return }
        while self.count == self.countMax || self.bytes + size > self.bytesMax { self.forgetOldest() }
        let place = (self.first + self.count) % self.countMax
        // Places are filled in order, so the next new one is always at the end.
        if place == self.items.count { self.items.append(item) } else { self.items[place] = item }
        self.count += 1
        self.bytes += size
    }

    /// The latest item of this index that satisfies a condition; `tenant` = `nil`: of any tenant.
    package func latest(index: UInt32, tenant: String?, where isWanted: (Item) -> Bool) -> Item? {
        for offset in stride(from: self.count - 1, through: 0, by: -1) {
            let place = (self.first + offset) % self.countMax
            guard self.items[place].index == index else { continue }
            if let tenant, self.items[place].tenant != tenant { continue }
            if isWanted(self.items[place]) { return self.items[place] }
        }
        return nil
    }

    private mutating func forgetOldest() {
        self.bytes -= self.items[self.first].bytes
        // What it held is let go of now, not when its place is needed.
        self.items[self.first].trail = Trail()
        self.items[self.first].model = ""
        self.first = (self.first + 1) % self.countMax
        self.count -= 1
    }
}
