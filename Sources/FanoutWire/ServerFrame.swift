// Fanout
// SPDX-License-Identifier: Apache-2.0

package import FanoutModel

/// What the daemon sends.
package struct ServerFrame: Sendable, Hashable {
    /// The batch or query that the body is about; 0 = the connection.
    package var id: UInt64
    /// What it says.
    package var body: Body

    /// The messages of the daemon.
    package enum Body: Sendable, Hashable {
        case welcome(Welcome)
        case accepted(predictedFinishMilliseconds: UInt64)
        case rejected(Rejection)
        case window(bytes: UInt64)
        case delta(index: UInt32, sequence: UInt64, Delta)
        case resultPart(index: UInt32, data: [UInt8])
        case result(ItemResult)
        /// A result whose response came before in parts.
        case resultOfParts(index: UInt32, id: String, responseBytes: UInt64, trail: Trail?)
        case progress(BatchProgress)
        case summary(BatchSummary)
        case status(DaemonStatus)
        case explanation(Explanation)
        /// A piece of the metrics' text.
        case metrics(text: String, isLast: Bool)
        case pong([UInt8])
        case goAway(lastAcceptedID: UInt64, deadlineMilliseconds: UInt64, message: String)
        case error(code: FailureCode, message: String, limit: UInt64)
        /// A body that this version doesn't know; a client ignores it.
        case unknown
    }

    /// The daemon's first frame.
    package struct Welcome: Sendable, Hashable {
        package var major: UInt32 = 1
        package var minor: UInt32 = 0
        package var server = ""
        package var instanceID: UInt64 = 0
        package var sessionID: UInt64 = 0
        package var features: [String] = []
        package var limits = WireLimits()
        package var uploadWindowBytes: UInt64 = 0
        package var batchWindowBytes: UInt64 = 0
        package var uid: UInt32 = 0
        package var gid: UInt32 = 0
        package var tenant = ""
        package var models: [String] = []

        /// An empty Welcome.
        package init() {}
    }

    /// Limits that a client must keep.
    package struct WireLimits: Sendable, Hashable {
        package var frameBytesMax: UInt32 = 0
        package var itemsPerFrameMax: UInt32 = 0
        package var batchesMax: UInt32 = 0
        package var nameBytesMax: UInt32 = 0
        package var metadataEntriesMax: UInt32 = 0
        package var metadataBytesMax: UInt32 = 0
        package var blobChunkBytesMax: UInt32 = 0
        package var blobBytesMax: UInt64 = 0
        package var itemsPerBatchMax: UInt64 = 0

        /// No limits.
        package init() {}
    }

    /// A refusal of what the frame's id asked for.
    package struct Rejection: Sendable, Hashable {
        package var code: FailureCode
        package var message: String
        package var retryAfterMilliseconds: UInt64
        package var notStarted: Bool

        /// Makes a refusal.
        package init(code: FailureCode, message: String, retryAfterMilliseconds: UInt64 = 0, notStarted: Bool = true) {
            self.code = code
            self.message = message
            self.retryAfterMilliseconds = retryAfterMilliseconds
            self.notStarted = notStarted
        }
    }

    /// Why an item went where it went.
    package struct Explanation: Sendable, Hashable {
        package var found: Bool
        package var trail: Trail?
        package var candidates: [Candidate]
        /// The model group that was asked for.
        package var model = ""
        /// How the item ended; `nil` = with a response.
        package var code: FailureCode?
        /// Since it ended.
        package var ageMilliseconds: UInt64 = 0

        /// A lane that could have been taken.
        package struct Candidate: Sendable, Hashable {
            package var deployment: String
            package var taken: Bool
            package var reason: String

            /// Makes a note.
            package init(deployment: String, taken: Bool, reason: String) {
                self.deployment = deployment
                self.taken = taken
                self.reason = reason
            }
        }

        /// Makes an explanation.
        package init(found: Bool, trail: Trail? = nil, candidates: [Candidate] = []) {
            self.found = found
            self.trail = trail
            self.candidates = candidates
        }
    }

    /// Makes a frame.
    package init(id: UInt64, body: Body) {
        self.id = id
        self.body = body
    }
}
