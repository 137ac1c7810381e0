// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutModel

/// Where a run's results go.
///
/// A connection is one; a durable job will be another.
///
/// Called on the engine's loop, possibly while the sink itself is calling the engine.
package protocol ResultSink: AnyObject {
    /// An item is final.
    ///
    /// Called once for each item, in the order in which they become final.
    func run(_ run: BatchRun, finished result: ItemResult)

    /// A streamed piece of an item.
    ///
    /// `sequence` rises by one with each of the item's pieces, from 0.
    func run(_ run: BatchRun, index: UInt32, sequence: UInt64, delta: Delta)

    /// Items that were waiting have left the queue, with this many bytes charged for them at their upload.
    func run(_ run: BatchRun, releasedUploadBytes bytes: Int)

    /// The last item of a closed run is final.
    ///
    /// Called once, after its result.
    func runEnded(_ run: BatchRun)
}
