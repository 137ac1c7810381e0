// Fanout
// SPDX-License-Identifier: Apache-2.0

public import FanoutModel

/// What a batch tells, as it comes.
public enum BatchEvent: Sendable, Hashable {
    /// An item is final; exactly one for each item that was sent.
    case result(ItemResult)
    /// A streamed piece of one item, if asked for; the sequence rises by one with each piece of the item.
    case delta(index: UInt32, sequence: UInt64, Delta)
    /// Where the batch stands, if asked for; a slow reader sees only the newest.
    case progress(BatchProgress)
    /// The daemon refused some appended items; they have no result, and the batch goes on.
    case refused(FanoutError)
    /// The batch is over; always the last event.
    case summary(BatchSummary)
}

/// An item as it is put in: usable, or known to be wrong, and then the item's own failure at its place in the batch.
package enum BatchEntry: Sendable, Hashable {
    case item(Item)
    case unusable(id: String, Failure)
}
