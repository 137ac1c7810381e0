// Fanout
// SPDX-License-Identifier: Apache-2.0

internal import FanoutModel

/// What a client may have under way: bytes of Submit and Append frames, for the connection and for each open batch.
///
/// The client counts the same way: a frame's body is charged when it is sent and comes back by Window. So what the
/// daemon has given back but not yet announced is still the client's, and a client that keeps to the rules is never
/// over the bound, however the frames cross.
package struct UploadWindow: Sendable, Hashable {
    /// Bytes that the connection may have under way.
    package let bytesMax: Int
    /// The share of it that one open batch may hold.
    package private(set) var batchBytesMax: Int
    /// Bytes under way, those given back and not yet announced included.
    package private(set) var bytes = 0

    private var batches: [UInt64: Share] = [:]

    private struct Share: Sendable, Hashable {
        /// Bytes under way, those not yet announced included.
        var bytes = 0
        /// Given back and not yet announced.
        var returned = 0
    }

    /// Makes a window; before Welcome both bounds are the bytes that may be used early.
    package init(bytesMax: Int, batchBytesMax: Int) {
        self.bytesMax = bytesMax
        self.batchBytesMax = batchBytesMax
    }

    /// Batches that hold a share.
    package var batchCount: Int { self.batches.count }

    /// Charges a frame's body; `isOpen` = more frames of the batch may follow, so that its share counts.
    /// - Throws: WINDOW_EXCEEDED naming the bound; nothing is charged then.
    package mutating func charge(_ count: Int, batch: UInt64, isOpen: Bool) throws(WireError) {
        let (sum, overflow) = self.bytes.addingReportingOverflow(count)
        if overflow || sum > self.bytesMax {
            throw Self.exceeded("the connection", self.bytesMax)
        }
        let share = self.batches[batch, default: Share()]
        if isOpen, share.bytes + count > self.batchBytesMax {
            throw Self.exceeded("batch \(batch)", self.batchBytesMax)
        }
        self.bytes = sum
        self.batches[batch, default: Share()].bytes += count
    }

    private static func exceeded(_ holder: String, _ limit: Int) -> WireError {
        WireError(
            .windowExceeded,
            "\(holder) has more than \(limit) bytes of items under way: wait for Window before sending more",
            limit: UInt64(limit)
        )
    }

    /// Gives back bytes of a batch whose items left the queue; never more than it holds.
    package mutating func giveBack(_ count: Int, batch: UInt64) {
        guard var share = self.batches[batch] else { return }
        share.returned += max(0, min(count, share.bytes - share.returned))
        self.batches[batch] = share
    }

    /// Gives back all that a batch still holds: at its end, or when its frame was refused.
    package mutating func giveBackAll(batch: UInt64) {
        self.giveBack(.max, batch: batch)
    }

    /// The bytes of a batch that a Window is to announce; 0 = fewer than `least` yet.
    ///
    /// From here on the client may use them again. Announcing each item by itself would cost a frame an item, so
    /// `least` is a fraction of the window, and 1 for what is left at a batch's end.
    package mutating func announce(batch: UInt64, atLeast least: Int) -> Int {
        guard var share = self.batches[batch], share.returned > 0, share.returned >= least else { return 0 }
        let count = share.returned
        self.bytes -= count
        share.bytes -= count
        share.returned = 0
        self.batches[batch] = share.bytes == 0 ? nil : share
        return count
    }

    /// Whether all that a batch holds has been given back, so that nothing more will come until it sends more.
    package func isAllReturned(batch: UInt64) -> Bool {
        guard let share = self.batches[batch] else { return true }
        return share.returned == share.bytes
    }

    /// Recomputes the sums the slow way; `nil` = all is well.
    package func violation() -> String? {
        let sum = self.batches.values.reduce(0) { $0 + $1.bytes }
        if sum != self.bytes { return "\(self.bytes) bytes are charged where batches hold \(sum)" }
        if self.batches.values.contains(where: { $0.returned > $0.bytes || $0.returned < 0 }) {
            return "a batch gave back more than it holds"
        }
        return nil
    }
}
