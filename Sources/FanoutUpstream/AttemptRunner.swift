// Fanout
// SPDX-License-Identifier: Apache-2.0

/// Runs attempts.
///
/// Confined to one event loop: every call is made on it, and every call of a sink.
package protocol AttemptRunner: AnyObject {
    /// Starts an attempt; the sink is told its end exactly once, possibly before this returns.
    func start(_ order: AttemptOrder, sink: any AttemptSink) -> AttemptHandle
    /// Ends every attempt (reason drain) and closes every connection; no start may follow.
    func shutdown()
}
