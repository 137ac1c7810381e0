// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutModel

/// What the engine asks for: one attempt on one deployment.
package struct AttemptOrder: Sendable {
    /// The lease's number; the sink is told it back.
    package var id: UInt64
    /// Where the attempt goes.
    package var endpoint: Endpoint
    /// What is asked, with the batch's defaults already filled in.
    package var request: Request
    /// Asks the provider for a stream, and hands its pieces to the sink.
    package var wantsDeltas: Bool
    /// The five timers; 0 = off.
    package var timeouts: Timeouts
    /// The item's deadline on the loop's clock (`NIODeadline.uptimeNanoseconds`); `never` = none.
    package var deadline: Instant
    /// The W3C trace context that goes with the request; empty = none.
    package var traceparent: String
    /// Its answer is decoded as soon as it is whole; others may wait while the loop looks at its sockets.
    package var isUrgent = false

    /// Makes an order.
    package init(
        id: UInt64,
        endpoint: Endpoint,
        request: Request,
        wantsDeltas: Bool,
        timeouts: Timeouts,
        deadline: Instant,
        traceparent: String
    ) {
        self.id = id
        self.endpoint = endpoint
        self.request = request
        self.wantsDeltas = wantsDeltas
        self.timeouts = timeouts
        self.deadline = deadline
        self.traceparent = traceparent
    }
}
