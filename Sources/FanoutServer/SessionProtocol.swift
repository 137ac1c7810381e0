// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutModel
package import FanoutWire

/// Which frames a client may send when: the protocol's state of one connection, without its batches.
///
/// States: `fresh` (nothing but Hello is allowed) → `ready` → `closing` (a fatal error was sent; input is ignored).
/// Beside them two facts that only ever become true: the daemon drains, and the client has closed its side.
package struct SessionProtocol: Sendable {
    /// Where the conversation stands.
    package enum State: Sendable, Hashable {
        /// Connected; goes to `ready` by Hello, to `closing` by anything else or by time.
        case fresh
        /// Hello was said; goes to `closing` by a fault.
        case ready
        /// An Error was sent, or is about to be.
        ///
        /// Final.
        case closing
    }

    /// What follows from a frame.
    package enum Verdict: Sendable, Hashable {
        /// Carry it out.
        case proceed
        /// Answer with Rejected for its id.
        case reject(ServerFrame.Rejection)
        /// Send an Error and close.
        case fatal(Fault)
        /// Drop it: the connection is closing.
        case ignore
    }

    /// A breach of the protocol.
    package struct Fault: Error, Sendable, Hashable {
        /// PERMISSION or a 7xx.
        package var code: FailureCode
        /// What was wrong and what is allowed.
        package var message: String
        /// The limit that was crossed; 0 = none.
        package var limit: UInt64

        /// Makes a fault.
        package init(_ code: FailureCode, _ message: String, limit: UInt64 = 0) {
            self.code = code
            self.message = message
            self.limit = limit
        }
    }

    /// The protocol's version: the same major is required, a minor only adds.
    package static let major: UInt32 = 1
    /// See ``major``.
    package static let minor: UInt32 = 0
    /// Pings a second.
    package static let pingsPerSecond: UInt64 = 10
    /// Cancels a second.
    package static let cancelsPerSecond: UInt64 = 1_000
    /// Questions about the daemon a second: each costs as much as it has lanes and peers.
    package static let queriesPerSecond: UInt64 = 50

    /// Where the conversation stands.
    package private(set) var state = State.fresh
    /// The highest id of a Submit so far, accepted or not.
    package private(set) var lastBatchID: UInt64 = 0
    /// The highest id of an accepted Submit.
    package private(set) var lastAcceptedID: UInt64 = 0
    /// The daemon takes no more batches.
    package private(set) var isDraining = false

    private var pings: RateGate
    private var cancels: RateGate
    private var queries: RateGate

    /// A fresh connection.
    package init(now: Instant) {
        self.pings = RateGate(perSecond: Self.pingsPerSecond, now: now)
        self.cancels = RateGate(perSecond: Self.cancelsPerSecond, now: now)
        self.queries = RateGate(perSecond: Self.queriesPerSecond, now: now)
    }

    /// Takes a frame.
    package mutating func receive(_ frame: ClientFrame, now: Instant) -> Verdict {
        switch (self.state, frame.body) {
        case (.closing, _):
            return .ignore
        case (.fresh, .hello(let hello)):
            guard hello.major == Self.major else {
                return self.fail(
                    .unsupportedVersion,
                    "this daemon speaks version \(Self.major) of the protocol, not \(hello.major)",
                    limit: UInt64(Self.major)
                )
            }
            self.state = .ready
            return .proceed
        case (.fresh, _):
            return self.fail(.wrongState, "the first frame must be Hello")
        case (.ready, .hello):
            return self.fail(.wrongState, "Hello was said already")
        case (.ready, .submit):
            return self.receiveSubmit(frame.id)
        case (.ready, .ping(let data)):
            guard data.count <= 64 else { return self.fail(.badFrame, "a Ping carries at most 64 bytes", limit: 64) }
            guard self.pings.pass(now: now) else {
                return self.fail(.flood, "more than \(Self.pingsPerSecond) pings a second", limit: Self.pingsPerSecond)
            }
            return .proceed
        case (.ready, .cancel):
            guard self.cancels.pass(now: now) else {
                return self.fail(
                    .flood,
                    "more than \(Self.cancelsPerSecond) cancels a second: name many items in one Cancel",
                    limit: Self.cancelsPerSecond
                )
            }
            return .proceed
        case (.ready, .statusQuery), (.ready, .explainQuery), (.ready, .metricsQuery):
            guard self.queries.pass(now: now) else {
                let words = "more than \(Self.queriesPerSecond) questions about the daemon in a second: ask again later"
                return .reject(ServerFrame.Rejection(code: .rateLimited, message: words))
            }
            return .proceed
        case (.ready, .unknown):
            let words = "this daemon doesn't know that message: see Welcome for its version and features"
            return .reject(ServerFrame.Rejection(code: .invalidRequest, message: words))
        case (.ready, .refused(let failure)):
            // A batch that was wrong as a whole uses its id up all the same.
            self.lastBatchID = max(self.lastBatchID, frame.id)
            let words = failure.param.isEmpty ? failure.message : "\(failure.param): \(failure.message)"
            return .reject(ServerFrame.Rejection(code: failure.code, message: words))
        case (.ready, _):
            return .proceed
        }
    }

    private mutating func receiveSubmit(_ id: UInt64) -> Verdict {
        guard id > self.lastBatchID else {
            let words = "batch ids rise and are never reused on a connection: \(id) is not above \(self.lastBatchID)"
            return .reject(ServerFrame.Rejection(code: .invalidRequest, message: words))
        }
        self.lastBatchID = id
        guard !self.isDraining else {
            let words = "the daemon is shutting down: send the batch again to its successor"
            return .reject(ServerFrame.Rejection(code: .notStarted, message: words))
        }
        return .proceed
    }

    /// The batch of this id is in.
    package mutating func accepted(_ id: UInt64) {
        self.lastAcceptedID = max(self.lastAcceptedID, id)
    }

    /// From now on new batches are refused.
    package mutating func drain() {
        self.isDraining = true
    }

    /// A fault that was found elsewhere: the connection is closing.
    package mutating func fail(_ fault: Fault) -> Verdict {
        guard self.state != .closing else { return .ignore }
        self.state = .closing
        return .fatal(fault)
    }

    private mutating func fail(_ code: FailureCode, _ message: String, limit: UInt64 = 0) -> Verdict {
        self.fail(Fault(code, message, limit: limit))
    }
}
